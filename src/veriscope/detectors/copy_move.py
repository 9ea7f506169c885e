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

from veriscope.detectors._copy_move_geometry import carried
from veriscope.detectors._copy_move_match import (
    Points,
    consensus,
    dense_offsets,
    key_points,
    match,
    whiten,
)
from veriscope.detectors._copy_move_once import once
from veriscope.detectors._copy_move_verify import FEATURES, Comparison, Evidence, grown
from veriscope.detectors.base import Method
from veriscope.types import Finding, Image, Infer, Kind, Policy, Reason, Region, Scalar, Scene, Signal, Text

SHORTEST = 64  # px: least side of a picture
TILE = 48  # px, side of a tile of the dense search
REACH = 60.0  # px within which matched key points support each other
FEW_POINTS = 800  # below this, a small picture is enlarged to find more
CONVINCING = 1.5  # log-odds from which areas are shown; 0.3 % of the development photographs exceed it
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
    Policy.THOROUGH: Effort(400_000, 1_500_000, 4000, 32, 30),
}

# Logistic regression (L2, C = 1, standardised features; the strongest candidate of each picture counts most) fitted on
# 340 pictures of the development four fifths of the pristine sets, each once as it is and once with a synthesised copy
# (0.8–16 % of the picture; moved, scaled, turned, mirrored, sheared; feathered, relit), all through one to three rounds
# of JPEG 60–99, 384×256 or native size; and 113 synthetic lattices as further negatives.
# 5-fold cross-validation: AUC 0.90 [0.87, 0.92], 0.69 of the copies at 1 % false alarms, 0.75 at 5 %.
# ``bench/copy_move_fit.py`` makes these figures and prints the weights.
WEIGHTS = np.array(
    [
        0.8115,  # log_share
        10.7238,  # fine
        -4.9780,  # middle
        -0.6492,  # difference
        -0.4936,  # bias
        -17.9801,  # overlap
        5.8989,  # edge
        -2.0427,  # peak
        -5.1913,  # rival
        -1.3363,  # crowd
        1.0275,  # points
        0.4126,  # tiles
        -1.8031,  # texture
        7.1351,  # fill
        -1.3213,  # mirror
        -0.2053,  # bend
        -0.6717,  # fraction
    ]
)
INTERCEPT = 0.5097


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
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    work = _at_most(grey, effort.pixels)
    points = _points(grey, work, effort)
    plain, mirrored = match(points), match(points, mirrored=True)
    proposals = consensus(points, plain, REACH, 5) + consensus(points, mirrored, REACH, 3, mirrored=True)
    luma = work.astype(np.float32)
    white = whiten(luma)
    proposals += dense_offsets(white, TILE, effort.step, effort.offsets)
    i, j = np.concatenate([plain[0], mirrored[0]]), np.concatenate([plain[1], mirrored[1]])
    comparison = Comparison(luma, white, (points.xy[i], points.xy[j]))
    evidence = sorted(comparison.examine(proposals), key=lambda e: -logit(e.features))
    texture = float(np.mean(comparison.middle[1] > 4.0))
    return Result(tuple(evidence), tuple(logit(e.features) for e in evidence), len(points), texture, luma.shape)


