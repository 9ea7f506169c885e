"""What is to be covered, as nouns that a person can correct before anything is rendered.

Boxes are x, y, width, height in pixels of the upright picture (as a player shows it), times are seconds on the
container's own clock. Between two boxes of a track the box moves in a straight line; before the first and after the
last the track covers nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import BadRequest

VERSION = 1
SECONDS, CHARACTERS = "seconds", "characters"
EPSILON = 1e-4  # seconds; frame times are rounded to 1e-6 in JSON

Box = tuple[float, float, float, float]


class Kind(StrEnum):
    FACE = "face"
    PLATE = "plate"
    TEXT = "text"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class KeyBox:
    time: float
    box: Box
    seen: bool = True  # a detector saw it here; False: followed or held


@dataclass(frozen=True, slots=True)
class Track:
    """One thing through time. ``enabled`` false means it was looked at and is to stay visible."""

    id: str
    kind: Kind
    boxes: tuple[KeyBox, ...]  # in order of time, at least one
    confidence: float  # best score of its detector, 0–1; 1 for manual boxes
    enabled: bool = True
    label: str = ""  # what was recognised, for a person to read: never the data itself
    thumbnail: bytes = b""  # JPEG

    @property
    def start(self) -> float:
        return self.boxes[0].time

    @property
    def end(self) -> float:
        return self.boxes[-1].time


@dataclass(frozen=True, slots=True)
class Span:
    """A part to be removed: of the sound, in seconds, or of a text, in characters of what a reader sees of it."""

    id: str
    kind: str  # "name", "card", "phone", …
    start: float
    end: float
    confidence: float
    enabled: bool = True
    label: str = ""
    unit: str = SECONDS  # or CHARACTERS


@dataclass(frozen=True, slots=True)
class Plan:
    """For a PDF, ``time`` counts pages from 0, and boxes are in pixels of the pages as they are drawn."""

    sha256: str  # of the source it was made for
    width: int  # of the upright picture; 0 for sound and text
    height: int
    duration: float  # seconds; 0 for a picture and a text; the number of pages of a PDF
    targets: tuple[str, ...]
    tracks: tuple[Track, ...] = ()
    spans: tuple[Span, ...] = ()
    settings: Mapping[str, float | int | str] = field(default_factory=dict)  # what shaped it: cadence, thresholds

    def keep(self, ids: Iterable[str]) -> Plan:
        """These tracks and spans stay visible or audible. They remain in the plan, so that the second look knows.

        Raises:
            BadRequest: there is none of that name.
        """
        wanted = set(ids)
        known = {t.id for t in self.tracks} | {s.id for s in self.spans}
        if missing := sorted(wanted - known):
            raise BadRequest(f"The plan has no track called {missing[0]}.", hint="The plan lists them under 'id'.")
        return replace(
            self,
            tracks=tuple(replace(t, enabled=False) if t.id in wanted else t for t in self.tracks),
            spans=tuple(replace(s, enabled=False) if s.id in wanted else s for s in self.spans),
        )

    def add_box(self, box: Box, start: float, end: float) -> Plan:
        """A box drawn by hand, at rest from ``start`` to ``end``."""
        taken = {t.id for t in self.tracks}
        number = next(n for n in range(1, len(taken) + 2) if f"manual-{n}" not in taken)
        boxes = (KeyBox(start, box), KeyBox(end, box)) if end > start else (KeyBox(start, box),)
        return replace(self, tracks=(*self.tracks, Track(f"manual-{number}", Kind.MANUAL, boxes, 1.0)))

    def add_span(self, start: float, end: float, unit: str = SECONDS) -> Plan:
        taken = {s.id for s in self.spans}
        number = next(n for n in range(1, len(taken) + 2) if f"manual-{n}" not in taken)
        return replace(self, spans=(*self.spans, Span(f"manual-{number}", "manual", start, end, 1.0, unit=unit)))

    def as_dict(self) -> dict[str, Any]:
        """The public shape (camelCase)."""
        return {
            "version": VERSION,
            "sha256": self.sha256,
            "width": self.width,
            "height": self.height,
            "duration": round(self.duration, 6),
            "targets": list(self.targets),
            "settings": dict(self.settings),
            "tracks": [_track(t) for t in self.tracks],
            "spans": [_span(s) for s in self.spans],
        }

    def as_json(self) -> str:
        return json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Raises ``BadRequest``, naming the first place that is wrong."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise BadRequest(f"The plan is not JSON: {exc}.") from exc
        return cls.from_dict(value)

    @classmethod
    def from_dict(cls, value: Any) -> Plan:
        top = _mapping(value, "The plan")
        if top.get("version") != VERSION:
            raise BadRequest(f"The plan's version must be {VERSION}.", hint="Make the plan anew with --plan-only.")
        plan = cls(
            sha256=_string(top, "sha256", ""),
            width=int(_number(top, "width", "", least=0)),
            height=int(_number(top, "height", "", least=0)),
            duration=_number(top, "duration", "", least=0),
            targets=tuple(str(t) for t in _list(top, "targets", "")),
            tracks=tuple(_read_track(t, f"tracks[{i}]") for i, t in enumerate(_list(top, "tracks", ""))),
            spans=tuple(_read_span(s, f"spans[{i}]") for i, s in enumerate(_list(top, "spans", ""))),
            settings=_mapping(top.get("settings", {}), "settings"),
        )
        for what, ids in (("track", [t.id for t in plan.tracks]), ("span", [s.id for s in plan.spans])):
            if twice := next((i for i in ids if ids.count(i) > 1), None):
                raise BadRequest(f"The plan has two {what}s called {twice}.")
        return plan


class Path:
    """A track made ready for rendering: where it is at any moment.

    Args:
        track: with at least one box.
        slack: seconds by which it covers earlier and later than it says, so that rounding bares no frame.
    """

    def __init__(self, track: Track, slack: float = EPSILON) -> None:
        self.track = track
        self._times: NDArray[np.float64] = np.array([b.time for b in track.boxes])
        self._boxes: NDArray[np.float64] = np.array([b.box for b in track.boxes])
        self._slack = slack

    def at(self, time: float) -> tuple[Box, tuple[float, float]] | None:
        """The box, and how fast its centre moves (pixels a second in x and y); ``None`` where it covers nothing."""
        if time < self._times[0] - self._slack or time > self._times[-1] + self._slack:
            return None
        i = int(np.searchsorted(self._times, time, side="right"))
        before, after = max(i - 1, 0), min(i, len(self._times) - 1)
        a, b = self._boxes[before], self._boxes[after]
        gap = float(self._times[after] - self._times[before])
        if gap <= 0:
            x, y, w, h = a.tolist()
            return (x, y, w, h), (0.0, 0.0)
        share = min(1.0, max(0.0, (time - float(self._times[before])) / gap))
        x, y, w, h = (a + share * (b - a)).tolist()
        shift = ((b[:2] + b[2:] / 2) - (a[:2] + a[2:] / 2)) / gap
        return (x, y, w, h), (float(shift[0]), float(shift[1]))


def thinned(boxes: Sequence[KeyBox], tolerance: float = 0.015) -> tuple[KeyBox, ...]:
    """Fewer boxes whose straight lines stay within ``tolerance`` of the box's size of the ones left out."""
    if len(boxes) < 3:
        return tuple(boxes)
    values = np.array([b.box for b in boxes])
    times = np.array([b.time for b in boxes])
    kept = [0]
    while kept[-1] < len(boxes) - 1:
        start = kept[-1]
        end = min(start + 2, len(boxes) - 1)
        best = start + 1
        while end < len(boxes) and end - start <= 64:
            share = ((times[start + 1 : end] - times[start]) / max(times[end] - times[start], 1e-9))[:, None]
            line = values[start] + share * (values[end] - values[start])
            size = max(float(values[start : end + 1, 2:].min()), 1.0)
            if np.abs(line - values[start + 1 : end]).max(initial=0.0) > max(0.5, tolerance * size):
                break
            best = end
            end += 1
        kept.append(best)
    return tuple(boxes[i] for i in kept)


