"""What of the text in a picture is personal: recognisers on what was read, its place, and the words beside it.

Letters are read wrongly more often than places: what stands where a form asks for a name, an address, a number is
covered whatever was read there, and so is what could not be read beside something personal. Such findings have less
than the confidence of a leak, for only the form speaks for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from veriscope.inference.networks.pii_names import plain
from veriscope.perception.ocr import Box, Line
from veriscope.perception.pii import PiiKind, PiiSpan
from veriscope.redaction.text import Wanted
from veriscope.types import Infer

PLATE = "plate"  # label of text that has the shape of a licence plate
UNREAD = 0.6  # confidence below which a line was not read
_BY_FORM = 0.45  # enough to be covered, too little to be a leak
_OF_PLATE = 0.6
_JOINED = 3.0  # letter heights between two lines side by side that are read as one
_BESIDE, _BELOW = 8.0, 1.4  # letter heights from a label to what it asks for
_NEAR = 2.5  # letter heights

# what forms ask for, without marks; letters that engines drop are optional
_FIELD = re.compile(
    r"(?:full |first |last |given |family |middle |sur|user ?|holder'?s? ?|card ?holder ?)?name|ho? (?:va? )?ten|ten|"
    r"d?i?a chi?|(?:home |street |postal |e-?mail |mail |billing )?address|residence|domicile|"
    r"no?i (?:thuo?ng tru|cu tru|o|sinh)|qu?e qua?n|thuo?ng tru|"
    r"(?:mobile |tele|cell |home |work )?phone(?: (?:no|number))?|mobile|tel|fax|(?:so )?die?n thoa?i|di do?ng|sdt|dt|"
    r"e-?mail|(?:date of )?birth(?: ?date| ?day)?|born|dob|nga?y sinh|"
    r"passport(?: (?:no|number))?|"
    r"(?:id|identity|personal|licen[cs]e|account|card|customer|member)(?: card)? (?:no|number|nr)|"
    r"(?:so )?(?:cccd|cmnd|can cuo?c(?: cong dan)?|chu?ng minh|dinh danh)|ho? chie?u|ssn|nric|iban|iban no|"
    r"so (?:tai khoa?n|the)|stk|tai khoa?n|license|licence|nationality|signature|chu ky"
)
_LABEL = re.compile(rf"^\W*(?:{_FIELD.pattern})[^\w:：]{{0,3}}(?:\([^)]*\))?\s*(?P<colon>[:：]*)\s*", re.IGNORECASE)
_PLATE_SHAPE = re.compile(r"(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,9}")
_SEPARATED = re.compile(r"[\s.·•\-–:]+")
_CAPITALS_BEFORE = re.compile(r"(?<!\w)((?:[^\W\d_a-z]\w* ){1,2})$")
_CAPITALS_AFTER = re.compile(r"(?: [^\W\d_a-z]\w*){1,2}(?!\w)")
_DIGITS = str.maketrans("OoQDIl|SsBZ", "00001115582")
_NUMBERISH = re.compile(r"[\dOoQDIl|SsBZ+()./-]{4,}")


@dataclass(frozen=True, slots=True)
class Found:
    box: Box  # pixels of the picture
    kind: str  # a ``PiiKind``, ``PLATE``, "field" (a form asks for it) or "unread"
    confidence: float


def personal(lines: Sequence[Line], infer: Infer, wanted: Wanted, plates: bool = False) -> list[Found]:
    """Boxes around what is personal in the lines of one picture.

    Args:
        lines: as an engine read them.
        infer: runs ``pii-names``.
        wanted: which kinds.
        plates: whether text of the shape of a licence plate counts.
    """
    rows = _rows(lines)
    places, text = _joined(rows)
    found: list[Found] = []
    for span in [*map(partial(_whole, text), wanted.find(text, infer)), *_misread(text, wanted)]:
        for line, start in places:
            low, high = max(span.start - start, 0), min(span.end - start, len(line.text))
            if low < high:
                found.append(Found(line.part(low, high), span.kind.value, span.confidence))
    found += _fields(rows)
    if plates:
        found += [Found(line.box, PLATE, _OF_PLATE * line.confidence) for line in lines if _plate(line)]
        found += [Found(box, PLATE, _OF_PLATE) for box in _two_lines(lines)]
    return found + list(_unread(lines, found))


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines side by side, from left to right; rows from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda entry: entry.box[1] + entry.box[3] / 2):
        _, y, _, h = line.box
        for row in rows[-3:]:
            _, top, _, high = row[-1].box
            if min(y + h, top + high) - max(y, top) > 0.5 * min(h, high):
                row.append(line)
                break
        else:
            rows.append([line])
    return [sorted(row, key=lambda entry: entry.box[0]) for row in rows]


def _joined(rows: Sequence[Sequence[Line]]) -> tuple[list[tuple[Line, int]], str]:
    """Every line with where it begins in the text of the picture, and that text."""
    places: list[tuple[Line, int]] = []
    text = ""
    for row in rows:
        for i, line in enumerate(row):
            near = i > 0 and _gap(row[i - 1].box, line.box) < _JOINED * line.height
            text += " " if near else "\n" if text else ""
            places.append((line, len(text)))
            text += line.text
    return places, text


def _gap(left: Box, right: Box) -> float:
    return right[0] - left[0] - left[2]


def _whole(text: str, span: PiiSpan) -> PiiSpan:
    """A name with the capitalised words beside it: one word of a name, read wrongly, is no name to the network."""
    if span.kind not in {PiiKind.PERSON, PiiKind.PLACE}:
        return span
    before, after = _CAPITALS_BEFORE.search(text[: span.start]), _CAPITALS_AFTER.match(text[span.end :])
    start = before.start(1) if before else span.start
    return replace(span, start=start, end=span.end + (after.end() if after else 0))


def _misread(text: str, wanted: Wanted) -> Iterator[PiiSpan]:
    """Numbers in which letters were read for digits ("O912 345 67B"): the characters stand at the same places."""
    mended = _NUMBERISH.sub(lambda m: m[0].translate(_DIGITS) if _mostly_digits(m[0]) else m[0], text)
    if mended == text:
        return
    numbers = replace(wanted, kinds=frozenset(wanted.kinds) - {PiiKind.PERSON, PiiKind.PLACE})
    for span in numbers.find(mended, None):
        if mended[span.start : span.end] != text[span.start : span.end]:
            yield span


def _mostly_digits(word: str) -> bool:
    letters = sum(c.isalpha() for c in word)
    return 0 < letters <= sum(c.isdigit() for c in word)


def _fields(rows: Sequence[Sequence[Line]]) -> Iterator[Found]:
    """What a form asks for: the rest of a line after its label, else what stands beside it, else below it."""
    for number, row in enumerate(rows):
        for i, line in enumerate(row):
            label = _label(line.text)
            if label is None:
                continue
            end, colon = label
            if end < len(line.text):
                if colon:
                    yield Found(line.part(end, len(line.text)), "field", _BY_FORM)
                continue
            beside = row[i + 1] if i + 1 < len(row) else None
            if beside and _label(beside.text) is None and _gap(line.box, beside.box) < _BESIDE * line.height:
                yield Found(beside.box, "field", _BY_FORM)
                continue
            for below in rows[number + 1] if number + 1 < len(rows) else ():
                x, y, w, _ = below.box
                left, top, wide, high = line.box
                under = x < left + wide and x + w > left and y - top - high < _BELOW * line.height
                if under and _label(below.text) is None:
                    yield Found(below.box, "field", _BY_FORM)


def _label(text: str) -> tuple[int, bool] | None:
    """Where the label ends that a line begins with, and whether a colon ends it; ``None`` where it begins otherwise.

    Without a colon only a line that holds nothing else is a label: "name" is also a word.
    """
    simple = plain(text)
    if len(simple) != len(text):  # marks of their own were dropped: places no longer agree
        simple = text.lower()
    match = _LABEL.match(simple)
    if match is None or (match.end() < len(text) and not match["colon"]):
        return None
    return match.end(), bool(match["colon"])


def _unread(lines: Sequence[Line], found: Sequence[Found]) -> Iterator[Found]:
    """What could not be read beside something personal is taken for its continuation."""
    for line in lines:
        if line.confidence >= UNREAD and any(c.isalnum() for c in line.text):
            continue
        x, y, w, h = line.box
        reach = _NEAR * line.height
        for other in found:
            left, top, wide, high = other.box
            if other.kind != PLATE and _apart(x, w, left, wide) < reach and _apart(y, h, top, high) < reach:
                yield Found(line.box, "unread", _BY_FORM)
                break


def _apart(a: float, length: float, b: float, other: float) -> float:
    return max(a, b) - min(a + length, b + other)


def _plate(line: Line) -> bool:
    """Five to nine capitals and digits, both, in a box as wide as plates are. Words and prices are not."""
    _, _, w, h = line.box
    return 1.5 <= w / max(h, 1e-6) <= 8 and _plate_text(line.text)


def _plate_text(text: str) -> bool:
    whole = _SEPARATED.sub("", text)
    if not _PLATE_SHAPE.fullmatch(whole) or len(_SEPARATED.split(text.strip())) > 4:
        return False
    return sum(c.isdigit() for c in whole) >= 2


def _two_lines(lines: Sequence[Line]) -> Iterator[Box]:
    """Plates of two lines, as motorcycles have them: one short line close above another, of like width."""
    short = [line for line in lines if 2 <= len(_SEPARATED.sub("", line.text)) <= 6 and line.text.upper() == line.text]
    for upper in short:
        x, y, w, h = upper.box
        for lower in short:
            left, top, wide, high = lower.box
            close = 0 <= top + high / 2 - y - h / 2 < 1.8 * max(h, high) and lower is not upper and top > y + h / 2
            alike = max(w, wide) < 1.8 * min(w, wide) and abs(x + w / 2 - left - wide / 2) < 0.3 * max(w, wide)
            whole = _SEPARATED.sub("", upper.text + lower.text)
            if close and alike and _plate_text(whole) and sum(c.isdigit() for c in whole) >= 4:
                right, bottom = max(x + w, left + wide), max(y + h, top + high)
                yield min(x, left), y, right - min(x, left), bottom - y
