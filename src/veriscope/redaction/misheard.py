"""Personal data that a recogniser got nearly right: a digit short, a name it never heard, an address run together.

What is found here is covered like speech that was not understood. It says nothing of what was said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from veriscope.perception.word import Word

DIGITS: Final = 6  # that make a number personal where nothing else is known of it
LEAD: Final = 3  # words before a domain that may be the rest of an e-mail address
WHOLE: Final = 14  # letters from which what stands before ".com" is such an address run together
SPELLED: Final = 8  # words that an address said word by word may take
BREATH: Final = 0.2  # seconds of silence that end it
NAMES: Final = 2  # words after "my name is"
_HARMLESS = re.compile(r"(1[5-9]|20)\d\d|[$€£]?\d{1,3}(,\d{3})+(\.\d+)?")  # years and amounts
_DOMAIN = re.compile(r".*\w\.(com|org|net|edu|gov|info|io|co|vn|uk|de|fr|eu|us)", re.IGNORECASE)
_TOP = frozenset({"com", "org", "net", "edu", "gov", "info"})
_MISHEARD_DOT = frozenset({"not", "that"})
_JOINS = _MISHEARD_DOT | {"dot", "at", "dash", "underscore"}
_CALLED = re.compile(
    r"(name (is|was)|name's|names are|tên (là|tôi là|em là)|tên"
    r"|\b(i|he|she|patient|client|customer|caller|witness|son|daughter|wife|husband|friend|colleague)"
    r"( is| was| am|'s|'m) (called|named))$",
    re.IGNORECASE,
)


Part = tuple[float, float]  # start and end, seconds


def misheard(words: Sequence[Word], known: Sequence[Part] = ()) -> list[Part]:
    """What looks like a number, an e-mail address or a name that was misheard; ``known`` was understood."""
    return [*numbers(words), *addresses(words, known), *names(words)]


def numbers(words: Sequence[Word]) -> list[Part]:
    """Six digits or more, with at most one other word between two parts of them.

    A misheard digit makes a number fail its check, and a lost one its length. Years and amounts do not count.
    """
    told = [index for index, word in enumerate(words) if _count(word) and not _HARMLESS.fullmatch(_bare(word))]
    runs: list[list[int]] = []
    for index in told:
        if runs and index - runs[-1][-1] == 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    joined: list[list[int]] = []
    for run in runs:
        near = bool(joined) and run[0] - joined[-1][-1] == 2
        if near and min(_total(words, joined[-1]), _total(words, run)) > 1:  # "between 9 and 5" is no number
            joined[-1] += run
        else:
            joined.append(run)
    return [(words[run[0]].start, words[run[-1]].end) for run in joined if _total(words, run) >= DIGITS]


def addresses(words: Sequence[Word], known: Sequence[Part] = ()) -> list[Part]:
    """A domain, with what is said before it unless that is part of it; what ends like a spelled one ("not com")."""
    out = []
    for index, word in enumerate(words):
        text, before = _bare(word).lower(), _bare(words[index - 1]).lower() if index else ""
        if _DOMAIN.fullmatch(text):
            whole = sum(c.isalpha() for c in text.rpartition(".")[0]) >= WHOLE and before not in _JOINS
            first = index if whole else _first(words, index, LEAD)
        elif before == "dot" or (before in _MISHEARD_DOT and text in _TOP):
            if any(start < word.end <= end for start, end in known):  # it was understood as a whole
                continue
            first = _first(words, index, SPELLED)
        else:
            continue
        out.append((words[first].start, word.end))
    return out


def _first(words: Sequence[Word], index: int, most: int) -> int:
    """The first of at most ``most`` words before ``index`` that are said in one breath with it."""
    first = index
    while first > max(0, index - most) and words[first].start - words[first - 1].end < BREATH:
        first -= 1
    return first


def names(words: Sequence[Word]) -> list[Part]:
    """What is said after "my name is"."""
    out = []
    for index in range(1, len(words)):
        if _bare(words[index]).lower() == "là":
            continue
        if _CALLED.search(" ".join(_bare(w) for w in words[max(0, index - 3) : index])):
            out.append((words[index].start, words[min(len(words), index + NAMES) - 1].end))
    return out


def _bare(word: Word) -> str:
    return word.text.strip(".,;:!?\"'")


def _count(word: Word) -> int:
    return sum(c.isdigit() for c in word.text)


def _total(words: Sequence[Word], run: Sequence[int]) -> int:
    return sum(_count(words[index]) for index in run)
