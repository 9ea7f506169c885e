"""Run time of ``face-manipulation``: aligned face crops in; logits and a map of the altered area out.

The crops come from ``detectors.face_manipulation.crop``, in training and in use alike: upright by the five landmarks,
``WINDOW`` of the face square. The network normalises inside, so that nothing but pixels crosses this border.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

NAME = "face-manipulation"
SIZE = 192  # px a side of an aligned crop
WINDOW = (
    0.02,
    0.12,
    0.96,
)  # left, top, side of the crop in the unit square of aligned faces: brows to chin, both cheeks
GRID = 8  # cells a side of the map
INPUT, LOGIT, BLENDED, MAP = "faces", "logit", "blended", "map"
TRIM = 0.2  # of the frames at either end that the score of a video leaves out


def windowed(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """The warp (2×3) from picture to crop, from the warp to the unit square of an aligned face."""
    left, top, side = WINDOW
    matrix: NDArray[np.float64] = (square - np.array([[0, 0, left], [0, 0, top]])) * (SIZE / side)
    return matrix


class Reading(NamedTuple):
    """``logits`` N: the more, the more like altered faces; ``maps`` N×GRID×GRID in [0, 1]: where.

    ``blended`` N: of the half of the network that learned blended faces alone, filmed ones too; a network of one half
    answers the same in both.
    """

    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    blended: NDArray[np.float32]


def prepare(crops: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[Any]]:
    """Network inputs from aligned crops.

    Args:
        crops: N of ``SIZE``×``SIZE``×3 uint8 RGB.

    Returns:
        ``faces``: N×3×``SIZE``×``SIZE`` float32 in [0, 255].
    """
    batch = np.stack(crops).transpose(0, 3, 1, 2)
    if batch.shape[1:] != (3, SIZE, SIZE):
        raise ValueError(f"crops of {SIZE}×{SIZE} RGB are needed, not {batch.shape}")
    return {INPUT: np.ascontiguousarray(batch, dtype=np.float32)}


def read(outputs: Mapping[str, NDArray[Any]]) -> Reading:
    """Outputs of the network by name, to logits and maps."""
    logits = np.asarray(outputs[LOGIT], np.float32).reshape(-1)
    blended = np.asarray(outputs.get(BLENDED, logits), np.float32).reshape(-1)
    return Reading(logits, np.asarray(outputs[MAP], np.float32).reshape(-1, GRID, GRID), blended)


def robust(logits: NDArray[np.float32]) -> float:
    """Trimmed mean over the frames of a face: a blurred or a turned frame must not decide alone."""
    ordered = np.sort(np.asarray(logits, np.float64))
    cut = int(TRIM * ordered.size)
    return float(ordered[cut : ordered.size - cut].mean())


def pasted(
    shape: tuple[int, int], maps: NDArray[np.float32], transforms: Sequence[NDArray[np.float64]]
) -> NDArray[np.float32]:
    """The maps back on the picture they were cut from.

    Args:
        shape: height and width of the heat map wanted.
        maps: N×``GRID``×``GRID`` in [0, 1].
        transforms: N warps (2×3) from that heat map's pixels to the crop's (``SIZE`` pixels a side).

    Returns:
        Height×width float32 in [0, 1]; 0 outside the faces, the largest value where faces overlap.
    """
    heat = np.zeros(shape, np.float32)
    for cells, matrix in zip(maps, transforms, strict=True):
        smooth = cv2.resize(cells, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        placed = cv2.warpAffine(smooth, matrix, shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        np.maximum(heat, np.asarray(placed, np.float32), out=heat)
    return heat
