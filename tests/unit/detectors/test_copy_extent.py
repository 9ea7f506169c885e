"""The exact area of a copy, from a rough one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.detectors._copy_extent import extent

from tests.unit.detectors.conftest import textured

MAP = np.array([[1.0, 0.0, 180.0], [0.0, 1.0, 60.0]])


def forged(lighter: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A textured picture with an ellipse of it copied by ``MAP``, relit and saved; and where it was taken from."""
    picture = np.clip(textured(256, 384, 5).astype(int), 0, 225).astype(np.uint8)
    mask = np.zeros((256, 384), np.uint8)
    cv2.ellipse(mask, (90, 90), (45, 30), 20, 0, 360, 1, -1)
    copy = cv2.warpAffine(mask, MAP, (384, 256), flags=cv2.INTER_NEAREST) > 0
    moved = cv2.warpAffine(picture, MAP, (384, 256), flags=cv2.INTER_NEAREST)
    picture[copy] = moved[copy] + lighter
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), mask > 0


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("lighter", [0, 25])
@pytest.mark.parametrize("by", [-6, 6])
def test_too_small_or_too_large_an_area_becomes_the_exact_one(by: int, lighter: int) -> None:
    picture, truth = forged(lighter)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1, 2 * abs(by) + 1))
    rough = (cv2.dilate if by > 0 else cv2.erode)(truth.astype(np.uint8), disc) > 0
    assert overlap(rough, truth) < 0.88
    assert overlap(extent(picture, rough, MAP), truth) > 0.93


def test_holes_are_filled_and_specks_are_left_as_they_are() -> None:
    picture, truth = forged(0)
    rough = truth.copy()
    rough[84:96, 84:96] = False
    assert extent(picture, rough, MAP)[84:96, 84:96].all()
    speck = np.zeros_like(truth)
    speck[90:93, 90:93] = True
    assert np.array_equal(extent(picture, speck, MAP), speck)
