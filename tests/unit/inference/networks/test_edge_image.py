from __future__ import annotations

import numpy as np
import pytest

from veriscope.inference.networks import edge_image as network

from tests.making import photo


@pytest.mark.parametrize(("height", "width"), [(224, 224), (240, 700), (3000, 4000)])
def test_patches_lie_inside_and_do_not_repeat(height: int, width: int) -> None:
    corners = network.positions(height, width)
    assert 1 <= len(corners) == len(set(corners)) <= network.PATCHES
    assert all(0 <= y <= height - network.PATCH and 0 <= x <= width - network.PATCH for y, x in corners)


def test_gives_pixels_as_they_are() -> None:
    image = photo(400, 300, seed=1)
    patches = network.prepare(image)["patches"]
    assert patches.shape[1:] == (3, network.PATCH, network.PATCH)
    y, x = network.positions(300, 400)[0]
    assert np.array_equal(patches[0].transpose(1, 2, 0), image[y : y + network.PATCH, x : x + network.PATCH])


def test_reads_the_mean_of_the_log_odds() -> None:
    assert network.read({"logit": np.array([-2.0, 2.0], np.float32)}) == 0.5
    assert network.read({"logit": np.array([3.0], np.float32)}) == pytest.approx(1 / (1 + np.exp(-3)))
