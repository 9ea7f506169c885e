"""Arithmetic shared by the detectors that cut a picture into blocks.

Planes are H×W float32 in [0, 255]; block arrays keep the two block axes first. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image, Plane, Region, Scene

LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as JPEG uses them

# Rows and columns of the 8×8 block in the order in which JPEG stores the coefficients.
ZIGZAG: tuple[tuple[int, int], ...] = tuple(
    sorted(
        ((v, u) for v in range(8) for u in range(8)),
        key=lambda p: (p[0] + p[1], p[0] if (p[0] + p[1]) % 2 else p[1]),
    )
)


def dct_matrix(size: int = 8) -> Plane:
    """The orthonormal DCT-II as a ``size``×``size`` matrix: ``C @ block @ C.T`` transforms a block."""
    k = np.arange(size)[:, None]
    n = np.arange(size)[None, :]
    matrix = np.cos((2 * n + 1) * k * np.pi / (2 * size)) * np.sqrt(2.0 / size)
    matrix[0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float32)


def blocks(plane: Plane, step: int = 1) -> NDArray[np.float32]:
    """Cut H×W into (H//8)×(W//8)×8×8, taking every ``step``-th block each way; what does not fill one is left out."""
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    cut = plane[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)[::step, :, ::step]
    return np.ascontiguousarray(cut.transpose(0, 2, 1, 3))


def block_dct(plane: Plane, frequencies: Sequence[tuple[int, int]], step: int = 1) -> NDArray[np.float32]:
    """Chosen DCT coefficients of the aligned 8×8 blocks.

    Args:
        plane: H×W.
        frequencies: N pairs (v, u), vertical first.
        step: take every ``step``-th block each way.

    Returns:
        N×rows×columns, in the units JPEG quantises.
    """
    matrix = dct_matrix()
    cut = blocks(plane, step)
    # One product with the flattened two-dimensional basis: for few frequencies cheaper than two separable passes.
    basis = np.stack([np.outer(matrix[v], matrix[u]).ravel() for v, u in frequencies])
    flat = basis @ cut.reshape(-1, 64).T
    return flat.reshape(len(frequencies), *cut.shape[:2])


def luma_of(image: Image) -> Plane:
    """BT.601 luma of an RGB image, rounded to whole levels as a decoder would store it."""
    plane: Plane = cv2.transform(image, np.array([LUMA_WEIGHTS], dtype=np.float32)).astype(np.float32)
    return plane


@dataclass(frozen=True, slots=True)
class StoredLuma:
    """The luma plane as the file stores it, and how to turn a map of it upright."""

    plane: Plane
    orientation: int


def stored_luma(scene: Scene) -> StoredLuma:
    """The decoder's own luma where the file is a JPEG (no colour round trip), else luma of the pixels."""
    jpeg = scene.jpeg()
    if jpeg is not None:
        return StoredLuma(np.ascontiguousarray(jpeg.luma, dtype=np.float32), jpeg.orientation)
    return StoredLuma(luma_of(scene.image()), 1)


def robust_scale(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and the standard deviation a normal law would have with the same median absolute deviation."""
    centre = float(np.median(values))
    return centre, 1.4826 * float(np.median(np.abs(values - centre)))


def conditional_centre(values: NDArray[np.float32], on: NDArray[np.float32], bins: int = 16) -> NDArray[np.float32]:
    """Median of ``values`` as a piecewise linear function of ``on``, evaluated at every item.

    Bins hold equally many items, so that no luminance or texture class is judged by a handful of blocks.
    """
    flat, position = values.ravel(), on.ravel()
    groups = np.array_split(np.argsort(position, kind="stable"), bins)
    positions = [float(np.median(position[group])) for group in groups if len(group)]
    centres = [float(np.median(flat[group])) for group in groups if len(group)]
    return np.interp(position, positions, centres).astype(np.float32).reshape(values.shape)


def resistant_line(values: NDArray[np.float32], on: NDArray[np.float32]) -> NDArray[np.float32]:
    """A straight line of ``values`` in ``on`` through the medians of the outer thirds (Tukey 1977), at every item.

    Unlike a curve it cannot bend to a minority that is extreme in ``on``.
    """
    low, high = np.quantile(on, (1 / 3, 2 / 3))
    left, right = on <= low, on >= high
    run = max(float(np.median(on[right]) - np.median(on[left])), 1e-3)
    slope = float(np.median(values[right]) - np.median(values[left])) / run
    return np.asarray(np.median(values - slope * on) + slope * on, np.float32)


def regions_of(
    mask: NDArray[np.bool_], heat: Plane, width: int, height: int, *, least: int = 1, most: int = 8
) -> tuple[Region, ...]:
    """Boxes around the connected parts of ``mask`` in pixels of the upright picture, strongest first.

    Args:
        mask: h×w, a map of the whole picture at any resolution.
        heat: h×w in [0, 1]; a box's score is the mean heat inside the part.
        width, height: of the picture.
        least: parts with fewer cells than this are left out.
        most: at most so many boxes.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 1:
        return ()
    means = np.bincount(labels.ravel(), weights=heat.ravel(), minlength=count) / np.maximum(stats[:, 4], 1)
    sx, sy = width / mask.shape[1], height / mask.shape[0]
    found = [
        Region(float(x * sx), float(y * sy), float(w * sx), float(h * sy), score=float(np.clip(means[i], 0, 1)))
        for i, (x, y, w, h, area) in enumerate(stats)
        if i > 0 and area >= least
    ]
    found.sort(key=lambda r: -(r.score or 0.0) * r.width * r.height)
    return tuple(found[:most])
