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
        ("visit us.", []),
        ("hello my name is jan smet and i", [(4, 6)]),
        ("her name was mary", [(3, 4)]),
        ("tôi tên là nguyễn an", [(3, 5)]),
        ("in the name of the law", []),
    ],
)
def test_what_looks_like_something_misheard(text: str, covered: list[tuple[int, int]]) -> None:
    assert misheard(said(text)) == covered
