from __future__ import annotations

import cv2
import numpy as np
import pytest

from veriscope.detectors.face_boundary import CENTRE, RADII, mismatch, radius_map, strength
from veriscope.perception.faces import TEMPLATE
from veriscope.types import Face

SIDE = 260
FACE = Face((110, 100, SIDE - 40, SIDE), 0.9, TEMPLATE * SIDE + np.float32([90, 80]))


def skin(noise: float, seed: int = 0) -> np.ndarray:
    """A skin-coloured plane with soft shading and sensor noise, 440×440."""
    rng = np.random.default_rng(seed)
    shade = cv2.GaussianBlur(rng.normal(0, 1, (440, 440)), (0, 0), 12)[..., None] * 200
    grain = cv2.GaussianBlur(rng.normal(0, 1, (440, 440, 1)), (0, 0), 0.6)[..., None] * noise * 2
    return np.array([190, 150, 130]) + shade + grain


def pasted(inside: np.ndarray, outside: np.ndarray, face: Face = FACE) -> np.ndarray:
    weight = np.clip((1 - radius_map(outside.shape[:2], face)) / 0.1 + 0.5, 0, 1)[..., None]
    return np.clip(weight * inside + (1 - weight) * outside, 0, 255).astype(np.uint8)


def test_the_ellipse_follows_the_landmarks() -> None:
    radius = radius_map((440, 440), FACE)
    middle = np.array(CENTRE) * SIDE + [90, 80]
    assert radius[round(middle[1]), round(middle[0])] < 0.02
    assert radius[round(middle[1]), round(middle[0] + RADII[0] * SIDE)] == pytest.approx(1, abs=0.05)


def test_another_noise_inside_is_seen_and_the_same_is_not() -> None:
    same = mismatch(pasted(skin(2), skin(2)), FACE)
    noisier = mismatch(pasted(skin(5, seed=1), skin(2)), FACE)
    assert same is not None
    assert noisier is not None
    assert abs(same.noise) < 0.1
    assert noisier.noise == pytest.approx(np.log(5 / 2), abs=0.25)
    assert strength(noisier) > strength(same) + 2


def test_a_blurred_face_is_less_sharp() -> None:
    blurred = mismatch(pasted(cv2.GaussianBlur(skin(3), (0, 0), 1.5), skin(3)), FACE)
    assert blurred is not None
    assert blurred.noise < -0.5
    assert blurred.sharpness < -0.3


def test_the_picture_is_not_resampled_below_320_pixels_and_size_matters_little_above() -> None:
    image = pasted(skin(5, seed=1), skin(2))
    twice = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    big = Face(tuple(2 * v for v in FACE.box), 0.9, FACE.landmarks * 2)  # type: ignore[arg-type]
    found = mismatch(twice, big)
    assert found is not None
    assert found.noise > 0.25


def test_small_cut_off_and_flat_faces_give_none() -> None:
    image = pasted(skin(2), skin(2))
    assert mismatch(image, Face((0, 0, 40, 50), 0.9, TEMPLATE * 50)) is None
    assert mismatch(np.zeros_like(image), FACE) is None
    outside = Face((430, 430, 300, 300), 0.9, TEMPLATE * 300 + 430)
    assert mismatch(image, outside) is None
