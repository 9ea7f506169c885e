from __future__ import annotations

import numpy as np

from veriscope.inference.networks.synthetic_speech import (
    FRAMES,
    HIGH,
    LOW,
    RATE,
    WINDOW,
    filled,
    prepare,
    read,
    windows,
)


def hiss(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_the_picture_has_the_stated_shape_and_range() -> None:
    picture = prepare(np.stack([hiss(WINDOW), hiss(WINDOW, 1)]))["picture"]
    assert picture.shape == (2, 4, FRAMES, HIGH - LOW)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert np.abs(picture[:, 1:]).max() <= 1.001


def test_level_does_not_matter() -> None:
    sound = hiss(WINDOW)[None]
    np.testing.assert_allclose(prepare(sound)["picture"], prepare(0.01 * sound)["picture"], atol=2e-3)


def test_a_steady_tone_does_not_bend_over_time_and_a_pulse_not_over_frequency() -> None:
    time = np.arange(WINDOW) / RATE
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    at = 1000 * 512 // RATE - LOW
    assert prepare(tone[None])["picture"][0, 1, :, at].min() > 0.99
    pulse = np.zeros(WINDOW, np.float32)
    pulse[WINDOW // 2] = 1
    middle = (WINDOW // 2 - 256) // 160 - 1
    assert prepare(pulse[None])["picture"][0, 2, middle].min() > 0.99
    noise = prepare(hiss(WINDOW)[None])["picture"][0]
    assert abs(noise[1].mean()) < 0.4
    assert abs(noise[3].mean()) < 0.5


def test_digital_silence_is_finite() -> None:
    assert np.isfinite(prepare(np.zeros((1, WINDOW), np.float32))["picture"]).all()


def test_windows_cover_the_speech_and_nothing_else() -> None:
    seconds = 20
    found = windows(seconds * RATE, [(2.0, 9.0, 1.0), (15.0, 19.0, 1.0)])
    assert found[0][0] == 2 * RATE
    assert found[-1][1] == 19 * RATE
    assert all(end - start == WINDOW for start, end in found)
    # the pause from 9 to 15 s fills no window
    assert not any(start >= 9.0 * RATE and end <= 15.0 * RATE for start, end in found)


def test_a_short_clip_is_one_window_without_its_silences() -> None:
    assert windows(3 * RATE, [(0.5, 2.0, 1.0)]) == [(RATE // 2, 2 * RATE)]
    assert windows(3 * RATE, [(0.5, 1.5, 1.0)]) == []
    assert windows(3 * RATE, []) == []


def test_long_media_are_sampled_evenly() -> None:
    found = windows(3600 * RATE, [(0.0, 3600.0, 1.0)])
    assert 64 <= len(found) <= 96
    gaps = np.diff([start for start, _ in found])
    assert gaps.max() < 1.3 * gaps.min()


def test_short_pieces_are_filled_back_and_forth() -> None:
    piece = np.arange(5, dtype=np.float32)
    assert filled(piece, 9).tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0]
    assert filled(piece, 3).tolist() == [0, 1, 2]


def test_outputs_are_read_by_name() -> None:
    reading = read({"logit": np.array([1.5]), "activation": np.ones((1, 24))})
    assert reading.windows.tolist() == [1.5]
    assert reading.stretches.shape == (1, 24)
