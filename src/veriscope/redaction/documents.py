"""Plain text, HTML and subtitles as files: found, replaced, read again from what was written."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from veriscope.errors import RenderFailed
from veriscope.media.texts import read_text
from veriscope.perception.pii import Custom, PiiKind
from veriscope.redaction.html import html_text, redact_html
from veriscope.redaction.job import Job, Work
from veriscope.redaction.plan import CHARACTERS, Plan, Span
from veriscope.redaction.subtitles import SubtitleFormat, redact_subtitles, subtitle_text
from veriscope.redaction.targets import TEXT
from veriscope.redaction.text import Redacted, Wanted, redact_text
from veriscope.types import Kind

_VTT = re.compile(r"\ufeff?WEBVTT(?:[ \t\r\n]|$)")
_ASS = re.compile(r"\ufeff?\s*\[Script Info\]", re.IGNORECASE)
_SRT = re.compile(r"\ufeff?\s*(?:\d+\s*\n)?\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->", re.ASCII)


class DocumentJob(Job):
    """A plan's spans are characters of what a reader sees: the text, the visible text of a page, the words of cues."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._source = read_text(self.media.path, work.limits)
        self._made: Plan | None = None
        self._form = subtitle_format(self._source) if self.media.kind is Kind.TEXT else None

    def plan(self) -> Plan:
        began = time.monotonic()
        text = self._visible()
        found = self.work.wanted.find(text, self.infer) if TEXT in self.work.targets else []
        numbers: Counter[PiiKind] = Counter()
        spans = []
        for span in found:
            numbers[span.kind] += 1
            name = f"{span.kind.value}-{numbers[span.kind]}"
            spans.append(Span(name, span.kind.value, span.start, span.end, span.confidence, unit=CHARACTERS))
        self.took("look", began)
        self.work.progress("look", 1.0)
        self._made = Plan(self.media.sha256, 0, 0, 0.0, self.work.targets, spans=tuple(spans))
        return self._made

    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        began = time.monotonic()
        wanted = self._corrected(plan)
        result = self._redacted(wanted)
        # with a mark of its encoding, which goes before what a page says of itself
        encoding = "utf-8-sig" if self.media.kind is Kind.HTML and not result.text.isascii() else "utf-8"
        part.write_bytes(result.text.encode(encoding, "replace"))
        self.took("render", began)
        self.work.progress("render", 1.0)
        if part.read_bytes().decode(encoding) != result.text:
            raise RenderFailed("The text that was written does not read as it should.")
        notes = [f"{count} {name.replace('_', ' ')} left out." for name, count in result.removed.items() if count]
        facts = {
            "found": {kind.value: count for kind, count in result.found.items()},
            "looks": result.looks - 1,
            "rendered": 1,
            "notes": tuple(notes),
        }
        return plan, facts

    def _visible(self) -> str:
        if self.media.kind is Kind.HTML:
            return html_text(self._source)
        return self._source if self._form is None else subtitle_text(self._source, self._form)

    def _redacted(self, wanted: Wanted) -> Redacted:
        infer = self.infer if wanted.kinds else None
        if self.media.kind is Kind.HTML:
            return redact_html(self._source, infer, wanted)
        if self._form is not None:
            return redact_subtitles(self._source, self._form, infer, wanted)
        return redact_text(self._source, infer, wanted)

    def _corrected(self, plan: Plan) -> Wanted:
        """What a corrected plan says goes wherever it stands; what it spares stays wherever it stands."""
        if plan == self._made:
            return self.work.wanted
        text = self._visible()
        wanted = self.work.wanted if TEXT in self.work.targets else replace(self.work.wanted, kinds=frozenset())
        spared, own = set(), list(wanted.custom)
        for span in plan.spans:
            shown = text[max(0, round(span.start)) : max(0, round(span.end))].strip()
            if not shown:
                continue
            if not span.enabled:
                spared.add(shown.casefold())
            elif span.kind in set(PiiKind):
                own.append(_literal(shown, PiiKind(span.kind)))
            else:
                own.append(_literal(shown, PiiKind.CUSTOM))
        return replace(wanted, custom=tuple(own), spared=frozenset(spared))


def _literal(shown: str, kind: PiiKind) -> Custom:
    """The words as they stand, however they are broken into lines."""
    return Custom(r"\s+".join(re.escape(part) for part in shown.split()), pattern=True, kind=kind)


def subtitle_format(text: str) -> SubtitleFormat | None:
    """By its first lines; ``None`` for other text."""
    rules: Mapping[SubtitleFormat, Callable[[str], object]] = {
        SubtitleFormat.VTT: _VTT.match,
        SubtitleFormat.ASS: _ASS.match,
        SubtitleFormat.SRT: _SRT.match,
    }
    return next((form for form, fits in rules.items() if fits(text)), None)
