"""Pictures in, boxes out: scaling, merging, coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from veriscope.inference.networks import plate_detector as net


def planes(shape: tuple[int, int], *plates: tuple[float, float, float, float, float]) -> np.ndarray:
    """What a perfect network says of plates given as x, y, width, height, probability in pixels of its input."""
    out = np.zeros((1, 5, shape[0] // net.STRIDE, shape[1] // net.STRIDE), np.float32)
    out[:, 0] = -12
    for x, y, w, h, p in plates:
        column, row = (x + w / 2) / net.STRIDE, (y + h / 2) / net.STRIDE
        i, j = int(row), int(column)
        out[0, :, i, j] = np.log(p / (1 - p)), np.log(w / net.UNIT), np.log(h / net.UNIT), column - j, row - i
    return out


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (90, 120), (3000, 40), (768, 768)])
def test_large_pictures_are_reduced_small_ones_are_not(height: int, width: int) -> None:
    feed, scale = net.prepare(np.zeros((height, width, 3), np.uint8))
    assert scale == min(1.0, net.LONGEST / max(height, width))
    _, channels, h, w = feed["image"].shape
    assert channels == 3
    assert h % net.MULTIPLE == w % net.MULTIPLE == 0
    assert h >= round(height * scale) > h - net.MULTIPLE


def test_boxes_come_back_in_pixels_of_the_picture() -> None:
    ((box, probability),) = net.read({"planes": planes((384, 768), (101, 53, 80, 21, 0.9))}, 0.5, 0.5)
    assert box == pytest.approx((202, 106, 160, 42), abs=0.1)
    assert probability == pytest.approx(0.9, abs=1e-4)


def test_of_two_boxes_on_one_plate_the_surer_stays() -> None:
    answer = planes((384, 768), (100, 50, 80, 20, 0.7), (108, 50, 80, 20, 0.9), (400, 200, 60, 30, 0.6))
    found = net.read({"planes": answer}, 1.0, 0.5)
    assert [round(p, 2) for _, p in found] == [0.9, 0.6]
    assert net.read({"planes": answer}, 1.0, 0.95) == []


def test_overlap() -> None:
    assert net.overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert net.overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert net.overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
