"""JPEG ghosts: a part that was once saved at another quality than the rest.

Quantising a picture again with steps it has already seen changes it less than steps a little finer or coarser do. The
error against the quality therefore has a dip at an earlier quality. A dip that the whole picture shares says how it
was saved; a dip in one part only is a ghost. Each block's dip is measured against its neighbours in quality, which
takes out texture, and against the picture's own median, which takes out its quality.

H. Farid, "Exposing digital forgeries from JPEG ghosts", IEEE TIFS 4(1), 2009.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors._blocks import ZIGZAG, block_dct, conditional_centre, regions_of, stored_luma, upright
from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

QUALITIES = tuple(range(38, 95, 3))  # of the standard tables; Farid's steps of 5 were found too wide on fine tables
FREQUENCIES = ZIGZAG[1:16]  # higher ones are mostly zero already
WINDOW = 9  # blocks: errors are summed over 72×72 pixels, as a ghost is never smaller
MOST_BLOCKS = 48_000  # larger pictures are sampled on every second (third, …) block each way
LEAST_BLOCKS = 400
LEAST_ENERGY = 4.0  # mean squared coefficient below which a block is flat and has no error to compare

# Annex K of the JPEG standard (ITU-T T.81): the luma table that quality settings scale.
_STANDARD = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def luma_table(quality: int) -> NDArray[np.float32]:
    """The standard luma steps at a quality of 1–100, as libjpeg scales them. 8×8."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((np.array(_STANDARD) * scale + 50) // 100, 1, 255).astype(np.float32)


def error_curves(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean squared error that each quality of ``QUALITIES`` would add, relative to what uniform rounding adds.

    Args:
        coefficients: N×rows×columns, one plane for each of ``FREQUENCIES``.

    Returns:
        Q×rows×columns, summed over ``WINDOW``×``WINDOW`` blocks.
    """
    curves = np.empty((len(QUALITIES), *coefficients.shape[1:]), np.float32)
    for index, quality in enumerate(QUALITIES):
        table = luma_table(quality)
        steps = np.array([table[v, u] for v, u in FREQUENCIES], np.float32)[:, None, None]
        scaled = coefficients / steps
        # In units of the step, so that no frequency outweighs another.
        error = np.square(scaled - np.rint(scaled)).sum(axis=0)
        curves[index] = cv2.blur(error, (WINDOW, WINDOW))
    return curves
