from __future__ import annotations

import numpy as np
import pytest

from veriscope.train.resynthesis import cascade, doctored, doubled, linear

from tests.making import photo


def photographs(count: int, size: int = 96) -> list[np.ndarray]:
    return [photo(size, size, seed=seed).astype(np.float32) for seed in range(count)]


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("seed", range(4))
def test_an_autoencoder_shows_the_photograph_again_but_not_exactly(seed: int) -> None:
    model = linear(photographs(6), np.random.default_rng(seed))
    image = photo(96, 96, seed=99).astype(np.float32)
    made = model.build(model.code(image))
    assert made.shape == image.shape
    assert correlation(made, image) > 0.9
    assert float(np.abs(made - image).mean()) > 0.2


@pytest.mark.parametrize("seed", range(6))
def test_a_cascade_keeps_size_range_and_content(seed: int) -> None:
    image = photo(96, 96, seed=seed).astype(np.float32)
    made = cascade(image, np.random.default_rng(seed))
    assert made.shape == image.shape
    assert made.min() >= 0
    assert made.max() <= 255
    assert correlation(made, image) > 0.6
    again = cascade(image, np.random.default_rng(seed))
    assert np.array_equal(made, again)


def test_doubling_doubles() -> None:
    image = photo(48, 32, seed=1).astype(np.float32)
    for seed in range(8):
        assert doubled(image, np.random.default_rng(seed)).shape == (64, 96, 3)


def test_doctored_pictures_keep_their_size() -> None:
    image = photo(96, 64, seed=2).astype(np.float32)
    for seed in range(12):
        made = doctored(image, np.random.default_rng(seed))
        assert made.shape == image.shape
        assert correlation(made, image) > 0.8
