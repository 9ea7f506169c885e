"""What is put where something must not be seen. Works in place, frame by frame, on planes of any layout.

A solid box is the default: blur and pixelation keep information, and networks read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.errors import BadRequest
from veriscope.redaction.plan import Box, Kind

Level = NDArray[Any]  # uint8 or uint16


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a picture: H×W, or H×W×C with channels side by side; a view that is written to.

    ``fill`` is black there; ``wide`` and ``high`` tell how many pixels of the picture one sample spans. ``top`` is
    the greatest value.
    """

    samples: Level
    fill: Any
    wide: int = 1
    high: int = 1
    top: int = 255


class Operator(Protocol):
    def __call__(self, planes: Sequence[Plane], box: Box) -> None: ...


def solid(planes: Sequence[Plane], box: Box) -> None:
    """Black, whatever was there."""
    for plane in planes:
        part = _region(plane, box)
        if part is not None:
            part[...] = plane.fill


def blur(planes: Sequence[Plane], box: Box) -> None:
    """Gaussian, its sigma a sixth of the box's shorter side."""
    for plane in planes:
        part = _region(plane, box)
        if part is None:
            continue
        height, width = part.shape[:2]
        # A wide Gaussian is computed on a reduced copy: the same to the eye at a fraction of the time.
        step = max(1.0, min(width, height) / 24)
        size = (max(1, round(width / step)), max(1, round(height / step)))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small, (0, 0), max(min(size) / 6, 0.8), borderType=cv2.BORDER_REPLICATE)
        part[...] = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR).reshape(part.shape)


def pixelate(planes: Sequence[Plane], box: Box) -> None:
    """Eight even squares on the longer side."""
    for plane in planes:
        part = _region(plane, box)
        if part is None:
            continue
        height, width = part.shape[:2]
        step = max(width, height) / 8
        size = (max(1, round(width / step)), max(1, round(height / step)))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        part[...] = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).reshape(part.shape)


class Picture:
    """A picture of the user's, stretched over the box.

    Args:
        image: H×W×3 uint8 RGB.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise BadRequest("The picture to cover with must be a colour picture.")
        self._rgb = image
        ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        self._yuv = (ycc[:, :, 0], ycc[:, :, 2], ycc[:, :, 1])

    def __call__(self, planes: Sequence[Plane], box: Box) -> None:
        for number, plane in enumerate(planes):
            part = _region(plane, box)
            if part is None:
                continue
            size = (part.shape[1], part.shape[0])
            if part.ndim == 3 and part.shape[2] == 3:
                part[...] = cv2.resize(self._rgb, size, interpolation=cv2.INTER_AREA)
                continue
            if part.ndim == 3 or number > 2:
                part[...] = plane.fill
                continue
            source = cv2.resize(self._yuv[number], size, interpolation=cv2.INTER_AREA)
            part[...] = source.astype(part.dtype) * (plane.top // 255)


_NAMED: Mapping[str, Operator] = {"solid": solid, "blur": blur, "pixelate": pixelate}
NAMES = (*_NAMED, "image:FILE")
_TARGETS = {"faces": Kind.FACE, "plates": Kind.PLATE, "text": Kind.TEXT, "manual": Kind.MANUAL}


def operators(choices: Sequence[str], picture: Callable[[str], NDArray[np.uint8]]) -> Mapping[Kind, Operator]:
    """Every kind's operator. ``choices`` are "blur", "image:logo.png" (all kinds) or "faces=pixelate" (one kind).

    Args:
        choices: later ones win; kinds without a choice are covered solidly.
        picture: reads the picture that a choice names.

    Raises:
        BadRequest: no such operator or kind.
    """
    made: dict[Kind, Operator] = dict.fromkeys(Kind, solid)
    for choice in choices:
        target, equals, name = choice.rpartition("=")
        if equals and target not in _TARGETS:
            raise BadRequest(f"There is no kind called {target}.", hint=f"Kinds: {', '.join(_TARGETS)}.")
        if name.startswith("image:"):
            operator: Operator = Picture(picture(name.removeprefix("image:")))
        elif name in _NAMED:
            operator = _NAMED[name]
        else:
            raise BadRequest(f"There is no operator called {name}.", hint=f"Operators: {', '.join(NAMES)}.")
        for kind in [_TARGETS[target]] if equals else list(Kind):
            made[kind] = operator
    return made


def _region(plane: Plane, box: Box) -> Level | None:
    """The samples under a box, rounded outwards; ``None`` where it lies outside."""
    x, y, w, h = box
    height, width = plane.samples.shape[:2]
    left, top = max(0, int(np.floor(x / plane.wide))), max(0, int(np.floor(y / plane.high)))
    right, bottom = min(width, int(np.ceil((x + w) / plane.wide))), min(height, int(np.ceil((y + h) / plane.high)))
    return plane.samples[top:bottom, left:right] if right > left and bottom > top else None
