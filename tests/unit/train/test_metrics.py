from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from veriscope.train import metrics

SCORES = st.lists(st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 1)), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_auc_is_the_area_under_the_curve(positive: list[float], negative: list[float]) -> None:
    labels = [1] * len(positive) + [0] * len(negative)
    assert metrics.auc(positive, negative) == pytest.approx(reference.roc_auc_score(labels, positive + negative))


@given(SCORES, SCORES)
def test_at_the_promised_rate_no_more_genuine_items_are_called_fake(
    positive: list[float], negative: list[float]
) -> None:
    for rate in (0.1, 0.01):
        caught = metrics.tpr(positive, negative, rate)
        thresholds = [t for t in [*negative, *positive] if np.mean(np.array(negative) > t) <= rate]
        assert caught == max(np.mean(np.array(positive) > t) for t in thresholds)


@given(SCORES, SCORES)
def test_the_equal_error_rate_lies_between_the_rates_around_it(positive: list[float], negative: list[float]) -> None:
    found = metrics.eer(positive, negative)
    p, n = np.array(positive), np.array(negative)
    best = min(max(np.mean(p < t), np.mean(n >= t)) for t in [*positive, *negative, np.inf])
    assert 0 <= found <= best + 1e-9


def test_equal_error_rate_of_known_cases() -> None:
    assert metrics.eer([3, 4], [1, 2]) == 0
    assert metrics.eer([1, 2], [3, 4]) == 1
    assert metrics.eer([1, 3], [0, 2]) == 0.5
    assert metrics.eer([1, 1], [1, 1]) == 0.5


def test_without_one_class_a_figure_is_undefined_and_null() -> None:
    assert np.isnan(metrics.auc([], [1.0]))
    assert np.isnan(metrics.ece([0.5], []))
    assert metrics.figure(metrics.auc, [1.0, 2.0], [1, 1]).as_dict() == {"value": None, "low": None, "high": None}


def test_calibration_error_is_small_for_honest_and_large_for_boastful_scores() -> None:
    random = np.random.default_rng(0)
    said = random.uniform(0, 1, 20000)
    fake = random.uniform(0, 1, said.size) < said
    assert metrics.ece(said[fake], said[~fake]) < 0.02
    boastful = np.where(said > 0.5, 0.99, 0.01)
    assert metrics.ece(boastful[fake], boastful[~fake]) > 0.2


def test_calibration_error_does_not_follow_the_share_of_fakes() -> None:
    random = np.random.default_rng(0)
    said = random.uniform(0, 1, 40000)
    fake = random.uniform(0, 1, said.size) < said
    few = said[fake][::10]
    assert metrics.ece(few, said[~fake]) < 0.03


def test_reliability_bins_hold_all_items_and_their_shares() -> None:
    bins = metrics.reliability([0.1, 0.1, 0.9, 1.0], [0, 0, 1, 1])
    assert [(b.count, b.share) for b in bins] == [(2, 0.0), (2, 1.0)]
    assert bins[0].said == pytest.approx(0.1)
    assert bins[1].high == 1.0


def test_pixel_f1_of_a_perfect_and_an_empty_map() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    perfect = metrics.Overlap.of(mask.astype(np.float32), mask)
    empty = metrics.Overlap.of(np.zeros((8, 8), np.float32), mask)
    assert metrics.pixel_f1_fixed([perfect]) == 1
    assert metrics.pixel_f1_fixed([empty]) == 0
    assert perfect.f1_of_everything == pytest.approx(2 / 3)
    weak = metrics.Overlap.of(mask.astype(np.float32) * 0.3, mask)
    assert metrics.pixel_f1_fixed([weak]) == 0
    assert metrics.pixel_f1_best([weak]) == 1


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=40))
def test_resamples_draw_whole_groups_and_keep_the_classes(rows: list[tuple[int, int]]) -> None:
    labels, groups = [label for label, _ in rows], [str(group) for _, group in rows]
    for chosen in metrics.resamples(labels, groups, rounds=5):
        drawn = np.bincount(chosen, minlength=len(rows))
        for group in set(groups):
            assert len({drawn[i] for i in range(len(rows)) if groups[i] == group}) == 1
        assert {labels[i] for i in chosen} == set(labels)


def test_an_interval_over_groups_is_wider_than_over_items_that_only_look_independent() -> None:
    random = np.random.default_rng(1)
    voices = [str(i // 20) for i in range(200)]
    scores = np.repeat(random.normal(0, 1, 10), 20) + random.normal(0, 0.1, 200)
    labels = [i // 20 % 2 for i in range(200)]
    alone, grouped = (metrics.figure(metrics.auc, scores, labels, g, 300) for g in (None, voices))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert alone.low <= alone.value <= alone.high


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    truth = 0.7602  # of two normals one apart
    hits = 0
    for _ in range(60):
        scores = np.concatenate([random.normal(0, 1, 60), random.normal(1, 1, 60)])
        found = metrics.figure(metrics.auc, scores, [0] * 60 + [1] * 60, rounds=200)
        hits += found.low <= truth <= found.high
    assert 50 <= hits <= 60


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    random = np.random.default_rng(3)
    labels = np.repeat([0, 1], 200)
    better = labels + random.normal(0, 1, 400)
    worse = better + random.normal(0, 0.8, 400)
    gain = metrics.paired(metrics.auc, better, worse, labels)
    one, other = metrics.figure(metrics.auc, better, labels), metrics.figure(metrics.auc, worse, labels)
    assert gain.low > 0
    assert one.low < other.high
    assert metrics.paired(metrics.auc, better, better, labels).value == 0


def test_a_baseline_below_one_half_is_no_merit_of_the_other() -> None:
    labels = [0, 0, 1, 1]
    assert metrics.gain([0, 1, 0, 1], [1, 1, 0, 0], labels).value == 0


def test_wilson_knows_that_nothing_seen_is_not_nothing() -> None:
    low, high = metrics.wilson(0, 20)
    assert low == 0
    assert 0.1 < high < 0.2
    assert metrics.wilson(0, 0) == (0, 1)