def _track(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "kind": track.kind.value,
        "enabled": track.enabled,
        "confidence": round(track.confidence, 4),
        "start": round(track.start, 6),
        "end": round(track.end, 6),
        "label": track.label,
        "thumbnail": "data:image/jpeg;base64," + base64.b64encode(track.thumbnail).decode() if track.thumbnail else "",
        "boxes": [
            {
                "time": round(b.time, 6),
                "x": round(b.box[0], 2),
                "y": round(b.box[1], 2),
                "width": round(b.box[2], 2),
                "height": round(b.box[3], 2),
                "seen": b.seen,
            }
            for b in track.boxes
        ],
    }


def _span(s: Span) -> dict[str, Any]:
    times = {"start": round(s.start, 6), "end": round(s.end, 6), "unit": s.unit}
    return {
        "id": s.id,
        "kind": s.kind,
        **times,
        "confidence": round(s.confidence, 4),
        "enabled": s.enabled,
        "label": s.label,
    }


def _read_track(value: Any, where: str) -> Track:
    track = _mapping(value, where)
    try:
        kind = Kind(str(track.get("kind")))
    except ValueError:
        raise BadRequest(f"{where}.kind must be one of {', '.join(Kind)}.") from None
    boxes = []
    for i, item in enumerate(_list(track, "boxes", where)):
        place = f"{where}.boxes[{i}]"
        box = _mapping(item, place)
        x, y = _number(box, "x", place), _number(box, "y", place)
        w, h = _number(box, "width", place, least=0), _number(box, "height", place, least=0)
        boxes.append(KeyBox(_number(box, "time", place), (x, y, w, h), bool(box.get("seen", True))))
    if not boxes:
        raise BadRequest(f"{where}.boxes must hold at least one box.", hint="To leave a track out set enabled: false.")
    if any(a.time > b.time for a, b in pairwise(boxes)):
        raise BadRequest(f"{where}.boxes must be in order of time.")
    return Track(
        id=_string(track, "id", where),
        kind=kind,
        boxes=tuple(boxes),
        confidence=_number(track, "confidence", where, least=0, default=1.0),
        enabled=_flag(track, where),
        label=str(track.get("label", "")),
        thumbnail=_thumbnail(track.get("thumbnail", ""), where),
    )


