"""Figures of merit and their intervals. Label 1 is fake, and a higher score means more suspicious.

An interval is a 95 % percentile bootstrap. Items of one source (speaker, site, sentence) are not independent: with
``groups`` whole groups are drawn, so that a hundred clips of one voice do not pass for a hundred voices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = Sequence[float] | NDArray[Any]
Labels = Sequence[int] | NDArray[Any]
Indexes = NDArray[np.intp]

ROUNDS = 1000
BINS = 10  # of the reliability diagram
STEPS = np.round(np.arange(0.05, 1.0, 0.05), 2)  # thresholds of a heatmap, for pixel F1
FIXED = 0.5


def auc(positive: Numbers, negative: Numbers) -> float:
    """Probability that a fake item scores above a genuine one; ties count half. NaN without one of the classes."""
    p, n = np.asarray(positive, float), np.sort(np.asarray(negative, float))
    if not p.size or not n.size:
        return float("nan")
    below = np.searchsorted(n, p, "left") + np.searchsorted(n, p, "right")
    return float(below.mean() / (2 * n.size))


def tpr(positive: Numbers, negative: Numbers, rate: float = 0.01) -> float:
    """Share of the fake items above the value that at most ``rate`` of the genuine ones exceed.

    With fewer than ``1 / rate`` genuine items that value is the largest of them, so the true rate is unknown: read it
    with its interval.
    """
    p, n = np.asarray(positive, float), np.sort(np.asarray(negative, float))[::-1]
    if not p.size or not n.size:
        return float("nan")
    return float(np.mean(p > n[int(rate * n.size)]))


def tpr_at_fpr_1pct(positive: Numbers, negative: Numbers) -> float:
    return tpr(positive, negative, 0.01)


def tpr_at_fpr_01pct(positive: Numbers, negative: Numbers) -> float:
    return tpr(positive, negative, 0.001)


def eer(positive: Numbers, negative: Numbers) -> float:
    """Equal error rate: where the miss rate and the false-alarm rate meet, between thresholds by a straight line."""
    p, n = np.sort(np.asarray(positive, float)), np.sort(np.asarray(negative, float))
    if not p.size or not n.size:
        return float("nan")
    cuts = np.concatenate([np.unique(np.concatenate([p, n])), [np.inf]])
    missed = np.searchsorted(p, cuts, "left") / p.size  # below the threshold
    alarms = 1 - np.searchsorted(n, cuts, "left") / n.size
    gap = missed - alarms  # rises from −1 to 1
    after = int(np.argmax(gap >= 0))
    if after == 0 or gap[after] == 0:
        return float((missed[after] + alarms[after]) / 2)
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(missed[after - 1] + share * (missed[after] - missed[after - 1]))


def accuracy(positive: Numbers, negative: Numbers, threshold: float = 0.5) -> float:
    """Share of right decisions when a score of ``threshold`` or more is called fake."""
    p, n = np.asarray(positive, float), np.asarray(negative, float)
    total = p.size + n.size
    return float(((p >= threshold).sum() + (n < threshold).sum()) / total) if total else float("nan")


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram: ``count`` items of mean probability ``said``; ``share`` of them are fake."""

    low: float
    high: float
    count: int
    said: float
    share: float


def _at_even_odds(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights that sum to one, half for each class: scores are probabilities at even odds, sets seldom hold those."""
    positives = labels.sum()
    return np.where(labels == 1, 0.5 / max(positives, 1), 0.5 / max(labels.size - positives, 1))


def _place(probabilities: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    return np.minimum((probabilities * bins).astype(np.intp), bins - 1)


def reliability(probabilities: Numbers, labels: Labels, bins: int = BINS) -> list[Bin]:
    """Bins of equal width over [0, 1], both classes weighted alike; empty ones are left out."""
    p, y = np.asarray(probabilities, float), np.asarray(labels, float)
    place, weight = _place(p, bins), _at_even_odds(y)
    return [
        Bin(
            k / bins,
            (k + 1) / bins,
            int(here.sum()),
            float(np.average(p[here], weights=weight[here])),
            float(np.average(y[here], weights=weight[here])),
        )
        for k in range(bins)
        if (here := place == k).any()
    ]


def ece(positive: Numbers, negative: Numbers, bins: int = BINS) -> float:
    """Expected calibration error (Naeini 2015): mean distance between what was said and what was so, 0–1.

    Arguments are probabilities. Both classes are weighted alike, as in ``reliability``.
    """
    p, n = np.asarray(positive, float), np.asarray(negative, float)
    if not p.size or not n.size:
        return float("nan")
    both = np.concatenate([p, n])
    fake = np.concatenate([np.ones(p.size), np.zeros(n.size)])
    return float(np.abs(np.bincount(_place(both, bins), _at_even_odds(fake) * (both - fake), bins)).sum())


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a heatmap lies on a mask. Counts are pixels, over each threshold of ``STEPS``."""

    hits: NDArray[np.float64]  # forged and marked
    marked: NDArray[np.float64]
    forged: float
    pixels: float

    @classmethod
    def of(cls, heatmap: NDArray[np.float32], mask: NDArray[np.bool_]) -> Overlap:
        """``heatmap`` in [0, 1] and ``mask`` of one shape, H×W."""
        over = [heatmap >= threshold for threshold in STEPS]
        return cls(
            np.array([np.count_nonzero(o & mask) for o in over], float),
            np.array([np.count_nonzero(o) for o in over], float),
            float(np.count_nonzero(mask)),
            float(mask.size),
        )

    @property
    def f1(self) -> NDArray[np.float64]:
        return 2 * self.hits / (self.forged + self.marked)

    @property
    def f1_of_everything(self) -> float:
        """What marking the whole picture gets: a map below it has found nothing."""
        return 2 * self.forged / (self.forged + self.pixels)


def pixel_f1_fixed(overlaps: Sequence[Overlap]) -> float:
    """Mean over pictures of the F1 at the threshold 0.5."""
    at = int(np.argmin(np.abs(STEPS - FIXED)))
    return float(np.mean([o.f1[at] for o in overlaps])) if overlaps else float("nan")


def pixel_f1_best(overlaps: Sequence[Overlap]) -> float:
    """Mean over pictures of the F1 at the one threshold that suits the set best: an upper bound, chosen on the set."""
    return float(np.mean([o.f1 for o in overlaps], axis=0).max()) if overlaps else float("nan")


def resamples(
    labels: Labels, groups: Sequence[str] | None = None, rounds: int = ROUNDS, seed: int = 0
) -> Iterator[Indexes]:
    """Bootstrap samples as indexes. Classes keep their shares; with ``groups``, whole groups are drawn.

    Groups that hold genuine items only, fake ones only, and both, are drawn apart, so that no sample lacks a class.
    """
    y = np.asarray(labels, int)
    random = np.random.default_rng(seed)
    if not y.size:
        return
    if groups is None or len(set(groups)) == len(y):
        classes = [np.flatnonzero(y == value) for value in np.unique(y)]
        for _ in range(rounds):
            yield np.concatenate([random.choice(members, members.size) for members in classes])
        return
    _, owner = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(owner[order])) + 1)
    strata: dict[tuple[int, ...], list[Indexes]] = {}
    for group in members:
        strata.setdefault(tuple(np.unique(y[group]).tolist()), []).append(group)
    for _ in range(rounds):
        drawn = [of[i] for of in strata.values() for i in random.integers(len(of), size=len(of))]
        yield np.concatenate(drawn)


