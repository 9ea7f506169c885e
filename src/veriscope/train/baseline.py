"""What a file tells without its pixels, samples or words: the score that any detector has to beat.

Quantisation tables, sizes and lengths name the class in many public sets, because the forgers saved their files in
other ways than the photographers. A detector that does not beat a logistic regression on these facts has learned
nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from veriscope.perception.scene import OpenScene
from veriscope.train.labelled import cross_validation
from veriscope.types import Kind

FOLDS = 5
SHRINK = 1.0  # weight of the squared coefficients against the summed loss: scikit-learn's C = 1


def facts(scene: OpenScene) -> list[float]:
    """A row of numbers; its length depends on the kind of media only."""
    kind = scene.media.kind
    if kind is Kind.IMAGE:
        jpeg = scene.jpeg()
        sums = [float(table.sum()) for table in jpeg.tables[:2]] if jpeg else []
        sums += [0.0] * (2 - len(sums))
        return [*sums, *map(float, scene.original_size()), float(scene.media.size), float("exif" in scene.metadata())]
    if kind in {Kind.AUDIO, Kind.VIDEO}:
        stream = scene.stream()
        row = [stream.duration, float(scene.media.size), scene.media.size / max(stream.duration, 0.01)]
        for part, names in ((stream.audio, ("rate", "channels")), (stream.video, ("width", "height", "fps"))):
            row += [float((part or {}).get(name) or 0.0) for name in names]
        return row
    return _of_text(scene.text())


def _of_text(text: str) -> list[float]:
    """Length and punctuation, no word."""
    length, words = max(1, len(text)), text.split()
    counts = (
        sum(map(str.isupper, text)),
        sum(map(str.isdigit, text)),
        *(text.count(mark) for mark in ".,!?\"'"),
        text.count("\n"),
        text.count("#") + text.count("@"),
    )
    return [
        math.log(length),
        math.log(len(words) + 1),
        sum(map(len, words)) / max(1, len(words)),
        float(len(re.findall(r"https?://", text))),
        *(count / length for count in counts),
    ]


def cross_validated(
    rows: Sequence[Sequence[float]], labels: Sequence[int], groups: Sequence[str]
) -> NDArray[np.float64] | None:
    """The log odds of each item from a logistic regression that saw none of its group; ``None`` with too few groups."""
    x, y = np.asarray(rows, float), np.asarray(labels, int)
    found = np.zeros(y.size)
    for learn, grade in cross_validation(groups, labels, FOLDS):
        if len(set(y[learn])) < 2 or not grade.size:
            return None
        centre, spread = x[learn].mean(0), x[learn].std(0)
        spread[spread < 1e-12] = np.inf  # a constant tells nothing, also where the graded fold differs from it
        weights = _logistic((x[learn] - centre) / spread, y[learn])
        found[grade] = (x[grade] - centre) / spread @ weights[:-1] + weights[-1]
    return found


def _logistic(x: NDArray[np.float64], y: NDArray[np.intp]) -> NDArray[np.float64]:
    """Coefficients and intercept; L2, both classes weighted alike."""
    positives = int(y.sum())
    balance = np.where(y == 1, 0.5 * y.size / positives, 0.5 * y.size / (y.size - positives))

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = x @ w[:-1] + w[-1]
        slack = balance * (expit(z) - y)
        value = np.sum(balance * (np.logaddexp(0, z) - y * z)) + 0.5 * SHRINK * np.sum(w[:-1] ** 2)
        return float(value), np.concatenate([x.T @ slack + SHRINK * w[:-1], [slack.sum()]])

    return np.asarray(minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x)
