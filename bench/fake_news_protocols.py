"""Models, folds and intervals of ``bench/fake_news.py``."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from common import auc
from veriscope.inference.networks.fake_news import words
from veriscope.inference.networks.fake_news_ngrams import Style
from veriscope.train.recipes import _fake_news_linear as linear
from veriscope.train.recipes._fake_news_data import Labels, Texts
from veriscope.train.recipes._fake_news_unseen import site_folds

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
DRAWS = 1000
INNER = 3


class Scorer(Protocol):
    """Log odds of the texts at ``left`` by a model of those at ``rest``."""

    def __call__(self, rest: Places, left: Places) -> Floats: ...


class Baseline:
    """Words and pairs of words, TF-IDF, logistic regression, both classes alike.

    Words in Vietnamese are what the reference's preparation leaves between white space, as its words are syllables of
    one letter, too; in English they are scikit-learn's usual ones.
    """

    def __init__(self, known: Texts, *, bare: bool) -> None:
        self._texts = [" ".join(words(text)) if bare else unicodedata.normalize("NFC", text) for text in known.texts]
        self._labels = known.labels
        self._pattern = r"\S+" if bare else r"(?u)\b\w\w+\b"

    def __call__(self, rest: Places, left: Places) -> Floats:
        rarity = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=self._pattern)
        x = rarity.fit_transform([self._texts[i] for i in rest])
        model = LogisticRegression(C=10, class_weight="balanced", solver="liblinear").fit(x, self._labels[rest])
        found: Floats = model.decision_function(rarity.transform([self._texts[i] for i in left]))
        return found


class Ours:
    """One way to read, with sites of n texts worth n^(1 − power)."""

    def __init__(self, known: Texts, style: Style, power: float, penalty: float) -> None:
        self._known = known
        self._counts: linear.Counted | None = None
        self.style, self.power, self.penalty = style, power, penalty

    def __call__(self, rest: Places, left: Places) -> Floats:
        if self._counts is None:
            self._counts = linear.count(self._known.texts, self.style)
        labels = self._known.labels[rest]
        share = linear.shares(labels, [self._known.groups[i] for i in rest], self.power)
        model = linear.fit(self._counts.rows(rest), labels, share, self.penalty)
        return linear.scores(model, self._counts.rows(left))


class Recurrent:
    """The reference's network, trained from scratch on every fold; the vocabulary is that of the fold."""

    def __init__(self, known: Texts, passes: int = 12) -> None:
        self._known = known
        self._passes = passes

    def __call__(self, rest: Places, left: Places) -> Floats:
        from veriscope.train.recipes import _fake_news as lstm

        fitted, judged = self._known.pick(rest), self._known.pick(left)
        known = lstm.learn_vocabulary(fitted.texts)
        passes = self._passes if len(rest) < 1000 else max(3, self._passes // 3)
        module = lstm.trained(lstm.encoded(fitted.texts, known), fitted.labels, len(known), passes)
        return lstm.log_odds(module, lstm.encoded(judged.texts, known))


def random_folds(labels: Labels, folds: int, seed: int) -> Places:
    """Stratified."""
    random = np.random.default_rng(seed)
    found = np.zeros(len(labels), np.int64)
    for label in (0, 1):
        places = random.permutation(np.flatnonzero(labels == label))
        found[places] = np.arange(len(places)) % folds
    return found


def inner_choice(known: Texts, rest: Places, candidates: Mapping[str, Scorer], *, grouped: bool) -> str:
    """The candidate with the largest AUC on folds of the training texts, of the same kind as the outer ones."""
    labels = known.labels[rest]
    groups = [known.groups[i] for i in rest]
    folds = site_folds(labels, groups, INNER, 0) if grouped else random_folds(labels, INNER, 0)
    found: dict[str, float] = {}
    for name, scorer in candidates.items():
        raw = np.zeros(len(rest))
        for fold in range(INNER):
            raw[folds == fold] = scorer(rest[folds != fold], rest[folds == fold])
        found[name] = auc(raw[labels == 1], raw[labels == 0])
    return max(found, key=lambda name: found[name])


def eer(labels: Labels, raw: Floats) -> float:
    """Where as many fakes pass as genuine texts are marked."""
    order = np.argsort(-raw, kind="stable")
    hits, alarms = np.cumsum(labels[order] == 1), np.cumsum(labels[order] == 0)
    missed, false = 1 - hits / max(1, hits[-1]), alarms / max(1, alarms[-1])
    place = int(np.argmin(np.abs(missed - false)))
    return float((missed[place] + false[place]) / 2)


def rates(labels: Labels, raw: Floats) -> dict[str, float]:
    """Means over the repeats; ``raw`` repeats × N."""
    each = [
        (float(((row > 0) == labels).mean()), auc(row[labels == 1], row[labels == 0]), eer(labels, row)) for row in raw
    ]
    accuracy, area, equal = np.mean(each, axis=0).tolist()
    return {"accuracy": accuracy, "auc": area, "eer": equal}


def _draws(labels: Labels, sites: Sequence[str] | None) -> list[Places]:
    """Texts drawn with replacement, or all texts of sites so drawn; both classes are in every draw."""
    random = np.random.default_rng(0)
    places = np.arange(len(labels))
    parts = [places[labels == label] for label in (0, 1)]
    if sites is None:
        return [np.concatenate([random.choice(part, len(part)) for part in parts]) for _ in range(DRAWS)]
    names = np.array(sites)
    found = []
    for _ in range(DRAWS):
        drawn: list[Places] = []
        for part in parts:
            here = np.unique(names[part])
            drawn += [part[names[part] == site] for site in random.choice(here, len(here))]
        found.append(np.concatenate(drawn))
    return found


def _interval(values: Sequence[float] | Floats) -> str:
    low, high = np.percentile(values, [2.5, 97.5])
    return f"[{low:.4f}, {high:.4f}]"


class Means:
    """Accuracy and AUC of any draw of texts, means over the repeats, without sorting each draw again."""

    def __init__(self, labels: Labels, raw: Floats) -> None:
        self._fake = labels == 1
        fake, real = raw[:, self._fake], raw[:, ~self._fake]
        above = fake[:, :, None] > real[:, None, :]
        self._pairs: Floats = (above + 0.5 * (fake[:, :, None] == real[:, None, :])).mean(0)
        self._right: Floats = ((raw > 0) == labels).mean(0)

    def __call__(self, drawn: Places) -> Floats:
        """Accuracy, AUC."""
        often = np.bincount(drawn, minlength=len(self._fake)).astype(float)
        fake, real = often[self._fake], often[~self._fake]
        area = fake @ self._pairs @ real / (fake.sum() * real.sum())
        return np.array([often @ self._right / often.sum(), area])


def spread(name: str, labels: Labels, raw: Floats) -> dict[str, float | str]:
    """Accuracy, AUC and EER with their intervals."""
    means, draws = Means(labels, raw), _draws(labels, None)
    quick = np.array([means(d) for d in draws])
    equal = [float(np.mean([eer(labels[d], row[d]) for row in raw])) for d in draws[: DRAWS // 5]]
    intervals: dict[str, Sequence[float] | Floats] = {"accuracy": quick[:, 0], "auc": quick[:, 1], "eer": equal}
    found: dict[str, float | str] = {}
    for key, value in rates(labels, raw).items():
        found |= {f"{name}_{key}": value, f"{name}_{key}_95": _interval(intervals[key])}
    return found


def paired(
    name: str, labels: Labels, before: Floats, after: Floats, sites: Sequence[str] | None
) -> dict[str, float | str]:
    """What ``after`` gains over ``before`` on the same texts."""
    found: dict[str, float | str] = {}
    one, other = Means(labels, before), Means(labels, after)
    everything = np.arange(len(labels))
    for ending, grouping in (("", None), ("_by_site", sites)):
        if not ending or sites is not None:
            drawn = np.array([other(d) - one(d) for d in _draws(labels, grouping)])
            for place, key in enumerate(("accuracy", "auc")):
                found[f"{name}_{key}{ending}"] = float((other(everything) - one(everything))[place])
                found[f"{name}_{key}{ending}_95"] = _interval(drawn[:, place])
    return found
