"""Maps of the plane (2×3 matrices from a point to the point it looks like) and areas, for the copy-move detector."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Plane

Map = NDArray[np.float64]  # 2×3: x ↦ A·x + b
Mask = NDArray[np.bool_]  # H×W


def fit_similarity(p: NDArray[np.complex128], q: NDArray[np.complex128]) -> tuple[complex, complex]:
    """Least-squares a, b of q = a·p + b."""
    pm, qm = p.mean(), q.mean()
    spread = float(np.sum(np.abs(p - pm) ** 2))
    a = complex(np.sum((q - qm) * np.conj(p - pm)) / spread) if spread > 1e-6 else 1 + 0j
    return a, complex(qm - a * pm)


def as_map(a: complex, b: complex, mirrored: bool) -> Map:
    """a·z + b, or a·conj(z) + b when ``mirrored``, as a 2×3 matrix."""
    sign = -1.0 if mirrored else 1.0  # mirrored: q = a·conj(p) + b
    return np.array([[a.real, -a.imag * sign, b.real], [a.imag, a.real * sign, b.imag]])


def carried(mask: Mask, map_: Map) -> Mask:
    """Where ``map_`` carries ``mask``."""
    height, width = mask.shape
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8), map_, (width, height), flags=cv2.INTER_NEAREST) > 0)


def exact(map_: Map, mask: Mask) -> Map | None:
    """The shift by whole pixels (after a quarter turn or mirror) nearest to ``map_`` at the centre of ``mask``."""
    linear = np.round(map_[:, :2])
    if not np.array_equal(np.abs(linear).sum(axis=0), [1, 1]) or not np.array_equal(np.abs(linear).sum(axis=1), [1, 1]):
        return None
    ys, xs = np.nonzero(mask)
    centre = np.array([xs.mean(), ys.mean()])
    shift = np.round(map_[:, :2] @ centre + map_[:, 2] - linear @ centre)
    return np.hstack([linear, shift[:, None]])


def departure(map_: Map, mask: Mask) -> tuple[float, float]:
    """How far ``map_`` is from ``exact``: rms px over ``mask`` without its mean, and px of the mean beyond whole."""
    near = exact(map_, mask)
    if near is None:
        return 8.0, 0.35
    ys, xs = np.nonzero(mask)
    off = (map_ - near) @ np.stack([xs, ys, np.ones(len(xs))])
    mean = off.mean(axis=1, keepdims=True)
    bend = float(np.sqrt(np.mean(np.sum((off - mean) ** 2, axis=0))))
    return bend, float(np.hypot(*mean[:, 0])) if bend < 2.0 else 0.35


def largest_area(local: Plane, threshold: float, least: int) -> Mask | None:
    """The connected area of highest summed correlation above ``threshold``, without threads and specks."""
    raw = (local > threshold).astype(np.uint8)
    if int(raw.sum()) < least:
        return None
    opened = cv2.morphologyEx(raw, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    weights = np.bincount(labels.ravel(), weights=local.ravel().astype(np.float64), minlength=count)
    best = 1 + int(np.argmax(weights[1:]))
    return None if stats[best, cv2.CC_STAT_AREA] < least else labels == best
