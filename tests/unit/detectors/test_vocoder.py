from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors import _voice
from veriscope.detectors._voice import NAMES, voice_statistics
from veriscope.detectors.vocoder import EXPLAIN, MODEL, linear_score

RATE = 16000


def voice(seconds: float, pitch: float = 120, wobble: float = 0.01, seed: int = 0) -> np.ndarray:
    """Pulses with a wandering pitch through two resonances, with breath."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    knots = np.arange(0, count + 800, 800)
    slow = np.interp(np.arange(count), knots, rng.normal(0, wobble, len(knots)))
    phase = np.cumsum(pitch * np.exp(slow) / RATE)
    source = np.concatenate([[0.0], np.diff(np.floor(phase))]) + 0.01 * rng.normal(size=count)
    spectrum = np.fft.rfft(source)
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    for centre, width in ((600, 120), (1400, 160), (2600, 220)):
        spectrum *= 1 / (1 - (hertz / centre) ** 2 + 1j * hertz * width / centre**2)
    sound = np.fft.irfft(spectrum, n=count)
    loud = np.repeat(rng.uniform(0.3, 1, count // 1600 + 1), 1600)[:count]
    return (0.1 * sound * loud / sound.std()).astype(np.float32)


def measure(sound: np.ndarray) -> np.ndarray:
    found = voice_statistics(sound, RATE, [(0.0, len(sound) / RATE, 1.0)])
    assert found is not None
    return found[0]


def test_level_and_a_fixed_filter_change_little() -> None:
    sound = voice(6)
    values = measure(sound)
    assert len(values) == len(NAMES)
    np.testing.assert_allclose(measure(0.2 * sound), values, atol=0.02)
    tilted = np.convolve(sound, [1, -0.4], "same").astype(np.float32)
    spread = np.array([row[1] for row in MODEL.values()])
    assert np.median(np.abs(measure(tilted) - values) / spread) < 0.3


def test_length_changes_little() -> None:
    spread = np.array([row[1] for row in MODEL.values()])
    assert np.median(np.abs(measure(voice(4)) - measure(voice(12))) / spread) < 0.7


def test_jitter_and_phase_react_to_what_they_are_named_for() -> None:
    steady, trembling = measure(voice(6, wobble=0.002)), measure(voice(6, wobble=0.03))
    jitter = NAMES.index("jitter")
    assert trembling[jitter] > steady[jitter] + 0.5
    sound = voice(6)
    spectra = np.fft.rfft(sound.reshape(-1, 320), axis=1)
    turned = spectra * np.exp(2j * np.pi * np.random.default_rng(1).random(spectra.shape))
    scrambled = np.fft.irfft(turned, n=320, axis=1).ravel().astype(np.float32)
    for name in ("phase_2000", "residual_kurtosis"):
        assert measure(scrambled)[NAMES.index(name)] < measure(sound)[NAMES.index(name)]


def test_the_model_is_complete_and_bounded() -> None:
    assert tuple(MODEL) == NAMES
    assert {name.split("_")[0] for name in NAMES} <= set(EXPLAIN)
    middle = np.array([row[0] for row in MODEL.values()])
    usual, parts = linear_score(middle)
    assert not parts.any()
    absurd, _ = linear_score(middle + 1e6)
    assert usual < 0
    assert abs(absurd) < 60


def test_too_little_speech_says_nothing() -> None:
    assert voice_statistics(voice(6), RATE, [(0.0, 0.5, 1.0)]) is None
    assert voice_statistics(voice(6), RATE, []) is None


def test_statistics_in_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = voice(6)
    monkeypatch.setattr(_voice, "FRAMES_AT_ONCE", 1 << 20)
    whole = measure(sound)
    monkeypatch.setattr(_voice, "FRAMES_AT_ONCE", 17)
    np.testing.assert_allclose(measure(sound), whole, rtol=1e-6, atol=1e-7)
