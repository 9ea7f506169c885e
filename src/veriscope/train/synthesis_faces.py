"""Forged faces made from genuine ones: self-blended faces, and features taken from another face.

Self-blended images (K. Shiohara and T. Yamasaki, "Detecting deepfakes with self-blended images", CVPR 2022): a face is
blended into itself after one of the two copies was recoloured, blurred, sharpened or shifted, through a deformed mask.
What is left is what every face swap and reenactment leaves, a border between two histories, without the fingerprint of
one generator. The paper takes the mask from 81 landmarks; here it is an average face shape carried to the picture by
the five landmarks of CenterFace, and deformed further.

Retouchers do something else: they put the eyes, the nose or the mouth of another face in. ``exchanged`` does so, with
the colours matched and the border feathered or solved for (P. Pérez et al., "Poisson image editing", SIGGRAPH 2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.perception.faces import TEMPLATE
from veriscope.types import Image

Points = NDArray[np.float32]
Mask = NDArray[np.float32]  # H×W in [0, 1]

# The outline of an average face in the unit square of ``TEMPLATE``: jaw from ear to ear, then the brows.
JAW: Points = np.array(
    [
        [0.11, 0.46], [0.13, 0.60], [0.17, 0.73], [0.24, 0.86], [0.34, 0.97], [0.43, 1.03], [0.50, 1.05],
        [0.57, 1.03], [0.66, 0.97], [0.76, 0.86], [0.83, 0.73], [0.87, 0.60], [0.89, 0.46],
    ],
    np.float32,
)  # fmt: skip
BROWS: Points = np.array(
    [[0.83, 0.35], [0.72, 0.30], [0.60, 0.31], [0.40, 0.31], [0.28, 0.30], [0.17, 0.35]], np.float32
)
LEFT_EYE, RIGHT_EYE, NOSE, MOUTH = "left eye", "right eye", "nose", "mouth"
# Centre and radii of each feature in the same square.
FEATURES: dict[str, tuple[float, float, float, float]] = {
    LEFT_EYE: (0.335, 0.435, 0.150, 0.105),
    RIGHT_EYE: (0.665, 0.435, 0.150, 0.105),
    NOSE: (0.500, 0.610, 0.125, 0.135),
    MOUTH: (0.500, 0.830, 0.200, 0.115),
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """A genuine face with what surrounds it; ``landmarks`` 5×2 in pixels of ``image``."""

    image: Image
    landmarks: Points
    source: str  # "set/file", by which development is split


@dataclass(frozen=True, slots=True)
class Blend:
    """A forged face and the genuine one it was made from, same size; ``mask`` says how much of each pixel is new."""

    genuine: Image
    forged: Image
    mask: Mask


def placed(landmarks: Points) -> NDArray[np.float64]:
    """The affine map (2×3) from the unit square of ``TEMPLATE`` to the picture: a turned head is narrower."""
    ones = np.concatenate([TEMPLATE, np.ones((5, 1), np.float32)], axis=1).astype(np.float64)
    solution = np.linalg.lstsq(ones, landmarks.astype(np.float64), rcond=None)[0]
    return np.ascontiguousarray(solution.T)


def _carried(points: Points, matrix: NDArray[np.float64]) -> Points:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _field(shape: tuple[int, int], rng: np.random.Generator, cells: int, reach: float) -> tuple[Mask, Mask]:
    """A smooth random displacement in pixels (x, y), standard deviation ``reach``."""
    coarse = rng.normal(0, reach, (2, cells, cells)).astype(np.float32)
    x, y = (cv2.resize(c, shape[::-1], interpolation=cv2.INTER_CUBIC) for c in coarse)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _moved(plane: NDArray[Any], dx: Mask, dy: Mask) -> NDArray[Any]:
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(plane, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _side(landmarks: Points) -> float:
    """Pixels a side of the unit square of ``TEMPLATE`` takes."""
    return math.sqrt(abs(float(np.linalg.det(placed(landmarks)[:, :2]))))


def _feathered(mask: Mask, side: float, rng: np.random.Generator) -> Mask:
    """Blurred, often twice with a new threshold between, as the paper does, so that borders differ in width."""
    width = side * float(rng.uniform(0.008, 0.06))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), width), np.float32)
    if rng.random() < 0.5:
        mask = np.clip(mask / float(rng.uniform(0.3, 1.0)), 0, 1).astype(np.float32)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), side * float(rng.uniform(0.004, 0.04))), np.float32)
    return np.clip(mask, 0, 1).astype(np.float32)


def outline(shape: tuple[int, int], landmarks: Points, rng: np.random.Generator) -> Mask:
    """A deformed face mask: the whole face, with or without the forehead, or its lower half."""
    matrix, side = placed(landmarks), _side(landmarks)
    kind = rng.choice(["face", "forehead", "lower", "inner"], p=[0.45, 0.2, 0.15, 0.2])
    points = np.concatenate([JAW, BROWS])
    if kind == "forehead":
        points = points.copy()
        points[len(JAW) :, 1] -= float(rng.uniform(0.05, 0.2))
    elif kind == "lower":
        points = np.concatenate([JAW[1:-1], np.array([[0.72, 0.56], [0.5, 0.5], [0.28, 0.56]], np.float32)])
    elif kind == "inner":
        points = np.array([0.5, 0.62], np.float32) + (points - np.array([0.5, 0.62], np.float32)) * 0.72
    centre = np.array([0.5, 0.65], np.float32)
    points = centre + (points - centre) * rng.uniform(0.88, 1.1, 2).astype(np.float32)
    points = points + rng.normal(0, 0.015, points.shape).astype(np.float32)
    mask = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(_carried(points, matrix)).astype(np.int32)), 1.0)
    dx, dy = _field(shape, rng, int(rng.integers(4, 8)), 0.025 * side)
    return _feathered(np.asarray(_moved(mask, dx, dy), np.float32), side, rng)


def recoloured(image: Image, rng: np.random.Generator) -> Image:
    """Another shade: channels shifted, hue, saturation and value moved, contrast changed."""
    pixels: NDArray[Any] = image.astype(np.float32)
    if rng.random() < 0.6:
        pixels += rng.uniform(-20, 20, 3).astype(np.float32)
    if rng.random() < 0.6:
        pixels = (pixels - 127) * float(rng.uniform(0.85, 1.15)) + 127 + float(rng.uniform(-14, 14))
    pixels = np.clip(pixels, 0, 255)
    if rng.random() < 0.6:
        hsv = cv2.cvtColor(pixels / 255, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(-8, 8)) % 360
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.75, 1.3), 0, 1)
        hsv[..., 2] = np.clip(hsv[..., 2] * rng.uniform(0.85, 1.15), 0, 1)
        pixels = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def refined(image: Image, side: float, rng: np.random.Generator) -> Image:
    """Another sharpness: resampled as by a generator of small pictures, blurred, sharpened, denoised, or noisier."""
    height, width = image.shape[:2]
    choice = rng.choice(["small", "blur", "sharpen", "smooth", "noise"], p=[0.35, 0.15, 0.25, 0.15, 0.1])
    if choice == "small":
        factor = min(0.9, float(rng.uniform(64, 200)) / side)
        method = int(rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        small = cv2.resize(image, (max(8, round(width * factor)), max(8, round(height * factor))), interpolation=method)
        method = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        return np.asarray(cv2.resize(small, (width, height), interpolation=method), np.uint8)
    if choice == "blur":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), side * float(rng.uniform(0.002, 0.008))), np.uint8)
    if choice == "sharpen":
        blurred = cv2.GaussianBlur(image, (0, 0), side * float(rng.uniform(0.003, 0.008)))
        amount = float(rng.uniform(0.4, 1.4))
        return np.asarray(cv2.addWeighted(image, 1 + amount, blurred, -amount, 0), np.uint8)
    if choice == "smooth":
        reach = max(3, int(side * 0.02)) | 1
        return np.asarray(cv2.bilateralFilter(image, reach, float(rng.uniform(15, 45)), reach / 2), np.uint8)
    noise = rng.normal(0, rng.uniform(2, 8), image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def altered(image: Image, side: float, rng: np.random.Generator) -> Image:
    """One of the two copies of a self-blend: recoloured, of another sharpness, or both."""
    if rng.random() < 0.75:
        image = recoloured(image, rng)
    if rng.random() < 0.6:
        image = refined(image, side, rng)
    return image


def _displaced(image: Image, landmarks: Points, rng: np.random.Generator) -> Image:
    """The copy that is laid over, shifted, scaled and bent a little: two faces never coincide."""
    side = _side(landmarks)
    centre = landmarks.mean(axis=0)
    matrix = cv2.getRotationMatrix2D(
        (float(centre[0]), float(centre[1])), float(rng.normal(0, 1.2)), float(rng.uniform(0.95, 1.05))
    )
    matrix[:, 2] += rng.uniform(-1, 1, 2) * np.array([0.03, 0.02]) * side
    size = (image.shape[1], image.shape[0])
    moved: NDArray[Any] = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if rng.random() < 0.4:
        moved = _moved(moved, *_field(image.shape[:2], rng, int(rng.integers(4, 9)), 0.008 * side))
    return np.asarray(moved, np.uint8)


def _laid(over: Image, under: Image, mask: Mask) -> Image:
    weight = mask[..., None]
    return np.clip(np.rint(weight * over + (1 - weight) * under), 0, 255).astype(np.uint8)


def self_blended(portrait: Portrait, rng: np.random.Generator) -> Blend:
    """One self-blended face, and the genuine one beside it."""
    image, side = portrait.image, _side(portrait.landmarks)
    mask = outline(image.shape[:2], portrait.landmarks, rng)
    mask = (mask * float(rng.choice([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]))).astype(np.float32)
    over, under = image, image
    if rng.random() < 0.5:
        over = altered(over, side, rng)
    else:
        under = altered(under, side, rng)
    forged = _laid(_displaced(over, portrait.landmarks, rng), under, mask)
    # Half the time the genuine face shares the background's treatment: a filter over all of it is no forgery.
    return Blend(under if rng.random() < 0.5 else image, forged, mask)


def _matched(over: Image, under: Image, mask: Mask, strength: float) -> Image:
    """Mean and spread of each Lab channel of ``over`` inside the mask, moved to those of ``under``."""
    a, b = (cv2.cvtColor(i, cv2.COLOR_RGB2LAB) for i in (over, under))
    chosen = (mask > 0).astype(np.uint8)
    (mean_a, spread_a), (mean_b, spread_b) = (cv2.meanStdDev(i, mask=chosen) for i in (a, b))
    gain = 1 + strength * (np.clip(spread_b / np.maximum(spread_a, 1.0), 0.5, 2.0) - 1)
    shift = mean_a + strength * (mean_b - mean_a) - gain * mean_a
    levels = np.arange(256, dtype=np.float64)
    table = np.clip(np.rint(gain * levels + shift), 0, 255).astype(np.uint8)  # one row a channel
    return np.asarray(cv2.cvtColor(cv2.LUT(a, np.ascontiguousarray(table.T[None])), cv2.COLOR_LAB2RGB), np.uint8)


def _feature_mask(
    shape: tuple[int, int], matrix: NDArray[np.float64], names: list[str], rng: np.random.Generator
) -> Mask:
    mask = np.zeros(shape, np.float32)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for name in names:
        x, y, rx, ry = FEATURES[name]
        grow = rng.uniform(0.85, 1.3, 2)
        circle = np.stack([x + rx * grow[0] * np.cos(angles), y + ry * grow[1] * np.sin(angles)], axis=1)
        circle += rng.normal(0, 0.006, circle.shape)
        cv2.fillPoly(mask, [np.rint(_carried(circle.astype(np.float32), matrix)).astype(np.int32)], 1.0)
    return mask


_CHOICES: tuple[tuple[tuple[str, ...], float], ...] = (
    ((LEFT_EYE, RIGHT_EYE), 0.2),
    ((LEFT_EYE,), 0.08),
    ((RIGHT_EYE,), 0.08),
    ((NOSE,), 0.12),
    ((MOUTH,), 0.14),
    ((NOSE, MOUTH), 0.13),
    ((LEFT_EYE, RIGHT_EYE, MOUTH), 0.08),
    ((LEFT_EYE, RIGHT_EYE, NOSE), 0.07),
    ((LEFT_EYE, RIGHT_EYE, NOSE, MOUTH), 0.10),
)


def yaw(landmarks: Points) -> float:
    """How far the nose lies beside the middle of the eyes, in distances between the eyes: 0 for a frontal face."""
    eyes = landmarks[1] - landmarks[0]
    along = float(np.dot(landmarks[2] - (landmarks[0] + landmarks[1]) / 2, eyes))
    return along / max(float(np.dot(eyes, eyes)), 1e-6)


def exchanged(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> Blend:
    """Eyes, nose or mouth of ``donor`` put into ``portrait``, as a retoucher does; the genuine one beside it."""
    under, side = portrait.image, _side(portrait.landmarks)
    shape, target = under.shape[:2], placed(portrait.landmarks)
    source = placed(donor.landmarks)
    face, donor_points = donor.image, donor.landmarks
    if rng.random() < 0.5:
        face = np.ascontiguousarray(face[:, ::-1])
        donor_points = donor_points[[1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32) + np.array(
            [face.shape[1] - 1, 0], np.float32
        )
        source = placed(donor_points)
    # from donor to picture through the unit square, with an error of size and place as retouchers make
    matrix = target[:, :2] @ np.linalg.inv(source[:, :2]) * rng.uniform(0.94, 1.12)
    shift = portrait.landmarks.mean(axis=0) - matrix @ donor_points.mean(axis=0) + rng.normal(0, 0.012, 2) * side
    warp = np.concatenate([matrix, shift[:, None]], axis=1)
    over = np.asarray(
        cv2.warpAffine(face, warp, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    if rng.random() < 0.3:
        over = altered(over, side, rng)
    names = list(_CHOICES[int(rng.choice(len(_CHOICES), p=[p for _, p in _CHOICES]))][0])
    hard = _feature_mask(shape, target, names, rng)
    soft = np.asarray(cv2.GaussianBlur(hard, (0, 0), side * float(rng.uniform(0.008, 0.03))), np.float32)
    over = _matched(over, under, hard, float(rng.uniform(0.4, 1.0)))
    forged = _solved(over, under, hard) if rng.random() < 0.4 else None
    return Blend(under, _laid(over, under, soft) if forged is None else forged, soft)


def _solved(over: Image, under: Image, mask: Mask) -> Image | None:
    """Poisson blending; ``None`` where the mask reaches the border or the solver does not take it."""
    if not mask.any() or mask[:2].any() or mask[-2:].any() or mask[:, :2].any() or mask[:, -2:].any():
        return None
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    solid = (mask > 0).astype(np.uint8) * 255
    try:
        centre = (left + width // 2, top + height // 2)
        return np.asarray(cv2.seamlessClone(over, under, solid, centre, cv2.NORMAL_CLONE), np.uint8)
    except cv2.error:  # a mask of a few pixels, whose inside is empty after the solver has eroded it
        return None
