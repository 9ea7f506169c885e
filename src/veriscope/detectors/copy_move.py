"""Copy-move: two areas of one picture that are copies of each other.

Key points with a geometric check and a dense search for repeated texture propose how one part of the picture could
be a moved, turned, scaled or mirrored copy of another (``_copy_move_match``). Each proposal is verified pixel by
pixel and described by numbers that tell a copy from natural repetition (``_copy_move_verify``); a logistic function
weighs them, and the most convincing proposal speaks for the picture.

V. Christlein, C. Riess, J. Jordan, C. Riess, E. Angelopoulou, "An evaluation of popular copy-move forgery detection
approaches", IEEE TIFS 7(6), 2012; I. Amerini et al., "A SIFT-based forensic method for copy-move attack detection and
transformation recovery", IEEE TIFS 6(3), 2011.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors._copy_move_match import (
    Hypothesis,
    Pairs,
    Points,
    consensus,
    dense_offsets,
    key_points,
    match,
    whiten,
)
from veriscope.detectors._copy_move_verify import FEATURES, Comparison, Evidence, grown
from veriscope.detectors.base import Method
from veriscope.types import Finding, Image, Infer, Kind, Plane, Policy, Reason, Region, Scalar, Scene, Signal, Text

SHORTEST = 64  # px: least side of a picture
TILE = 48  # px, side of a tile of the dense search
REACH = 60.0  # px within which matched key points support each other
FEW_POINTS = 800  # below this, a small picture is enlarged to find more
LOWEST, HIGHEST = -8.0, 12.0  # ``raw`` without any candidate, and the most it says


@dataclass(frozen=True, slots=True)
class Effort:
    """How closely a picture is searched. Larger pictures are reduced to these sizes, in pixels."""

    pixels: int  # for the dense search and the verification
    point_pixels: int  # for the key points
    points: int  # key points at most
    step: int  # px between tiles of the dense search
    offsets: int  # proposals of the dense search


EFFORTS: Mapping[Policy, Effort] = {
    Policy.QUICK: Effort(70_000, 100_000, 1000, 40, 8),
    Policy.STANDARD: Effort(220_000, 600_000, 2500, 32, 20),
    Policy.THOROUGH: Effort(500_000, 1_500_000, 4000, 28, 30),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What was found at the working size; ``evidence`` and its ``logits`` are sorted, most convincing first."""

    evidence: tuple[Evidence, ...]
    logits: tuple[float, ...]
    points: int
    texture: float  # share of the picture with enough texture to compare
    shape: tuple[int, int]  # working height and width


def logit(features: NDArray[np.float64]) -> float:
    """Log-odds that a candidate is a copy, from ``FEATURES``, on the development set's half-and-half mixture."""
    return float(np.dot(WEIGHTS, features) + INTERCEPT)


def search(image: Image, effort: Effort) -> Result:
    """Every repeated area of ``image`` (H×W×3 uint8 RGB) with its evidence."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    work = _at_most(grey, effort.pixels)
    zoom = 1.0
    points, zoom = _points(grey, work, effort)
    plain, mirrored = match(points), match(points, mirrored=True)
    proposals = consensus(points, plain, REACH, 5) + consensus(points, mirrored, REACH, 3, mirrored=True)
    luma = work.astype(np.float32)
    white = whiten(luma)
    proposals += dense_offsets(white, TILE, effort.step, effort.offsets)
    comparison = Comparison(luma, white, _joined(points, plain, mirrored))
    evidence = [e for e in map(comparison.verify, proposals) if e is not None]
    ranked = sorted(((logit(e.features), -k) for k, e in enumerate(evidence)), reverse=True)
    texture = float(np.mean(comparison.middle[1] > 4.0))
    return Result(
        tuple(evidence[-k] for _, k in ranked), tuple(z for z, _ in ranked), len(points), texture, luma.shape
    )
