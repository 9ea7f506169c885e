"""Spoken forms to written ones: digits in words, "double three", "dot" and "at", spelled letters; English, Vietnamese.

The written form carries where each of its characters stood, so that what is found in it is covered in the transcript.
"""

# ruff: noqa: E501 - patterns and lists are read unbroken

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from veriscope.perception.pii_kinds import Folded, PiiKind, PiiSpan
from veriscope.perception.pii_net import TOP_LEVEL

_ENGLISH = {
    word: digit
    for digit, words in enumerate(
        ("zero oh o nought", "one", "two", "three", "four", "five fife", "six", "seven", "eight", "nine niner")
    )
    for word in words.split()
}
_VIETNAMESE = {
    word: digit
    for digit, words in enumerate(
        (
            "không khong",
            "một mốt mot",
            "hai",
            "ba",
            "bốn tư bon",
            "năm lăm nhăm nam",
            "sáu sau",
            "bảy bẩy bay",
            "tám tam",
            "chín chin",
        )
    )
    for word in words.split()
}
_TEENS = {
    word: value
    for value, word in enumerate(
        ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"],
        start=10,
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_ALIKE = {"to": 2, "too": 2, "for": 4, "fore": 4, "ate": 8, "won": 1, "tree": 3, "sex": 6, "nigh": 9, "owe": 0, "ow": 0}
_REPEAT = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4, "hai lần": 2, "ba lần": 3}
_FILLERS = frozenset(
    [
        "uh",
        "um",
        "er",
        "erm",
        "hmm",
        "ah",
        "and",
        "then",
        "like",
        "okay",
        "ok",
        "ờ",
        "à",
        "ừm",
        "ừ",
        "rồi",
        "dash",
        "hyphen",
        "space",
        "slash",
        "gạch",
        "cách",
        "pause",
        "comma",
    ]
)
_AMBIGUOUS = frozenset(
    [
        "o",
        "oh",
        "ba",
        "hai",
        "năm",
        "nam",
        "sau",
        "bay",
        "tam",
        "chin",
        "mot",
        "bon",
        "tư",
        "to",
        "for",
        "too",
        "won",
        "ate",
        "tree",
        "sex",
        "nigh",
        "fore",
        "owe",
        "ow",
    ]
)
_WORD = re.compile(r"\+?\d+|\w+(?:['’]\w+)?|[^\w\s]")


class Token(NamedTuple):
    text: str  # lower case
    start: int
    end: int


class Run(NamedTuple):
    """``digits`` said between ``start`` and ``end``; ``origin[i]`` is the (start, end) of the words that said digit i."""

    start: int
    end: int
    digits: str
    origin: list[tuple[int, int]]
    words: int  # how many of the digits were said in words


def tokens(text: str) -> list[Token]:
    return [Token(m.group().lower(), m.start(), m.end()) for m in _WORD.finditer(text)]


def runs(text: str) -> Iterator[Run]:
    """Longest stretches of spoken or written digits, fillers and single marks between them allowed."""
    words = tokens(text)
    index = 0
    while index < len(words):
        step = _number(words, index, inside=False)
        if step is None:
            index += 1
            continue
        start = index
        digits, origin, said = "", [], 0
        last = index
        while index < len(words):
            step = _number(words, index, inside=bool(digits))
            if step is not None:
                value, used = step
                place = (words[index].start, words[index + used - 1].end)
                said += len(value) * (not words[index].text.lstrip("+").isdigit())
                digits += value
                origin += _places(value, words[index], place, used)
                index += used
                last = index - 1
            elif digits and (words[index].text in _FILLERS or words[index].text in "-.,()/") and index - last <= 2:
                index += 1
            else:
                break
        index = last + 1
        begin = words[start].start
        if start and words[start - 1].text in {"plus", "cộng"}:
            begin = words[start - 1].start
            digits, origin = "+" + digits, [(begin, words[start - 1].end), *origin]
        yield Run(begin, words[last].end, digits, origin, said)


def _places(value: str, word: Token, place: tuple[int, int], used: int) -> list[tuple[int, int]]:
    if used == 1 and word.text.isdigit() and len(value) == word.end - word.start:
        return [(word.start + i, word.start + i + 1) for i in range(len(value))]
    return [place] * len(value)


def _digit(word: str, *, alike: bool) -> int | None:
    if word in _ENGLISH:
        return _ENGLISH[word]
    if word in _VIETNAMESE:
        return _VIETNAMESE[word]
    return _ALIKE.get(word) if alike else None


def _number(words: list[Token], index: int, *, inside: bool) -> tuple[str, int] | None:
    """Digits said by the words from ``index`` on, and how many words that took."""
    word = words[index].text
    following = [w.text for w in words[index + 1 : index + 4]] + ["", "", ""]
    if word.isdigit() and word.isascii():
        return word, 1
    pair = f"{word} {following[0]}"
    for said, shift in ((word, 1), (pair, 2)):
        if said in _REPEAT:
            target = words[index + shift].text if index + shift < len(words) else ""
            digit = int(target) if re.fullmatch(r"\d", target) else _digit(target, alike=False)
            return (str(digit) * _REPEAT[said], shift + 1) if digit is not None else None
    if word in _TEENS:
        return str(_TEENS[word]), 1
    if word in _TENS:
        unit = _ENGLISH.get(following[0])
        return (str(_TENS[word] + unit), 2) if unit else (str(_TENS[word]), 1)
    if word in {"mười", "muoi"}:
        unit = _VIETNAMESE.get(following[0])
        return (str(10 + unit), 2) if unit else ("10", 1)
    digit = _digit(word, alike=inside and _number_like(following[0]))
    if digit is None:
        return None
    if following[0] in {"mươi", "muoi"} and digit:
        unit = _VIETNAMESE.get(following[1])
        return (str(10 * digit + unit), 3) if unit else (str(10 * digit), 2)
    if following[0] == "hundred" and digit:
        return f"{digit}00", 2
    if word in _AMBIGUOUS and not inside and not _number_like(following[0]):
        return None
    return str(digit), 1


def _number_like(word: str) -> bool:
    return (
        word.isdigit() or word in _ENGLISH or word in _VIETNAMESE or word in _REPEAT or word in _TEENS or word in _TENS
    )


def written(text: str) -> Folded:
    """``text`` with every run of at least four digits that words say put as digits, with where each one stood."""
    out: list[str] = []
    origin: list[int] = []
    last = 0
    for run in runs(text):
        if not run.words or len(run.digits.lstrip("+")) < 4:
            continue
        out.append(text[last : run.start])
        origin += range(last, run.start)
        out.append(run.digits)
        origin += [place[0] for place in run.origin]
        last = run.end
    out.append(text[last:])
    origin += range(last, len(text) + 1)
    return Folded("".join(out), origin)


_DOT = r"(?:dot|point|period|full stop|chấm|cham)"
_JOIN = rf"(?:\s+(?:{_DOT}|underscore|under score|dash|hyphen|minus|plus|gạch dưới|gạch ngang|gạch nối|gach duoi)\s+|\s*[._+-]\s*)"
_AT = r"(?:\s+(?:at|at the rate(?: of)?|at sign|a còng|a cong|a móc|a vòng|còng)\s+|\s*@\s*)"
_PART = r"(?:(?:[^\W_]\s+){1,30}[^\W_](?![^\W_])|[^\W_]+(?:\s+\d+)?)"
_MAIL = re.compile(
    rf"(?i)(?<!\w)(?P<local>{_PART}(?:{_JOIN}{_PART}){{0,5}}){_AT}(?P<host>{_PART}(?:(?:\s+{_DOT}\s+|\s*\.\s*){_PART}){{1,4}})(?!\w)"
)
_HOSTS = r"gmail|g mail|yahoo|hotmail|outlook|protonmail|proton mail|icloud|rediffmail|aol|zoho|yandex|live|msn|gmx"
_NO_TOP = re.compile(rf"(?i)(?<!\w)(?P<local>{_PART}(?:{_JOIN}{_PART}){{0,5}}){_AT}(?P<host>{_HOSTS})(?!\w)")
_STOP = frozenset(
    [
        "me",
        "us",
        "you",
        "is",
        "am",
        "are",
        "was",
        "be",
        "look",
        "meet",
        "here",
        "there",
        "him",
        "her",
        "them",
        "it",
        "at",
        "email",
        "mail",
        "reach",
        "write",
    ]
)
_SPOKEN_TOP = {"co": "co", "cơm": "com", "com": "com", "vi en": "vn", "kom": "com", "calm": "com", "come": "com"}


def emails(text: str) -> Iterator[PiiSpan]:
    """Mail addresses said in words: "rohan dot gupta at gmail dot com", "lan gạch dưới chín a còng gmail chấm com"."""
    for expression in (_MAIL, _NO_TOP):
        start = 0
        while found := expression.search(text, start):
            end = found.end()
            if expression is _MAIL:
                end = _host_end(text, found.start("host"), found.end("host"))
            local = found.group("local").split()
            if end < 0 or (len(local) == 1 and local[0].lower() in _STOP):
                start = found.start() + 1
                while start < len(text) and text[start].isalnum() and text[start - 1].isalnum():
                    start += 1
                continue
            yield PiiSpan(found.start(), end, PiiKind.EMAIL, 0.9, "spoken_email")
            start = end


def _host_end(text: str, start: int, end: int) -> int:
    """Where the host name ends: behind its last top-level domain; −1 where it has none."""
    parts = list(re.finditer(rf"(?i)(?:\s+{_DOT}\s+|\s*\.\s*)", text[start:end]))
    best = -1
    for index, mark in enumerate(parts):
        begin = start + mark.end()
        stop = start + parts[index + 1].start() if index + 1 < len(parts) else end
        piece = text[begin:stop].lower()
        if piece in TOP_LEVEL or piece in _SPOKEN_TOP or re.sub(r"\s", "", piece) in TOP_LEVEL:
            best = stop
        elif (word := re.match(r"\w+", piece)) and word.group() in TOP_LEVEL:
            best = begin + word.end()
            break
    return best


def numbers(text: str) -> Iterator[tuple[Run, float]]:
    """Runs of at least seven digits of which most were said one by one, with how surely they name something."""
    for run in runs(text):
        count = len(run.digits.lstrip("+"))
        if run.words and count >= 7:
            yield run, min(0.75, 0.35 + 0.05 * count) if run.words * 2 >= count else 0.4
