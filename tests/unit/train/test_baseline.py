from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from veriscope.train import baseline
from veriscope.train.metrics import auc


def test_the_regression_is_the_usual_one() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = (x @ [1.0, -2.0, 0.0] + random.normal(size=200) > 0.8).astype(int)
    known = LogisticRegression(class_weight="balanced").fit(x, y)
    assert np.allclose(baseline._logistic(x, y), [*known.coef_[0], known.intercept_[0]], atol=1e-3)


def test_a_telling_fact_is_found_and_noise_is_not() -> None:
    random = np.random.default_rng(1)
    labels = [i % 2 for i in range(200)]
    groups = [str(i) for i in range(200)]
    telling = [[label + random.normal(), 5.0] for label in labels]
    noise = random.normal(size=(200, 4)).tolist()
    for rows, low, high in ((telling, 0.7, 0.85), (noise, 0.35, 0.65)):
        guess = baseline.cross_validated(rows, labels, groups)
        assert guess is not None
        assert low < auc(guess[1::2], guess[::2]) < high


def test_what_only_names_the_group_helps_nothing() -> None:
    """Each group has a mark of its own and one class: seen items would be told perfectly, unseen groups cannot be."""
    rows = [[float(k == group) for k in range(20)] for group in range(20) for _ in range(10)]
    groups = [str(group) for group in range(20) for _ in range(10)]
    labels = [group % 2 for group in range(20) for _ in range(10)]
    guess = baseline.cross_validated(rows, labels, groups)
    assert guess is not None
    fake = np.array(labels) == 1
    assert auc(guess[fake], guess[~fake]) < 0.7


def test_too_few_groups_give_no_baseline() -> None:
    assert baseline.cross_validated([[0.0], [1.0], [2.0]], [0, 1, 1], ["a", "b", "b"]) is None
