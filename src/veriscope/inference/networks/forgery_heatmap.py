"""Input and output of the network ``forgery-heatmap``: where a picture was changed, in arrays only.

The network works on the cells of the JPEG grid, 8×8 pixels. Of each cell it gets what a forger cannot easily make alike
on both sides of a seam: colour, high-pass residuals of several orders (J. Fridrich, J. Kodovský, "Rich models for
steganalysis of digital images", IEEE TIFS 7(3), 2012), detail by scale, how sharp the edges are, traces of an earlier
block grid by phase, and, for a JPEG at its stored size, the quantised DCT coefficients as indicator planes (M.-J. Kwon
et al., "CAT-Net: compression artifact tracing network", WACV 2021). Each is given as it is and relative to the whole
picture. The answer is a map of a quarter of the picture's size and a number for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Image, Plane

NAME = "forgery-heatmap"
CELL = 8  # px, side of a cell, on the JPEG grid
MULTIPLE = 32  # px: sides are mirrored up to multiples of this
FINE = 4  # px of the picture for each value of the map
FREQUENCIES = 14  # lowest AC frequencies in zigzag order: whole diagonals
LEVELS = 8  # indicator planes of a frequency: |q| = 0, 1, … 6, and 7 or more
DCT_PLANES = FREQUENCIES * LEVELS

_KV = np.array(
    [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]], np.float32
) / np.float32(6.0)
_SECOND = np.array([[-1, 2, -1]], np.float32)
_THIRD = np.array([[1, -3, 3, -1]], np.float32)
_CROSS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
ZIGZAG = tuple(
    sorted(
        ((u, v) for u in range(8) for v in range(8)),
        key=lambda p: (p[0] + p[1], p[0] if (p[0] + p[1]) % 2 else p[1]),
    )
)[1 : FREQUENCIES + 1]
_BASIS = np.array(
    [[(0.125 if u == 0 else 0.25) ** 0.5 * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)],
    np.float32,
)

_HALVES = ("fine_luma", "fine_blue", "fine_red", "fine_cross", "fine_edge")  # of each quarter of a cell, row by row

# Feature planes in order; ``_x`` and ``_y`` change places when a picture is transposed.
NAMES = (
    *("luma", "blue", "red", "luma_spread", "blue_spread", "red_spread"),
    *("cross", "kv", "second_x", "second_y", "third_x", "third_y"),
    *("quietest", "busiest", "clipped", "blue_residual", "red_residual", "agreement"),
    *("band_1", "band_2", "band_4"),
    *("edge", "edge_sharpness_x", "edge_sharpness_y", "peak", "blue_edge", "red_edge"),
    *(f"phase{k}_x" for k in range(8)),
    *(f"phase{k}_y" for k in range(8)),
    *(f"{name}_{row}{column}" for name in _HALVES for row in range(2) for column in range(2)),
)
PLANES = 2 * len(NAMES)  # each as it is, then less its median over the picture


@dataclass(frozen=True, slots=True)
class Answer:
    """``logits`` (log-odds that a place was changed), ``reliability`` (probability that the network is right there) and
    ``seams`` (log-odds of a changed area's border; ``None`` from a network that does not say) at a quarter of the
    picture's size; ``logit`` is the picture's own log-odds."""

    logits: Plane
    reliability: Plane
    seams: Plane | None
    logit: float


def _mean(plane: NDArray[Any]) -> Plane:
    size = plane.shape[1] // CELL, plane.shape[0] // CELL
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _largest(plane: NDArray[Any]) -> Plane:
    rows = np.ascontiguousarray(plane.reshape(plane.shape[0] // CELL, CELL, -1).max(axis=1), np.float32)
    while rows.shape[1] > plane.shape[1] // CELL:  # in halves: far faster than along a last axis of 8
        rows = np.maximum(rows[:, ::2], rows[:, 1::2])
    return rows


def _log(plane: NDArray[Any], floor: float = 0.3) -> Plane:
    return np.asarray(np.log(np.maximum(plane, 0.0) + np.float32(floor)), np.float32)


def _filtered(plane: NDArray[Any], kernel: NDArray[Any]) -> Plane:
    return np.asarray(cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _sharpness(plane: Plane, soft: Plane, dx: int, dy: int) -> Plane:
    """Steepest step of a cell at full detail against the same after blurring: 0 for a ramp, large for a cut edge."""
    steep, gentle = (np.abs(cv2.Sobel(p, cv2.CV_32F, dx, dy, ksize=1)) for p in (plane, soft))
    return np.asarray(_log(_largest(np.asarray(steep, np.float32)), 4.0) - _log(_largest(np.asarray(gentle)), 4.0))


def features(image: Image) -> NDArray[np.float32]:
    """One plane for each of ``NAMES``, each value of one cell: N×(H/8)×(W/8). Sides must be multiples of ``CELL``."""
    ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    y, red, blue = (np.ascontiguousarray(ycc[..., k]) for k in range(3))
    h, w = y.shape[0] // CELL, y.shape[1] // CELL

    def quartered(plane: NDArray[Any]) -> NDArray[np.float32]:
        """4×h×w means of the quarters of each cell."""
        small = cv2.resize(plane, (2 * w, 2 * h), interpolation=cv2.INTER_AREA)
        return np.asarray(small.reshape(h, 2, w, 2).transpose(1, 3, 0, 2).reshape(4, h, w), np.float32)

    planes: list[Plane] = []
    for plane, scale in ((y, 64.0), (blue, 32.0), (red, 32.0)):
        planes.append((_mean(plane) - 128.0) / np.float32(scale))
    for plane in (y, blue, red):
        planes.append(_log(np.sqrt(np.maximum(_mean(plane * plane) - _mean(plane) ** 2, 0.0))))
    cross, second_x, second_y = (
        _filtered(y, _CROSS),
        _filtered(y, _SECOND),
        _filtered(y, np.ascontiguousarray(_SECOND.T)),
    )
    strength = np.abs(cross)
    planes += [_log(_mean(strength)), _log(_mean(np.abs(_filtered(y, _KV))))]
    planes += [_log(_mean(np.abs(second_x))), _log(_mean(np.abs(second_y)))]
    planes += [
        _log(_mean(np.abs(_filtered(y, _THIRD)))),
        _log(_mean(np.abs(_filtered(y, np.ascontiguousarray(_THIRD.T))))),
    ]
    quarters = quartered(strength)
    planes += [_log(np.asarray(quarters.min(axis=0))), _log(np.asarray(quarters.max(axis=0)))]
    planes.append(_mean(((y < 4) | (y > 251)).astype(np.float32)))
    planes += [_log(_mean(np.abs(_filtered(plane, _CROSS)))) for plane in (blue, red)]
    one, two = (_filtered(np.ascontiguousarray(image[..., k]).astype(np.float32), _CROSS) for k in (0, 2))
    planes.append(_mean(one * two) / (_mean(one * one) + _mean(two * two) + np.float32(8.0)))
    soft = [cv2.GaussianBlur(y, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0)]
    for fine, coarse in zip([y, *soft[:2]], soft, strict=True):
        planes.append(_log(_mean(np.abs(fine - coarse))))
    x_step, y_step = cv2.Sobel(y, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(y, cv2.CV_32F, 0, 1, ksize=3)
    slope = np.asarray(cv2.magnitude(x_step, y_step), np.float32) / 4
    planes.append(_log(_largest(slope), 4.0))
    planes += [_sharpness(y, np.asarray(soft[0]), 1, 0), _sharpness(y, np.asarray(soft[0]), 0, 1)]
    planes.append(_log(_largest(strength), 4.0))
    planes += [_log(_largest(np.abs(p - cv2.GaussianBlur(p, (0, 0), 2.0))), 2.0) for p in (blue, red)]
    for steps, axis in ((second_x, 1), (second_y, 3)):
        by_phase = np.log(np.abs(steps).reshape(h, CELL, w, CELL).mean(axis=axis) + np.float32(0.5))
        by_phase = np.moveaxis(by_phase, -1 if axis == 1 else 1, 0)  # 8×h×w
        planes += list(by_phase - by_phase.mean(axis=0))
    for plane, scale in ((y, 64.0), (blue, 32.0), (red, 32.0)):
        planes += list((quartered(plane) - 128.0) / np.float32(scale))
    planes += [_log(q) for q in quarters]
    planes += [_log(q, 4.0) for q in quartered(slope)]
    return np.stack(planes).astype(np.float32)


def relative(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """``planes`` and, below them, the same less their median over the picture: PLANES×h×w."""
    middle = np.median(planes.reshape(len(planes), -1), axis=1)[:, None, None]
    return np.asarray(np.concatenate([planes, planes - middle]), np.float32)


def dct_levels(luma: NDArray[np.uint8] | Plane, table: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """|quantised coefficient| of the lowest frequencies, at most ``LEVELS`` − 1: FREQUENCIES×(H/8)×(W/8).

    Args:
        luma: the decoded Y plane in [0, 255], its first pixel on the JPEG grid; incomplete blocks are left out.
        table: 8×8 quantisation table of Y, natural order.
    """
    h, w = luma.shape[0] // 8, luma.shape[1] // 8
    blocks = luma[: h * 8, : w * 8].astype(np.float32).reshape(h, 8, w, 8).transpose(0, 2, 1, 3) - 128.0
    coefficients = _BASIS @ blocks @ _BASIS.T
    rows, columns = np.array(ZIGZAG).T
    levels = np.abs(np.rint(coefficients[..., rows, columns] / table[rows, columns].astype(np.float32)))
    return np.asarray(np.minimum(levels, LEVELS - 1).transpose(2, 0, 1), np.uint8)


def indicators(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``levels`` as DCT_PLANES×h×w of zeros and ones; a level of 255 is unknown and sets none."""
    planes = levels[:, None] == np.arange(LEVELS, dtype=np.uint8)[None, :, None, None]
    return np.asarray(planes.reshape(DCT_PLANES, *levels.shape[1:]), np.float32)


def prepare(image: Image, levels: NDArray[np.uint8] | None = None) -> dict[str, NDArray[np.float32]]:
    """Inputs for one picture.

    Args:
        image: H×W×3 uint8 RGB.
        levels: from ``dct_levels``, of the same pixels; ``None`` where there are none: the planes are then zero.

    Returns:
        ``features`` 1×PLANES×h×w and ``dct`` 1×DCT_PLANES×h×w, where h and w are the sides in cells, mirrored up to
        multiples of ``MULTIPLE`` pixels.
    """
    height, width = image.shape[:2]
    down, right = -height % MULTIPLE, -width % MULTIPLE
    padded = np.asarray(cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_REFLECT), np.uint8)
    planes = np.zeros((DCT_PLANES, padded.shape[0] // CELL, padded.shape[1] // CELL), np.float32)
    if levels is not None:
        planes[:, : levels.shape[1], : levels.shape[2]] = indicators(levels)
    return {"features": relative(features(padded))[None], "dct": planes[None]}


def read(outputs: Mapping[str, NDArray[np.float32]], shape: tuple[int, int]) -> Answer:
    """The network's answer about a picture of ``shape`` (height, width), without the border that ``prepare`` added."""
    rows, columns = -(-shape[0] // FINE), -(-shape[1] // FINE)
    maps = outputs["maps"][0, :, :rows, :columns].astype(np.float32)
    seams = maps[2] if len(maps) > 2 else None
    return Answer(maps[0], 1.0 / (1.0 + np.exp(-maps[1])), seams, float(outputs["score"].ravel()[0]))
