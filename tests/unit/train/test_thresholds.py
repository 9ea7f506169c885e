from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from veriscope.train import thresholds


def test_temperature_undoes_boasting() -> None:
    random = np.random.default_rng(0)
    z = random.normal(0, 2, 20000)
    labels = (random.uniform(size=z.size) < expit(z)).astype(int)
    t = thresholds.temperature(expit(3 * z), labels)
    assert t == pytest.approx(3, rel=0.1)
    assert np.abs(thresholds.scaled(expit(3 * z), t) - expit(z)).max() < 0.05


def test_scaling_keeps_the_order() -> None:
    p = np.linspace(0, 1, 11)
    assert (np.diff(thresholds.scaled(p, 4.0)) > 0).all()


def test_no_item_chooses_its_own_temperature() -> None:
    """Turning the label of one item must not move that item's own scaled score."""
    random = np.random.default_rng(1)
    p = random.uniform(0.05, 0.95, 40)
    labels = [i % 2 for i in range(40)]
    groups = [
        str(i // 2) for i in range(40)
    ]  # pairs of one genuine and one fake: folds do not depend on which is which
    before = thresholds.scaled_across(p, labels, groups)
    swapped = [*labels]
    swapped[0], swapped[1] = 1, 0
    after = thresholds.scaled_across(p, swapped, groups)
    assert before is not None
    assert after is not None
    assert np.array_equal(before[:2], after[:2])
    assert not np.array_equal(before, after)


def test_the_promised_rate_of_false_alarms_is_kept_on_new_media() -> None:
    random = np.random.default_rng(2)
    rates = []
    for _ in range(300):
        chosen = thresholds.at_false_alarms(random.normal(size=199), 0.05)
        assert chosen is not None
        rates.append(np.mean(random.normal(size=500) >= chosen.value))
    assert np.mean(rates) == pytest.approx(0.05, abs=0.004)  # k / (n + 1) exactly, on average


def test_ties_raise_no_more_alarms_than_promised() -> None:
    chosen = thresholds.at_false_alarms([0.0] * 50 + [1.0] * 50, 0.1)
    assert chosen is not None
    assert chosen.value > 1
    assert chosen.rate == 0


def test_too_few_media_promise_nothing() -> None:
    assert thresholds.at_false_alarms(np.arange(98), 0.01) is None
    assert thresholds.at_false_alarms(np.arange(99), 0.01) is not None
    assert thresholds.conformal_band(np.arange(10), np.arange(200)) is None


def test_the_band_keeps_both_promises_on_new_media() -> None:
    random = np.random.default_rng(3)
    missed, alarms = [], []
    for _ in range(300):
        band = thresholds.conformal_band(random.normal(1.5, 1, 199), random.normal(0, 1, 199), 0.05, 0.05)
        assert band is not None
        assert band.low < band.high
        missed.append(np.mean(random.normal(1.5, 1, 500) <= band.low))
        alarms.append(np.mean(random.normal(0, 1, 500) >= band.high))
    assert np.mean(missed) == pytest.approx(0.05, abs=0.005)
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.005)


def test_far_apart_classes_leave_the_gap_undecided() -> None:
    band = thresholds.conformal_band(np.linspace(10, 11, 100), np.linspace(0, 1, 100))
    assert band is not None
    assert 0.9 < band.low < 1.1
    assert 9.9 < band.high < 10.1
    assert band.decided > 0.9
