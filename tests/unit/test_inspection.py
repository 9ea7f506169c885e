"""The order in which detectors run, and what is in memory when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from veriscope.detectors.base import Method
from veriscope.inference.onnx import OnnxInfer
from veriscope.inspection import Clock, Inspector
from veriscope.perception.scene import OpenScene, open_scene
from veriscope.types import Face, Finding, Frame, FrameDetector, Infer, Kind, Reason, Scene, Signal, Watch

from tests import making


class Listens(Method):
    name = "listens"
    signal = Signal.AUDIO
    kinds = frozenset({Kind.VIDEO, Kind.AUDIO})

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        self.events.append(f"heard {len(scene.waveform().samples) > 0}")
        return self.abstain(Reason.NOT_APPLICABLE)


class Rests(Listens):
    name = "rests"
    signal = Signal.TEMPORAL

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        self.events.append(f"counted {len(scene.motion().thumbs)}")
        return self.abstain(Reason.NOT_APPLICABLE)


class Looks(Listens):
    name = "looks"
    signal = Signal.TEMPORAL

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        assert isinstance(scene, OpenScene)
        return _Look(self, scene)


class _Look:
    def __init__(self, method: Looks, scene: OpenScene) -> None:
        self._method, self._scene = method, scene

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        self._method.events.append(f"saw, waveform held {'waveform' in self._scene._memo.values}")

    def finish(self) -> Finding:
        return self._method.abstain(Reason.NOT_APPLICABLE)


def test_the_sound_is_heard_and_let_go_before_the_frames_come(tmp_path: Path) -> None:
    events: list[str] = []
    told: list[float] = []
    detectors = (Rests(events), Looks(events), Listens(events))
    assert isinstance(detectors[1], FrameDetector)
    inspector = Inspector(detectors, OnnxInfer(), threads=2)
    try:
        with open_scene(making.film(tmp_path / "x.mp4", 2.0)) as scene:
            findings, reel = inspector.inspect(scene, lambda _, fraction: told.append(fraction), Clock())
    finally:
        inspector.close()
    assert events[0] == "heard True"
    assert set(events[1:-1]) == {"saw, waveform held False"}  # 115 MB less in ten minutes at 48 kHz
    assert events[-1] == "counted 20"
    assert [f.detector for f in findings] == ["rests", "looks", "listens"]  # the order of the registry all the same
    assert len(reel.thumbnails()) == 2
    assert told == sorted(told)
    assert told[-1] == 1.0