def interval(
    statistic: Callable[[Indexes], float],
    labels: Labels,
    groups: Sequence[str] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of ``statistic``, which is given indexes into the items. NaN where it is never defined."""
    draws = np.array([statistic(chosen) for chosen in resamples(labels, groups, rounds, seed)])
    draws = draws[np.isfinite(draws)]
    if not draws.size:
        return float("nan"), float("nan")
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """JSON knows no NaN: a figure that is not defined is null."""
        return {
            key: None if not np.isfinite(v) else round(float(v), 5)
            for key, v in (("value", self.value), ("low", self.low), ("high", self.high))
        }


def figure(
    statistic: Callable[[NDArray[Any], NDArray[Any]], float],
    scores: Numbers,
    labels: Labels,
    groups: Sequence[str] | None = None,
    rounds: int = ROUNDS,
) -> Figure:
    """``statistic(scores of the fakes, scores of the genuine)`` with its interval."""
    s, y = np.asarray(scores, float), np.asarray(labels, int)

    def over(chosen: Indexes) -> float:
        here, label = s[chosen], y[chosen]
        return statistic(here[label == 1], here[label == 0])

    return Figure(over(np.arange(y.size)), *interval(over, y, groups, rounds))


def paired(
    statistic: Callable[[NDArray[Any], NDArray[Any]], float],
    one: Numbers,
    other: Numbers,
    labels: Labels,
    groups: Sequence[str] | None = None,
    rounds: int = ROUNDS,
) -> Figure:
    """How much better ``one`` does than ``other`` on the same items: the interval of the difference.

    Two overlapping intervals may hide a sure difference; this one does not, as both are drawn together.
    """
    a, b, y = np.asarray(one, float), np.asarray(other, float), np.asarray(labels, int)

    def over(chosen: Indexes) -> float:
        fake, genuine = chosen[y[chosen] == 1], chosen[y[chosen] == 0]
        return statistic(a[fake], a[genuine]) - statistic(b[fake], b[genuine])

    return Figure(over(np.arange(y.size)), *interval(over, y, groups, rounds))


def gain(one: Numbers, baseline: Numbers, labels: Labels, groups: Sequence[str] | None = None) -> Figure:
    """AUC of ``one`` above the baseline's, paired. A baseline below one half counts as one half: cross-validated on a
    handful of items of a class it falls far below, and beating that would be no merit.
    """
    a, b, y = np.asarray(one, float), np.asarray(baseline, float), np.asarray(labels, int)

    def over(chosen: Indexes) -> float:
        fake, genuine = chosen[y[chosen] == 1], chosen[y[chosen] == 0]
        return auc(a[fake], a[genuine]) - max(0.5, auc(b[fake], b[genuine]))

    return Figure(over(np.arange(y.size)), *interval(over, y, groups))


def bootstrap(
    statistic: Callable[[NDArray[np.float64], NDArray[np.float64]], float],
    positive: Numbers,
    negative: Numbers,
    rounds: int = 500,
) -> tuple[float, float]:
    """95 % interval by resampling both classes, items independent."""
    scores = np.concatenate([np.asarray(positive, float), np.asarray(negative, float)])
    found = figure(statistic, scores, [1] * len(positive) + [0] * len(negative), rounds=rounds)
    return found.low, found.high


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    p, n = hits / total, total
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)