def _read_span(value: Any, where: str) -> Span:
    span = _mapping(value, where)
    start, end = _number(span, "start", where), _number(span, "end", where)
    if end < start:
        raise BadRequest(f"{where}.end must not be before its start.")
    confidence = _number(span, "confidence", where, least=0, default=1.0)
    kind = str(span.get("kind", "manual"))
    label, unit = str(span.get("label", "")), span.get("unit", SECONDS)
    if unit not in {SECONDS, CHARACTERS}:
        raise BadRequest(f"{where}.unit must be {SECONDS} or {CHARACTERS}.")
    return Span(_string(span, "id", where), kind, start, end, confidence, _flag(span, where), label, unit)


def _thumbnail(value: Any, where: str) -> bytes:
    if not isinstance(value, str):
        raise BadRequest(f"{where}.thumbnail must be a data URL.")
    try:
        return base64.b64decode(value.partition("base64,")[2], validate=True)
    except binascii.Error:
        raise BadRequest(f"{where}.thumbnail must be a data URL.") from None


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{where} must be a JSON object.")
    return value


def _list(value: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise BadRequest(f"{_place(where, key)} must be a list.")
    return found


def _number(
    value: Mapping[str, Any], key: str, where: str, *, least: float | None = None, default: float | None = None
) -> float:
    found = value.get(key, default)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found) or abs(found) > 1e9:
        raise BadRequest(f"{_place(where, key)} must be a number.")
    if least is not None and found < least:
        raise BadRequest(f"{_place(where, key)} must be at least {least:g}.")
    return float(found)


def _string(value: Mapping[str, Any], key: str, where: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise BadRequest(f"{_place(where, key)} must be a text.")
    return found


def _flag(value: Mapping[str, Any], where: str) -> bool:
    found = value.get("enabled", True)
    if not isinstance(found, bool):
        raise BadRequest(f"{where}.enabled must be true or false.")
    return found


def _place(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
