from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.detectors.written_like import BASES, WrittenLike, decisive, network
from veriscope.inference.networks.fake_news_ngrams import STYLES
from veriscope.types import Finding, Kind, Media, Options, Reason

ENGLISH = (
    "The city council said on Monday that the bridge will close for repairs next week, according to officials. "
    "Engineers reported small cracks in two of the supports."
)
VIETNAMESE = (
    "Theo cơ quan chức năng, cây cầu sẽ đóng để sửa chữa trong tuần tới. Kỹ sư cho biết có vết nứt nhỏ ở hai trụ, "
    "và xe cộ có thể phải đi vòng quanh cảng trong thời gian này."
)
MEDIA = Media(Path("x"), "x", Kind.TEXT, "plain", 1, "0" * 64)


@dataclass
class Scene:
    said: str
    media: Media = MEDIA
    options: Options = field(default_factory=Options)

    def text(self) -> str:
        return self.said


class Always:
    """Answers with the given log odds, all of it from the first run of words; remembers who was asked."""

    def __init__(self, log_odds: float) -> None:
        self.log_odds = log_odds
        self.asked: list[str] = []

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        self.asked.append(model)
        parts = np.zeros(len(inputs["words"]), np.float32)
        parts[0] = self.log_odds
        letters = np.zeros(len(inputs["letters"]), np.float32)
        return {"log_odds": np.array([self.log_odds]), "word_parts": parts, "letter_parts": letters}


def inspect(text: str, infer: Always) -> Finding:
    return WrittenLike().inspect(Scene(text), infer)  # type: ignore[arg-type]


def test_each_language_and_manner_has_its_network() -> None:
    assert network("en", ENGLISH) == "fake-news-en-message"
    assert network("vi", VIETNAMESE) == "fake-news-vi-written"
    assert network("vi", VIETNAMESE.lower()) == "fake-news-vi-plain"
    assert network("fr", ENGLISH) is None
    assert set(BASES) == set(STYLES) == set(WrittenLike.models)


def test_short_and_foreign_texts_are_not_judged() -> None:
    infer = Always(1.0)
    assert inspect("Tin nóng!", infer).reason is Reason.TOO_SHORT
    french = (
        "Le conseil municipal de la ville a annoncé lundi soir que le pont fermera la semaine prochaine pour des "
        "travaux, dit-on depuis."
    )
    assert inspect(french, infer).reason is Reason.UNSUPPORTED_LANGUAGE
    assert infer.asked == []


@pytest.mark.parametrize(("log_odds", "words"), [(2.0, "more like the unreliable"), (-2.0, "more like the reliable")])
def test_says_what_was_measured_and_not_that_it_is_false(log_odds: float, words: str) -> None:
    finding = inspect(VIETNAMESE, Always(log_odds))
    assert finding.raw == log_odds
    assert words in finding.summary["en"]
    assert "says nothing of whether it is true" in finding.summary["en"]
    assert finding.parameters["network"] == "fake-news-vi-written"
    assert "about as much" in inspect(VIETNAMESE, Always(0.1)).summary["en"]


def test_marks_words_by_their_characters() -> None:
    finding = inspect(VIETNAMESE, Always(2.0))
    assert finding.spans
    for span in finding.spans:
        assert span.unit == "characters"
        assert span.score == 1.0
        assert VIETNAMESE[int(span.start) : int(span.end)].isalnum()
    apart = unicodedata.normalize("NFD", VIETNAMESE)
    assert inspect(apart, Always(2.0)).spans == ()  # the places would be those of another text


def test_decisive_words() -> None:
    text = "good bad, fine"
    line = np.zeros(len(text), np.float32)
    line[0:4], line[5:8], line[8] = -0.1, 0.5, 3.0
    spans = decisive(text, line)
    assert [(text[int(s.start) : int(s.end)], s.score) for s in spans] == [("good", 0.0), ("bad", 1.0)]
    assert decisive("a b", np.zeros(3, np.float32)) == ()
