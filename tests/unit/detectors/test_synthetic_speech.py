from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.detectors.synthetic_speech import NETWORK, SyntheticSpeech
from veriscope.inference.networks.synthetic_speech import WINDOW
from veriscope.inference.onnx import OnnxInfer
from veriscope.types import Audio, Kind, Media, Options, Reason, Stream

RATE = 16000


class Heard:
    """A scene with sound only."""

    options = Options()

    def __init__(self, samples: np.ndarray, speech: list[tuple[float, float, float]], rate: int = 22050) -> None:
        self.media = Media(Path("a.wav"), "a.wav", Kind.AUDIO, "wav", 0, "")
        self._audio, self._speech, self._rate = Audio(samples, RATE), speech, rate

    def audio(self) -> Audio:
        return self._audio

    def speech(self) -> list[tuple[float, float, float]]:
        return self._speech

    def stream(self) -> Stream:
        return Stream("wav", len(self._audio.samples) / RATE, None, {"rate": self._rate})


class Says:
    """A network that finds the second half of what it hears synthetic."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.told = 0

    def run(self, model: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        assert model == NETWORK
        count = len(inputs["picture"])
        self.shapes.append(inputs["picture"].shape)
        logits = np.array([4.0 if self.told + i >= 10 else -3.0 for i in range(count)], np.float32)
        self.told += count
        return {"logit": logits, "activation": np.zeros((count, 24), np.float32)}

    def version(self, model: str) -> str:
        return "1"


def sound(seconds: float, lines: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    loud = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    voice = loud * sum(np.sin(k * phase) / k for k in range(1, 30)) + 0.02 * rng.normal(size=len(time))
    spacing = 22050 / 256
    comb = sum(np.cos(2 * np.pi * k * spacing * time + k * k) for k in range(1, 85)) if lines else 0.0
    return (0.1 * (voice + lines * comb)).astype(np.float32)


def test_it_abstains_where_nothing_can_be_judged() -> None:
    detector, infer = SyntheticSpeech(), Says()
    assert detector.inspect(Heard(np.zeros(0, np.float32), []), infer).reason is Reason.NO_AUDIO
    assert detector.inspect(Heard(sound(3), []), infer).reason is Reason.NO_SPEECH
    assert detector.inspect(Heard(sound(3), [(0.2, 0.9, 1.0)]), infer).reason is Reason.TOO_SHORT
    assert not infer.shapes


def test_windows_become_spans_and_evidence() -> None:
    infer = Says()
    finding = SyntheticSpeech().inspect(Heard(sound(40), [(0.0, 40.0, 1.0)]), infer)
    total = finding.measurements["windows"]
    assert isinstance(total, int)
    assert sum(shape[0] for shape in infer.shapes) == total == 20
    assert max(shape[0] for shape in infer.shapes) <= 8
    assert len(finding.spans) == 10
    assert all(span.start > 15 for span in finding.spans)
    assert finding.spans[0].end - finding.spans[0].start == pytest.approx(WINDOW / RATE)
    assert "10" in finding.summary["en"]
    assert "10" in finding.summary["vi"]


def test_lines_raise_the_statistic_and_are_named() -> None:
    speech = [(0.0, 6.0, 1.0)]
    plain = SyntheticSpeech().inspect(Heard(sound(6), speech), Says())
    marked = SyntheticSpeech().inspect(Heard(sound(6, lines=0.004), speech), Says())
    assert plain.raw is not None
    assert marked.raw is not None
    assert marked.raw > plain.raw + 2
    assert "86.1" in marked.summary["en"]
    assert "86.1" not in plain.summary["en"]


def test_level_does_not_matter() -> None:
    speech = [(0.0, 6.0, 1.0)]
    loud, low = (SyntheticSpeech().inspect(Heard(g * sound(6), speech), Says()).raw for g in (1.0, 0.02))
    assert loud == pytest.approx(low, abs=0.02)


def test_the_shipped_network_answers_and_twice_the_same() -> None:
    scene = Heard(sound(5), [(0.0, 5.0, 1.0)])
    first, again = (SyntheticSpeech().inspect(scene, OnnxInfer()) for _ in range(2))
    assert first.raw is not None
    assert first.measurements["window_log_odds"] == again.measurements["window_log_odds"]
