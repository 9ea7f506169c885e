"""What the network for changed areas is fed, and how its answer is read."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from veriscope.inference.networks import forgery_heatmap as network


def noisy(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (70, 131), (257, 383)])
def test_prepared_sides_are_multiples(height: int, width: int) -> None:
    inputs = network.prepare(noisy(height, width))
    rows, columns = -(-height // network.MULTIPLE) * 4, -(-width // network.MULTIPLE) * 4
    assert inputs["features"].shape == (1, network.PLANES, rows, columns)
    assert inputs["dct"].shape == (1, network.DCT_PLANES, rows, columns)
    assert not inputs["dct"].any()  # nothing is known of its compression
    assert np.isfinite(inputs["features"]).all()


def plane(image: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(network.features(image)[network.NAMES.index(name)])


def test_colour_is_that_of_the_cell() -> None:
    image = np.full((64, 96, 3), 128, np.uint8)
    image[8:16, 24:32] = (192, 192, 192)
    luma = plane(image, "luma")
    assert luma[1, 3] == pytest.approx(1.0, abs=0.02)
    assert np.count_nonzero(np.abs(luma) > 0.01) == 1
    image[40:44, 52:56] = (192, 192, 192)  # the upper right quarter of a cell
    assert plane(image, "fine_luma_01")[5, 6] == pytest.approx(1.0, abs=0.02)


def test_noise_and_blur_show_in_their_planes() -> None:
    image = np.full((128, 128, 3), 120, np.uint8)
    image[:, 64:] = np.clip(image[:, 64:] + np.random.default_rng(0).normal(0, 8, (128, 64, 1)), 0, 255)
    for name in ("cross", "kv", "second_x", "quietest", "band_1"):
        found = plane(image, name)
        assert found[:, 9:].mean() > found[:, :7].mean() + 0.8, name


def test_a_cut_edge_is_sharper_than_a_soft_one() -> None:
    step = np.full((64, 128, 3), 60, np.uint8)
    step[:, 36:] = 180
    soft = cv2.GaussianBlur(step, (0, 0), 2.5)
    assert plane(step, "edge_sharpness_x")[:, 4].mean() > plane(soft, "edge_sharpness_x")[:, 4].mean() + 0.3


def test_phases_point_at_an_earlier_grid() -> None:
    rng = np.random.default_rng(3)
    smooth = cv2.resize(rng.integers(30, 220, (24, 24, 3)).astype(np.uint8), (264, 264), interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    blocky = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:256, 3:259])  # the grid now begins at 5
    by_phase = [float(plane(blocky, f"phase{k}_x").mean()) for k in range(8)]
    assert set(np.argsort(by_phase)[-2:]) == {4, 5}  # the pixels on both sides of the border
    assert abs(sum(by_phase)) < 1e-3


def test_relative_planes_have_the_median_of_nothing() -> None:
    planes = network.relative(network.features(noisy(64, 96)))
    assert planes.shape[0] == network.PLANES
    assert np.abs(np.median(planes[network.PLANES // 2 :].reshape(network.PLANES // 2, -1), axis=1)).max() < 1e-5


def test_levels_are_the_quantised_coefficients_of_the_file() -> None:
    rng = np.random.default_rng(1)
    table = np.full((8, 8), 12, np.uint16)
    buffer = io.BytesIO()
    smooth = np.clip(
        128 + 30 * np.cos(np.arange(64) / 3)[:, None] + 30 * np.cos(np.arange(80) / 3) + rng.normal(0, 8, (64, 80)),
        0,
        255,
    )
    Image.fromarray(smooth.astype(np.uint8)).save(buffer, "JPEG", qtables=[[12] * 64])
    luma = np.asarray(Image.open(io.BytesIO(buffer.getvalue())))
    levels = network.dct_levels(luma, table)
    assert levels.shape == (network.FREQUENCIES, 8, 10)
    # a picture that was quantised by 12 lies on multiples of 12: finer quantisation finds hardly any odd ones
    fine = network.dct_levels(luma, np.full((8, 8), 6, np.uint16))
    below = (fine < network.LEVELS - 1) & (fine > 0)
    assert np.mean(fine[below] % 2 == 1) < 0.1
    assert levels[:2].mean() > 1.5 * levels[-2:].mean()  # low frequencies come first


def test_indicators_say_which_level_it_is() -> None:
    levels = np.array([[[0, 7]], *[[[1, 2]]] * (network.FREQUENCIES - 1)], np.uint8)
    planes = network.indicators(levels).reshape(network.FREQUENCIES, network.LEVELS, 1, 2)
    assert planes.sum() == 2 * network.FREQUENCIES
    assert planes[0, 0, 0, 0] == 1
    assert planes[0, 7, 0, 1] == 1
    assert planes[3, 2, 0, 1] == 1


def test_answer_loses_the_border_that_was_added() -> None:
    maps = np.zeros((1, 2, 20, 36), np.float32)
    maps[0, 0] = 3.0
    answer = network.read({"maps": maps, "score": np.array([[1.5]], np.float32)}, (70, 131))  # a quarter, rounded up
    assert answer.logits.shape == (18, 33)
    assert float(answer.reliability[0, 0]) == 0.5
    assert answer.logit == 1.5


def test_a_third_plane_is_where_borders_are() -> None:
    maps = np.zeros((1, 3, 20, 36), np.float32)
    maps[0, 2, :, 4:] = -2.0
    score = np.zeros((1, 1), np.float32)
    seams = network.read({"maps": maps, "score": score}, (70, 131)).seams
    assert seams is not None
    assert seams.tolist()[0] == [0.0] * 4 + [-2.0] * 29
    assert network.read({"maps": maps[:, :2], "score": score}, (70, 131)).seams is None  # a network that cannot say
