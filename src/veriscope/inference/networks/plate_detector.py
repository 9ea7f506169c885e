"""Inputs and outputs of ``plate-detector``: where licence plates are, in arrays only.

A centre-point detector (X. Zhou et al., "Objects as points", 2019): one plane says for each cell of 4×4 pixels whether
a plate's centre lies in it, four more give its width, height and the centre's place within the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image

NAME = "plate-detector"
STRIDE = 4  # px of the input for each cell of the output
MULTIPLE = 32
LONGEST = 768  # px, longer side of the input
OVERLAP = 0.3  # intersection over union from which the weaker of two boxes is dropped
UNIT = 32.0  # px: sizes are given as the logarithm of multiples of this

Box = tuple[float, float, float, float]  # x, y, width, height


def normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """N×H×W×3 uint8 → N×3×H×W in [-1, 1]."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1.0


def prepare(image: Image, longest: int = LONGEST) -> tuple[dict[str, NDArray[Any]], float]:
    """The network's input, and the factor by which the picture was scaled for it (never up)."""
    scale = min(1.0, longest / max(image.shape[:2]))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    padded = cv2.copyMakeBorder(
        small, 0, -small.shape[0] % MULTIPLE, 0, -small.shape[1] % MULTIPLE, cv2.BORDER_CONSTANT, value=(127, 127, 127)
    )
    return {"image": normalise(np.asarray(padded, np.uint8)[None])}, scale


def read(outputs: Mapping[str, NDArray[Any]], scale: float, threshold: float) -> list[tuple[Box, float]]:
    """Boxes in pixels of the picture with their probabilities, the surest first; overlapping ones are merged."""
    planes = outputs["planes"][0]
    centre = 1.0 / (1.0 + np.exp(-planes[0]))
    peak = centre == cv2.dilate(centre, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero(peak & (centre >= threshold))
    found: list[tuple[Box, float]] = []
    for row, column in zip(rows, columns, strict=True):
        width, height = UNIT * np.exp(planes[1:3, row, column])
        x = (column + planes[3, row, column]) * STRIDE
        y = (row + planes[4, row, column]) * STRIDE
        left, top = x - width / 2, y - height / 2
        box = (float(left / scale), float(top / scale), float(width / scale), float(height / scale))
        found.append((box, float(centre[row, column])))
    found.sort(key=lambda pair: -pair[1])
    kept: list[tuple[Box, float]] = []
    for box, probability in found:
        if all(overlap(box, other) < OVERLAP for other, _ in kept):
            kept.append((box, probability))
    return kept


def overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return float(w * h / (a[2] * a[3] + b[2] * b[3] - w * h))
