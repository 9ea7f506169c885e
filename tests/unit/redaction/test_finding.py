"""Following a patch of texture through drawn frames: no network is needed to know where it is."""

from __future__ import annotations

import numpy as np
import pytest

from veriscope.redaction.finding import Following
from veriscope.redaction.lookers import Effort, Sighting
from veriscope.redaction.plan import Kind, Path
from veriscope.redaction.verify import share

from tests.making import photo

EVERY = {Effort.SMALL: 0.4, Effort.LARGE: 3.0, Effort.ENLARGED: 10.0}
SIZE = 40


def scene(count: int, speed: float = 3.0, seed: int = 3) -> tuple[list[np.ndarray], list[tuple[float, ...]]]:
    """Grey frames in which a textured square moves to the right over a still background."""
    background = photo(480, 270, seed)[:, :, 1]
    thing = photo(SIZE, SIZE, seed + 1)[:, :, 0]
    frames, boxes = [], []
    for i in range(count):
        x, y = round(40 + speed * i), 100 + round(8 * np.sin(i / 6))
        frame = background.copy()
        frame[y : y + SIZE, x : x + SIZE] = thing
        frames.append(frame)
        boxes.append((float(x), float(y), float(SIZE), float(SIZE)))
    return frames, boxes


def followed(seen: set[int], count: int = 60, cuts: set[int] = frozenset(), looked: set[int] | None = None):  # type: ignore[no-untyped-def,assignment]
    frames, boxes = scene(count)
    following = Following(480, EVERY)
    for i, frame in enumerate(frames):
        following.frame(frame, i / 30, i in cuts)
        if i in (looked if looked is not None else seen):
            sightings = [Sighting(boxes[i], 0.9)] if i in seen else []
            following.looked({Kind.FACE: sightings}, np.repeat(frame[:, :, None], 3, 2), Effort.SMALL)
    return following.tracks(), boxes


def least_share(tracks, boxes, span) -> float:  # type: ignore[no-untyped-def]
    paths = [Path(t) for t in tracks]
    shares = []
    for i in span:
        under = [place[0] for p in paths if (place := p.at(i / 30))]
        shares.append(share(boxes[i], under))
    return min(shares)


def test_between_looks_and_before_and_after() -> None:
    tracks, boxes = followed({12, 24, 36}, looked={0, 12, 24, 36, 48})
    assert len(tracks) == 1
    assert least_share(tracks, boxes, range(60)) > 0.85


def test_one_sighting_in_the_middle_covers_the_rest() -> None:
    tracks, boxes = followed({30}, looked={0, 30, 59})
    assert least_share(tracks, boxes, range(60)) > 0.7


def test_a_gap_in_the_looks_is_bridged() -> None:
    tracks, boxes = followed({0, 12, 48}, looked={0, 12, 24, 36, 48})
    assert least_share(tracks, boxes, range(60)) > 0.8


def test_a_cut_is_not_crossed_backwards() -> None:
    tracks, _ = followed({30}, cuts={30})
    assert tracks[0].start > 29 / 30
    assert tracks[0].start < 30 / 30


def test_after_a_cut_the_old_track_holds_until_the_next_look() -> None:
    tracks, _ = followed({0, 12}, cuts={20}, looked={0, 12, 24, 36})
    assert tracks[0].end == pytest.approx(24 / 30)


def test_a_short_absence_between_two_tracks_is_covered() -> None:
    """Half the picture goes white for a second: flow loses the thing, looks miss it, then it is seen again near by."""
    frames, boxes = scene(80, speed=1.0)
    following = Following(480, EVERY)
    for i, frame in enumerate(frames):
        hidden = 20 <= i < 50
        shown = np.random.default_rng(i).integers(0, 255, frame.shape, np.uint8) if hidden else frame
        following.frame(shown, i / 30, False)
        if i % 8 == 0:
            found = [] if hidden else [Sighting(boxes[i], 0.9)]
            following.looked({Kind.FACE: found}, np.repeat(frame[:, :, None], 3, 2), Effort.SMALL)
    tracks = following.tracks()
    paths = [Path(t) for t in tracks]
    assert len(tracks) == 2
    assert all(any(p.at(i / 30) for p in paths) for i in range(80))


def test_two_things_stay_two() -> None:
    frames, boxes = scene(40)
    following = Following(480, EVERY)
    other = (300.0, 200.0, 30.0, 30.0)
    for i, frame in enumerate(frames):
        following.frame(frame, i / 30, False)
        if i % 12 == 0:
            found = [Sighting(boxes[i], 0.9), Sighting(other, 0.8)]
            following.looked({Kind.FACE: found}, np.repeat(frame[:, :, None], 3, 2), Effort.SMALL)
    assert [t.id for t in following.tracks()] == ["face-1", "face-2"]


def test_boxes_are_in_pixels_of_the_frame() -> None:
    frames, boxes = scene(5)
    following = Following(1920, EVERY)
    for i, frame in enumerate(frames):
        following.frame(frame, i / 30, False)
    following.looked({Kind.FACE: [Sighting(boxes[4], 0.9)]}, np.repeat(frames[4][:, :, None], 3, 2), Effort.SMALL)
    last = following.tracks()[0].boxes[-1]
    assert last.box == pytest.approx([4 * v for v in boxes[4]])
    assert following.tracks()[0].thumbnail.startswith(b"\xff\xd8")
