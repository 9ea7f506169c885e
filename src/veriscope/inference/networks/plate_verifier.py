"""Inputs and outputs of ``plate-verifier``: whether a place that the detector took for a plate is one; arrays only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.inference.networks.plate_detector import Box, normalise
from veriscope.types import Image

NAME = "plate-verifier"
HEIGHT, WIDTH = 64, 128  # px of the input
SHIFT = 0.85  # log-odds, so that log-odds of 0 in sum are a probability of 0.3
CONTEXT = 1.6  # how many times as wide as the box (or as twice its height, if that is more) is what the network sees


def prepare(image: Image, boxes: Sequence[Box]) -> dict[str, NDArray[Any]]:
    """The network's input: the places around ``boxes`` (x, y, width, height in pixels) of one picture, at least one."""
    return {"image": normalise(np.stack([crop(image, box, CONTEXT, (HEIGHT, WIDTH)) for box in boxes]))}


def crop(image: Image, box: Box, context: float, size: tuple[int, int]) -> Image:
    """The place around a box at ``size`` (height, width; twice as wide as high); grey where the picture ends."""
    height, width = size
    x, y, w, h = box
    wide = max(4.0, context * max(w, 2 * h))
    left, top = round(x + (w - wide) / 2), round(y + h / 2 - wide / 4)
    right, bottom = left + max(4, round(wide)), top + max(2, round(wide / 2))
    part = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if part.size == 0:
        return np.full((height, width, 3), 127, np.uint8)
    missing = (max(0, -top), max(0, bottom - image.shape[0]), max(0, -left), max(0, right - image.shape[1]))
    whole = cv2.copyMakeBorder(part, *missing, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    way = cv2.INTER_AREA if whole.shape[1] > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (width, height), interpolation=way), np.uint8)


def read(outputs: Mapping[str, NDArray[Any]], detected: Sequence[float]) -> NDArray[np.float64]:
    """N probabilities, 0-1, that there is a plate.

    Args:
        outputs: of the network.
        detected: the detector's N probabilities, 0-1. The two err in different places: their log-odds are added.
    """
    before = np.clip(np.asarray(detected, np.float64), 1e-6, 1 - 1e-6)
    logit = outputs["logit"].astype(np.float64).reshape(-1) + np.log(before / (1 - before)) - SHIFT
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), np.float64)
