from __future__ import annotations

import csv
import math
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from veriscope.detectors._style_words import CUES, LEXICON, pattern
from veriscope.detectors.stylometry import (
    FEATURES,
    MIN_WORDS,
    Stylometry,
    clean,
    contributions,
    features,
    marks,
    model,
    repetition,
    surface,
    variety,
)
from veriscope.perception.language import MIN_LETTERS, identify
from veriscope.types import Finding, Kind, Media, Options, Reason

ENGLISH = (
    "The city council said on Monday that the bridge will close for repairs next week, according to officials. "
    "Engineers reported small cracks in two of the supports, and traffic may be sent around the harbour."
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


def inspect(text: str) -> Finding:
    return Stylometry().inspect(Scene(text), None)  # type: ignore[arg-type]


def test_clean_keeps_every_place() -> None:
    text = "See https://t.co/abc NOW @who #Tag İstanbul don’t"
    lowered = clean(text)
    assert len(lowered) == len(text)
    assert "t.co" not in lowered
    assert "@who" not in lowered
    assert lowered[21:24] == "now"
    assert lowered.endswith("don't")


def test_variety_is_the_mean_over_windows() -> None:
    assert variety(["a"] * 50) == pytest.approx(1 / 25)
    assert variety([str(n) for n in range(50)]) == 1.0
    words = ["a", "b", "a", "c"]
    assert variety(words, 2) == 1.0
    assert variety(words, 3) == pytest.approx((2 / 3 + 1.0) / 2)
    assert variety([]) == 0.0


def test_repetition() -> None:
    assert repetition(["a", "b", "a", "b", "a"]) == pytest.approx(0.5)
    assert repetition(["a", "b", "c", "d"]) == 0.0
    assert repetition([]) == 0.0


def test_cues_are_whole_words_and_longest_first() -> None:
    assert [m[0] for m in pattern("vi", "hedge").finditer("điều đó có thể đúng, có khả năng")] == [
        "có thể",
        "có khả năng",
    ]
    assert pattern("en", "first_person").findall("i minecraft us used") == ["i", "us"]
    measured = features("they said it is all true, she said", "en")
    assert measured["attribution"] == pytest.approx(2 / 8)
    assert measured["absolute"] == pytest.approx(1 / 8)
    assert set(measured) == set(FEATURES)


def test_lexicon_is_parallel_and_lower_case() -> None:
    assert set(LEXICON["en"]) == set(LEXICON["vi"]) == set(CUES)
    for lists in LEXICON.values():
        for listed in lists.values():
            phrases = listed.split(", ")
            assert listed == listed.lower()
            assert len(phrases) == len(set(phrases))


def test_surface_measures_what_the_score_ignores() -> None:
    loud = surface("SHOCKING NEWS! Read this now! Why? “They never said it.” 100 people.", "en")
    assert loud["capital_words"] == pytest.approx(2 / 12)
    assert loud["exclamations_per_100_words"] == pytest.approx(100 * 2 / 12)
    assert loud["quoted"] > 0.2
    assert loud["burstiness"] > 0
    assert "burstiness" not in surface("One sentence only", "en")
    assert "flesch" not in surface("Một câu thôi.", "vi")


def test_score_does_not_follow_case_punctuation_or_links() -> None:
    quiet = inspect(ENGLISH)
    loud = inspect(ENGLISH.upper().replace(".", "!!!").replace(",", "") + " https://t.co/xyz @someone")
    assert quiet.raw is not None
    assert loud.raw == pytest.approx(quiet.raw)


@pytest.mark.parametrize(("text", "code"), [(ENGLISH, "en"), (VIETNAMESE, "vi")])
def test_measures_both_languages(text: str, code: str) -> None:
    finding = inspect(text)
    assert finding.measurements["language"] == code
    assert finding.raw is not None
    assert math.isfinite(finding.raw)
    assert abs(finding.raw) < 10
    parts = [v for k, v in finding.measurements.items() if k.startswith("log_odds_")]
    assert finding.raw == pytest.approx(sum(parts) + model()[code]["offset"], abs=0.01)  # type: ignore[arg-type]
    assert finding == inspect(text)
    assert set(finding.summary) == {"en", "vi"}


def test_wording_moves_the_vietnamese_score_the_way_the_studies_say() -> None:
    sober = inspect(VIETNAMESE).raw
    excited = inspect(
        "Các bạn ơi, tôi nói thật, sốc quá, chắc chắn không ai nói cho bạn biết sự thật kinh hoàng này đâu, "
        "tất cả mọi người phải xem, cực kỳ nguy hiểm, đừng tin, không hề đúng."
    ).raw
    assert sober is not None
    assert excited is not None
    assert excited > sober + 1


def test_marks_point_at_the_words_that_raised_the_score() -> None:
    text = clean("They ALWAYS hide the truth")
    spans = marks(text, "en", dict.fromkeys(FEATURES, 0.0) | {"absolute": 0.5})
    assert [text[int(s.start) : int(s.end)] for s in spans] == ["always", "truth"]
    assert marks(text, "en", dict.fromkeys(FEATURES, -1.0)) == ()


def test_one_odd_word_cannot_decide() -> None:
    fitted = model()["en"]
    measured = {name: fitted["features"][name][0] for name in FEATURES}
    parts = contributions(measured | {"intensifier": 1.0}, fitted)
    assert parts["intensifier"] == pytest.approx(3 * fitted["features"]["intensifier"][2])
    assert sum(abs(v) for k, v in parts.items() if k != "intensifier") == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.TOO_SHORT),
        ("Too few words to say anything.", Reason.TOO_SHORT),
        (
            "Die Stadtverwaltung teilte am Montag mit, dass die Brücke wegen dringender Reparaturen in der nächsten "
            "Woche für den gesamten Verkehr gesperrt werden muss, weil Risse gefunden wurden.",
            Reason.UNSUPPORTED_LANGUAGE,
        ),
    ],
)
def test_abstains_with_a_reason(text: str, reason: Reason) -> None:
    finding = inspect(text)
    assert finding.score is None
    assert finding.reason is reason
    assert "language" in finding.measurements


def test_decomposed_vietnamese_measures_the_same() -> None:
    apart = inspect(unicodedata.normalize("NFD", VIETNAMESE))
    assert apart.raw == pytest.approx(inspect(VIETNAMESE).raw)
    assert apart.spans == ()  # places in the composed text are not places in the one that was sent


def test_language() -> None:
    assert identify(ENGLISH).code == "en"
    assert identify(VIETNAMESE).code == "vi"
    assert identify(VIETNAMESE).confidence > 0.9
    assert identify("a" * (MIN_LETTERS - 1)).code == "und"
    assert identify("https://example.org/a/very/long/address/without/any/words").code == "und"


@pytest.mark.data
def test_tells_the_held_out_english_set_a_little_better_than_chance(data: Path) -> None:
    with (data / "text" / "constraint-covid" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = [(clean(r["tweet"]), r["label"] == "fake") for r in csv.DictReader(file)]
    fitted = model()["en"]
    raws = [
        (sum(contributions(features(t, "en"), fitted).values()), fake)
        for t, fake in rows
        if len(t.split()) >= MIN_WORDS
    ]
    fake, real = np.array([v for v, y in raws if y]), np.array([v for v, y in raws if not y])
    auc = float((fake[:, None] > real).mean())
    assert 0.6 < auc < 0.75  # measured 0.647 [0.617, 0.679]; much more would mean that something leaked
