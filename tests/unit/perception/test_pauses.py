from __future__ import annotations

import numpy as np
import pytest

from veriscope.perception.pauses import tightened
from veriscope.perception.speech import RATE
from veriscope.perception.word import Word


def sound(*parts: tuple[float, float]) -> np.ndarray:
    """Two seconds of silence in which somebody speaks during ``parts`` (start, end; seconds)."""
    out = np.zeros(2 * RATE, np.float32)
    tone = np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE).astype(np.float32)
    for start, end in parts:
        out[round(start * RATE) : round(end * RATE)] = tone[round(start * RATE) : round(end * RATE)]
    return out


def edges(words: list[Word]) -> list[tuple[str, float, float]]:
    return [(w.text, round(w.start, 2), round(w.end, 2)) for w in words]


def test_a_word_ends_where_its_pause_begins() -> None:
    heard = [Word("is", 0.2, 0.7, 0.9), Word("Anna", 0.7, 1.2, 0.9)]
    assert edges(tightened(sound((0.2, 0.6), (0.75, 1.2)), heard)) == [("is", 0.2, 0.6), ("Anna", 0.75, 1.2)]


def test_what_stands_before_a_pause_may_belong_to_the_word_before() -> None:
    """Either side is as long as "and" is, so the number is taken to last until the pause."""
    heard = [Word("4157", 0.2, 1.0, 0.9), Word("and", 1.0, 1.6, 0.9)]
    number, word = tightened(sound((0.2, 1.25), (1.35, 1.6)), heard)
    assert number.end == pytest.approx(1.25)
    assert word.end <= 1.6


def test_what_stands_before_a_pause_is_the_word_where_only_that_fits() -> None:
    heard = [Word("4157", 0.2, 1.0, 0.9), Word("and", 1.0, 1.9, 0.9)]
    number, word = tightened(sound((0.2, 1.25), (1.37, 1.9)), heard)
    assert (number.end, word.start, word.end) == (pytest.approx(1.0), pytest.approx(1.0), pytest.approx(1.25))


@pytest.mark.parametrize("text", ["415-7720", "Sarah.Miller@mail.com"])
def test_numbers_and_addresses_keep_their_pauses(text: str) -> None:
    heard = [Word("to", 0.0, 0.2, 0.9), Word(text, 0.2, 1.8, 0.9)]
    assert edges(tightened(sound((0.0, 0.8), (0.9, 1.8)), heard))[1] == (text, 0.2, 1.8)
