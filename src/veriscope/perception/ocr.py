"""Printed and displayed text in pictures: lines with their places. Two engines behind one protocol.

``rapidocr`` (default): the networks of PaddleOCR as the wheels of RapidOCR carry them, run like every other network
here. ``tesseract``: the program of that name, where it is installed. Nobody reads all diacritics: boxes are right where
letters are not, and whoever relies on the letters must say what happens where they fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import BadSetting
from veriscope.types import Image, Infer

ENGINES = ("rapidocr", "tesseract")
LONGEST = 1920  # px, longer side of the picture that is searched

Box = tuple[float, float, float, float]  # x, y, width, height, pixels of the picture


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text. What could not be read has confidence 0, and its text may be empty; its place is known.

    ``corners`` are 4×2 float32, clockwise from where the line begins; ``edges`` has one entry more than ``text`` has
    characters: where each begins, and the last ends, as fractions of the way along the line.
    """

    text: str
    corners: NDArray[np.float32]
    confidence: float  # 0–1, mean over the characters; not calibrated
    edges: tuple[float, ...]
    score: float = 1.0  # 0–1, that there is text at all

    @property
    def box(self) -> Box:
        return bounds(self.corners)

    @property
    def height(self) -> float:
        """Of the letters, pixels, however the line is turned."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    def part(self, start: int, end: int) -> Box:
        """The upright box around characters ``start`` to ``end``, half a letter wider on either side."""
        if not self.text or end <= start:
            return self.box
        slack = 0.5 / max(len(self.text), 1)
        low, high = max(0.0, self.edges[start] - slack), min(1.0, self.edges[end] + slack)
        a, b, c, d = self.corners
        return bounds(np.array([a + low * (b - a), a + high * (b - a), d + high * (c - d), d + low * (c - d)]))


class Reader(Protocol):
    """Raises what its network or program raises: a reading that fails is never an empty one. Safe for threads."""

    @property
    def name(self) -> str: ...
    def read(self, image: Image, longest: int = LONGEST) -> Sequence[Line]:
        """Lines of ``image`` (H×W×3 uint8 RGB), which is searched with a longer side of ``longest`` pixels at most."""
        ...


def reader(engine: str, infer: Infer) -> Reader:
    """The engine of that name.

    Raises:
        BadSetting: there is none of that name.
        ModelUnavailable: its networks are not known, or its program is not installed.
    """
    if engine == "rapidocr":
        from veriscope.perception.ocr_rapid import RapidOcr

        return RapidOcr(infer)
    if engine == "tesseract":
        from veriscope.perception.ocr_tesseract import Tesseract

        return Tesseract()
    raise BadSetting(f"There is no engine for text in pictures called {engine}.", hint=f"Known: {', '.join(ENGINES)}.")


def bounds(points: NDArray[np.float32]) -> Box:
    """The upright box around points (N×2)."""
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left, top, right - left, bottom - top
