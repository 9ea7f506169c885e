from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors._vocoder_lines import EVERY, SINGLE, frame_rates, line_spectrum, line_strength, strongest_lines

RATE = 16000


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """A wandering pulse train in bursts, over a noise floor."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    knots = np.arange(0, count + 1600, 1600)
    pitch = np.interp(np.arange(count), knots, rng.uniform(90, 160, len(knots)))
    pulses = np.concatenate([[0], np.diff(np.floor(np.cumsum(pitch / RATE)))])
    loud = np.repeat(rng.uniform(0, 1, count // 3200 + 1) > 0.3, 3200)[:count]
    return (pulses * loud + 0.02 * rng.normal(size=count)).astype(np.float32)


def with_lines(sound: np.ndarray, spacing: float, level: float) -> np.ndarray:
    time = np.arange(len(sound)) / RATE
    rng = np.random.default_rng(5)
    comb = sum(np.cos(2 * np.pi * k * spacing * time + rng.uniform(0, 6.28)) for k in range(1, int(7800 / spacing)))
    return (sound + level * comb).astype(np.float32)


@pytest.mark.parametrize("spacing", EVERY)
def test_a_faint_comb_is_found_and_its_spacing_named(spacing: float) -> None:
    z, found = strongest_lines(with_lines(voice(4), spacing, 5e-4), EVERY)
    assert z > 4.5
    assert found == spacing


def test_voices_without_lines_stay_low() -> None:
    values = [strongest_lines(voice(s, seed), EVERY)[0] for seed, s in enumerate((1.5, 2, 3, 4, 6, 8, 12, 20))]
    assert max(values) < 4.5


def test_neighbouring_spacings_are_told_apart() -> None:
    spectrum, width = line_spectrum(with_lines(voice(4), SINGLE, 5e-4))
    assert line_strength(spectrum, width, SINGLE * 1.02) < 4 < line_strength(spectrum, width, SINGLE)


def test_lines_of_mp3_and_of_usb_are_not_counted() -> None:
    for other in (44100 / 32, 1000.0):
        assert strongest_lines(with_lines(voice(6), other, 2e-3), EVERY)[0] < 4.5


def test_fewer_frame_rates_where_the_file_tells() -> None:
    assert frame_rates(22050) == (SINGLE,)
    assert SINGLE in frame_rates(48000)
    assert frame_rates(12345) == EVERY


def test_silence_gives_a_finite_answer() -> None:
    assert np.isfinite(strongest_lines(np.zeros(RATE * 2, np.float32), EVERY)[0])
