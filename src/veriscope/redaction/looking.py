"""The looks at a file: pictures once, films on a cadence. The source to make a plan of, and the output to prove it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from veriscope.media.child import DecodeChild
from veriscope.redaction.finding import Following, named, portrait
from veriscope.redaction.lookers import Effort, Looker, Sighting
from veriscope.redaction.plan import KeyBox, Kind, Track
from veriscope.types import Image, Media

LARGE_SIDE = 1920  # a full frame is looked at no larger
_AT_ONCE = 2  # looks
_ENLARGED_AFTER_CUT = 2.0  # seconds at least between two enlarged looks

Told = Callable[[float], None]  # fraction of the pass


@dataclass(frozen=True, slots=True)
class Cadence:
    """Seconds between looks."""

    small: float = 0.4
    large: float = 3.0
    enlarged: float = 10.0
    first: float = 0.0  # delay of the first: another phase for a second look
    side: int = 640  # longest side of the picture for the small looks

    def finer(self) -> Cadence:
        return replace(self, small=self.small / 3, large=self.large / 3, enlarged=self.enlarged / 3)

    def every(self) -> Mapping[Effort, float]:
        return {Effort.SMALL: self.small, Effort.LARGE: self.large, Effort.ENLARGED: self.enlarged}


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: what was seen at a moment, in pixels of the upright frame."""

    time: float
    sightings: Mapping[Kind, Sequence[Sighting]]


def film_tracks(
    media: Media,
    lookers: Sequence[Looker],
    cadence: Cadence,
    decoder: DecodeChild,
    duration: float,
    told: Told,
    extra: Mapping[Kind, Sequence[tuple[float, Sighting]]] | None = None,
) -> tuple[tuple[Track, ...], tuple[int, int]]:
    """Everything the lookers see, followed through every frame; and the size of the upright picture.

    Args:
        media, lookers, cadence: what is looked at, by whom, how often.
        decoder: reads it.
        duration: seconds, for the progress told.
        told: fraction done.
        extra: sightings by somebody else (a second look), with their times; boxes in pixels of the upright frame.
    """
    following: Following | None = None
    size = (0, 0)
    waiting = sorted(((t, kind, s) for kind, found in (extra or {}).items() for t, s in found), key=lambda w: w[0])
    marks = [t for t, _, _ in waiting]
    for answer, seen in _passes(media, lookers, cadence, decoder, marks):
        size = (answer["width"], answer["height"])
        following = following or Following(size[0], cadence.every())
        arrays, times = answer["arrays"], answer["times"]
        for grey, time, cut in zip(arrays["greys"], times, answer["cuts"], strict=True):
            following.frame(grey, time, cut)
        if seen is not None:
            factor = arrays["image"].shape[1] / size[0]
            while waiting and waiting[0][0] <= times[-1] + 1e-4:
                _, kind, sighting = waiting.pop(0)
                seen.setdefault(kind, []).append(_scaled(sighting, factor))
            following.looked(seen, arrays["image"], answer["effort"])
        told(min(1.0, times[-1] / max(duration, 1e-6)))
    assert following is not None  # a film without frames is an error of the decoder
    return following.tracks(), size


def film_looks(
    media: Media,
    lookers: Sequence[Looker],
    cadence: Cadence,
    decoder: DecodeChild,
    duration: float,
    told: Told,
    marks: Sequence[float] = (),
) -> list[Seen]:
    """The looks alone, without tracks; the images are let go. ``marks`` are times to look at besides."""
    looks = []
    for answer, seen in _passes(media, lookers, cadence, decoder, sorted(marks)):
        if seen is not None:
            factor = answer["width"] / answer["arrays"]["image"].shape[1]
            found = {kind: [_scaled(s, factor) for s in sightings] for kind, sightings in seen.items()}
            looks.append(Seen(answer["times"][-1], found))
        told(min(1.0, answer["times"][-1] / max(duration, 1e-6)))
    return looks


def picture_tracks(image: Image, lookers: Sequence[Looker]) -> tuple[Track, ...]:
    tracks = []
    for looker in lookers:
        for i, s in enumerate(looker.look(image, Effort.ENLARGED), 1):
            boxes = (KeyBox(0.0, s.box),)
            tracks.append(named(looker.kind, i, s.label, boxes, s.score, portrait(image, s.box)))
    return tuple(tracks)


Looked = dict[Kind, list[Sighting]]


def _passes(
    media: Media, lookers: Sequence[Looker], cadence: Cadence, decoder: DecodeChild, marks: list[float]
) -> Iterator[tuple[dict[str, Any], Looked | None]]:
    """Answers of the survey in order, with what was seen in their image; two looks run while the next is decoded."""

    def look(due: Sequence[Looker], image: Image, effort: Effort) -> Looked:
        return {looker.kind: list(looker.look(image, effort)) for looker in due}

    last_look: dict[Kind, float] = {}
    last_enlarged: float | None = None
    waiting: deque[tuple[dict[str, Any], Future[Looked] | None]] = deque()
    answers = decoder.stream(
        "survey",
        path=str(media.path),
        format=media.format,
        small=cadence.side,
        large=LARGE_SIDE,
        every_small=cadence.small,
        every_large=cadence.large,
        first=cadence.first,
        marks=marks,
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool, closing(answers):
        for answer in answers:
            future = None
            if answer["look"]:
                time = answer["times"][-1]
                effort = Effort.LARGE if answer["look"] == "large" else Effort.SMALL
                since = float("inf") if last_enlarged is None else time - last_enlarged
                due = since >= cadence.enlarged or (answer["cuts"][-1] and since >= _ENLARGED_AFTER_CUT)
                if effort is Effort.LARGE and due:
                    effort, last_enlarged = Effort.ENLARGED, time
                answer["effort"] = effort
                whole = effort > Effort.SMALL or answer["cuts"][-1]
                waited = {w.kind: time - last_look.get(w.kind, -1e9) for w in lookers}
                asked = [w for w in lookers if whole or waited[w.kind] >= w.every - 1e-6]
                last_look |= dict.fromkeys((w.kind for w in asked), time)
                future = pool.submit(look, asked, answer["arrays"]["image"], effort)
            waiting.append((answer, future))
            while waiting and (len(waiting) > 2 * _AT_ONCE or waiting[0][1] is None or waiting[0][1].done()):
                ready, seen = waiting.popleft()
                yield ready, None if seen is None else seen.result()
        for ready, seen in waiting:
            yield ready, None if seen is None else seen.result()


def _scaled(sighting: Sighting, factor: float) -> Sighting:
    x, y, w, h = sighting.box
    return replace(sighting, box=(x * factor, y * factor, w * factor, h * factor))
