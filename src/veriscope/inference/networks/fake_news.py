"""What the networks ``fake-news-vi`` and ``fake-news-en`` read: the reference system's own preparation of a text.

NFC, lower case, no punctuation, words at white space, a vocabulary of at most 20,000, the first 256 words. The network
is a two-layer bidirectional LSTM with the greatest value over time; what follows the end of a text counts for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = 256  # words; what follows is not read
PAD, UNKNOWN = 0, 1
RESERVED = ("<PAD>", "<UNK>")
VOCABULARY = 20_000  # with the two above
CLASSES = ("real", "fake")  # columns of the answer
NAMES: Mapping[str, str] = {"vi": "fake-news-vi", "en": "fake-news-en"}
_CHARACTERS = 64 * LENGTH  # more than 256 words take in any language written with spaces

_PUNCTUATION = re.compile(r"[^\w\s]|_")


def words(text: str) -> list[str]:
    """NFC, lower case, punctuation and symbols removed, split at white space."""
    composed = unicodedata.normalize("NFC", text).lower()
    return _PUNCTUATION.sub(" ", composed).split()


@lru_cache(maxsize=8)
def vocabulary(data: bytes) -> Mapping[str, int]:
    """Word → number. ``data`` is the asset: UTF-8, one word a line, the line's place is the number."""
    return {word: number for number, word in enumerate(data.decode("utf-8").split("\n"))}


def encode(text: str, known: Mapping[str, int]) -> NDArray[np.int64]:
    """The first 256 words as numbers, filled up with ``PAD``; an empty text is one unknown word."""
    numbers = [known.get(word, UNKNOWN) for word in words(text[:_CHARACTERS])[:LENGTH]] or [UNKNOWN]
    row = np.full(LENGTH, PAD, np.int64)
    row[: len(numbers)] = numbers
    return row


def prepare(texts: Sequence[str], known: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """``tokens``: N×256 int64."""
    return {"tokens": np.stack([encode(text, known) for text in texts])}


def read(outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Probabilities N×2, columns as in ``CLASSES``."""
    return np.asarray(outputs["probabilities"], np.float32)
