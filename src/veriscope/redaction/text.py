"""Personal data out of plain text, HTML and subtitles, and the second look that proves it.

Every format becomes pieces of visible text (``segments``); the pieces are searched as one text, the findings replaced,
and the output is read anew as a stranger would read it. What the second look still finds is taken out and looked at
again; what will not go away fails the job: nothing is handed out then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from veriscope.errors import LeakFound
from veriscope.perception.pii import DEFAULT_KINDS, MINIMUM, Custom, PiiKind, PiiSpan, find_pii
from veriscope.redaction.segments import Segments
from veriscope.redaction.words import Replacer, TextOperator
from veriscope.types import Infer

ROUNDS = 4  # looks at the output; each takes out what the one before found
LEAK = 0.5  # confidence from which a finding in the output is a leak
_SURE = 0.8
_PROVEN = frozenset((PiiKind.EMAIL, PiiKind.IBAN, PiiKind.CARD, PiiKind.WALLET))
_CERTAIN = 0.98
_ALONE = 3  # letters a single name must have to be covered wherever it occurs


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for and what to put in its place."""

    kinds: Collection[PiiKind] = DEFAULT_KINDS
    operator: TextOperator = TextOperator.LABEL
    per_kind: Mapping[PiiKind, TextOperator] = field(default_factory=dict)
    language: str | None = None
    custom: Sequence[Custom] = ()
    regions: Sequence[str] = ()
    leak: float = LEAK
    spoken: bool = False
    minimum: float = MINIMUM
    spared: frozenset[str] = frozenset()  # what stays, in small letters: a correction of the plan

    def replacer(self) -> Replacer:
        return Replacer(self.operator, dict(self.per_kind))

    def find(self, text: str, infer: Infer | None) -> list[PiiSpan]:
        spans = find_pii(
            text,
            infer,
            self.kinds,
            language=self.language,
            spoken=self.spoken,
            custom=self.custom,
            regions=self.regions,
            minimum=self.minimum,
        )
        found = everywhere(text, spans)
        return [s for s in found if not self._spared(text[s.start : s.end])] if self.spared else found

    def _spared(self, shown: str) -> bool:
        return any(shown.casefold() in kept for kept in self.spared)


@dataclass(frozen=True, slots=True)
class Redacted:
    """``text`` without the personal data; how often each kind was taken out; how many looks it took."""

    text: str
    found: Mapping[PiiKind, int]
    looks: int
    removed: Mapping[str, int] = field(default_factory=dict)  # parts taken out whole: scripts, comments, embedded files


Parse = Callable[[str], tuple[Segments, Callable[[], str], Mapping[str, int]]]


def redact_text(text: str, infer: Infer | None, wanted: Wanted | None = None) -> Redacted:
    """Plain text."""
    return redact_pieces(text, plain_text, infer, wanted or Wanted())


def plain_text(source: str) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
    from veriscope.redaction.segments import Segment

    out = [source]
    return Segments([Segment(source, put=lambda new: out.__setitem__(0, new))]), lambda: out[0], {}


def redact_pieces(
    source: str, parse: Parse, infer: Infer | None, wanted: Wanted, replacer: Replacer | None = None
) -> Redacted:
    """Redact any format that ``parse`` takes apart.

    Raises:
        LeakFound: the second look still found some after ``ROUNDS`` looks.
    """
    replacer = replacer or wanted.replacer()
    counts: Counter[PiiKind] = Counter()
    removed: Mapping[str, int] = {}
    text = source
    for look in range(1, ROUNDS + 1):
        segments, render, dropped = parse(text)
        removed = removed or dropped
        whole = segments.text()
        spans = outside_marks(whole, wanted.find(whole, infer), replacer)
        if look > 1:
            spans = [span for span in spans if span.confidence >= wanted.leak]
            if not spans:
                _nothing_between(text, replacer)
                return Redacted(text, dict(counts), look, removed)
        counts.update(span.kind for span in spans)
        segments.write(segments.replace(spans, replacer))
        text = render()
    whole = parse(text)[0].text()
    left = outside_marks(whole, wanted.find(whole, infer), replacer)
    if any(span.confidence >= wanted.leak for span in left):
        kinds = ", ".join(sorted({span.kind.value for span in left if span.confidence >= wanted.leak}))
        raise LeakFound(f"The second look still finds personal data in the output ({kinds}).")
    _nothing_between(text, replacer)
    return Redacted(text, dict(counts), ROUNDS + 1, removed)


