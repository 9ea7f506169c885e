from __future__ import annotations

import cv2
import numpy as np
import pytest

from veriscope.perception.faces import TEMPLATE
from veriscope.train.synthesis_faces import (
    FEATURES,
    Portrait,
    exchanged,
    outline,
    placed,
    refined,
    self_blended,
    yaw,
)

SIDE = 160
CORNER = np.array([60, 50], np.float32)


def portrait(seed: int = 0, tone: tuple[int, int, int] = (190, 150, 130)) -> Portrait:
    """A skin-coloured oval on grey, with texture, eyes and a mouth where the landmarks are."""
    rng = np.random.default_rng(seed)
    image = np.full((280, 280, 3), 90, np.float32)
    points = (TEMPLATE * SIDE + CORNER).astype(np.float32)
    cv2.ellipse(image, (140, 148), (62, 84), 0, 0, 360, tone, -1)
    for x, y in points[[0, 1]]:
        cv2.ellipse(image, (int(x), int(y)), (14, 7), 0, 0, 360, (40 + 10 * seed, 30, 20), -1)
    mouth = points[3:].mean(axis=0)
    cv2.ellipse(image, (int(mouth[0]), int(mouth[1])), (24, 8 + seed), 0, 0, 360, (150, 40, 50), -1)
    image += cv2.GaussianBlur(rng.normal(0, 1, image.shape), (0, 0), 1.0) * 12
    return Portrait(np.clip(image, 0, 255).astype(np.uint8), points, f"made/{seed}")


def test_the_square_is_carried_to_the_landmarks() -> None:
    points = portrait().landmarks
    matrix = placed(points)
    assert np.allclose(TEMPLATE @ matrix[:, :2].T + matrix[:, 2], points, atol=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_the_outline_covers_the_face_and_not_the_picture(seed: int) -> None:
    face = portrait()
    mask = outline((280, 280), face.landmarks, np.random.default_rng(seed))
    x, y = face.landmarks[2].astype(int)
    assert mask[y + 8, x] > 0.5  # just below the tip of the nose: in every kind of outline
    assert mask[:20].max() < 0.2
    assert mask[:, -15:].max() < 0.2
    assert 0.04 < mask.mean() < 0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_self_blend_changes_the_face_alone(seed: int) -> None:
    blend = self_blended(portrait(), np.random.default_rng(seed))
    assert blend.genuine.shape == blend.forged.shape
    change = np.abs(blend.forged.astype(int) - portrait().image.astype(int)).max(axis=2)
    inside, outside = change[blend.mask > 0.2], change[blend.mask == 0]
    assert inside.size
    # outside there is either nothing new or the treatment that the genuine one may share
    assert (
        np.median(outside) <= 0
        or np.abs(blend.forged.astype(int) - blend.genuine)[blend.mask == 0].max() == 0
        or (blend.genuine == portrait().image).all()
    )


def test_an_exchange_leaves_everything_outside_its_mask() -> None:
    host, donor = portrait(0), portrait(3, (120, 80, 60))
    for seed in range(6):
        blend = exchanged(host, donor, np.random.default_rng(seed))
        change = np.abs(blend.forged.astype(int) - blend.genuine.astype(int)).max(axis=2)
        assert (blend.genuine == host.image).all()
        assert change[blend.mask == 0].max() <= 1
        assert change[blend.mask > 0.5].mean() > 1
        # inside the square of some feature, never the whole face
        assert 0 < (blend.mask > 0.5).mean() < 0.25
    assert len(FEATURES) == 4


def test_the_same_generator_makes_the_same_blend() -> None:
    one, other = (self_blended(portrait(), np.random.default_rng(5)) for _ in range(2))
    assert (one.forged == other.forged).all()
    assert (one.mask == other.mask).all()


def test_a_turned_head_has_a_yaw() -> None:
    points = portrait().landmarks
    turned = points.copy()
    turned[2, 0] += 15
    assert abs(yaw(points)) < 0.02
    assert yaw(turned) == pytest.approx(15 / (points[1, 0] - points[0, 0]), abs=0.03)


def test_refining_keeps_size_and_changes_pixels() -> None:
    image = portrait().image
    for seed in range(8):
        other = refined(image, SIDE, np.random.default_rng(seed))
        assert other.shape == image.shape
        assert other.dtype == np.uint8
        assert (other != image).any()
