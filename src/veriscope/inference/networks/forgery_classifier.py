"""Inputs and outputs of ``forgery-classifier``: the second stage of a two-stage detector.

A picture and the heatmap of the first stage, both at 256×256, as four channels; a ResNet34 says REAL or FAKE
(the fusion network of DeepSentry).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image, Plane

NAME = "forgery-classifier"
SIZE = 256
MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet, whose weights the network may start from
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
_SCALE = np.append(1 / (255 * SPREAD), np.float32(1 / 255)).astype(np.float32)
_SHIFT = np.append(-MEAN / SPREAD, np.float32(-0.5)).astype(np.float32)


def shrink(image: Image, heat: Plane) -> NDArray[np.uint8]:
    """A picture (H×W×3) and its heatmap ([0, 1], any size of the same shape) → 256×256×4, uint8."""
    small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    map_ = cv2.resize(heat, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.dstack([small, np.clip(map_ * 255 + 0.5, 0, 255).astype(np.uint8)])


def normalise(stack: NDArray[np.uint8]) -> NDArray[np.float32]:
    """N×256×256×4 (or ×3), uint8 → N×4×256×256: RGB by the means and spreads of ImageNet, heat in [-0.5, 0.5]."""
    count = stack.shape[-1]
    x = np.ascontiguousarray(stack.transpose(0, 3, 1, 2), np.float32)
    x *= _SCALE[:count, None, None]
    x += _SHIFT[:count, None, None]
    return x


def prepare(image: Image, heat: Plane) -> dict[str, NDArray[Any]]:
    return {"input": normalise(shrink(image, heat)[None])}


def read(outputs: Mapping[str, NDArray[Any]]) -> float:
    """Probability of FAKE, in [0, 1]."""
    return float(outputs["probabilities"][0, 1])
