"""One person's face through time: boxes linked from frame to frame.

Tracking by detection as in SORT (Bewley et al., ICIP 2016): every track predicts its box with constant velocity, the
Hungarian method pairs predictions with the new boxes by overlap, and what stays unpaired starts a track of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from veriscope.perception.faces import overlap
from veriscope.types import Face, FaceTrack


@dataclass(slots=True)
class _Open:
    id: int
    faces: list[Face] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    velocity: NDArray[np.float32] = field(default_factory=lambda: np.zeros(2, np.float32))  # centre, pixels a second

    def add(self, face: Face, time: float, index: int) -> None:
        if self.faces and (elapsed := time - self.times[-1]) > 0:
            new = (_centre(face) - _centre(self.faces[-1])) / np.float32(elapsed)
            # Boxes jitter by a pixel or two, which over 1/30 s is a large velocity: smooth it.
            self.velocity = 0.5 * self.velocity + 0.5 * new
        self.faces.append(face)
        self.times.append(time)
        self.indexes.append(index)

    def predict(self, time: float) -> NDArray[np.float32]:
        box = np.array(self.faces[-1].box, np.float32)
        # Nobody moves at constant velocity for long: beyond 0.2 s the shift stays.
        box[:2] += self.velocity * np.float32(min(time - self.times[-1], 0.2))
        return box


def _centre(face: Face) -> NDArray[np.float32]:
    x, y, w, h = face.box
    return np.array([x + w / 2, y + h / 2], np.float32)


class FaceTracker:
    """Feed it the faces of each looked-at frame in order of time; ``tracks`` are ready at any moment.

    Args:
        least_overlap: boxes that overlap less are never the same face in consecutive frames.
        patience: seconds without a box after which a track is closed. The default bridges frames sampled at
            1 per second.
        reach: with more than 0.2 s between frames overlap is lost easily; then a centre that moved less than
            ``reach`` face widths, with a size within a factor of 1.6, still counts.
    """

    def __init__(self, least_overlap: float = 0.25, patience: float = 1.6, reach: float = 0.7) -> None:
        self._least = least_overlap
        self._patience = patience
        self._reach = reach
        self._open: list[_Open] = []
        self._closed: list[_Open] = []
        self._next = 0

    def add(self, faces: Sequence[Face], time: float, index: int) -> tuple[int, ...]:
        """The faces of the frame number ``index`` at ``time`` (s); the track of each, in the order given.

        A cut is not seen here: two people who follow each other in the same place become one track.
        """
        stale = [t for t in self._open if time - t.times[-1] > self._patience]
        self._open = [t for t in self._open if time - t.times[-1] <= self._patience]
        self._closed += stale
        ids = [-1] * len(faces)
        if faces and self._open:
            boxes = np.array([face.box for face in faces], np.float32)
            predicted = np.stack([track.predict(time) for track in self._open])
            elapsed = np.array([time - track.times[-1] for track in self._open])
            affinity = self._affinity(predicted, boxes, elapsed)
            rows, columns = linear_sum_assignment(-affinity)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if affinity[row, column] > 0:
                    self._open[row].add(faces[column], time, index)
                    ids[column] = self._open[row].id
        for i, face in enumerate(faces):
            if ids[i] < 0:
                track = _Open(self._next)
                self._next += 1
                track.add(face, time, index)
                self._open.append(track)
                ids[i] = track.id
        return tuple(ids)

    def _affinity(
        self, predicted: NDArray[np.float32], boxes: NDArray[np.float32], elapsed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """N×M in [0, 1]; 0 forbids the pair."""
        iou = overlap(predicted, boxes).astype(np.float64)
        affinity = np.where(iou >= self._least, iou, 0.0)
        size = np.sqrt(np.prod(predicted[:, 2:], axis=1))[:, None]
        other = np.sqrt(np.prod(boxes[:, 2:], axis=1))[None]
        shift = (predicted[:, :2] + predicted[:, 2:] / 2)[:, None] - (boxes[:, :2] + boxes[:, 2:] / 2)[None]
        distance = np.linalg.norm(shift, axis=2) / np.maximum(size, 1e-6)
        near = (distance < self._reach) & (np.maximum(size / other, other / size) < 1.6) & (elapsed[:, None] > 0.2)
        return np.maximum(affinity, np.where(near, 0.2 * (1 - distance / self._reach), 0.0))

    def tracks(self) -> tuple[FaceTrack, ...]:
        """All tracks so far, in order of their first appearance."""
        everyone = sorted(self._closed + self._open, key=lambda track: track.id)
        return tuple(FaceTrack(t.id, tuple(t.faces), tuple(t.times), tuple(t.indexes)) for t in everyone)
