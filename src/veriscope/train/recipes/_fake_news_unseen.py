"""What the linear networks are worth on sources they never saw, and the weights that are shipped.

Random folds of these collections measure the source, not the truth: on VFND no site has texts of both classes. So the
shipped log odds are scaled (Platt 1999, both classes alike) to texts of sites that were left out of the fit, or of
another collection altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from veriscope.inference.networks.fake_news_ngrams import STYLES, Style
from veriscope.train.recipes import _fake_news_data as texts
from veriscope.train.recipes import _fake_news_linear as linear
from veriscope.train.recipes._fake_news_data import Labels, Texts

Floats = NDArray[np.float64]

PENALTY = {"vi": 0.1, "en": 0.05}  # en: chosen on Constraint-COVID's validation part
SITE_POWER = 1.0  # every site weighs alike
FOLDS, REPEATS = 5, 3


def penalty(name: str) -> float:
    return PENALTY[name.split("-")[2]]


def site_folds(labels: Labels, sites: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each text; a site is never divided, and every fold gets about as many texts of each class."""
    random = np.random.default_rng(seed)
    names = np.array(sites)
    filled = np.zeros((2, folds))
    found = np.zeros(len(labels), np.int64)
    for site in random.permutation(np.unique(names)):
        here = names == site
        counts = np.array([(labels[here] == label).sum() for label in (0, 1)])
        fold = int(np.argmin(filled[int(np.argmax(counts))]))
        filled[:, fold] += counts
        found[here] = fold
    return found


def folded(style: Style, known: Texts, folds: NDArray[np.int64], power: float, strength: float) -> Floats:
    """Log odds of every text by a model that was fitted without its fold."""
    counts = linear.count(known.texts, style)
    return folded_counts(counts, known, folds, power, strength)


def folded_counts(
    counts: linear.Counted, known: Texts, folds: NDArray[np.int64], power: float, strength: float
) -> Floats:
    found = np.zeros(len(known.labels))
    for fold in np.unique(folds):
        rest, left = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        share = linear.shares(known.labels[rest], [known.groups[i] for i in rest], power)
        model = linear.fit(counts.rows(rest), known.labels[rest], share, strength)
        found[left] = linear.scores(model, counts.rows(left))
    return found


def across(style: Style, known: Texts, other: Texts, strength: float) -> Floats:
    """Log odds of ``other`` by a model of ``known``."""
    share = linear.shares(known.labels, known.groups, SITE_POWER)
    model = linear.fit(linear.count(known.texts, style), known.labels, share, strength)
    return linear.scores(model, linear.count(other.texts, style))


def sets(name: str, data: Path) -> list[Texts]:
    """The collections that a network learns from."""
    if name.startswith("fake-news-en-"):
        statements = texts.liar(data, "train")
        unnamed = Texts(statements.texts, statements.labels, [""] * len(statements.texts))
        return [texts.constraint(data, "train"), unnamed]
    articles = texts.vfnd_sites(data)
    sited = Texts(articles.texts, articles.labels, [texts.site(group) for group in articles.groups])
    if name.endswith("-written"):
        return [sited]
    return [sited, texts.without_copies(texts.vn_news(data), texts.vfnd(data))]


def fitted(name: str, data: Path) -> linear.Linear:
    """The model that is shipped, before scaling; every collection weighs alike."""
    parts = sets(name, data)
    share = np.concatenate([linear.shares(part.labels, part.groups, SITE_POWER) for part in parts])
    both = texts.joined(parts)
    return linear.fit(linear.count(both.texts, STYLES[name]), both.labels, share, penalty(name))


def unseen(name: str, data: Path) -> tuple[Floats, Labels]:
    """Log odds and labels of texts whose source had no part in the fit."""
    parts = sets(name, data)
    if len(parts) == 1:
        runs = [
            folded(
                STYLES[name], parts[0], site_folds(parts[0].labels, parts[0].groups, FOLDS, seed), 1.0, penalty(name)
            )
            for seed in range(REPEATS)
        ]
        return np.concatenate(runs), np.tile(parts[0].labels, REPEATS)
    first, second = parts
    raws = [across(STYLES[name], second, first, penalty(name)), across(STYLES[name], first, second, penalty(name))]
    return np.concatenate(raws), np.concatenate([first.labels, second.labels])


class Scale(NamedTuple):
    """Log odds on unseen sources = slope · raw + offset. ``auc`` there; ``texts`` that were judged."""

    slope: float
    offset: float
    auc: float
    texts: int


def scaling(name: str, data: Path) -> Scale:
    raw, labels = unseen(name, data)
    share = linear.shares(labels, [""] * len(labels), 0.0)
    slope, offset = linear.solve(raw[:, None], labels, share, 1e-3)
    fake, real = raw[labels == 1], np.sort(raw[labels == 0])
    below = np.searchsorted(real, fake, "left") + np.searchsorted(real, fake, "right")
    count = sum(len(part.labels) for part in sets(name, data))
    return Scale(max(0.0, float(slope)), float(offset), float(below.mean() / (2 * len(real))), count)


def scaled(model: linear.Linear, scale: Scale) -> linear.Linear:
    return linear.Linear(model.rarity, model.weights * scale.slope, model.offset * scale.slope + scale.offset)
