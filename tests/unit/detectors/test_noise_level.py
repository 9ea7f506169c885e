from __future__ import annotations

import numpy as np
import pytest

from veriscope.detectors._blocks import luma_of
from veriscope.detectors.noise_level import NoiseLevel, statistic
from veriscope.types import Reason

from tests.making import encoded
from tests.unit.detectors.conftest import Examine, inside, textured

BOX = (208, 96, 160, 160)


def noisy(sigma: float, seed: int = 1) -> np.ndarray:
    image = textured(384, 512, seed).astype(np.float32)
    x, y, w, h = BOX
    image[y : y + h, x : x + w] += np.random.default_rng(seed).normal(0, sigma, (h, w, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def test_a_noisier_part_is_found_where_it_is(examine: Examine) -> None:
    plain = examine(NoiseLevel(), encoded(noisy(0), quality=95))
    finding = examine(NoiseLevel(), encoded(noisy(8), quality=95))
    assert finding.raw is not None
    assert plain.raw is not None
    assert finding.raw > plain.raw + 0.5
    assert inside(finding, BOX, (512, 384)) > 0.6


def test_noise_that_is_the_same_everywhere_is_not_suspicious() -> None:
    image = textured(384, 512, 2).astype(np.float32)
    quiet, _ = statistic(luma_of(image.astype(np.uint8)))
    everywhere = np.clip(image + np.random.default_rng(0).normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    loud, _ = statistic(luma_of(everywhere))
    assert quiet is not None
    assert loud is not None
    assert loud < quiet + 0.2


def test_noise_that_grows_with_brightness_is_explained() -> None:
    random = np.random.default_rng(3)
    ramp = np.linspace(30, 220, 512, dtype=np.float32)[None, :].repeat(384, axis=0)
    shot = ramp + random.normal(0, 1, ramp.shape) * np.sqrt(ramp) / 2
    value, _ = statistic(shot.astype(np.float32))
    flat = statistic((ramp + random.normal(0, 5, ramp.shape)).astype(np.float32))[0]
    assert value is not None
    assert flat is not None
    assert value < flat + 0.15


@pytest.mark.parametrize("shape", [(40, 200), (120, 120)])
def test_abstains_when_small(examine: Examine, shape: tuple[int, int]) -> None:
    assert examine(NoiseLevel(), encoded(textured(*shape, 0), quality=80)).reason is Reason.TOO_SMALL


def test_abstains_when_clipped(examine: Examine) -> None:
    white = np.full((384, 512, 3), 254, np.uint8)
    assert examine(NoiseLevel(), encoded(white, quality=80)).reason is Reason.NO_TEXTURE


def test_twice_is_the_same(examine: Examine) -> None:
    data = encoded(noisy(5), quality=90)
    assert examine(NoiseLevel(), data) == examine(NoiseLevel(), data)
