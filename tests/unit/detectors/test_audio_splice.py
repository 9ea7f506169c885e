from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors import audio_splice
from veriscope.detectors.audio_splice import Pauses, background, background_change, muted, zero_runs

RATE = 16000


def talk(seconds: int, noise: float, seed: int = 0) -> np.ndarray:
    """Half a second of loud tone complex, half a second of background, and so on."""
    rng = np.random.default_rng(seed)
    time = np.arange(seconds * RATE) / RATE
    voice = 0.2 * sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) * (time % 1 < 0.5)
    return (voice + rng.normal(0, noise, len(time))).astype(np.float32)


def speech(seconds: int) -> list[tuple[float, float, float]]:
    return [(float(i), i + 0.5, 1.0) for i in range(seconds)]


def test_pauses_are_found_and_measured() -> None:
    pauses = background(talk(6, 0.003), RATE, speech(6))
    assert len(pauses.levels) == 6
    assert np.all(pauses.start > np.arange(6) + 0.45)
    louder = background(talk(6, 0.03), RATE, speech(6))
    np.testing.assert_allclose((louder.levels - pauses.levels).mean(), 20, atol=1)


def test_a_steady_background_gives_little_and_an_inserted_one_much() -> None:
    sound = talk(14, 0.003)
    steady = background_change(background(sound, RATE, speech(14)))
    foreign = talk(14, 0.012, seed=1)
    sound[5 * RATE : 9 * RATE] = foreign[5 * RATE : 9 * RATE]
    spliced = background_change(background(sound, RATE, speech(14)))
    assert steady.z < 1.5
    assert spliced.z > 6
    assert abs(spliced.decibel - 12) < 2
    assert 4.5 <= spliced.start <= 6
    assert 8.5 <= spliced.end <= 10


def test_one_pause_alone_is_no_change() -> None:
    levels = np.zeros((9, 12), np.float32)
    levels[4] = 15  # a cough
    clock = np.arange(9.0)
    assert background_change(Pauses(levels, clock, clock + 0.3)).z < 3
    assert background_change(Pauses(levels[:3], clock[:3], clock[:3])).z == 0


def test_digital_silence_counts_only_where_it_is_the_exception() -> None:
    sound = talk(8, 0.003)
    assert zero_runs(sound, RATE) == []
    sound[3 * RATE : 3 * RATE + 4000] = 0
    ((start, end),) = zero_runs(sound, RATE)
    assert (start, end) == (3.0, 3.25)
    assert muted([(start, end)], pauses=8) == 12
    assert muted([(i, i + 0.3) for i in range(12)], pauses=20) == 0  # a noise gate
    assert muted([(start, end)], pauses=0) == 0
    sound[:] = 0
    assert zero_runs(sound, RATE) == []  # silence from end to end, not a hole


def test_the_background_in_blocks_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = talk(9, 0.003)
    sound[3 * RATE + 9000 : 3 * RATE + 14000] = 0
    monkeypatch.setattr(audio_splice, "FRAMES_AT_ONCE", 1 << 20)
    whole = background(sound, RATE, speech(9))
    monkeypatch.setattr(audio_splice, "FRAMES_AT_ONCE", 13)
    for part, expected in zip(background(sound, RATE, speech(9)), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("size", [100, 399, 400, 401, 5000, 1 << 20])
def test_digital_silence_over_the_borders_of_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    sound = talk(8, 0.003)
    holes = [(20_000, 20_400), (30_000, 38_000), (50_000, 50_000 + 319), (60_000, 60_320), (127_900, 128_000)]
    for start, end in holes:
        sound[start:end] = 0
        sound[[start - 1, end % len(sound)]] = 0.1
    monkeypatch.setattr(audio_splice, "_BLOCK", size)
    assert zero_runs(sound, RATE) == [(1.25, 1.275), (1.875, 2.375), (3.75, 3.77)]
