"""Dates in figures and in words, English and Vietnamese, and which of them are dates of birth."""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import re
from collections.abc import Iterator

from veriscope.perception.pii_kinds import PiiKind, PiiSpan

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DAYTH = rf"{_DAY}(?:st|nd|rd|th)?"
_NAMED_DAY = (
    r"(?:twenty |thirty )?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|"
    r"fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)"
)
_SPOKEN_YEAR = (
    r"(?:nineteen|twenty)(?: (?:oh|o|hundred)?)? ?(?:(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen)|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)?(?:[ -]?(?:one|two|three|four|five|six|"
    r"seven|eight|nine))?)|two thousand(?: and)?(?: (?:\w+teen|ten|eleven|twelve|twenty|thirty))?"
    r"(?: (?:one|two|three|four|five|six|seven|eight|nine))?"
)
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_FIGURES = re.compile(
    rf"(?<![\w./-])(?:{_YEAR}([./-])(?:0?[1-9]|1[0-2])\1{_DAY}|{_DAY}([./-])(?:0?[1-9]|1[0-2])\2(?:{_YEAR}|\d\d)|"
    rf"(?:0?[1-9]|1[0-2])([./-]){_DAY}\3(?:{_YEAR}|\d\d)){_TIME}(?![\w/-]|\.\d)"
)
_WORDS = re.compile(
    rf"(?<!\w)(?:(?:the )?(?:{_DAYTH}|{_NAMED_DAY})(?:[ -]| of ){_MONTH}\b\.?(?:,?[ -](?:{_YEAR}|\d\d(?!\d)|{_SPOKEN_YEAR}))?|"
    rf"{_MONTH}\b\.?[ -](?:the )?(?:{_DAYTH}|{_NAMED_DAY})\b(?!:)(?:,? ?(?:of )?(?:{_YEAR}|{_SPOKEN_YEAR}))?|"
    rf"{_MONTH}\b\.?,? {_YEAR})(?!\w)",
    re.IGNORECASE,
)
_VIETNAMESE = re.compile(
    r"(?<!\w)(?:(?:ngày|hôm|sáng|trưa|chiều|tối)\s+(?:mùng\s+)?\d{1,2}\s*(?:tháng\s*|[/.-])\d{1,2}(?:\s*(?:năm\s*|[/.-])\d{4})?|"
    r"\d{1,2}\s+tháng\s+\d{1,2}(?:,?\s*năm\s*\d{4})?|tháng\s+\d{1,2}\s*(?:năm\s*|/)\d{4})(?!\w)",
    re.IGNORECASE,
)
_SHORT_VIETNAMESE = re.compile(r"(?<![\w./-])\d{1,2}\s?[/-]\s?\d{1,2}(?:\s?[/-]\s?\d{4})?(?![\w/]|\.\d|-\d)")
_EXPIRY = re.compile(
    r"(?i)(?:exp(?:\.|ir\w*)?|valid (?:thru|until|to)|hết hạn|hạn dùng)\D{0,12}(?P<date>(?:0[1-9]|1[0-2])\s?[/-]\s?(?:20)?\d\d)(?![\w/-])"
)
_BORN = re.compile(
    r"(?i)(?:\bborn\b|birth ?(?:date|day)|date of birth|\bd\.?o\.?b\b\.?|ngày sinh|sinh (?:ngày|năm|vào)|năm sinh|\bsinh:?)[^.\n\d]{0,30}$"
)
_BORN_YEAR = re.compile(r"(?i)(?:\bborn (?:in )?|sinh (?:năm )?|năm sinh:? ?)(?P<year>(?:19|20)\d\d)(?!\d)")


def dates(text: str, language: str | None = None) -> Iterator[PiiSpan]:
    found = [(m, 0.8) for m in _FIGURES.finditer(text)]
    found += [(m, 0.85) for m in _WORDS.finditer(text)] + [(m, 0.85) for m in _VIETNAMESE.finditer(text)]
    if language == "vi":
        found += [(m, 0.5) for m in _SHORT_VIETNAMESE.finditer(text) if _day_and_month(m.group())]
    for match, sure in found:
        start, end = match.span()
        if re.match(r"(?i)ngày |the ", match.group()):
            start += re.match(r"(?i)ngày |the ", match.group()).end()  # type: ignore[union-attr]
        born = _BORN.search(text[max(0, start - 60) : start])
        yield PiiSpan(start, end, PiiKind.BIRTH_DATE if born else PiiKind.DATE, 0.95 if born else sure, "date")
    for match in _EXPIRY.finditer(text):
        yield PiiSpan(match.start("date"), match.end("date"), PiiKind.DATE, 0.8, "expiry")
    for match in _BORN_YEAR.finditer(text):
        yield PiiSpan(match.start("year"), match.end("year"), PiiKind.BIRTH_DATE, 0.7, "birth_year")


def _day_and_month(text: str) -> bool:
    parts = [int(p) for p in re.findall(r"\d+", text)]
    return 1 <= parts[0] <= 31 and 1 <= parts[1] <= 12
