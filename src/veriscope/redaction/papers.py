"""PDF: letters by their place, pictures and scans by looking, painted pages, and a second look at the new file.

Text is found twice: as the file says it, and as it is seen on the drawn page. A font that says one thing and shows
another is caught by the second. A track's ``time`` is its page, counted from 0.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import LeakFound
from veriscope.perception.pii import PiiSpan
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.finding import named, portrait
from veriscope.redaction.job import Job, Work
from veriscope.redaction.lookers import Effort, Looker, Sighting, lookers
from veriscope.redaction.looking import Seen
from veriscope.redaction.pdf import DPI
from veriscope.redaction.plan import Box, KeyBox, Kind, Plan, Track
from veriscope.redaction.targets import TEXT
from veriscope.redaction.verify import Leak, confirmed, leaks
from veriscope.types import Image, Media

_RENDERINGS: Final = 4
_LARGER: Final = 1.5  # times the margins, when a rendering leaked
_DARK: Final = 40  # value that the inside of a box may have: drawing the page again may blend its rim
_FORBIDDEN = re.compile(rb"/(?:Annots|EmbeddedFiles|Metadata|Info|AcroForm|Names|JavaScript|JS|Font|OpenAction)\b")


class PaperJob(Job):
    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._lookers: Sequence[Looker] = lookers(work.targets, work.infer, self.how.senses, work.wanted)
        self._found: Counter[str] = Counter()

    def planned(self) -> dict[str, Any]:
        return {"found": dict(self._found)}

    def plan(self) -> Plan:
        began = time.monotonic()
        texts: list[str] = []
        places: list[NDArray[np.float32]] = []
        tracks: list[Track] = []
        numbers: Counter[Kind] = Counter()
        size = (0, 0)
        shapes: list[tuple[int, ...]] = []
        for answer in self._pages(self.media):
            image = answer["arrays"]["image"]
            size = size if shapes else (image.shape[1], image.shape[0])
            shapes.append(image.shape)
            texts.append(answer["text"])
            places.append(answer["arrays"]["boxes"])
            for kind, sightings in self._look(image).items():
                for s in sightings:
                    numbers[kind] += 1
                    boxes = (KeyBox(answer["page"], s.box),)
                    tracks.append(named(kind, numbers[kind], s.label, boxes, s.score, portrait(image, s.box)))
            self.work.progress("look", (answer["page"] + 1) / answer["pages"])
        if TEXT in self.work.targets:
            tracks += self._written(texts, places, shapes, numbers)
        self.duration = float(len(texts))
        self.took("look", began)
        return Plan(
            self.media.sha256, *size, self.duration, self.work.targets, tuple(tracks), settings={"dotsPerInch": DPI}
        )

    def _written(
        self,
        texts: Sequence[str],
        places: Sequence[NDArray[np.float32]],
        shapes: Sequence[tuple[int, ...]],
        numbers: Counter[Kind],
    ) -> Iterator[Track]:
        """What the file itself says, searched as one text: names found on one page are covered on all."""
        found = self.work.wanted.find("\n\n".join(texts), self.infer)
        self._found.update(span.kind.value for span in found)
        start = 0
        for page, text in enumerate(texts):
            for span in found:
                first, last = max(0, span.start - start), min(len(text), span.end - start)
                if first < last:
                    for box in _lines(text[first:last], places[page][first:last], shapes[page]):
                        numbers[Kind.TEXT] += 1
                        yield _track(numbers[Kind.TEXT], page, box, span)
            start += len(text) + 2

    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        self.duration = self.duration or plan.duration
        first: tuple[Leak, ...] = ()
        found: list[Leak] = []
        for times in range(1, _RENDERINGS + 1):
            margins = Margins(1.0 if times == 1 else _LARGER, 0.0)
            coverage = Coverage([t for t in plan.tracks if t.enabled], margins)
            covers = [[box for _, box in coverage.at(float(page))] for page in range(round(plan.duration))]
            began = time.monotonic()
            common = {"path": str(self.media.path), "format": self.media.format}
            done = self.written("repaint", **common, target=str(part), covers=covers)
            self.took("render", began)
            found = self._second_look(plan, part, covers, margins)
            first = first or tuple(found)
            if not found:
                facts = {"pages": done["pages"], "rendered": times, "looks": done["pages"], "first_leaks": first}
                return plan, {**facts, "notes": ("Pages are pictures now: their text can no longer be selected.",)}
            for leak in found:
                plan = plan.add_box(leak.box, leak.time, leak.time)
        raise LeakFound(
            f"The second look still saw {len(found)} uncovered places, first on page {found[0].time + 1:.0f}."
        )

    def _second_look(self, plan: Plan, part: Path, covers: Sequence[Sequence[Box]], margins: Margins) -> list[Leak]:
        """The new file opened as a stranger would: no text, no parts that hide some, boxes black, nothing to see."""
        began = time.monotonic()
        if _FORBIDDEN.search(_outside_streams(part.read_bytes())):
            raise LeakFound("The new PDF holds parts that it must not hold.")
        looks: list[Seen] = []
        for answer in self._pages(replace(self.media, path=part)):
            page, image = answer["page"], answer["arrays"]["image"]
            if answer["pages"] != len(covers):
                raise LeakFound("The new PDF does not have as many pages as the old one.")
            if not answer["plain"]:
                raise LeakFound(f"Page {page + 1} of the new PDF still holds text.")
            for box in covers[page]:
                if _shows(image, box):
                    raise LeakFound(f"A box on page {page + 1} of the new PDF does not cover what it should.")
            if self.how.second_look:
                looks.append(Seen(float(page), self._look(image)))
            self.work.progress("verify", (page + 1) / answer["pages"])
        found = leaks(plan, looks, margins)
        if found:
            only = sorted({round(leak.time) for leak in found})
            source = [Seen(float(a["page"]), self._look(a["arrays"]["image"])) for a in self._pages(self.media, only)]
            found = confirmed(found, source)
        self.took("verify", began)
        return found

    def _look(self, image: Image) -> dict[Kind, Sequence[Sighting]]:
        return {looker.kind: looker.look(image, Effort.LARGE) for looker in self._lookers}

    def _pages(self, media: Media, only: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        picked = None if only is None else list(only)
        stream = self.work.decoder.stream("pages", path=str(media.path), format=media.format, only=picked)
        with closing(stream) as answers:
            yield from answers


def _track(number: int, page: int, box: Box, span: PiiSpan) -> Track:
    boxes = (KeyBox(float(page), box, seen=False),)
    return Track(f"text-{number}", Kind.TEXT, boxes, span.confidence, label=span.kind.value)


def _lines(text: str, places: NDArray[np.float32], shape: tuple[int, ...]) -> Iterator[Box]:
    """Boxes of the lines that a finding covers; the whole page where the place of a letter is unknown."""
    lines: list[list[float]] = []
    for character, (x0, y0, x1, y1) in zip(text, places.tolist(), strict=True):
        if character.isspace():
            continue
        if x1 <= x0 or y1 <= y0:
            yield (0.0, 0.0, float(shape[1]), float(shape[0]))
            return
        last = lines[-1] if lines else None
        if last and min(last[3], y1) - max(last[1], y0) > 0.5 * min(last[3] - last[1], y1 - y0) and x0 >= last[0] - 2:
            lines[-1] = [min(last[0], x0), min(last[1], y0), max(last[2], x1), max(last[3], y1)]
        else:
            lines.append([x0, y0, x1, y1])
    for x0, y0, x1, y1 in lines:
        yield (x0, y0, x1 - x0, y1 - y0)


def _shows(image: Image, box: Box) -> bool:
    """Whether the inside of a box is not black."""
    x, y, w, h = box
    inner = image[max(0, int(y) + 2) : max(0, int(y + h) - 2), max(0, int(x) + 2) : max(0, int(x + w) - 2)]
    return bool(inner.size) and int(inner.max()) > _DARK


def _outside_streams(data: bytes) -> bytes:
    """The file without the bytes of its streams, where any word may occur by chance."""
    return re.sub(rb"stream\r?\n.*?endstream", b"", data, flags=re.DOTALL)
