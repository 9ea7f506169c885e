"""The labelled texts, their sources, and what two sets have in common. Needs no torch."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from veriscope.inference.networks.fake_news import words

Labels = NDArray[np.int64]

SHINGLE = 4  # words
COPIED = 0.5  # share of a text's shingles that another set holds; between 0.3 and 0.8 there is nearly none
FALSE_ON_LIAR = frozenset({"false", "pants-fire", "barely-true"})
HELD_OUT = 10  # one text in so many is kept from the fit to choose the checkpoint


class Texts(NamedTuple):
    """``labels``: 1 = fake. ``groups``: the site a text comes from, "" where that is not known."""

    texts: list[str]
    labels: Labels
    groups: list[str]

    def pick(self, places: Iterable[int] | NDArray[np.int64] | NDArray[np.bool_]) -> Texts:
        chosen = np.arange(len(self.texts))[np.asarray(places)]
        return Texts([self.texts[i] for i in chosen], self.labels[chosen], [self.groups[i] for i in chosen])


def joined(sets: Sequence[Texts]) -> Texts:
    texts = [text for s in sets for text in s.texts]
    return Texts(texts, np.concatenate([s.labels for s in sets]), [group for s in sets for group in s.groups])


def _table(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def vfnd(data: Path) -> Texts:
    """226 Vietnamese articles."""
    rows = _table(data / "text" / "vfnd" / "vn_news_226_tlfr.csv")
    return Texts([r["text"] for r in rows], np.array([int(r["label"]) for r in rows]), [""] * len(rows))


def vfnd_sites(data: Path) -> Texts:
    """The 223 of them whose site is known."""
    rows = _table(data / "text" / "vfnd" / "vn_news_223_tdlfr.csv")
    return Texts([r["text"] for r in rows], np.array([int(r["label"]) for r in rows]), [r["domain"] for r in rows])


def site(domain: str) -> str:
    """The name that was registered: kinhdoanh.vnexpress.net and vnexpress.net are one source."""
    parts = re.sub(r"^https?://", "", domain).strip("/").removeprefix("www.").split(".")
    return ".".join(parts[-3:] if parts[-2:] == ["com", "vn"] else parts[-2:])


def vn_news(data: Path) -> Texts:
    """1893 Vietnamese posts, already in small letters and without punctuation."""
    rows = _table(data / "text" / "vn-news-v2" / "vn_news_v2_dedup.csv")
    return Texts([r["content"] for r in rows], np.array([int(r["label"]) for r in rows]), [""] * len(rows))


def constraint(data: Path, part: str) -> Texts:
    """English tweets about COVID-19; ``part`` is train, val or test."""
    rows = _table(data / "text" / "constraint-covid" / f"{part}.csv")
    labels = np.array([int(r["label"] == "fake") for r in rows])
    return Texts([r["tweet"] for r in rows], labels, [""] * len(rows))


def liar(data: Path, part: str) -> Texts:
    """English statements of politicians, two classes; ``part`` is train, valid or test. Group: the speaker."""
    lines = (data / "text" / "liar" / f"{part}.tsv").read_text("utf-8").splitlines()
    rows = [row for row in (line.split("\t") for line in lines) if len(row) > 4]
    return Texts([r[2] for r in rows], np.array([int(r[1] in FALSE_ON_LIAR) for r in rows]), [r[4] for r in rows])


def shingles(text: str) -> frozenset[str]:
    """Runs of four words without figures; the preparation differs between the sets, the words do not."""
    found = re.sub(r"\d", "", " ".join(words(text))).split()
    return frozenset(" ".join(found[i : i + SHINGLE]) for i in range(len(found) - SHINGLE + 1))


def overlap(texts: Sequence[str], other: Sequence[str]) -> NDArray[np.float64]:
    """For each text, the share of its shingles that ``other`` holds; N in [0, 1]."""
    held = frozenset().union(*(shingles(text) for text in other))
    found = [shingles(text) for text in texts]
    return np.array([len(s & held) / len(s) if s else 0.0 for s in found])


def without_copies(texts: Texts, other: Texts) -> Texts:
    """``texts`` less those that ``other`` holds, too."""
    return texts.pick(overlap(texts.texts, other.texts) < COPIED)


def held_out(texts: Texts) -> NDArray[np.bool_]:
    """Which texts are kept from the fit; by their words, so that copies fall on the same side."""
    digests = (hashlib.sha256(" ".join(words(text)[:40]).encode()).digest() for text in texts.texts)
    return np.array([digest[0] * 256 + digest[1] for digest in digests]) % HELD_OUT == 0


def development(data: Path, language: str) -> Texts:
    """Everything that the shipped networks may learn from. The official test parts are not in it."""
    if language == "vi":
        articles = vfnd_sites(data)
        rest = vfnd(data)
        unknown = rest.pick(overlap(rest.texts, articles.texts) < COPIED)
        sites = Texts(articles.texts, articles.labels, [site(group) for group in articles.groups])
        return joined([sites, unknown, without_copies(vn_news(data), rest)])
    tweets, statements = constraint(data, "train"), liar(data, "train")
    return joined([tweets, Texts(statements.texts, statements.labels, [""] * len(statements.texts))])
