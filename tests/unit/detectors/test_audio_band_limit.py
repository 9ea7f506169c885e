from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import signal

from veriscope.detectors import audio_band_limit
from veriscope.detectors.audio_band_limit import (
    Change,
    Edge,
    Percentile,
    expected_edge,
    floor_change,
    hard_edge,
    spectrum,
    statistic,
)
from veriscope.types import Stream

RATE = 44100


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Pink noise: as much in every octave, falling by 3 dB, as most recordings do."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(0, 1, count)) / np.sqrt(np.maximum(np.arange(count // 2 + 1), 50))
    pink = np.fft.irfft(spectrum, n=count)
    return (0.1 * pink / pink.std()).astype(np.float32)


def brick(samples: np.ndarray, hertz: float) -> np.ndarray:
    """Everything above ``hertz`` gone, as perceptual coders do it."""
    taps = signal.firwin(801, hertz, fs=RATE)
    return signal.fftconvolve(samples, taps, "same").astype(np.float32)


def test_a_brick_wall_is_found_where_it_is() -> None:
    for hertz in (11000, 16000):
        edge = hard_edge(spectrum(brick(sound(4), hertz), RATE).loud, RATE)
        assert edge.frequency == pytest.approx(hertz, abs=400)
        assert edge.drop > 30


def test_an_open_spectrum_and_a_gentle_slope_have_no_edge() -> None:
    open_ = sound(4)
    gentle = signal.sosfilt(signal.butter(2, 5000, fs=RATE, output="sos"), open_).astype(np.float32)
    for samples in (open_, gentle):
        assert statistic(hard_edge(spectrum(samples, RATE).loud, RATE), RATE / 2, Change(0, 0, 0, 0)) < 0.3


def test_a_muffled_stretch_is_found_with_its_place() -> None:
    samples = sound(12)
    steady = floor_change(spectrum(samples, RATE), RATE)
    samples[5 * RATE : 8 * RATE] = brick(sound(12, seed=3), 4000)[5 * RATE : 8 * RATE]
    change = floor_change(spectrum(samples, RATE), RATE)
    assert steady.z < 1
    assert change.z > 5
    assert change.decibel < -20
    assert change.start == pytest.approx(5, abs=1)
    assert change.end == pytest.approx(8, abs=1)


def test_what_the_format_could_hold() -> None:
    def stream(codec: str, bits: int, channels: int = 1) -> Stream:
        audio = {"codec": codec, "rate": 48000, "bit_rate": bits, "channels": channels}
        return Stream("x", 1.0, None, audio)

    assert expected_edge(stream("pcm_s16le", 768_000)) == 24000
    assert expected_edge(stream("flac", 0)) == 24000
    assert expected_edge(stream("aac", 128_000, 2)) == 16000
    assert expected_edge(stream("mp3", 320_000, 2)) == 20000


def test_an_edge_counts_only_below_what_was_to_be_expected() -> None:
    nothing = Change(0, 0, 0, 0)
    edge = Edge(16000, 40)
    assert 1.2 < statistic(edge, 22050, nothing) < 1.5
    assert statistic(edge, 16000, nothing) == 0
    assert statistic(Edge(16000, 10), 22050, nothing) == 0
    assert statistic(Edge(0, 0), 22050, Change(3.5, -20, 1, 2)) == 3.5


@pytest.mark.parametrize("percent", [1, 50, 95, 99, 100])
@pytest.mark.parametrize("rows", [1, 2, 90, 1000])
def test_a_percentile_of_blocks_is_that_of_the_whole(rows: int, percent: float) -> None:
    levels = np.random.default_rng(rows).normal(-60, 12, (rows, 5)).astype(np.float32)
    streamed = Percentile(rows, percent)
    for first in range(0, rows, 64):
        streamed.add(levels[first : first + 64])
    whole = np.percentile(levels.astype(np.float64), percent, axis=0)
    np.testing.assert_allclose(streamed.values(), whole, atol=1e-4)


def test_a_spectrum_in_blocks_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = brick(sound(6), 12000)
    whole = spectrum(samples, RATE)
    monkeypatch.setattr(audio_band_limit, "FRAMES_AT_ONCE", 7)
    parts = spectrum(samples, RATE)
    for part, expected in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part, expected)
    taper = np.blackman(audio_band_limit.FRAME)
    frames = samples[: len(samples) // len(taper) * len(taper)].reshape(-1, len(taper)).astype(np.float64)
    levels = 10 * np.log10(np.abs(np.fft.rfft(frames * taper, axis=1)) ** 2 + 1e-12)
    np.testing.assert_allclose(whole.loud, np.percentile(levels, 95, axis=0), atol=0.1)  # float32 at −88 dB
    assert whole.loudest == pytest.approx(np.percentile(levels, 99), abs=0.01)


def test_the_levels_are_never_held_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.tile(sound(30), 4)
    monkeypatch.setattr(audio_band_limit, "FRAMES_AT_ONCE", 128)
    tracemalloc.start()
    try:
        spectrum(samples, RATE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    every_level = len(samples) // audio_band_limit.FRAME * (audio_band_limit.FRAME // 2 + 1) * 4
    assert peak < every_level / 2
