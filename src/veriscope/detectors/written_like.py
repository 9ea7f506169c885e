"""Is a text written like the unreliable articles, or like the reliable ones, of the known collections?

A linear model over runs of signs (Wang & Manning, "Baselines and Bigrams", ACL 2012, on how hard those are to beat on
small collections). It knows nothing of the world: a true report in the manner of a gossip site is marked, a lie in the
manner of a newspaper is not. The collections tell their sources more than the truth, so the log odds are scaled to
what they are worth on sources that had no part in the fit, and the reliability is the one measured there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import Method
from veriscope.inference.networks.fake_news import words
from veriscope.inference.networks.fake_news_ngrams import (
    MAX_CHARACTERS,
    STYLES,
    composed,
    formatted,
    look,
    prepare,
    read,
)
from veriscope.perception.language import identify
from veriscope.types import Finding, Infer, Kind, Reason, Reliability, Scene, Signal, Span

MIN_WORDS = 20
MIN_CONFIDENCE = 0.5  # of the language
MAX_SPANS = 12
NOTABLE = 0.004  # of the whole evidence: a word with less is not marked


class Basis(NamedTuple):
    """What a network is worth on sources that it never saw: AUC, and where that was measured."""

    auc: float
    where: str

    @property
    def reliability(self) -> Reliability:
        return Reliability(max(0.0, 2 * self.auc - 1), self.where)


# From ``bench/fake_news.py --parts unseen``.
BASES: Mapping[str, Basis] = {
    "fake-news-vi-written": Basis(
        0.7554, "VFND, 223 articles, sites left out of the fit: AUC 0.91; lower end of [0.76, 0.97] over sites"
    ),
    "fake-news-vi-plain": Basis(0.7628, "VFND ↔ vn-news-v2 without copies, 2026 texts, across: AUC 0.76"),
    "fake-news-en-message": Basis(0.5286, "Constraint-COVID ↔ LIAR, 16689 texts, across: AUC 0.53"),
}
_TOWARDS: Mapping[bool, Mapping[str, str]] = {
    True: {"en": "as in the unreliable texts", "vi": "như trong các bài không đáng tin"},
    False: {"en": "as in the reliable texts", "vi": "như trong các bài đáng tin"},
}


def network(language: str, text: str) -> str | None:
    """Which network reads this, or ``None`` for a language that none knows."""
    if language == "en":
        return "fake-news-en-message"
    if language != "vi":
        return None
    return "fake-news-vi-written" if formatted(text) else "fake-news-vi-plain"


def decisive(text: str, by_character: NDArray[np.float32]) -> tuple[Span, ...]:
    """The words that moved the judgement most, in the order of the text; ``score`` 1 for unreliable, 0 for reliable.

    Args:
        by_character: log odds that each character of ``text`` added.
    """
    line = np.concatenate([[0.0], np.cumsum(by_character, dtype=np.float64)])
    total = float(np.abs(by_character).sum()) or 1.0
    found: list[tuple[float, int, int]] = []
    start = None
    for place, sign in enumerate([*text, " "]):
        if sign.isalnum():
            start = place if start is None else start
        elif start is not None:
            found.append((float(line[place] - line[start]), start, place))
            start = None
    found = sorted((f for f in found if abs(f[0]) > NOTABLE * total), key=lambda f: -abs(f[0]))[:MAX_SPANS]
    return tuple(
        Span(start, end, score=float(part > 0), note=_TOWARDS[part > 0], unit="characters")
        for part, start, end in sorted(found, key=lambda f: f[1])
    )


class WrittenLike(Method):
    """Raw: log odds of an unreliable text, on sources never seen."""

    name = "written_like"
    signal = Signal.TEXT
    kinds = frozenset({Kind.TEXT, Kind.HTML})  # and captions, which the examiner hands to text detectors
    models = tuple(STYLES)
    libraries = ("numpy", "onnxruntime", "py3langid")
    reference = "Wang & Manning, Baselines and Bigrams, ACL 2012; Stamatatos, Text Distortion, EACL 2017"
    title = {"en": "Likeness to known unreliable texts", "vi": "Giống các bài không đáng tin đã biết"}
    sentences = {
        "unreliable": {
            "en": "Of the texts it learned from, this one is written more like the unreliable ones. That says nothing "
            "of whether it is true.",
            "vi": "So với các bài đã học, văn bản này viết giống các bài không đáng tin hơn. Điều đó không nói lên "
            "nội dung đúng hay sai.",
        },
        "reliable": {
            "en": "Of the texts it learned from, this one is written more like the reliable ones. That says nothing of "
            "whether it is true.",
            "vi": "So với các bài đã học, văn bản này viết giống các bài đáng tin hơn. Điều đó không nói lên nội dung "
            "đúng hay sai.",
        },
        "neither": {
            "en": "Of the texts it learned from, this one is written about as much like the reliable as like the "
            "unreliable ones.",
            "vi": "So với các bài đã học, văn bản này viết giống các bài đáng tin và không đáng tin gần như nhau.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        given = scene.text()
        text = composed(given)
        language = identify(text)
        shown: dict[str, Any] = {"language": language.code, "language_confidence": round(language.confidence, 3)}
        shown["words"] = len(words(text))
        if shown["words"] < MIN_WORDS:
            return self.abstain(Reason.TOO_SHORT, measurements=shown)
        name = network(language.code, text) if language.confidence >= MIN_CONFIDENCE else None
        if name is None:
            return self.abstain(Reason.UNSUPPORTED_LANGUAGE, measurements=shown)
        runs = look(text, STYLES[name])
        reading = read(infer.run(name, prepare(runs)), runs, len(text))
        raw = reading.log_odds
        key = "neither" if abs(raw) < 0.5 else "unreliable" if raw > 0 else "reliable"
        found = self.found(
            raw,
            scene.media.kind,
            self.say(key),
            # places are those of the composed text, and there are others in a text that was not
            spans=decisive(text, reading.by_character) if given.startswith(text) else (),
            parameters={"network": name, "min_words": MIN_WORDS, "max_characters": MAX_CHARACTERS},
            measurements=shown | {"log_odds": round(raw, 4)},
        )
        if found.score is None:
            return found
        # The networks differ so much that one reliability for all would flatter English.
        return replace(found, reliability=BASES[name].reliability)
