"""Which of two equal areas was pasted: the one whose outline is a seam.

Both areas hold the same pixels, so what tells them apart lies on the outline, just outside it, and in what saving did
to them. Where an area belongs, its surroundings go on across the outline somewhere; where it was pasted, colour and
detail break off all along it. A pasted area was resampled, softened at its rim or moved off the grid of earlier saves.
The network for changed areas learned to see seams, so its answer on both outlines is asked, too.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image, Plane

Mask = NDArray[np.bool_]

MARGIN = 16  # px around an area that are looked at, at least
FEWEST = 24  # pixels in a ring, for a mean to mean something
GRID = 8  # px, of JPEG: the window that is saved again starts on it
AGAIN = 70  # quality of that save
MOST = 4.0  # no measure counts more than this many of its standard deviations


class Outline(NamedTuple):
    """Logarithms mostly, so that differences of two outlines do not depend on contrast."""

    leap: float  # difference of colour between 3 and 9 px inside and outside, where it is least (lower quarter)
    step: float  # the same between 1 and 3.5 px
    rim: float  # detail just inside against farther inside: a feathered edge has less
    beyond: float  # detail just outside against farther outside
    contrast: float  # how much finest detail differs between inside and outside
    middle: float  # detail of 1 to 2 px inside
    fine: float  # detail below 1 px inside: a resampled copy has less
    soft: float  # second differences inside, less is more
    saved: float  # what one more save changes inside: more, where the area was moved off the grid of an earlier one
    seam: float  # the network's log-odds of a border on the outline
    heat: float  # the network's log-odds of a change inside


# Standard deviations of the differences of two outlines, and the weights of a logistic regression on them (L2, no
# intercept), fitted on 359 areas copied within development photographs that the network never saw (0.8–18 % of the
# picture; scaled, turned, mirrored, relit; hard, smoothed and feathered edges; one to three saves; outlines off by up
# to three pixels). 5-fold cross-validation: right for 95 % [92, 97] of them, for 97 % of the nine tenths whose log-odds
# exceed 0.7 either way. ``ALONE`` is without the network's two, fitted on 608 such areas: right for 91 % [88, 93].
# ``bench/pasted_side_fit.py`` prints all of it.
SPREAD = np.array([0.931, 0.799, 0.525, 0.548, 0.500, 0.263, 0.310, 0.363, 0.390, 2.809, 5.500])
WEIGHTS = np.array([0.253, 0.528, 0.183, 0.135, 0.272, 0.540, -0.267, 0.180, 0.364, 1.508, 1.151])
ALONE = np.array([0.719, 0.509, 0.796, 0.583, 0.758, 1.397, -0.614, 0.452, 1.186, 0.0, 0.0])


def outline(image: Image, area: Mask, seams: Plane | None = None, heat: Plane | None = None) -> Outline | None:
    """Measures of the border of ``area`` (H×W) in ``image``; ``None`` where it is too small or fills the picture.

    ``seams`` and ``heat`` are the network's log-odds at the picture's size; without them their measures are 0.
    """
    left, top, width, height = cv2.boundingRect(area.astype(np.uint8))
    y0, x0 = (max(0, v - MARGIN) // GRID * GRID for v in (top, left))
    window = np.s_[y0 : top + height + MARGIN, x0 : left + width + MARGIN]
    pixels, depth = np.ascontiguousarray(image[window]), _depth(area[window])
    on, core = np.abs(depth) < 2.5, depth > 4
    inner, outer, far = ((depth > low) & (depth < high) for low, high in ((0.5, 3.5), (-3.5, -0.5), (-12.0, -4.0)))
    if min(np.count_nonzero(ring) for ring in (on, core, far, outer)) < FEWEST:
        return None
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)[..., 0].astype(np.float32)
    one, two = (cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (0.7, 1.5))
    fine, middle = np.abs(luma - one), np.abs(one - two)
    curved, lab = np.abs(cv2.Laplacian(luma, cv2.CV_32F)), cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab).astype(np.float32)

    def mean(plane: NDArray[np.float32], ring: Mask, floor: float) -> float:
        return float(np.log(plane[ring].mean() + floor))

    return Outline(
        leap=_difference(lab, depth, 3.0, 9.0),
        step=_difference(lab, depth, 1.0, 3.5),
        rim=mean(curved, inner, 1.0) - mean(curved, core, 1.0),
        beyond=mean(curved, outer, 1.0) - mean(curved, far, 1.0),
        contrast=abs(mean(fine, core, 0.5) - mean(fine, far, 0.5)),
        middle=mean(middle, core, 0.3),
        fine=mean(fine, core, 0.3),
        soft=-mean(curved, core, 1.0),
        saved=mean(_change(pixels), core, 0.2),
        seam=0.0 if seams is None else float(seams[window][on].mean()),
        heat=0.0 if heat is None else float(heat[window][core].mean()),
    )


def _depth(area: Mask) -> Plane:
    """Pixels from the outline, positive inside; the picture's edge is no outline."""
    inside = area.astype(np.uint8)
    within, beyond = (
        cv2.distanceTransform(cv2.copyMakeBorder(side, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3)
        for side in (inside, 1 - inside)
    )
    return np.asarray((within - beyond)[1:-1, 1:-1], np.float32)


def _change(pixels: Image) -> Plane:
    """How much grey changes by one more save, averaged over 3×3 pixels."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, AGAIN]
    again = cv2.imdecode(cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)[1], cv2.IMREAD_COLOR)
    if again is None:
        raise ValueError("this save cannot be read")
    before, after = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.cvtColor(again, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.boxFilter(np.abs(before.astype(np.float32) - after), -1, (3, 3)), np.float32)


def _difference(lab: NDArray[np.float32], depth: Plane, least: float, most: float) -> float:
    """How much the colours on both sides differ where the sides face each other, in the quarter where it is least."""
    means = []
    for side in (depth, -depth):
        weight = ((side > least) & (side < most)).astype(np.float32)
        size = (0, 0)
        total = cv2.GaussianBlur(weight, size, 4.0) + 1e-4
        means.append(cv2.GaussianBlur(lab * weight[..., None], size, 4.0) / total[..., None])
    on = np.abs(depth) < 1.5
    return float(np.log(np.percentile(np.abs(means[0] - means[1]).sum(axis=2)[on], 25) + 3))


def pasted(image: Image, one: Mask, other: Mask, seams: Plane | None = None, heat: Plane | None = None) -> float:
    """Log-odds that, of two areas that are copies of each other, ``one`` was pasted and ``other`` was there before."""
    found = outline(image, one, seams, heat), outline(image, other, seams, heat)
    if found[0] is None or found[1] is None:
        return 0.0
    weights = ALONE if seams is None or heat is None else WEIGHTS
    return float(weights @ np.clip((np.array(found[0]) - np.array(found[1])) / SPREAD, -MOST, MOST))
