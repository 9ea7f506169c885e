"""Style of a text: what can be counted without judging what it says.

Horne & Adalı ("This Just In: Fake News Packs a Lot in Title, Uses Simpler, Repetitive Content", NECO 2017) and
Rashkin et al. ("Truth of Varying Shades", EMNLP 2017) found that false reports on average repeat more, attribute less,
and use more pronouns, absolutes and intensifiers. The difference is small and follows the genre as much as the truth,
so the score is weak, and its reliability says so.

Links, account names and hash signs are removed first. Length, case and punctuation are shown but never enter the
score: on the known sets they tell which site a text was collected from.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np

from veriscope.detectors._style_words import CUES, pattern
from veriscope.detectors.base import Method
from veriscope.perception.language import identify
from veriscope.types import Finding, Infer, Kind, Reason, Reliability, Scene, Signal, Span

MIN_WORDS = 20
WINDOW = 25  # words, of the moving-average type-token ratio (Covington & McFall 2010)
MAX_CHARACTERS = 200_000
MAX_SPANS = 40
MIN_CONFIDENCE = 0.5  # of the language
CLIP = 3.0  # standard deviations: one odd word in a short text must not decide
FEATURES = (*CUES, "variety", "word_length", "repetition")  # what the score is made of

_NOISE = re.compile(r"https?://\S*|www\.\S+|@\w+|#|&amp;|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?…]+(?=\s|$)|\n+")
_QUOTED = re.compile(r"[\"“«][^\"”»\n]{3,300}[\"”»]")
_VOWELS = re.compile(r"[aeiouy]+")

_MARKS: Mapping[str, Mapping[str, str]] = {
    "absolute": {"en": "absolute wording", "vi": "lời khẳng định tuyệt đối"},
    "intensifier": {"en": "intensifying wording", "vi": "lời nhấn mạnh"},
    "second_person": {"en": "addresses the reader", "vi": "nói thẳng với người đọc"},
    "first_person": {"en": "first person", "vi": "ngôi thứ nhất"},
    "negation": {"en": "negation", "vi": "phủ định"},
}


def clean(text: str) -> str:
    """Lower case without links, accounts and hidden characters, every character at its old place."""
    blanked = _NOISE.sub(lambda m: " " * len(m[0]), text[:MAX_CHARACTERS]).replace("’", "'")
    lowered = blanked.lower()
    if len(lowered) == len(blanked):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in blanked)  # "İ" has a two-letter lower case


def variety(words: list[str], window: int = WINDOW) -> float:
    """MATTR: mean share of different words in every run of ``window`` words; 0–1."""
    size = min(window, len(words))
    if not size:
        return 0.0
    counts: dict[str, int] = {}
    for word in words[:size]:
        counts[word] = counts.get(word, 0) + 1
    total = len(counts)
    for gone, come in zip(words, words[size:], strict=False):
        counts[gone] -= 1
        if not counts[gone]:
            del counts[gone]
        counts[come] = counts.get(come, 0) + 1
        total += len(counts)
    return total / (len(words) - size + 1) / size


def repetition(words: list[str]) -> float:
    """Share of word pairs that occurred before, in a text cut to 200 words so that length does not decide; 0–1."""
    pairs = list(pairwise(words[:200]))
    return 1.0 - len(set(pairs)) / len(pairs) if pairs else 0.0


def features(text: str, language: str) -> dict[str, float]:
    """The measurements in ``FEATURES``: cues as shares of the words, 0–1; ``word_length`` in characters.

    Args:
        text: lower case, as from ``clean``.
        language: "en" or "vi".
    """
    words = _WORD.findall(text)
    count = max(1, len(words))
    shares = {cue: len(pattern(language, cue).findall(text)) / count for cue in CUES}
    return shares | {
        "variety": variety(words),
        "word_length": sum(map(len, words)) / count,
        "repetition": repetition(words),
    }


def surface(text: str, language: str) -> dict[str, float]:
    """Case, punctuation and rhythm: shown to the reader, kept out of the score."""
    body = _NOISE.sub(" ", text[:MAX_CHARACTERS])
    words = _WORD.findall(body)
    count = max(1, len(words))
    lengths = np.array([n for n in (len(_WORD.findall(s)) for s in _SENTENCE.split(body)) if n], np.float64)
    measured = {
        "words": float(len(words)),
        "sentences": float(lengths.size),
        "capital_words": sum(w.isupper() and len(w) > 1 for w in words) / count,
        "numbers": sum(any(c.isdigit() for c in w) for w in words) / count,
        "exclamations_per_100_words": 100 * body.count("!") / count,
        "questions_per_100_words": 100 * body.count("?") / count,
        "emoji_per_100_words": 100 * sum(unicodedata.category(c) == "So" for c in body) / count,
        "quoted": sum(map(len, _QUOTED.findall(body))) / max(1, len(body)),
    }
    if lengths.size:
        # LIX (Björnsson 1968): words per sentence plus the percentage of words over six letters.
        measured["lix"] = float(lengths.mean() + 100 * sum(len(w) > 6 for w in words) / count)
    if lengths.size >= 3:
        measured["burstiness"] = float(lengths.std() / lengths.mean())  # uneven rhythm: large
    if language == "en" and lengths.size:
        syllables = sum(max(1, len(_VOWELS.findall(w.lower()))) for w in words) / count
        measured["flesch"] = float(206.835 - 1.015 * lengths.mean() - 84.6 * syllables)
    return measured


@cache
def model() -> Mapping[str, Mapping[str, Any]]:
    """Mean, deviation and weight of every feature by language, fitted by ``bench/calibrate_text.py``."""
    text = files("veriscope.detectors").joinpath("stylometry.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def contributions(measured: Mapping[str, float], fitted: Mapping[str, Any]) -> dict[str, float]:
    """What each feature adds to the log-odds, in the standard deviations of the fitting data."""
    parts = {}
    for name in FEATURES:
        mean, deviation, weight = fitted["features"][name]
        parts[name] = weight * float(np.clip((measured[name] - mean) / deviation, -CLIP, CLIP))
    return parts


def marks(text: str, language: str, parts: Mapping[str, float]) -> tuple[Span, ...]:
    """The words behind the cues that raised the score, as spans of characters."""
    spans = [
        Span(match.start(), match.end(), note=note, unit="characters")
        for cue, note in _MARKS.items()
        if parts[cue] > 0
        for match in pattern(language, cue).finditer(text)
    ]
    return tuple(sorted(spans, key=lambda s: s.start)[:MAX_SPANS])


class Stylometry(Method):
    """Raw: log-odds from counts of wording, fitted for each language."""

    name = "stylometry"
    signal = Signal.TEXT
    kinds = frozenset({Kind.TEXT, Kind.HTML})  # and captions, which the examiner hands to text detectors
    libraries = ("numpy", "py3langid")
    reference = "Horne & Adalı, This Just In, NECO 2017; Rashkin et al., Truth of Varying Shades, EMNLP 2017"
    title = {"en": "Style of wording", "vi": "Văn phong"}
    sentences = {
        "found": {
            "en": "The wording was compared with true and false reports in {language_en}: of {words} words, "
            "{absolute:.1f} % are absolutes, {attribution:.1f} % name a source, and words vary {variety:.0f} %. "
            "Style is a weak hint and says nothing of the facts.",
            "vi": "Cách dùng từ được so với các bản tin đúng và sai đã biết bằng {language_vi}: trong {words} từ, "
            "{absolute:.1f} % là lời tuyệt đối, {attribution:.1f} % dẫn nguồn, độ đa dạng từ {variety:.0f} %. "
            "Văn phong chỉ là gợi ý yếu và không nói gì về sự thật.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        text = scene.text()
        # Composed letters, or the lists would miss Vietnamese typed as letter plus mark.
        composed = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        lowered = clean(composed)
        language = identify(composed)
        shown: dict[str, Any] = {"language": language.code, "language_confidence": round(language.confidence, 3)}
        shown |= {k: round(v, 4) for k, v in surface(composed, language.code).items()}
        if shown["words"] < MIN_WORDS:
            return self.abstain(Reason.TOO_SHORT, measurements=shown)
        if language.code not in model() or language.confidence < MIN_CONFIDENCE:
            return self.abstain(Reason.UNSUPPORTED_LANGUAGE, measurements=shown)
        measured = features(lowered, language.code)
        fitted = model()[language.code]
        parts = contributions(measured, fitted)
        summary = self.say(
            "found",
            language_en={"en": "English", "vi": "Vietnamese"}[language.code],
            language_vi={"en": "tiếng Anh", "vi": "tiếng Việt"}[language.code],
            words=int(shown["words"]),
            absolute=100 * measured["absolute"],
            attribution=100 * measured["attribution"],
            variety=100 * measured["variety"],
        )
        found = self.found(
            fitted["offset"] + sum(parts.values()),
            scene.media.kind,
            summary,
            spans=marks(lowered, language.code, parts) if composed is text else (),
            parameters={"window": WINDOW, "min_words": MIN_WORDS, "weights": language.code},
            measurements=shown
            | {k: round(v, 4) for k, v in measured.items()}
            | {f"log_odds_{k}": round(v, 3) for k, v in parts.items()},
        )
        if found.score is None:
            return found
        # The languages differ so much that one reliability for both would flatter English.
        return replace(found, reliability=Reliability(fitted["reliability"], fitted["basis"]))
