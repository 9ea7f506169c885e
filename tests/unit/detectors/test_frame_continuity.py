from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors.frame_continuity import find_events, gaps, statistic
from veriscope.types import Motion


def clip(count: int, seed: int = 0, speed: float = 1.0) -> np.ndarray:
    """A smooth texture that drifts along a wandering path, with a little coding noise: N×36×64."""
    rng = np.random.default_rng(seed)
    field = rng.normal(0, 1, (200, 300))
    spectrum = np.fft.rfft2(field) * np.exp(
        -600 * (np.fft.fftfreq(200)[:, None] ** 2 + np.fft.rfftfreq(300)[None] ** 2)
    )
    field = np.fft.irfft2(spectrum, s=(200, 300))
    field = 128 + 40 * field / field.std()
    path = np.cumsum(speed * (0.6 + 0.3 * np.sin(np.arange(count) / 9)))
    frames = []
    for x in path:
        left, part = int(x) % 200, x % 1
        window = field[40:76]
        frames.append((1 - part) * window[:, left : left + 64] + part * window[:, left + 1 : left + 65])
    return np.clip(np.array(frames) + rng.normal(0, 0.15, (count, 36, 64)), 0, 255).astype(np.uint8)


def motion(thumbs: np.ndarray, times: np.ndarray | None = None) -> Motion:
    clock = np.arange(len(thumbs)) / 25 if times is None else times
    return Motion(thumbs, clock, np.full(len(thumbs), ord("P"), np.uint8))


def test_an_untouched_clip_is_quiet() -> None:
    assert statistic(find_events(motion(clip(150)))) < 1


def test_missing_frames_are_a_jump() -> None:
    frames = clip(200)
    events = find_events(motion(np.concatenate([frames[:80], frames[86:]])))
    assert events[0].kind == "jump"
    assert events[0].last == 80
    assert events[0].strength > 1.5


def test_a_cut_to_another_scene_is_not() -> None:
    frames = np.concatenate([clip(80), 255 - clip(80, seed=5)])
    assert statistic(find_events(motion(frames))) < 1


def test_a_flash_is_not() -> None:
    frames = clip(120)
    frames[60] = np.clip(frames[60].astype(int) + 40, 0, 255)
    assert statistic(find_events(motion(frames))) < 1


def test_a_freeze_in_motion_is_found_and_a_resting_scene_is_not() -> None:
    frames = clip(150)
    frames[70:85] = frames[70]
    events = [event for event in find_events(motion(frames)) if event.kind == "freeze"]
    assert (events[0].first, events[0].last) == (70, 84)
    resting = np.repeat(frames[:1], 150, axis=0)
    assert statistic(find_events(motion(resting))) == 0


def test_a_replayed_stretch_is_found_with_its_source() -> None:
    frames = clip(220)
    rng = np.random.default_rng(3)
    copy = frames[30:60].astype(float) + rng.normal(0, 0.3, (30, 36, 64))
    frames[120:150] = np.clip(copy, 0, 255).astype(np.uint8)
    events = [event for event in find_events(motion(frames)) if event.kind == "replay"]
    assert len(events) == 1
    assert events[0].source == pytest.approx(30, abs=2)
    assert events[0].last - events[0].first == pytest.approx(29, abs=4)


def test_a_gap_in_an_even_clock_counts_and_a_variable_rate_does_not() -> None:
    clock = np.arange(100) / 25.0
    clock[50:] += 0.4
    (gap,) = gaps(clock)
    assert (gap.kind, gap.last) == ("gap", 50)
    variable = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.08, 100))
    assert gaps(variable) == []


def test_few_frames_do_not_crash() -> None:
    frames = clip(12)
    for count in (2, 3, 7, 12):
        assert statistic(find_events(motion(frames[:count]))) < 1