def _nothing_between(text: str, replacer: Replacer) -> None:
    """The output as it is, markup and all: what the pieces do not show must not hold what a check digit proves."""
    for span in outside_marks(text, find_pii(text, None, _PROVEN), replacer):
        if span.confidence >= _CERTAIN:
            raise LeakFound(f"Between the visible parts of the output there is personal data left ({span.kind.value}).")


def outside_marks(text: str, spans: Sequence[PiiSpan], replacer: Replacer) -> list[PiiSpan]:
    """The parts of the spans that hold letters or digits and lie outside what ``replacer`` put."""
    marks = replacer.places(text)
    out: list[PiiSpan] = []
    for span in spans:
        start = span.start
        for left, right in [m for m in marks if m[0] < span.end and m[1] > span.start] + [(span.end, span.end)]:
            if any(c.isalnum() for c in text[start:left]):
                piece = text[start:left]
                lead = len(piece) - len(piece.lstrip())
                out.append(replace(span, start=start + lead, end=start + len(piece.rstrip())))
            start = max(start, right)
    return out


def everywhere(text: str, spans: Sequence[PiiSpan]) -> list[PiiSpan]:
    """``spans`` and every other place where the same words stand: a name found once is covered wherever it occurs.

    The words of a name in plain letters ("John Smith") are covered one by one as well; Vietnamese syllables are not,
    for each is also a common word. What is spelled the same is of one kind: the one that was surest.
    """
    spans = _agreed(text, spans)
    taken = bytearray(len(text))
    for span in spans:
        taken[span.start : span.end] = b"\1" * (span.end - span.start)
    out = list(spans)
    seen: set[str] = set()
    for span in sorted([*spans, *_parts(text, spans)], key=lambda s: s.start - s.end):
        shown = text[span.start : span.end]
        single = span.kind in {PiiKind.PERSON, PiiKind.PLACE} and not re.search(r"\W", shown)
        if shown in seen or span.confidence < LEAK or (single and (len(shown) < _ALONE or not shown[0].isupper())):
            continue
        seen.add(shown)
        spread = r"\s+".join(re.escape(part) for part in shown.split())
        flags = re.NOFLAG if single else re.IGNORECASE
        for match in re.finditer(rf"(?<!\w){spread}(?!\w)", text, flags):
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                out.append(replace(span, start=match.start(), end=match.end(), recogniser="again"))
    return sorted(out, key=lambda s: s.start)


def _agreed(text: str, spans: Sequence[PiiSpan]) -> list[PiiSpan]:
    best: dict[str, PiiSpan] = {}
    for span in spans:
        shown = text[span.start : span.end].casefold()
        if shown not in best or span.confidence > best[shown].confidence:
            best[shown] = span
    return [replace(span, kind=best[text[span.start : span.end].casefold()].kind) for span in spans]


def _parts(text: str, spans: Sequence[PiiSpan]) -> list[PiiSpan]:
    """First and last names of surely found persons, by themselves."""
    out: list[PiiSpan] = []
    for span in spans:
        shown = text[span.start : span.end]
        if span.kind is PiiKind.PERSON and span.confidence >= _SURE and shown.isascii():
            words = list(re.finditer(r"[A-Z][A-Za-z'-]{2,}", shown))
            if len(words) > 1:
                out += [replace(span, start=span.start + m.start(), end=span.start + m.end()) for m in words]
    return out
