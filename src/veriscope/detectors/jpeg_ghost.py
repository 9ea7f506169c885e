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

from veriscope.detectors._blocks import ZIGZAG, block_dct, conditional_centre, regions_of, stored_luma
from veriscope.detectors.base import Method
from veriscope.media.pictures import upright
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

QUALITIES = tuple(range(38, 95, 3))  # of the standard tables
FREQUENCIES = ZIGZAG[1:16]  # higher ones are mostly zero already
WINDOW = 9  # blocks: errors are averaged over 72×72 pixels
CHANCE = 0.25  # mean absolute rounding error, in steps, of coefficients that never saw these steps
TEXTURE_CLASSES = 8
QUANTILE = 0.98
SCATTER = (
    0.25  # depth that few coefficients reach by accident, the more the stronger the compression: it counts as none
)
LEAST_DEPTH = 0.4  # a third less error than expected: what no dev photograph of good quality shows
MOST_BLOCKS = 48_000  # larger pictures are sampled on every second (third, …) block each way
LEAST_BLOCKS = 400
LEAST_ENERGY = 1.0  # mean squared coefficient of the picture below which there is no error to compare

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
    return np.asarray(np.clip((np.array(_STANDARD) * scale + 50) // 100, 1, 255), np.float32)


def error_curves(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithm of the rounding error that each quality of ``QUALITIES`` leaves in each neighbourhood.

    Only coefficients that do not round to zero count: a vanishing one is small at every quality. The error is in units
    of the step, so that neither frequency nor quality weighs more than another; 1/4 is what chance gives.

    Args:
        coefficients: N×rows×columns, one plane for each of ``FREQUENCIES``.

    Returns:
        Q×rows×columns, over ``WINDOW``×``WINDOW`` blocks.
    """
    curves = np.empty((len(QUALITIES), *coefficients.shape[1:]), np.float32)
    for index, quality in enumerate(QUALITIES):
        table = luma_table(quality)
        steps = np.array([table[v, u] for v, u in FREQUENCIES], np.float32)[:, None, None]
        scaled = coefficients / steps
        whole = np.rint(scaled)
        living = whole != 0
        error = np.where(living, np.abs(scaled - whole), 0.0).sum(axis=0, dtype=np.float32)
        number = living.sum(axis=0, dtype=np.float32)
        # Half a coefficient of chance error keeps empty neighbourhoods neutral.
        total = cv2.blur(error, (WINDOW, WINDOW)) + 0.5 * CHANCE
        curves[index] = np.log(total / (cv2.blur(number, (WINDOW, WINDOW)) + 0.5))
    return curves


def ghost_map(coefficients: NDArray[np.float32]) -> tuple[Plane, NDArray[np.intp]]:
    """How deep each neighbourhood's own dip is, natural logarithm; and at which of ``QUALITIES`` it lies.

    From every quality's error the value usual for equally textured neighbourhoods of this picture is taken off (so
    that a dip shared by the whole picture, and texture, drop out), then the neighbourhood's own median over qualities.

    Args:
        coefficients: N×rows×columns, one plane for each of ``FREQUENCIES``.
    """
    texture = np.log(cv2.blur(np.abs(coefficients).mean(axis=0), (WINDOW, WINDOW)) + 0.1).astype(np.float32)
    curves = error_curves(coefficients)
    depths = np.stack([conditional_centre(curve, texture, TEXTURE_CLASSES) - curve for curve in curves])
    depths -= np.median(depths, axis=0)
    return depths.max(axis=0), depths.argmax(axis=0)


class JpegGhost(Method):
    """Raw: depth of the deepest local dip beyond ``SCATTER``, natural logarithm, but for the top 2 % of the picture."""

    name = "jpeg_ghost"
    title = {"en": "JPEG ghosts", "vi": "Bóng ma JPEG"}
    signal = Signal.FREQUENCY
    kinds = frozenset({Kind.IMAGE})
    reference = "Farid, IEEE TIFS 4(1), 2009, doi:10.1109/TIFS.2008.2012215"
    libraries = ("numpy", "opencv-python-headless")
    sentences = {
        "none": {
            "en": "No part of the picture looks as if it had been saved at another quality than the rest.",
            "vi": "Không vùng nào của ảnh trông như đã được lưu ở chất lượng khác với phần còn lại.",
        },
        "ghost": {
            "en": "One part of the picture looks as if it had earlier been saved at a JPEG quality near {quality}; the "
            "rest does not.",
            "vi": "Một vùng của ảnh trông như trước đó đã được lưu với chất lượng JPEG gần {quality}; phần còn lại thì "
            "không.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        stored = stored_luma(scene)
        luma = stored.plane
        if (luma.shape[0] // 8) * (luma.shape[1] // 8) < LEAST_BLOCKS:
            return self.abstain(Reason.TOO_SMALL)
        step = int(np.ceil(np.sqrt(luma.size / 64 / MOST_BLOCKS)))
        coefficients = block_dct(luma, FREQUENCIES, step)
        if float(np.mean(np.square(coefficients))) < LEAST_ENERGY:
            return self.abstain(Reason.NO_TEXTURE)
        depth, dips = ghost_map(coefficients)
        deepest = float(np.quantile(depth, QUANTILE))
        part = depth > LEAST_DEPTH
        found = deepest > LEAST_DEPTH
        quality = QUALITIES[int(np.median(dips[part]))] if found else None
        heat = upright(np.clip(depth / LEAST_DEPTH - 0.5, 0.0, 1.0).astype(np.float32), stored.orientation)
        height, width = scene.image().shape[:2]
        parameters: dict[str, Scalar] = {
            "lowestQuality": QUALITIES[0],
            "highestQuality": QUALITIES[-1],
            "qualities": len(QUALITIES),
            "windowBlocks": WINDOW,
            "blockStep": step,
            "grid": "0,0",  # Farid tries all 64: only ghosts on the picture's own grid are seen
            "scale": 1.0,
        }
        return self.found(
            max(0.0, deepest - SCATTER),
            scene.media.kind,
            self.say("ghost" if found else "none", quality=quality),
            heatmap=heat,
            regions=regions_of(heat > 0.5, heat, width, height, least=16) if found else (),
            parameters=parameters,
            measurements={"depth": deepest, "ghostQuality": quality},
        )
