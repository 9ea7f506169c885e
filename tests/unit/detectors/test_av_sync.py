from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest

from veriscope.detectors.av_sync import SIDE, AudioVisualSync, longest_run, mouth_change, speech_energy, synchrony
from veriscope.perception.faces import TEMPLATE
from veriscope.types import Audio, Face, Finding, Frame, Kind, Media, Options, Reason

RATE = 16000


def syllables(seconds: float, seed: int = 0) -> np.ndarray:
    """How wide the mouth is open, 0–1, 100 values a second: syllables of random length and weight."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * 100))
    at = 0
    while at < len(out):
        length = int(rng.integers(12, 40))
        piece = rng.uniform(0, 1) * np.hanning(length)
        out[at : at + length] = piece[: len(out) - at]
        at += length
    return out


def voice(opening: np.ndarray, seed: int = 0) -> Audio:
    noise = np.random.default_rng(seed).normal(0, 0.1, len(opening) * 160)
    return Audio((noise * np.repeat(opening, 160)).astype(np.float32), RATE)


def test_offset_and_confidence_are_recovered() -> None:
    opening = syllables(6)
    energy = speech_energy(voice(opening))
    times = np.arange(0.5, 5.0, 0.04)
    for offset in (0.0, 0.2, -0.32):
        sync = synchrony(times, np.interp(times + offset, np.arange(600) / 100, opening), energy)
        assert sync.offset == pytest.approx(offset, abs=0.05)
        assert sync.confidence > 0.7
    foreign = synchrony(times, np.interp(times, np.arange(600) / 100, syllables(6, seed=9)), energy)
    assert foreign.near < 0.4
    still = synchrony(times, np.zeros(len(times)), energy)
    assert (still.near, still.confidence) == (0.0, 0.0)


def test_the_heads_own_motion_is_not_the_mouths() -> None:
    rng = np.random.default_rng(0)
    head = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE)).astype(np.float32), (0, 0), 3) + 60
    moved = cv2.warpAffine(head, np.float32([[1, 0, 2.4], [0, 1, -1.3]]), (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    speaking = head.copy()
    speaking[150:170, 80:112] *= 0.3
    assert mouth_change(head, moved) < 0.1 * mouth_change(head, speaking)


def test_the_longest_run_within_speech_is_taken() -> None:
    series = [(0.1 * i, 1.0) for i in range(5)] + [(5 + 0.04 * i, 2.0) for i in range(100)]
    times, change = longest_run(series, [(4.0, 9.0, 1.0)], 0.0)
    assert times[0] == pytest.approx(5.0)
    assert set(change) == {2.0}
    assert len(longest_run(series, [(20.0, 30.0, 1.0)], 0.0)[0]) == 0


@dataclass
class Heard:
    """The part of a scene that the detector asks for."""

    sound: Audio
    spans: list[tuple[float, float, float]]
    media: Any = None
    options: Options = field(default_factory=Options)

    def audio(self) -> Audio:
        return self.sound

    def speech(self) -> list[tuple[float, float, float]]:
        return self.spans


def talking(opening: np.ndarray, scene: Heard, tmp_path: Any, faces: bool = True) -> Finding:
    scene.media = Media(tmp_path / "clip.mp4", "clip.mp4", Kind.VIDEO, "mp4", 1, "0" * 64)
    texture = cv2.GaussianBlur(np.random.default_rng(2).uniform(60, 255, (240, 240, 3)), (0, 0), 3)
    watch = AudioVisualSync().watch(scene, None)  # type: ignore[arg-type]
    face = Face((70, 70, 110, 130), 0.9, TEMPLATE * 120 + 60)
    for i in range(120):
        image = texture.copy()
        cv2.ellipse(image, (120, 159), (14, 1 + round(14 * opening[4 * i])), 0, 0, 360, (30, 20, 20), -1)
        watch.see(Frame(i, i / 25, image.astype(np.uint8)), [face] if faces and i % 3 == 0 else [])
    return watch.finish()


def test_a_clip_from_frames_to_finding(tmp_path: Any) -> None:
    opening = syllables(5)
    spans = [(0.0, 5.0, 1.0)]
    # The mouth changes while it opens: the voice of this scene follows the change.
    change = np.abs(np.gradient(opening))
    own = talking(opening, Heard(voice(change / change.max()), spans), tmp_path)
    foreign = talking(opening, Heard(voice(syllables(5, seed=4)), spans), tmp_path)
    assert own.av_sync is not None
    assert own.av_sync.confidence > 0.5
    assert abs(own.av_sync.offset_ms) < 120
    assert own.raw is not None
    assert foreign.raw is not None
    assert own.raw < -0.5 < foreign.raw


def test_abstentions(tmp_path: Any) -> None:
    opening, empty = syllables(5), Audio(np.zeros(0, np.float32), RATE)
    sound = voice(opening)
    assert talking(opening, Heard(empty, []), tmp_path).reason is Reason.NO_AUDIO
    assert talking(opening, Heard(sound, []), tmp_path).reason is Reason.NO_SPEECH
    assert talking(opening, Heard(sound, [(0.0, 5.0, 1.0)]), tmp_path, faces=False).reason is Reason.NO_FACE
    assert talking(opening, Heard(sound, [(0.0, 0.5, 1.0)]), tmp_path).reason is Reason.TOO_SHORT
