"""Which language a text is in, offline, with a confidence.

py3langid (Lui & Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012; 97 languages).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

MIN_LETTERS = 20  # below this the guess follows single letter pairs
MAX_CHARACTERS = 20_000  # the guess no longer changes after this much
_NOISE = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Language:
    """``code`` is ISO 639-1, or "und" where the text is too short; ``confidence`` is 0–1."""

    code: str
    confidence: float


UNDETERMINED = Language("und", 0.0)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify(text: str) -> Language:
    """The most likely language of ``text``; links, names and hidden characters do not count."""
    clean = _NOISE.sub("", text[:MAX_CHARACTERS])
    if sum(c.isalpha() for c in clean) < MIN_LETTERS:
        return UNDETERMINED
    code, confidence = _identifier().classify(clean)
    return Language(str(code), float(confidence))
