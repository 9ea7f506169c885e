from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.inference.networks import synthetic_image as network

from tests.making import photo

Pixels = NDArray[np.uint8]


def transposed(image: Pixels) -> Pixels:
    """Halved, and doubled again by a transposed convolution with slightly uneven taps."""
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float32)
    sparse = np.zeros((2 * small.shape[0], 2 * small.shape[1], 3), np.float32)
    sparse[::2, ::2] = small
    kernel = np.array([[0.25, 0.5, 0.25], [0.5, 1.05, 0.5], [0.25, 0.5, 0.25]], np.float32)
    return np.clip(cv2.filter2D(sparse, -1, kernel), 0, 255).astype(np.uint8)


def test_statistics_are_finite_and_of_one_length_at_any_size() -> None:
    for width, height in ((224, 224), (640, 300), (1300, 900)):
        found = network.prepare(photo(width, height, seed=width))["features"]
        assert found.shape == (1, network.COUNT)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def test_a_flat_picture_breaks_nothing() -> None:
    assert np.isfinite(network.features(np.full((240, 240, 3), 128, np.uint8))).all()


@pytest.mark.parametrize(("height", "width"), [(224, 224), (225, 1000), (3000, 4000), (448, 673)])
def test_patches_lie_inside_on_the_grid_of_the_file(height: int, width: int) -> None:
    corners = network.positions(height, width)
    assert 1 <= len(corners) <= network.GRID**2
    for y, x in corners:
        assert (y % 8, x % 8) == (0, 0)
        assert 0 <= y <= height - network.PATCH
        assert 0 <= x <= width - network.PATCH


def test_a_transposed_picture_has_bumps_in_its_spectrum() -> None:
    image = photo(256, 256, seed=3)

    def bumps(pixels: Pixels) -> float:
        luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)[None, : network.PATCH, : network.PATCH]
        residual = luma - cv2.blur(luma[0], (3, 3))[None]
        return float(network._bumps(network._log_spectrum(residual)[0]).max())

    assert bumps(transposed(image)) > bumps(image) + 1


def test_the_statistics_of_a_mirrored_picture_differ_little() -> None:
    image = photo(224, 224, seed=5)
    one, other = network.features(image), network.features(np.ascontiguousarray(image[:, ::-1]))
    assert float(np.abs(one - other).mean()) < 0.1


def test_reading_gives_the_log_odds() -> None:
    assert network.read({"logit": np.array([1.5], np.float32)}) == 1.5
