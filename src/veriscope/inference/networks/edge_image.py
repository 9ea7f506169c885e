"""Input and output of the network ``edge-image``, small enough for a browser.

It takes patches of the picture at native resolution: what a browser can cut out with a canvas, without arithmetic of
its own. Everything else happens inside the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image

NAME = "edge-image"
PATCH = 224  # pixels
PATCHES = 4  # a picture at most


def positions(height: int, width: int) -> list[tuple[int, int]]:
    """Top left corners: one patch in the middle of each quarter, fewer where they would coincide."""
    tops = sorted({max(0, round(height * share - PATCH / 2)) // 8 * 8 for share in (0.3, 0.7)})
    lefts = sorted({max(0, round(width * share - PATCH / 2)) // 8 * 8 for share in (0.3, 0.7)})
    inside = {(min(y, height - PATCH), min(x, width - PATCH)) for y in tops for x in lefts}
    return sorted(inside)[:PATCHES]


def prepare(image: Image) -> dict[str, NDArray[np.float32]]:
    """``patches``: N×3×224×224 float32 in [0, 255], from a picture whose shorter side is at least 224 pixels."""
    cut = [image[y : y + PATCH, x : x + PATCH] for y, x in positions(*image.shape[:2])]
    return {"patches": np.stack(cut).transpose(0, 3, 1, 2).astype(np.float32)}


def read(outputs: Mapping[str, NDArray[Any]]) -> float:
    """Probability in [0, 1] that the server's networks would flag the picture: mean log-odds over the patches."""
    logit = float(np.asarray(outputs["logit"], np.float64).mean())
    return float(1.0 / (1.0 + np.exp(-logit)))
