from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from veriscope.detectors import drift
from veriscope.detectors.drift import Reference, Window, reference, stability
from veriscope.detectors.registry import DETECTORS
from veriscope.errors import BadRequest
from veriscope.train.examination import Answer
from veriscope.train.references import store

RANDOM = np.random.default_rng(0)
GENUINE, FAKE = RANDOM.beta(2, 5, 400), RANDOM.beta(5, 2, 400)
KNOWN = reference(GENUINE.tolist(), FAKE.tolist(), "made")


def index(scores: np.ndarray) -> float:
    return stability(np.bincount([KNOWN.place(float(s)) for s in scores], minlength=len(KNOWN.edges) + 1), KNOWN)


def test_the_calibration_set_itself_has_not_moved() -> None:
    assert index(np.concatenate([GENUINE, FAKE])) < 0.01


def test_other_scores_of_the_same_kind_stay_below_the_alarm() -> None:
    random = np.random.default_rng(1)
    assert index(random.beta(2, 5, 1000)) < 0.1


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_fewer_or_more_fakes_are_no_drift(share: float) -> None:
    random = np.random.default_rng(2)
    fakes = int(1000 * share)
    assert index(np.concatenate([random.beta(2, 5, 1000 - fakes), random.beta(5, 2, fakes)])) < 0.1


def test_scores_unlike_either_class_raise_the_alarm() -> None:
    random = np.random.default_rng(3)
    assert index(random.beta(12, 12, 1000)) > 0.25
    assert index(np.full(1000, 0.5)) > 1


def test_the_index_is_the_usual_one_against_a_single_class() -> None:
    known = Reference((0.5,), (60, 40), (0, 0))
    p, q = np.array([30.25, 70.25]) / 100.5, np.array([60.25, 40.25]) / 100.5
    assert stability([30, 70], known) == pytest.approx(float(((p - q) * np.log(p / q)).sum()))


def test_capped_scores_need_no_ten_bins() -> None:
    known = reference([0.4] * 30, [0.6] * 30, "capped")
    assert 1 <= len(known.edges) <= 2
    assert sum(known.genuine) == sum(known.fake) == 30
    assert known.place(0.4) != known.place(0.6)


def test_a_score_that_hardly_ever_moves_is_watched_too() -> None:
    known = reference([0.5] * 95 + [0.8] * 5, [0.5] * 90 + [0.9] * 10, "rare")
    assert known.edges == (0.8,)
    assert stability([10, 990], known) > 1


def test_small_calibration_sets_raise_no_alarm_by_chance() -> None:
    random = np.random.default_rng(6)
    alarms = 0
    for _ in range(40):
        window = Window(reference(random.beta(2, 5, 40).tolist(), random.beta(5, 2, 40).tolist(), "small"))
        for score in random.beta(2, 5, 500):
            window.add(float(score))
        alarms += (window.stability() or 0) > 0.25
    assert alarms <= 2


def test_a_window_forgets_and_waits_for_enough() -> None:
    window = Window(KNOWN, size=300)
    for score in np.random.default_rng(4).beta(12, 12, drift.LEAST - 1):
        window.add(float(score))
    assert window.stability() is None
    window.add(0.5)
    assert (window.stability() or 0) > 0.25
    for score in np.random.default_rng(5).beta(2, 5, 300):
        window.add(float(score))
    assert len(window) == 300
    assert window.stability() is not None
    assert (window.stability() or 0) < 0.15


def test_what_is_shipped_belongs_to_detectors_that_exist() -> None:
    versions = {f"{d.name}@{d.version}" for d in DETECTORS}
    for key, known in drift.references().items():
        assert key.partition("/")[0] in versions
        assert len(known.genuine) == len(known.fake) == len(known.edges) + 1
        assert sum(known.genuine) + sum(known.fake) >= 20
        assert known.basis


def test_answers_are_stored_beside_those_of_others(tmp_path: Path) -> None:
    file = tmp_path / "histograms.json"
    file.write_text(json.dumps({"other@1": {"edges": [], "genuine": [1], "fake": [1], "basis": "x"}}), "utf-8")
    detector = next(d for d in DETECTORS if d.name == "copy_move")
    answers = [Answer(str(i), i % 2, "", "", 0.0, 0.2 + 0.4 * (i % 2) + i / 1000, "spoke", "image") for i in range(30)]
    key = store(detector, answers, "a set", file)
    table = json.loads(file.read_text("utf-8"))
    assert set(table) == {key, "other@1"}
    assert key == f"copy_move@{detector.version}/image"
    assert table[key]["basis"] == "a set: 15 genuine, 15 fake"
    with pytest.raises(BadRequest):
        store(detector, answers[:10], "a set", file)