def _at_most(grey: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    factor = float(np.sqrt(pixels / grey.size))
    if factor >= 1.0:
        return grey
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _points(grey: NDArray[np.uint8], work: NDArray[np.uint8], effort: Effort) -> Points:
    """Key points in working coordinates, from a larger picture where that helps."""
    large = _at_most(grey, effort.point_pixels)
    points = key_points(large, effort.points, large.shape[1] / work.shape[1])
    if len(points) < FEW_POINTS and 4 * large.size <= effort.point_pixels:
        twice = np.asarray(cv2.resize(large, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC), np.uint8)
        points = key_points(twice, effort.points, 2.0 * large.shape[1] / work.shape[1])
    return points


def _box(mask: NDArray[np.bool_], scale: float, group: int, note: Text) -> Region:
    x, y, width, height = (v * scale for v in cv2.boundingRect(mask.astype(np.uint8)))
    return Region(x, y, width, height, note=note, group=group)


class CopyMove(Method):
    """Raw: log-odds of the most convincing pair of areas, from a logistic function fitted on development pictures."""

    name = "copy_move"
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE})
    libraries = ("numpy", "scipy", "opencv-python-headless")
    reference = (
        "Christlein, Riess, Jordan, Riess, Angelopoulou, IEEE TIFS 7(6), 2012; "
        "Amerini, Ballan, Caldelli, Del Bimbo, Serra, IEEE TIFS 6(3), 2011"
    )
    title = {"en": "Copied areas", "vi": "Vùng bị sao chép"}
    sentences = {
        "found": {
            "en": "Two areas of the picture are copies of each other: {matches} matching points over {share:.1f} % of "
            "the picture, {distance:.0f} pixels apart{how_en}.",
            "vi": "Hai vùng của ảnh là bản sao của nhau: {matches} điểm trùng khớp trên {share:.1f} % diện tích ảnh, "
            "cách nhau {distance:.0f} điểm ảnh{how_vi}.",
        },
        "nothing": {
            "en": "No two areas of the picture repeat each other beyond natural repetition.",
            "vi": "Không có hai vùng nào của ảnh lặp lại nhau quá mức lặp tự nhiên.",
        },
        "source": {"en": "One of two areas that repeat each other.", "vi": "Một trong hai vùng lặp lại nhau."},
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image()
        if min(image.shape[:2]) < SHORTEST:
            return self.abstain(Reason.TOO_SMALL)
        effort = EFFORTS[scene.options.policy]
        result = once(image, effort, search)
        scale = image.shape[1] / result.shape[1]
        parameters: dict[str, Scalar] = {
            "working_width": result.shape[1],
            "working_height": result.shape[0],
            "tile": TILE,
            "key_points": result.points,
        }
        if result.points < 20 and result.texture < 0.02:
            return self.abstain(Reason.NO_TEXTURE, parameters=parameters)
        raw = float(np.clip(result.logits[0], LOWEST, HIGHEST)) if result.logits else LOWEST
        if raw <= CONVINCING:
            return self.found(
                raw,
                scene.media.kind,
                self.say("nothing"),
                heatmap=np.zeros(result.shape, np.float32),
                parameters=parameters,
                measurements={"candidates": len(result.evidence)},
            )
        heatmap = np.zeros(result.shape, np.float32)
        regions: list[Region] = []
        for group, (evidence, odds) in enumerate(_distinct(result)):
            area = grown(evidence)
            other = carried(area, evidence.map)
            weight = 1.0 / (1.0 + np.exp(-odds))
            heatmap = np.maximum(heatmap, np.where(area | other, np.float32(weight), np.float32(0.0)))
            regions += [_box(m, scale, group, self.say("source")) for m in (area, other)]
        best = result.evidence[0]
        facts = describe(best, scale)
        return self.found(
            raw,
            scene.media.kind,
            self.say(
                "found",
                matches=facts["matches"],
                share=100.0 * float(np.mean(heatmap > 0)),
                distance=facts["distance"],
                how_en=_how(facts, "en"),
                how_vi=_how(facts, "vi"),
            ),
            heatmap=heatmap,
            regions=tuple(regions),
            parameters=parameters,
            measurements={
                **facts,
                "area_share": float(np.mean(heatmap > 0)),
                "candidates": len(result.evidence),
                **{f"feature_{name}": float(value) for name, value in zip(FEATURES, best.features, strict=True)},
            },
        )


def describe(evidence: Evidence, scale: float) -> dict[str, float]:
    """The map in words of the original picture: matches, distance and shift in pixels, rotation in degrees, scale."""
    ys, xs = np.nonzero(evidence.mask)
    centre = np.array([xs.mean(), ys.mean(), 1.0])
    shift = (evidence.map @ centre - centre[:2]) * scale
    linear = evidence.map[:, :2]
    determinant = float(np.linalg.det(linear))
    first = linear @ np.diag([1.0, np.sign(determinant)])
    return {
        "matches": round(float(np.expm1(evidence.features[FEATURES.index("points")]))),
        "shift_x": float(shift[0]),
        "shift_y": float(shift[1]),
        "distance": float(np.hypot(*shift)),
        "rotation": float(np.degrees(np.arctan2(first[1, 0], first[0, 0]))),
        "scale": float(np.sqrt(abs(determinant))),
        "mirrored": float(determinant < 0),
        "correlation": float(evidence.correlation[evidence.mask].mean()),
    }


def _how(facts: Mapping[str, float], language: str) -> str:
    """Rotation, scaling and mirroring in words, where there is any."""
    turned = {"en": ", turned by {:.0f}°", "vi": ", xoay {:.0f}°"}
    scaled = {"en": ", scaled by {:.2f}", "vi": ", phóng {:.2f} lần"}
    mirrored = {"en": ", mirrored", "vi": ", lật gương"}
    words = ""
    if abs(facts["rotation"]) >= 2.0:
        words += turned[language].format(abs(facts["rotation"]))
    if abs(facts["scale"] - 1.0) >= 0.03:
        words += scaled[language].format(facts["scale"])
    return words + (mirrored[language] if facts["mirrored"] else "")


def _distinct(result: Result) -> Sequence[tuple[Evidence, float]]:
    """Convincing candidates, without those that say again what a better one said."""
    kept: list[tuple[Evidence, float]] = []
    covered = np.zeros(result.shape, np.bool_)
    for evidence, odds in zip(result.evidence, result.logits, strict=True):
        both = evidence.mask | evidence.other
        if odds > CONVINCING and np.count_nonzero(both & covered) < 0.5 * np.count_nonzero(both):
            kept.append((evidence, odds))
            covered |= both
    return kept
