"""Inputs and outputs of ``pii-names``: which words of a text name a person or a place, in arrays only.

Each word enters as hashes of its form, its form without marks, its beginning, its end and its shape, so that no
vocabulary is needed and names never seen are still read by their parts (L. Miranda et al., "Multi hash embeddings in
spaCy", 2022).
Works on written text and on transcripts, which have no capitals.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NAME = "pii-names"
BUCKETS = 8192  # rows of the embedding of each feature; 0 is padding
WINDOW, STEP = 128, 96  # words seen at once, and from one window to the next
TAGS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION")
FEATURES = 6

_WORD = re.compile(r"\w+|[^\w\s]|\n", re.UNICODE)


class Word(NamedTuple):
    """``text`` as it stands, from character ``start`` to ``end``."""

    text: str
    start: int
    end: int


class Entity(NamedTuple):
    """Characters ``start`` to ``end`` name a ``kind`` (PERSON or LOCATION); the least ``probability`` of its words."""

    start: int
    end: int
    kind: str
    probability: float


def words(text: str) -> list[Word]:
    """Words, single marks and line breaks, with their places."""
    return [Word(found.group(), found.start(), found.end()) for found in _WORD.finditer(text)]


def plain(word: str) -> str:
    """Lower case, marks removed: ``Nguyễn`` → ``nguyen``."""
    letters = unicodedata.normalize("NFD", word.lower().replace("đ", "d"))
    return "".join(c for c in letters if not unicodedata.combining(c))


def shape(word: str) -> str:
    """Capitals, small letters, digits and the rest, runs of more than three cut: ``Xxxx``, ``99``, ``X.X``."""
    kinds = ["X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in word]
    return re.sub(r"(.)\1{3,}", r"\1\1\1", "".join(kinds))


def features(tokens: Sequence[str]) -> NDArray[np.int64]:
    """Hashes of each word, N×FEATURES in [1, BUCKETS)."""
    rows = np.zeros((len(tokens), FEATURES), np.int64)
    for index, token in enumerate(tokens):
        word = unicodedata.normalize("NFC", token)
        low, bare = word.lower(), plain(word)
        parts = (low, bare, f"^{bare[:3]}", f"{bare[-3:]}$", shape(word), f"{bare[:1]}{len(bare)}")
        for column, part in enumerate(parts):
            rows[index, column] = 1 + zlib.crc32(f"{column}{part}".encode()) % (BUCKETS - 1)
    return rows


def prepare(rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Windows of ``features`` rows: ``words`` W×WINDOW×FEATURES, zero where the text has ended."""
    starts = range(0, max(1, len(rows) - (WINDOW - STEP)), STEP)
    out = np.zeros((len(starts), WINDOW, FEATURES), np.int64)
    for index, start in enumerate(starts):
        part = rows[start : start + WINDOW]
        out[index, : len(part)] = part
    return {"words": out}


def read(outputs: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.float32]:
    """Probabilities of ``TAGS`` for each of ``count`` words; where windows overlap, of the one with more around it."""
    logits = outputs["logits"].astype(np.float32)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    found = weights / weights.sum(-1, keepdims=True)
    out = np.zeros((count, len(TAGS)), np.float32)
    margin = (WINDOW - STEP) // 2
    for index, window in enumerate(found):
        first = index * STEP + (margin if index else 0)
        out[first : index * STEP + WINDOW] = window[first - index * STEP :][: max(0, count - first)]
    return out


def entities(found: Sequence[Word], probabilities: NDArray[np.float32], threshold: float = 0.5) -> list[Entity]:
    """Runs of words of one kind, each at least ``threshold`` sure to belong to it.

    A lower threshold finds more: redaction would rather cover a word too many.
    """
    kinds = {"PERSON": probabilities[:, 1] + probabilities[:, 2], "LOCATION": probabilities[:, 3] + probabilities[:, 4]}
    names = list(kinds)
    table = np.stack([kinds[name] for name in names], 1) if len(found) else np.zeros((0, 2), np.float32)
    best, sure = table.argmax(1), table.max(1, initial=0.0)
    out: list[Entity] = []
    open_kind = ""
    for index, word in enumerate(found):
        kind = names[best[index]] if sure[index] >= threshold else ""
        begins = kind and probabilities[index, 1 + 2 * best[index]] > probabilities[index, 2 + 2 * best[index]]
        if kind and kind == open_kind and not begins:
            last = out[-1]
            out[-1] = Entity(last.start, word.end, kind, min(last.probability, float(sure[index])))
        elif kind and any(c.isalnum() for c in word.text):
            out.append(Entity(word.start, word.end, kind, float(sure[index])))
        else:
            kind = ""
        open_kind = kind
    return out
