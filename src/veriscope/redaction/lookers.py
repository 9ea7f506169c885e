"""Who looks at a picture for one kind of thing: the seam at which further kinds are added."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import cv2
import numpy as np

from veriscope.errors import BadRequest
from veriscope.perception.faces import detect_faces, overlap
from veriscope.perception.ocr import LONGEST, Reader, reader
from veriscope.perception.plates import THRESHOLD, find_plates
from veriscope.redaction.plan import Box, Kind
from veriscope.redaction.reading import personal
from veriscope.redaction.senses import Senses
from veriscope.redaction.text import Wanted
from veriscope.types import Image, Infer

_MOST_PIXELS = 2560 * 1440  # of an enlarged picture: a second of one core
_TILE, _OVERLAP = 640, 128  # px of an enlarged picture; larger faces are found in the others
_BORDER = 8  # px from the border of a tile within which something may be cut
_PART = 0.8  # share of a box that lies in another, from which it is a part of it


class Effort(IntEnum):
    SMALL = 0  # often, on a reduced picture
    LARGE = 1  # seldom, at full size
    ENLARGED = 2  # at the beginning, after a cut and now and then: for faces of a few pixels


@dataclass(frozen=True, slots=True)
class Sighting:
    box: Box  # x, y, width, height in pixels of the picture that was handed in
    score: float  # 0–1
    label: str = ""  # what was recognised, never the data itself


class Looker(Protocol):
    """Raises what its network raises: a look that fails is never an empty one.

    ``every`` is how many seconds may pass between its looks at a film; 0 for every look there is.
    """

    @property
    def kind(self) -> Kind: ...
    @property
    def every(self) -> float: ...
    def look(self, image: Image, effort: Effort) -> Sequence[Sighting]: ...


class FaceLooker:
    """CenterFace at one to three sizes.

    Args:
        infer: runs the network.
        small: longest side of the picture at the smallest effort.
        large: the same at the others; the greatest effort adds twice that.
        threshold: least score at the small size; enlarged pictures need ``strict``, for texture looks like tiny faces.
    """

    kind = Kind.FACE
    every = 0.0

    def __init__(
        self, infer: Infer, small: int = 640, large: int = 1280, threshold: float = 0.2, strict: float = 0.35
    ) -> None:
        self._infer = infer
        self._small, self._large = small, large
        self._threshold, self._strict = threshold, strict
        self._large_one = threading.Lock()  # the network takes 300 MB for a large picture: one at a time

    def look(self, image: Image, effort: Effort) -> Sequence[Sighting]:
        longest = max(image.shape[:2])
        found = self._at(image, self._small, self._threshold)
        if effort >= Effort.LARGE and longest > self._small:
            with self._large_one:
                found = merged(found, self._at(image, self._large, self._threshold))
        if effort >= Effort.ENLARGED:
            side = longest * (_MOST_PIXELS / (image.shape[0] * image.shape[1])) ** 0.5
            with self._large_one:
                found = merged(found, self._enlarged(image, min(2.0, min(2 * self._large, side) / longest), found))
        return found

    def _at(self, image: Image, side: int, threshold: float) -> list[Sighting]:
        return [Sighting(face.box, face.score) for face in detect_faces(image, self._infer, threshold, side)]

    def _enlarged(self, image: Image, factor: float, known: Sequence[Sighting]) -> list[Sighting]:
        """Tile by tile, each a little over the next: the memory of the network grows with what it is given.

        What the border of a tile cuts is left out where it is a part of something that is known, and kept elsewhere.
        """
        size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
        way = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_AREA
        large = cv2.resize(image, size, interpolation=way).astype(np.uint8, copy=False)
        found: list[Sighting] = []
        for top in range(0, max(1, size[1] - _OVERLAP), _TILE - _OVERLAP):
            for left in range(0, max(1, size[0] - _OVERLAP), _TILE - _OVERLAP):
                tile = np.ascontiguousarray(large[top : top + _TILE, left : left + _TILE])
                for seen in self._at(tile, _TILE, self._strict):
                    x, y, w, h = seen.box
                    box = _scaled((x + left, y + top, w, h), 1 / factor)
                    whole = (
                        (left == 0 or x > _BORDER)
                        and (top == 0 or y > _BORDER)
                        and (left + _TILE >= size[0] or x + w < _TILE - _BORDER)
                        and (top + _TILE >= size[1] or y + h < _TILE - _BORDER)
                    )
                    if whole or all(_inside(box, other.box) <= _PART for other in known):
                        found.append(replace(seen, box=box))
        return found


class PlateLooker:
    """Licence plates, found by ``veriscope.perception.plates``; with a reader, what it is not certain of is read."""

    kind = Kind.PLATE
    every = 0.0

    def __init__(self, infer: Infer, threshold: float = THRESHOLD, reader: Reader | None = None) -> None:
        self._infer = infer
        self._threshold = threshold
        self._reader = reader

    def look(self, image: Image, effort: Effort) -> Sequence[Sighting]:  # noqa: ARG002 - it has scales of its own
        found = []
        for box, score in find_plates(image, self._infer, self._threshold, reader=self._reader):
            x, y, w, h = (float(v) for v in box)
            found.append(Sighting((x, y, w, h), float(score)))
        return found


class TextLooker:
    """Personal data on screens, papers and signs; with ``plates``, text that has the shape of a licence plate too.

    Args:
        reader: reads the letters.
        infer: runs ``pii-names``.
        wanted: which kinds of personal data.
        plates: whether text of the shape of a plate counts.
        every: seconds between two looks at a film.
        small: longest side of the picture at the smallest effort.
        large: the same at the others.
    """

    kind = Kind.TEXT

    def __init__(
        self,
        reader: Reader,
        infer: Infer,
        wanted: Wanted,
        plates: bool = False,
        every: float = 0.0,
        small: int = 1280,
        large: int = LONGEST,
    ) -> None:
        self._reader, self._infer, self._wanted, self._plates = reader, infer, wanted, plates
        self.every = every
        self._small, self._large = small, large

    def look(self, image: Image, effort: Effort) -> Sequence[Sighting]:
        lines = self._reader.read(image, self._small if effort is Effort.SMALL else self._large)
        found = personal(lines, self._infer, self._wanted, self._plates)
        return merged([Sighting(f.box, f.confidence, f.kind) for f in found], [])


def merged(found: Sequence[Sighting], more: Sequence[Sighting]) -> list[Sighting]:
    """Both lists without what both have, and without what lies inside something better (an eye is no face)."""
    kept: list[Sighting] = []
    for sighting in sorted([*found, *more], key=lambda s: -s.score):
        if any(_inside(sighting.box, other.box) > _PART for other in kept):
            continue
        if not kept or overlap(_array([sighting]), _array(kept)).max() < 0.4:
            kept.append(sighting)
    return kept


def _inside(box: Box, other: Box) -> float:
    """Which part of ``box`` lies in ``other``."""
    wide = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
    high = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
    return max(0.0, wide) * max(0.0, high) / max(box[2] * box[3], 1e-9)


def lookers(
    targets: Sequence[str], infer: Infer, senses: Senses | None = None, wanted: Wanted | None = None
) -> list[Looker]:
    """Those for the targets that pictures have.

    Raises:
        BadRequest: there is no such target.
        ModelUnavailable: a network is not known; one whose file is missing says so at the first look.
    """
    senses, wanted = senses or Senses(), wanted or Wanted()
    made: list[Looker] = []
    for target in targets:
        if target == "faces":
            infer.version("centerface")
            made.append(FaceLooker(infer, threshold=senses.face_confidence))
        elif target == "plates":
            infer.version("plate-detector")
            infer.version("plate-verifier")
            reads = reader(senses.ocr, infer) if senses.read_plates else None
            made.append(PlateLooker(infer, senses.plate_confidence, reads))
        elif target == "text":
            infer.version("pii-names")
            read = reader(senses.ocr, infer)
            wanted = replace(wanted, minimum=senses.text_confidence)
            made.append(TextLooker(read, infer, wanted, "plates" in targets, senses.text_seconds))
        elif target != "speech":
            raise BadRequest(f"There is no target called {target} for pictures.", hint="Targets: faces, plates, text.")
    return made


def _scaled(box: Box, factor: float) -> Box:
    x, y, w, h = box
    return x * factor, y * factor, w * factor, h * factor


def _array(sightings: Sequence[Sighting]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([s.box for s in sightings], np.float32)
