"""Where boxes go from one frame to the next: median flow (Kalal, Mikolajczyk, Matas: "Forward-Backward Error:
Automatic Detection of Tracking Failures", ICPR 2010) on small grey frames, all boxes in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.redaction.plan import Box

Grey = NDArray[np.uint8]  # h×w

_GRID = 5  # points on each side of a box
_TINY = 14  # px of the grey frame: below this flow looks closely
_MOST_ERROR = 1.5  # px of the grey frame between a point and where flow and counterflow bring it
_LEAST_VALID = 0.35  # share of points that must agree
_PATCH = 20
_ALIKE = 0.45  # least correlation with how it looked when it was last seen
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.03)

cv2.setNumThreads(1)


def step(before: Grey, after: Grey, boxes: Sequence[Box]) -> list[tuple[Box, bool]]:
    """Every box (in pixels of the grey frame) one frame on, and whether enough points agree; else it stays put."""
    if not boxes:
        return []
    moved: list[tuple[Box, bool]] = [(box, False) for box in boxes]
    tiny = [i for i, box in enumerate(boxes) if min(box[2:]) < _TINY]
    large = [i for i, box in enumerate(boxes) if min(box[2:]) >= _TINY]
    # A window larger than the thing would follow what is behind it; and so would a coarse level of the pyramid.
    for group, window, levels in ((tiny, 7, 1), (large, 15, 3)):
        if group:
            for i, result in zip(
                group, _stepped(before, after, [boxes[i] for i in group], window, levels), strict=True
            ):
                moved[i] = result
    return moved


def _stepped(before: Grey, after: Grey, boxes: Sequence[Box], window: int, levels: int) -> list[tuple[Box, bool]]:
    points = np.concatenate([_grid(box) for box in boxes])
    there, found = _points(before, after, points, window, levels)
    back, found_back = _points(after, before, there, window, levels)
    error = np.linalg.norm((points - back).reshape(-1, 2), axis=1)
    good = found & found_back & (error < _MOST_ERROR)
    count = _GRID * _GRID
    moved = []
    for i, box in enumerate(boxes):
        part = slice(i * count, (i + 1) * count)
        moved.append(_moved(box, points[part].reshape(-1, 2), there[part].reshape(-1, 2), good[part]))
    return moved


def _points(
    before: Grey, after: Grey, points: NDArray[np.float32], window: int, levels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pyramidal Lucas-Kanade: where the points (N×1×2) went, and which were found."""
    to: Any = None  # nothing is guessed
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, to, winSize=(window, window), maxLevel=levels, criteria=_STOP
    )
    return np.asarray(there, np.float32), np.asarray(found).ravel() == 1


def _moved(box: Box, old: NDArray[np.float32], new: NDArray[np.float32], good: NDArray[np.bool_]) -> tuple[Box, bool]:
    if good.mean() < _LEAST_VALID:
        return box, False
    old, new = old[good], new[good]
    dx, dy = np.median(new - old, axis=0).tolist()
    x, y, w, h = box
    scale = 1.0
    if min(w, h) >= 14:  # the distances of fewer pixels say nothing of the size
        centre_old, centre_new = np.median(old, axis=0), np.median(new, axis=0)
        far_old = np.linalg.norm(old - centre_old, axis=1)
        far_new = np.linalg.norm(new - centre_new, axis=1)
        usable = far_old > 0.1 * min(w, h)
        if usable.sum() >= 5:
            scale = float(np.clip(np.median(far_new[usable] / far_old[usable]), 0.95, 1.05))
    cx, cy = x + w / 2 + dx, y + h / 2 + dy
    return (cx - w * scale / 2, cy - h * scale / 2, w * scale, h * scale), True


def _grid(box: Box) -> NDArray[np.float32]:
    x, y, w, h = box
    at = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID * 0.8 + 0.1
    xs, ys = np.meshgrid(x + at * w, y + at * h)
    return np.stack([xs, ys], axis=-1).reshape(-1, 1, 2).astype(np.float32)


def patch(grey: Grey, box: Box) -> NDArray[np.float32]:
    """How it looks there: 20×20, without mean and scaled to length one."""
    x, y, w, h = box
    matrix = np.array([[w / _PATCH, 0, x], [0, h / _PATCH, y]], np.float64)
    cut = cv2.warpAffine(
        grey,
        matrix,
        (_PATCH, _PATCH),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    cut -= cut.mean()
    return np.asarray(cut / (float(np.linalg.norm(cut)) + 1e-6), np.float32)


def alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return float((one * other).sum()) >= _ALIKE
