"""Thresholds from development scores: for a rate of false alarms, and the band in which nothing is said.

Temperature scaling after Guo et al., "On calibration of modern neural networks", ICML 2017. The band is split-conformal
and class by class (Vovk, "Conditional validity of inductive conformal predictors", 2012).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from veriscope.train.labelled import cross_validation
from veriscope.train.metrics import wilson

Numbers = Sequence[float] | NDArray[Any]
_HOTTEST = 20.0
_CLIP = 1e-6


def temperature(probabilities: Numbers, labels: Sequence[int] | NDArray[Any]) -> float:
    """The T > 0 by which log odds are divided to fit the labels best, both classes weighted alike.

    Above 1: the scores were too sure of themselves.
    """
    z = logit(np.clip(np.asarray(probabilities, float), _CLIP, 1 - _CLIP))
    y = np.asarray(labels, float)
    positives = float(y.sum())
    weight = np.where(y == 1, 0.5 / positives, 0.5 / (y.size - positives))

    def loss(log_t: float) -> float:
        scaled = z / math.exp(log_t)
        return float(np.sum(weight * (np.logaddexp(0, scaled) - y * scaled)))

    limit = math.log(_HOTTEST)
    return math.exp(float(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def scaled(probabilities: Numbers, t: float) -> NDArray[np.float64]:
    """Probabilities after their log odds were divided by ``t``."""
    return np.asarray(expit(logit(np.clip(np.asarray(probabilities, float), _CLIP, 1 - _CLIP)) / t))


def scaled_across(probabilities: Numbers, labels: Sequence[int], groups: Sequence[str]) -> NDArray[np.float64] | None:
    """Each item scaled with the temperature of the other folds' items: no item helped to choose its own."""
    p, y = np.asarray(probabilities, float), np.asarray(labels, int)
    found = np.zeros(p.size)
    for learn, grade in cross_validation(groups, labels):
        if len(set(y[learn])) < 2:
            return None
        found[grade] = scaled(p[grade], temperature(p[learn], y[learn]))
    return found


@dataclass(frozen=True, slots=True)
class Threshold:
    """Called fake from ``value`` on: ``hits`` of ``total`` genuine development items are, and the rate's interval."""

    value: float
    rate: float
    low: float
    high: float
    total: int


def at_false_alarms(genuine: Numbers, rate: float) -> Threshold | None:
    """The least threshold that at most ``rate`` of new genuine media are expected to reach.

    The k-th largest of n exchangeable scores is exceeded by a new one with probability at most k / (n + 1). ``None``
    when there are fewer than ``1 / rate − 1`` items: no threshold of theirs can promise that rate.
    """
    n = np.sort(np.asarray(genuine, float))[::-1]
    k = math.floor(rate * (n.size + 1) + 1e-9)
    if k < 1:
        return None
    value = float(np.nextafter(n[k - 1], np.inf))  # the k-th itself, and its equals, are no alarm
    alarms = int((n >= value).sum())
    return Threshold(value, alarms / n.size, *wilson(alarms, n.size), n.size)


@dataclass(frozen=True, slots=True)
class Band:
    """Below ``low`` a medium may be called authentic, above ``high`` manipulated, and between them Inconclusive.

    At most ``miss`` of new fakes are expected below, at most ``alarm`` of new genuine media above.
    """

    low: float
    high: float
    miss: float
    alarm: float
    decided: float  # share of the development items outside the band


def conformal_band(fake: Numbers, genuine: Numbers, miss: float = 0.05, alarm: float = 0.01) -> Band | None:
    """``None`` where a class has too few items for its promise."""
    p, upper = np.sort(np.asarray(fake, float)), at_false_alarms(genuine, alarm)
    k = math.floor(miss * (p.size + 1) + 1e-9)
    if k < 1 or upper is None:
        return None
    lower = float(np.nextafter(p[k - 1], -np.inf))
    # far apart, the limits cross: what lies between is unlike either class, so nothing is said of it
    low, high = min(lower, upper.value), max(lower, upper.value)
    both = np.concatenate([p, np.asarray(genuine, float)])
    return Band(low, high, miss, alarm, float(np.mean((both <= low) | (both >= high))))
