"""Personal data in a text: every recogniser, one answer. Start with ``find_pii``.

Recognisers only propose; what any of them is sure enough of is covered. Where proposals overlap, the surer one names
the kind, and what sticks out of it keeps its own, so that no character that any of them claims is left bare.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from veriscope.errors import ModelUnavailable
from veriscope.perception import pii_addresses, pii_dates, pii_net, pii_numbers, pii_spoken
from veriscope.perception.language import identify
from veriscope.perception.names import find_names
from veriscope.perception.pii_kinds import (
    ALL_KINDS,
    DEFAULT_KINDS,
    Custom,
    Folded,
    PiiKind,
    PiiSpan,
    context,
    fold,
)
from veriscope.types import Infer

__all__ = ["ALL_KINDS", "DEFAULT_KINDS", "MINIMUM", "Custom", "PiiKind", "PiiSpan", "find_pii"]

MINIMUM: Final = 0.4  # confidence from which a span counts: what is missed costs more than what is covered for nothing
NAMES: Final = 0.25  # probability of a name, chosen on development parts: see docs/models/pii-names.log.md
_CHECKED: Final = 0.9  # what a check digit speaks for
_BREAK: Final = re.compile(r"(?<=[\w-])\n(?=\w)")
_BY_NAME = frozenset((PiiKind.PERSON, PiiKind.PLACE))
_ORDER = (
    PiiKind.CUSTOM, PiiKind.URL, PiiKind.EMAIL, PiiKind.WALLET, PiiKind.IBAN, PiiKind.CARD, PiiKind.BIRTH_DATE,
    PiiKind.NATIONAL_ID, PiiKind.TAX_ID, PiiKind.IP, PiiKind.PHONE, PiiKind.ACCOUNT, PiiKind.DATE, PiiKind.DOMAIN,
    PiiKind.PLACE, PiiKind.PERSON,
)  # fmt: skip
_NAME_KINDS = {"PERSON": PiiKind.PERSON, "LOCATION": PiiKind.PLACE}


def find_pii(
    text: str,
    infer: Infer | None,
    kinds: Collection[PiiKind] = DEFAULT_KINDS,
    *,
    language: str | None = None,
    spoken: bool = False,
    custom: Sequence[Custom] = (),
    regions: Sequence[str] = (),
    minimum: float = MINIMUM,
) -> list[PiiSpan]:
    """Spans of personal data in the order of the text, without overlap.

    Args:
        infer: runs ``pii-names``; may be None only where neither persons nor places are asked for.
        kinds: what to look for; own words and patterns (``custom``) are always looked for.
        language: ISO 639-1; found from the text where None.
        spoken: a transcript: digits and mail addresses in words count too. Written text is searched for them as well
            where it says at least seven digits in words.
        regions: countries (ISO 3166) whose phone numbers may come without country code, before those of the language.
        minimum: confidence from which a span counts.

    Raises:
        ModelUnavailable: names are asked for, and there is no network to find them.
    """
    if not text.strip():
        return []
    wanted = frozenset(kinds)
    plain = fold(text)
    if language is None:
        language = _vietnamese(text) or identify(text).code
    found = _mapped(plain, _patterns(plain.text, wanted, language, regions, spoken=spoken))
    found += _spoken(text, language, regions, spoken=spoken)
    if wanted & {PiiKind.PERSON, PiiKind.PLACE}:
        if infer is None:
            raise ModelUnavailable("Names of persons and places cannot be found without the network pii-names.")
        for entity in find_names(text, infer, NAMES):
            found.append(
                PiiSpan(
                    entity.start, entity.end, _NAME_KINDS[entity.kind], max(minimum, entity.probability), "pii-names"
                )
            )
    found = pii_addresses.joined(text, [s for s in found if s.kind in wanted and s.confidence >= minimum])
    for word in custom:
        for match in word.expression().finditer(plain.text):
            if match.end() > match.start():
                found.append(PiiSpan(*plain.span(*match.span()), word.kind, 1.0, "custom"))
    return resolve(text, found)


def _vietnamese(text: str) -> str | None:
    """Letters that only Vietnamese has: surer and cheaper than a guess from a short text."""
    return (
        "vi"
        if sum(c in "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ" for c in text.lower()[:5000]) >= 2
        else None
    )


def _mapped(plain: Folded, spans: Iterable[PiiSpan]) -> list[PiiSpan]:
    return [PiiSpan(*plain.span(s.start, s.end), s.kind, s.confidence, s.recogniser) for s in spans if s.end > s.start]


def _patterns(
    text: str, wanted: frozenset[PiiKind], language: str | None, regions: Sequence[str], *, spoken: bool
) -> list[PiiSpan]:
    found = [*pii_net.emails(text), *pii_net.links(text), *pii_net.wallets(text), *pii_net.addresses(text)]
    digits = sum(c.isdigit() for c in text)
    if PiiKind.DOMAIN in wanted:
        found += pii_net.domains(text)
    if digits >= 4:
        found += [*pii_numbers.cards(text), *pii_numbers.ibans(text), *pii_numbers.identities(text)]
        found += [*pii_numbers.named(text), *pii_numbers.tax_numbers(text)]
        found += pii_numbers.phones(text, language, regions)
        found += _wrapped(text, language, regions)
    if wanted & {PiiKind.DATE, PiiKind.BIRTH_DATE}:
        found += pii_dates.dates(text, language)
    if PiiKind.PLACE in wanted:
        found += pii_addresses.streets(text, spoken=spoken)
    return found


def _wrapped(text: str, language: str | None, regions: Sequence[str]) -> list[PiiSpan]:
    """Numbers that a line break parts, as pages do. Two whole numbers under each other are not one."""
    flat = _BREAK.sub(" ", text)
    if flat == text:
        return []
    out = [s for s in (*pii_numbers.cards(flat), *pii_numbers.ibans(flat)) if s.confidence >= _CHECKED]
    for span in pii_numbers.phones(flat, language, regions):
        parts = text[span.start : span.end].split("\n")
        if len(parts) == 2 and span.confidence >= 0.55 and all(sum(c.isdigit() for c in p) < 7 for p in parts):
            out.append(span)
    return [s for s in out if text.count("\n", s.start, s.end) == 1]


def _spoken(text: str, language: str | None, regions: Sequence[str], *, spoken: bool) -> list[PiiSpan]:
    """What is said in words: numbers by the same recognisers on their written form, and mail addresses."""
    said = list(pii_spoken.numbers(text))
    out: list[PiiSpan] = []
    if spoken or any(run.words >= 7 for run, _ in said):
        form = pii_spoken.written(text)
        for span in (*pii_numbers.cards(form.text), *pii_numbers.phones(form.text, language, regions),
                     *pii_numbers.identities(form.text), *pii_numbers.named(form.text)):  # fmt: skip
            start = form.origin[span.start]
            end = next((run.end for run, _ in said if run.start <= start < run.end), form.origin[span.end])
            out.append(
                PiiSpan(start, len(text[:end].rstrip()), span.kind, span.confidence, f"spoken_{span.recogniser}")
            )
        for run, sure in said:
            count = len(run.digits.lstrip("+"))
            kind = PiiKind.CARD if 13 <= count <= 19 else PiiKind.PHONE
            sure_here = sure - 0.3 * (context(text, run.start, run.end, kind) < 0)
            out.append(PiiSpan(run.start, run.end, kind, sure_here, "spoken_digits"))
    if spoken:
        out += pii_spoken.emails(text)
    return out


def _rank(span: PiiSpan) -> tuple[int, float, int, int, int]:
    """Own words first, then forms that are sure, then the rest; among like ones the longer, then the rarer form."""
    tier = 0 if span.recogniser == "custom" else 1 if span.confidence >= 0.6 and span.kind not in _BY_NAME else 2
    kind = _ORDER.index(span.kind)
    return tier, -int(10 * span.confidence + 0.5) // 2, span.start - span.end, kind, span.start


def resolve(text: str, spans: Iterable[PiiSpan]) -> list[PiiSpan]:
    """Without overlap: the surer span wins, a longer one among equals; what sticks out of it keeps its own kind."""
    owner: dict[int, PiiSpan] = {}
    taken: list[PiiSpan] = []
    cased = any(c.isupper() for c in text)
    ranked = sorted(spans, key=_rank)
    for span in ranked:
        start = span.start
        while start < span.end:
            if start in owner:
                start += 1
                continue
            end = start
            while end < span.end and end not in owner:
                end += 1
            left, right = start, end
            while left < right and not text[left].isalnum() and (left > span.start or text[left].isspace()):
                left += 1
            while right > left and not text[right - 1].isalnum() and (right < span.end or text[right - 1].isspace()):
                right -= 1
            cut = right - left < len(text[span.start : span.end].strip())
            if cut and span.kind in _BY_NAME and cased and not any(c.isupper() for c in text[left:right]):
                start = end  # "or", "mail": glue that the network took along with a number
                continue
            if any(c.isalnum() for c in text[left:right]) or span.recogniser == "custom":
                piece = PiiSpan(left, right, span.kind, span.confidence, span.recogniser)
                taken.append(piece)
                owner.update(dict.fromkeys(range(left, right), piece))
            start = end
    return sorted(taken, key=lambda s: s.start)
