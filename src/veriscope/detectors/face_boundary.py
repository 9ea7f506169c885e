"""Noise and sharpness inside a face against the skin just outside it, across the border where faces are blended in.

A pasted face brings its own noise, its own blur and its own resampling; whatever method made it, it has to be blended
into another picture somewhere (Li et al., "Face X-ray for more general face forgery detection", CVPR 2020; Shiohara &
Yamasaki, "Detecting deepfakes with self-blended images", CVPR 2022). Here the mismatch itself is measured, without a
network, on the pixels as they are: nothing is resampled before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import Method
from veriscope.perception.faces import face_transform
from veriscope.types import Face, Finding, Frame, FrameScore, Image, Infer, Kind, Reason, Region, Scene, Signal, Watch

Grey = NDArray[np.float32]

BLOCK = 8
SMALLEST = 80.0  # pixels of face height: below, a region holds too few blocks
CENTRE = (0.5, 0.60)  # of the ellipse that a swap covers, in the aligned face square
RADII = (0.34, 0.42)
INSIDE, OUTSIDE = (0.55, 0.95), (1.08, 1.5)  # rings on either side of the border, in radii
FEWEST = 12  # blocks in a ring
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0  # Immerkær 1996: blind to edges
LARGEST = 320.0  # pixels of face height; larger faces are averaged down to it, to look at the same detail everywhere


class Mismatch(NamedTuple):
    noise: float  # log ratio of noise, inside over outside
    sharpness: float  # log ratio of fine to coarse detail, inside over outside
    hue: float  # difference of chroma between the rings, in units of its spread


def radius_map(shape: tuple[int, int], face: Face) -> Grey:
    """Distance of every pixel from the middle of the face, 1 on the ellipse where swaps are blended."""
    matrix = face_transform(face.landmarks, 1, 0.0)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return np.hypot((u - CENTRE[0]) / RADII[0], (v - CENTRE[1]) / RADII[1]).astype(np.float32)


def _blocks(plane: Grey) -> Grey:
    h, w = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    return plane[: h * BLOCK, : w * BLOCK].reshape(h, BLOCK, w, BLOCK).mean(axis=(1, 3))


def _crop(image: Image, face: Face) -> tuple[Image, Face]:
    """The face with its surroundings, averaged down to ``LARGEST`` where it is larger; landmarks follow."""
    x, y, w, h = face.box
    left, top = max(0, int(x - 0.5 * w)), max(0, int(y - 0.35 * h))
    part = image[top : int(y + 1.35 * h), left : int(x + 1.5 * w)]
    factor = min(1.0, LARGEST / max(h, 1.0))
    if factor < 1:
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    points = (face.landmarks - np.array([left, top], np.float32)) * np.float32(factor)
    return part, Face((0.0, 0.0, w * factor, h * factor), face.score, points)


def mismatch(image: Image, face: Face) -> Mismatch | None:
    """How far the two rings around the border differ; ``None`` where the face is too small or cut off.

    Only skin-like blocks count outside: those whose colour lies within three spreads of the face's own. Hair, collar
    and wall differ from skin in every photograph.
    """
    if face.box[3] < SMALLEST:
        return None
    part, moved = _crop(image, face)
    if min(part.shape[:2]) < 4 * BLOCK:
        return None
    ycc = cv2.cvtColor(part, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma = ycc[:, :, 0]
    fine = _blocks(np.abs(cv2.filter2D(luma, -1, KERNEL)))
    coarse = _blocks(np.abs(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 2.0), cv2.CV_32F, ksize=3)))
    level, red, blue = (_blocks(np.ascontiguousarray(ycc[:, :, k])) for k in range(3))
    radius = _blocks(radius_map(luma.shape, moved))
    usable = (level > 25) & (level < 235)  # clipped blocks have no noise
    core = usable & (radius < INSIDE[1])
    if core.sum() < FEWEST:
        return None
    colour = np.stack([red, blue], axis=-1)
    middle = np.median(colour[core], axis=0)
    spread = 1.4826 * np.median(np.abs(colour[core] - middle), axis=0) + 1.5
    skin = usable & (np.abs(colour - middle) < 3 * spread).all(axis=-1) & (level > 0.5 * np.median(level[core]))
    inside = skin & (radius > INSIDE[0]) & (radius < INSIDE[1])
    outside = skin & (radius > OUTSIDE[0]) & (radius < OUTSIDE[1])
    if inside.sum() < FEWEST or outside.sum() < FEWEST:
        return None

    def quiet(values: Grey) -> float:
        return math.log(float(np.percentile(values, 25)) + 0.15)

    def crisp(where: NDArray[np.bool_]) -> float:
        return math.log((float(fine[where].mean()) + 0.15) / (float(coarse[where].mean()) + 0.5))

    hue = float((np.abs(np.median(colour[inside], axis=0) - np.median(colour[outside], axis=0)) / spread).max())
    return Mismatch(quiet(fine[inside]) - quiet(fine[outside]), crisp(inside) - crisp(outside), hue)


def statistic(found: Sequence[Mismatch]) -> float:
    """One number for all looked-at faces: the median over frames of the size of the mismatch."""
    # Medians over untouched faces (development halves of ciplab and the talking heads) are taken off, so that what
    # every face shows (a smoother middle) counts for nothing.
    values = [abs(m.noise - TYPICAL.noise) / SPREAD.noise + abs(m.sharpness - TYPICAL.sharpness) / SPREAD.sharpness for m in found]
    return float(np.median(values))


TYPICAL = Mismatch(0.0, 0.0, 0.0)
SPREAD = Mismatch(0.3, 0.3, 1.0)
