"""What the networks ``fake-news-vi-written``, ``fake-news-vi-plain`` and ``fake-news-en-message`` read: runs of signs.

Hashed runs of words and of letters (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML
2009), to be weighted by their rarity and judged by a linear model, so that the share of every run in the decision is
known. There are three ways to read:

* as written: words and punctuation marks with their capitals, and the bare shape of the text (capital, small letter,
  figure, mark), after Stamatatos, "Authorship Attribution Using Text Distortion", EACL 2017: how a text is edited
  carries over to sources never seen, its subject does not;
* plain: runs of small letters and of words without marks, for texts that come without capitals and punctuation;
* as a message: runs of words and of letters as written, and that there is a link, for the short messages and statements
  of the English collections.

Links, site names and the names of publishers are removed first and, but for messages, figures become one sign: on the
known collections they tell where a text was collected, which says nothing of another text.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float32]
Places = NDArray[np.int64]

MAX_CHARACTERS = 20_000  # the rest of a longer text no longer changes the judgement

LINK = "\U00010300"  # an Old Italic letter stands for a link

# Publishers and the sites of the collections, as they write themselves.
PUBLISHERS = (
    "vnexpress", "vn express", "dantri", "tuoitre", "tuoitreonline", "thanhnien", "zing", "zingnews", "znews", "tinvn",
    "kenh14", "vtv", "vov", "vtc", "vtcnews", "vietnamnet", "laodong", "ttxvn", "vietnamplus", "nguoiduatin",
    "socialnews", "hoithocuocsong", "soha", "cafef", "baomoi", "tintuc", "theanh28", "beatvn", "thoibao",
    "giadinhtiepthi", "ipick", "politifact", "snopes", "factcheck",
)  # fmt: skip

_LINK = re.compile(
    r"https?://\S*|www\.\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|vn|info|news|de|biz|today|co|ly)\b(?:\.vn)?(?:/\S*)?",
    re.IGNORECASE,
)
_PUBLISHER = re.compile(r"(?<!\w)(?:" + "|".join(sorted(PUBLISHERS, key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S*|www\.\S+")
_MARK = re.compile(r"[^\w\s]|_")
_DIGIT = re.compile(r"\d")
_PLAIN_TOKEN = re.compile(r"\S+")
_TOKEN = re.compile(r"\w+|[^\w\s]|\n+")
_SHAPE = re.compile(r"[^\W\d_]+|\d+|\s*\n\s*|\s+|.")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, Knuth's multiplicative hashing
_STEP = np.uint64(1099511628211)  # the FNV prime
_FINAL = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64


class Runs(NamedTuple):
    """Every run in order: its bucket, its first character in the text and the one after its last."""

    buckets: Places
    starts: Places
    ends: Places


class Signs(NamedTuple):
    """What runs are made of: one number and one place in the text for each sign."""

    codes: NDArray[np.uint64]
    starts: Places
    ends: Places


def composed(text: str) -> str:
    """NFC and cut to what is read; every place below is one in this."""
    return unicodedata.normalize("NFC", text[: 2 * MAX_CHARACTERS])[:MAX_CHARACTERS]


def formatted(text: str) -> bool:
    """Whether capitals and punctuation are there to be read; some collections and many messages have neither."""
    letters = sum(c.isalpha() for c in text[:MAX_CHARACTERS])
    capitals = sum(c.isupper() for c in text[:MAX_CHARACTERS])
    return 0.005 * letters < capitals < 0.5 * letters and re.search(r"[.,!?;:]", text) is not None


def _without_sources(text: str) -> str:
    """Links and publishers blanked and figures made one, every other character at its place."""
    text = _LINK.sub(lambda m: " " * len(m[0]), text)
    return _DIGIT.sub("0", _PUBLISHER.sub(lambda m: " " * len(m[0]), text))


def _small(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)  # "İ" has a two-letter lower case


def _signs(found: list[tuple[str, int, int]]) -> Signs:
    return Signs(
        np.array([zlib.crc32(sign.encode()) + 1 for sign, _, _ in found], np.uint64),
        np.array([start for _, start, _ in found], np.int64),
        np.array([end for _, _, end in found], np.int64),
    )


def _letters(found: list[tuple[str, int, int]]) -> Signs:
    codes = np.array([ord(sign) for sign, _, _ in found], np.uint64)
    return Signs(codes, np.array([s for _, s, _ in found], np.int64), np.array([e for _, _, e in found], np.int64))


def _with_links_marked(text: str) -> str:
    """One letter that no language uses in place of each link, publishers blanked."""
    text = _ADDRESS.sub(lambda m: LINK.ljust(len(m[0])), text)
    return _PUBLISHER.sub(lambda m: " " * len(m[0]), text)


def plain_words(text: str) -> Signs:
    """Words in small letters, without marks."""
    bare = _small(_MARK.sub(" ", _without_sources(text)))
    return _signs([(m[0], m.start(), m.end()) for m in _PLAIN_TOKEN.finditer(bare)])


def plain_letters(text: str) -> Signs:
    """Small letters, one blank between words and around the whole."""
    words = plain_words(text)
    bare = _small(_MARK.sub(" ", _without_sources(text)))
    found = [(" ", 0, 0)]
    for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True):
        found += [(bare[i], i, i + 1) for i in range(start, end)]
        found.append((" ", end, end))
    return _letters(found)


def marked_words(text: str) -> Signs:
    """Words as written, marks and line breaks; a run of breaks is one."""
    found = [
        ("\n" if "\n" in m[0] else m[0], m.start(), m.end()) for m in _TOKEN.finditer(_without_sources(text).strip())
    ]
    return _signs(found)


def shapes(text: str) -> Signs:
    """The text with its words effaced: Aa, AA, aa for words, 0 for figures, and marks as they are."""
    found: list[tuple[str, int, int]] = []
    for match in _SHAPE.finditer(_without_sources(text).strip()):
        part, place = match[0], (match.start(), match.end())
        if part.isspace():
            found.append(("\n" if "\n" in part else " ", *place))
        elif part[0].isalpha():
            found += [(sign, *place) for sign in _word_shape(part)]
        else:
            found.append((part[0], *place))
    return _letters(found)


def _word_shape(word: str) -> str:
    """Runs of small letters count once, of capitals at most twice: "Hà" → "Aa", "TP" → "AA", "và" → "a"."""
    kinds = "".join("A" if c.isupper() else "a" for c in word)
    return re.sub(r"AA+", "AA", re.sub(r"a+", "a", kinds))


def message_words(text: str) -> Signs:
    """Words and marks as written, and one sign for a link."""
    return _signs([(m[0], m.start(), m.end()) for m in _TOKEN.finditer(_with_links_marked(text)) if "\n" not in m[0]])


def message_letters(text: str) -> Signs:
    """Letters and marks as written, one blank between words and marks."""
    found = [(" ", 0, 0)]
    for match in _TOKEN.finditer(_with_links_marked(text)):
        if "\n" not in match[0]:
            found += [(match[0][i - match.start()], i, i + 1) for i in range(match.start(), match.end())]
            found.append((" ", match.end(), match.end()))
    return _letters(found)


class Style(NamedTuple):
    """One way to read a text: the signs of its two kinds of runs, how long those are, and the bits of a bucket."""

    words: Callable[[str], Signs]
    word_lengths: tuple[int, ...]
    letters: Callable[[str], Signs]
    letter_lengths: tuple[int, ...]
    bits: int

    @property
    def buckets(self) -> int:
        return 1 << self.bits


AS_WRITTEN = Style(marked_words, (1,), shapes, (1, 2, 3, 4, 5, 6), 16)
PLAIN = Style(plain_words, (1, 2), plain_letters, (2, 3, 4, 5), 17)
MESSAGE = Style(message_words, (1, 2), message_letters, (2, 3, 4, 5), 18)
STYLES: Mapping[str, Style] = {
    "fake-news-vi-written": AS_WRITTEN,
    "fake-news-vi-plain": PLAIN,
    "fake-news-en-message": MESSAGE,
}


class Read(NamedTuple):
    """Both kinds of runs of one text."""

    words: Runs
    letters: Runs


def look(text: str, style: Style) -> Read:
    """Args:
    text: as from ``composed``.
    """
    return Read(
        hashed(style.words(text), style.word_lengths, style.bits),
        hashed(style.letters(text), style.letter_lengths, style.bits),
    )


def hashed(signs: Signs, lengths: tuple[int, ...], bits: int) -> Runs:
    """All runs of the given lengths, shorter ones first, in 2^bits buckets."""
    found: list[tuple[Places, Places, Places]] = []
    codes = signs.codes
    with np.errstate(over="ignore"):  # hashing counts modulo 2^64
        state = codes * _GOLDEN
        for length in range(1, min(max(lengths), len(codes)) + 1):
            count = len(codes) - length + 1
            if length > 1:
                state = (state[:count] * _STEP) ^ (codes[length - 1 :] * _GOLDEN)
            if length in lengths:
                mixed = (state ^ (state >> np.uint64(29))) * _FINAL
                mixed = (mixed ^ (mixed >> np.uint64(32))) * _GOLDEN
                buckets = (mixed >> np.uint64(64 - bits)).astype(np.int64)
                found.append((buckets, signs.starts[:count], signs.ends[length - 1 :]))
    if not found:
        nothing = np.zeros(0, np.int64)
        return Runs(nothing, nothing, nothing)
    return Runs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def counted(runs: Runs) -> tuple[Places, Counts]:
    """Different buckets, ascending, and how often each occurs."""
    buckets, counts = np.unique(runs.buckets, return_counts=True)
    return buckets, counts.astype(np.float32)


def prepare(found: Read) -> dict[str, NDArray[Any]]:
    """``words`` and ``letters`` int64, ``word_counts`` and ``letter_counts`` float32."""
    words, word_counts = counted(found.words)
    letters, letter_counts = counted(found.letters)
    return {"words": words, "word_counts": word_counts, "letters": letters, "letter_counts": letter_counts}


class Reading(NamedTuple):
    """``log_odds`` of the whole text, and what each of its characters added to it (float32)."""

    log_odds: float
    by_character: Counts


def read(outputs: Mapping[str, NDArray[Any]], found: Read, length: int) -> Reading:
    """A bucket's part is shared alike by all its runs, and a run's part by its characters.

    Args:
        outputs: ``log_odds``, and ``word_parts`` and ``letter_parts`` in the order of ``prepare``.
        length: of the text.
    """
    line = np.zeros(length + 1)
    for runs, parts in ((found.words, outputs["word_parts"]), (found.letters, outputs["letter_parts"])):
        _, place, counts = np.unique(runs.buckets, return_inverse=True, return_counts=True)
        width = np.maximum(1, runs.ends - runs.starts)
        share = (np.asarray(parts, np.float64) / np.maximum(1, counts))[place] / width
        np.add.at(line, runs.starts, share)
        np.subtract.at(line, runs.ends, share)
    return Reading(float(np.asarray(outputs["log_odds"]).ravel()[0]), np.cumsum(line)[:length].astype(np.float32))
