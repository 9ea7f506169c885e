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
NAMES: Final = 2  # words after "my name is"
_HARMLESS = re.compile(r"(1[5-9]|20)\d\d|[$€£]?\d{1,3}(,\d{3})+(\.\d+)?")  # years and amounts
_DOMAIN = re.compile(r".*\w\.(com|org|net|edu|gov|info|io|co|vn|uk|de|fr|eu|us)", re.IGNORECASE)
_CALLED = re.compile(r"(name (is|was)|name's|names are|tên (là|tôi là|em là)|tên)$", re.IGNORECASE)


def misheard(words: Sequence[Word]) -> list[tuple[float, float]]:
    """(start, end), seconds, of what looks like a number, an e-mail address or a name that was misheard."""
    return [*numbers(words), *addresses(words), *names(words)]


def numbers(words: Sequence[Word]) -> list[tuple[float, float]]:
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


def addresses(words: Sequence[Word]) -> list[tuple[float, float]]:
    """A domain, and what is said before it."""
    return [
        (words[max(0, index - LEAD)].start, word.end)
        for index, word in enumerate(words)
        if _DOMAIN.fullmatch(_bare(word))
    ]


def names(words: Sequence[Word]) -> list[tuple[float, float]]:
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
