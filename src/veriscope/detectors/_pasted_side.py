"""Which of two equal areas was pasted: the one whose outline is a seam.

Both areas hold the same pixels, so whatever tells them apart lies on the outline and just outside it. Where an area
belongs, its surroundings go on across the outline; where it was pasted, colour and detail break off there.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image

Mask = NDArray[np.bool_]

# Logistic regression on the differences of two outlines (L2, no intercept), fitted on 320 areas copied within
# development photographs (0.8–15 % of the picture; 40 % scaled and turned; hard, smoothed and feathered edges; one or
# two saves at JPEG 70–95; outlines off by up to three pixels). 5-fold cross-validation: right for 78 % of them, for
# 83 % of the four fifths whose log-odds exceed 0.5 either way, for 95 % of the half beyond 1.5.
WEIGHTS = np.array([-0.183, 0.104, 1.652, 2.153, 1.154])  # in the order of ``Outline``
MARGIN = 14  # px around an area that are looked at
FEWEST = 24  # pixels in a ring, for a mean to mean something


class Outline(NamedTuple):
    """Logarithms, so that differences of two outlines do not depend on contrast."""

    seam: float  # steepness on the outline against that on either side of it
    step: float  # difference of colour just inside and just outside
    leap: float  # the same farther from the outline
    crisp: float  # second differences on the outline
    soft: float  # detail inside: a resampled copy has less


def outline(image: Image, area: Mask) -> Outline | None:
    """Measures of the border of ``area`` (H×W) in ``image``; ``None`` where it is too small or fills the picture."""
    box = cv2.boundingRect(area.astype(np.uint8))
    x0, y0 = max(0, box[0] - MARGIN), max(0, box[1] - MARGIN)
    window = np.s_[y0 : box[1] + box[3] + MARGIN, x0 : box[0] + box[2] + MARGIN]
    lab = cv2.cvtColor(np.ascontiguousarray(image[window]), cv2.COLOR_RGB2Lab).astype(np.float32)
    inside = np.ascontiguousarray(area[window]).astype(np.uint8)
    within = cv2.distanceTransform(cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3)
    beyond = cv2.distanceTransform(cv2.copyMakeBorder(1 - inside, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3)
    depth = (within - beyond)[1:-1, 1:-1]  # > 0 inside, pixels from the outline
    luma = np.ascontiguousarray(lab[..., 0])
    steep = cv2.magnitude(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1))
    detail = np.abs(cv2.Laplacian(luma, cv2.CV_32F))
    on, near = np.abs(depth) < 2.5, (np.abs(depth) > 4) & (np.abs(depth) < 9)
    core = depth > 4
    if min(np.count_nonzero(on), np.count_nonzero(near), np.count_nonzero(core)) < FEWEST:
        return None
    return Outline(
        seam=float(np.log(steep[on].mean() + 4) - np.log(steep[near].mean() + 4)),
        step=_difference(lab, depth, 1.0, 3.5),
        leap=_difference(lab, depth, 3.0, 9.0),
        crisp=float(np.log(detail[on].mean() + 1)),
        soft=-float(np.log(detail[core].mean() + 1)),
    )


def _difference(lab: NDArray[np.float32], depth: NDArray[np.float32], least: float, most: float) -> float:
    """How much the colours on both sides differ where the sides face each other."""
    means = []
    for side in (depth, -depth):
        weight = ((side > least) & (side < most)).astype(np.float32)
        size = (0, 0)
        total = cv2.GaussianBlur(weight, size, 4.0) + 1e-4
        means.append(cv2.GaussianBlur(lab * weight[..., None], size, 4.0) / total[..., None])
    on = np.abs(depth) < 1.5
    return float(np.log(np.abs(means[0] - means[1]).sum(axis=2)[on].mean() + 3))


def pasted(image: Image, one: Mask, other: Mask) -> float:
    """Log-odds that, of two areas that are copies of each other, ``one`` was pasted and ``other`` was there before."""
    found = outline(image, one), outline(image, other)
    if found[0] is None or found[1] is None:
        return 0.0
    return float(WEIGHTS @ (np.array(found[0]) - np.array(found[1])))
