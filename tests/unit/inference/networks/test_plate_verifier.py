"""The place around a box, at one size, whatever the box."""

from __future__ import annotations

import numpy as np
import pytest

from veriscope.inference.networks import plate_verifier as net


def picture(box: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((300, 400, 3), np.uint8)
    x, y, w, h = box
    image[y : y + h, x : x + w] = 255
    return image


@pytest.mark.parametrize("box", [(150, 120, 80, 20), (150, 120, 30, 30), (200, 100, 16, 5), (20, 30, 320, 200)])
def test_the_box_stands_in_the_middle_with_what_is_around_it(box: tuple[int, int, int, int]) -> None:
    x, y, w, h = box
    feed = net.prepare(picture(box), [(float(x), float(y), float(w), float(h))])["image"]
    assert feed.shape == (1, 3, net.HEIGHT, net.WIDTH)
    white = feed[0, 0] > 0.5
    rows, columns = np.nonzero(white)
    assert abs(rows.mean() - (net.HEIGHT - 1) / 2) < 2
    assert abs(columns.mean() - (net.WIDTH - 1) / 2) < 2
    share = max(w, 2 * h) * net.CONTEXT
    assert abs(white.any(0).sum() - net.WIDTH * w / share) <= 4
    assert abs(white.any(1).sum() - net.HEIGHT * 2 * h / share) <= 4


def test_grey_where_the_picture_ends() -> None:
    box = (0.0, 0.0, 100.0, 25.0)
    white = np.full((300, 400, 3), 255, np.uint8)
    feed = net.prepare(white, [box])["image"]
    assert abs(feed[0, :, 0, 0]).max() < 0.01
    assert feed[0, :, -1, -1].min() == 1
    outside = net.crop(white, (900.0, 900.0, 40.0, 10.0), 1.0, (8, 16))
    assert (outside == 127).all()


def test_one_probability_for_each_box() -> None:
    boxes = [(10.0, 10.0, 60.0, 20.0), (100.0, 100.0, 60.0, 20.0)]
    assert net.prepare(picture((10, 10, 60, 20)), boxes)["image"].shape[0] == 2
    logits = np.array([net.SHIFT, net.SHIFT + 4.0, net.SHIFT], np.float32)
    found = net.read({"logit": logits}, [0.5, 0.5, 0.2])
    assert found == pytest.approx([0.5, 1 / (1 + np.exp(-4)), 0.2], abs=1e-6), "log-odds are added"
    assert np.isfinite(net.read({"logit": logits}, [1.0, 0.0, 0.5])).all()
