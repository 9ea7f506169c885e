"""Outlines of what a forger cuts out: objects, areas that follow the picture's edges, lassos, plain shapes.

All are H×W bool. C. Rother, V. Kolmogorov, A. Blake, "GrabCut", ACM SIGGRAPH 2004, finds the object in the middle of a
photograph; F. Meyer, "Color image segmentation", ICIP 1992, the watershed, areas bounded by edges.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image

Mask = NDArray[np.bool_]

_GRABCUT = 160  # px, longer side of the copy that is segmented
_SEEDS = (20, 80)  # of a watershed


def blob(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A smooth closed outline that fills most of the box."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = np.ones_like(angle)
    for order in range(2, 8):
        radius += rng.uniform(0, 0.35 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    return _filled(angle, radius / radius.max(), height, width)


def lasso(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A polygon of few corners, as drawn by hand."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 16))))
    return _filled(angle, rng.uniform(0.45, 1.0, angle.size), height, width)


def plain(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A rectangle, an ellipse or a triangle."""
    mask = np.zeros((height, width), np.uint8)
    shape = int(rng.integers(3))
    if shape == 0:
        mask[:] = 1
    elif shape == 1:
        cv2.ellipse(
            mask, (width // 2, height // 2), (max(1, width // 2 - 1), max(1, height // 2 - 1)), 0, 0, 360, 1, -1
        )
    else:
        corners = np.array([[rng.integers(width), 0], [0, height - 1], [width - 1, height - 1]], np.int32)
        cv2.fillPoly(mask, [corners], 1)
    return mask > 0


def _filled(angle: NDArray[np.float64], radius: NDArray[np.float64], height: int, width: int) -> Mask:
    x, y = (radius * np.cos(angle) + 1) * (width - 1) / 2, (radius * np.sin(angle) + 1) * (height - 1) / 2
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(np.stack([x, y], axis=1)).astype(np.int32)], 1)
    return mask > 0


def regions(image: Image, rng: np.random.Generator) -> NDArray[np.int32]:
    """Areas bounded by the picture's edges, numbered from 1: a watershed from random seeds, H×W."""
    smooth = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 2.5)))
    seeds = np.zeros(image.shape[:2], np.int32)
    count = int(rng.integers(*_SEEDS))
    for index in range(count):
        x, y = int(rng.integers(4, image.shape[1] - 4)), int(rng.integers(4, image.shape[0] - 4))
        cv2.circle(seeds, (x, y), 3, index + 1, -1)
    return np.asarray(cv2.watershed(np.ascontiguousarray(smooth), seeds), np.int32)


def area(image: Image, share: float, rng: np.random.Generator) -> Mask:
    """Neighbouring areas of ``regions`` that together cover about ``share`` of the picture."""
    labels = regions(image, rng)
    present = np.unique(labels[labels > 0])
    mask = labels == rng.choice(present)
    ring = np.ones((7, 7), np.uint8)
    while mask.mean() < 0.7 * share:
        beside = np.unique(labels[cv2.dilate(mask.astype(np.uint8), ring).astype(bool) & ~mask])
        beside = beside[beside > 0]
        if not beside.size:
            break
        mask |= labels == rng.choice(beside)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, ring)
    smoothed = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), float(rng.uniform(0.8, 2.5)))
    return largest(smoothed > 0.5)


def largest(mask: Mask) -> Mask:
    """The largest connected part, its holes filled if they are small."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    kept = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    full = np.zeros_like(kept)
    cv2.drawContours(full, outlines, -1, 1, -1)
    return (full if full.sum() < 1.1 * kept.sum() else kept) > 0


def central_object(image: Image, rng: np.random.Generator) -> Mask | None:
    """The object in the middle of a photograph, ``None`` where the segmentation finds no believable one."""
    height, width = image.shape[:2]
    factor = _GRABCUT / max(height, width)
    small = cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    h, w = small.shape[:2]
    left, right, top, bottom = (float(v) for v in rng.uniform(0.06, 0.25, 4))
    box = (int(left * w), int(top * h), int((1 - left - right) * w), int((1 - top - bottom) * h))
    labels = np.zeros((h, w), np.uint8)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.grabCut(small, labels, box, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_RECT)
    found = largest((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))
    if not 0.03 < found.mean() < 0.6 or found.sum() > 0.93 * box[2] * box[3]:
        return None
    large = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), 1.0) > 0.5)
