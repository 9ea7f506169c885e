"""Run by ``bench/pii.py --presidio`` in an environment of its own: texts as JSON in, spans as JSON out.

Only pattern recognisers, on a spaCy pipeline without weights, as the design measured it: no network is compared here.
"""

from __future__ import annotations

import json
import sys

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine


class Null(NlpEngine):
    """Tokens by blank spaCy rules, no entities."""

    def __init__(self) -> None:
        import spacy

        self.nlp = {"en": spacy.blank("en")}
        self.engine_name = "null"

    def load(self) -> None: ...

    def is_loaded(self) -> bool:
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        doc = self.nlp[language](text)
        return NlpArtifacts([], doc, [t.idx for t in doc], [t.lower_ for t in doc], self, language)

    def process_batch(self, texts, language, **_):  # type: ignore[no-untyped-def]
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        return self.nlp[language].vocab[word].is_stop

    def is_punct(self, word: str, language: str) -> bool:
        return self.nlp[language].vocab[word].is_punct

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return ["en"]


def main() -> None:
    engine = Null()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyser = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    out = []
    for text in json.load(sys.stdin):
        found = sorted(analyser.analyze(text, "en", score_threshold=0.35), key=lambda r: (-r.score, r.start - r.end))
        taken: list[tuple[int, int, str]] = []
        for result in found:
            if not any(result.start < b and a < result.end for a, b, _ in taken):
                taken.append((result.start, result.end, result.entity_type))
        out.append(sorted(taken))
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
