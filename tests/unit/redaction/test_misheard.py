from __future__ import annotations

import pytest

from veriscope.perception.word import Word
from veriscope.redaction.misheard import misheard


def said(text: str) -> list[Word]:
    return [Word(word, float(i), i + 1.0, 0.9) for i, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("call 617-3-I-244 after lunch", [(1, 2)]),
        ("it is 0770 0 0 I'm 0 1 2 3 today", [(2, 10)]),
        ("call 415267801 between 9 and 5.", [(1, 2)]),
        ("from 1984 to 1989 and 2001", []),
        ("they had 500,000 and then $1,250,000.50", []),
        ("it took 12 days and 30 hours", []),
        ("write to anna dot brownatoutlook.com. by friday", [(1, 5)]),
        ("write to annabrownatoutlook.com. by friday", [(2, 3)]),
        ("write to anna not brown at mail not com by friday", [(0, 9)]),
        ("robert at example dot or for details", [(0, 5)]),
        ("it is not net of tax", [(0, 4)]),
        ("you may not come today", []),
        ("visit us.", []),
        ("the patient is called moderate evidence she came", [(4, 6)]),
        ("this is called a siphon", []),
        ("hello my name is jan smet and i", [(4, 6)]),
        ("her name was mary", [(3, 4)]),
        ("tôi tên là nguyễn an", [(3, 5)]),
        ("in the name of the law", []),
    ],
)
def test_what_looks_like_something_misheard(text: str, covered: list[tuple[int, int]]) -> None:
    assert misheard(said(text)) == covered


def test_an_address_begins_after_a_breath() -> None:
    words = said("please write anna at mail.com")
    words[2:] = [Word(w.text, w.start + 0.3, w.end + 0.3, w.confidence) for w in words[2:]]
    assert misheard(words) == [(2.3, 5.3)]


def test_a_spelled_address_that_was_understood_is_not_looked_for_again() -> None:
    words = said("send it to mary dot jones at mail dot com")
    assert misheard(words) == [(0, 6), (1, 10)]
    assert misheard(words, known=[(3, 10)]) == []
