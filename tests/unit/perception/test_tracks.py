from __future__ import annotations

import numpy as np

from veriscope.perception.tracks import FaceTracker
from veriscope.types import Face


def face(x: float, y: float, size: float = 100.0) -> Face:
    return Face((x, y, size, size), 0.9, np.zeros((5, 2), np.float32))


def test_two_people_who_pass_each_other_keep_their_tracks() -> None:
    tracker = FaceTracker()
    for i in range(40):
        left, right = face(10 * i, 100), face(400 - 10 * i, 160)
        pair = [left, right] if i % 2 else [right, left]  # the order of detection means nothing
        tracker.add(pair, i / 25, i)
    tracks = tracker.tracks()
    assert [len(t.faces) for t in tracks] == [40, 40]
    for track in tracks:
        steps = np.diff([f.box[0] for f in track.faces])
        assert (steps > 0).all() or (steps < 0).all()


def test_a_face_is_followed_between_frames_sampled_once_a_second() -> None:
    tracker = FaceTracker()
    ids = [tracker.add([face(100 + 60 * (i % 2), 100)], float(i), 25 * i) for i in range(5)]
    assert ids == [(0,)] * 5


def test_long_absence_and_far_places_start_new_tracks() -> None:
    tracker = FaceTracker()
    assert tracker.add([face(0, 0)], 0.0, 0) == (0,)
    assert tracker.add([face(500, 0)], 0.04, 1) == (1,)
    assert tracker.add([face(0, 0), face(300, 300, 20)], 0.08, 2) == (0, 2)
    assert tracker.add([face(0, 0)], 5.0, 125) == (3,)
    assert [t.indexes for t in tracker.tracks()] == [(0, 2), (1,), (2,), (125,)]


def test_frames_without_faces_are_fine() -> None:
    tracker = FaceTracker()
    assert tracker.add([], 0.0, 0) == ()
    assert tracker.tracks() == ()
