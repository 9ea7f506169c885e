from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriscope.errors import BadSetting
from veriscope.fusion import assess, load_policy, logistic, logit
from veriscope.types import Finding, Kind, Label, Reason, Reliability, Signal

WEIGHTED = load_policy("weighted")


def finding(name: str, score: float | None, reliability: float = 0.5, **more: object) -> Finding:
    return Finding(
        detector=name,
        version="1",
        signal=Signal.NOISE,
        score=score,
        reason=None if score is not None else Reason.TOO_SMALL,
        summary={"en": f"{name} spoke", "vi": f"{name} nói"},
        reliability=Reliability(reliability),
        **more,  # type: ignore[arg-type]
    )


def test_no_score_is_no_risk_and_inconclusive() -> None:
    assessment, shares = assess([finding("a", None)], Kind.IMAGE, WEIGHTED)
    assert assessment.risk is None
    assert assessment.label is Label.INCONCLUSIVE
    assert shares == {}


def test_a_detector_that_knows_nothing_does_not_dilute() -> None:
    alone, _ = assess([finding("a", 0.9)], Kind.IMAGE, WEIGHTED)
    crowd, shares = assess([finding("a", 0.9), *(finding(f"n{i}", 0.5) for i in range(9))], Kind.IMAGE, WEIGHTED)
    assert crowd.risk == pytest.approx(alone.risk)
    assert shares["a"] == pytest.approx(1.0)


def test_agreement_adds_up_and_contradiction_widens() -> None:
    agree, _ = assess([finding("a", 0.8), finding("b", 0.8)], Kind.IMAGE, WEIGHTED)
    one, _ = assess([finding("a", 0.8)], Kind.IMAGE, WEIGHTED)
    against, _ = assess([finding("a", 0.95), finding("b", 0.05)], Kind.IMAGE, WEIGHTED)
    assert agree.risk is not None
    assert one.risk is not None
    assert agree.risk > one.risk
    assert against.label is Label.INCONCLUSIVE
    assert against.interval is not None
    assert against.interval[1] - against.interval[0] > 40
    assert any("contradict" in note["en"] for note in against.notes)


def test_a_failed_part_forbids_authentic() -> None:
    calm = [finding("a", 0.05, 0.9)]
    assert assess(calm, Kind.IMAGE, WEIGHTED)[0].label is Label.AUTHENTIC
    assert assess(calm, Kind.IMAGE, WEIGHTED, complete=False)[0].label is Label.INCONCLUSIVE


def test_a_record_of_editing_forbids_authentic_and_says_so() -> None:
    calm = [finding("a", 0.02, 0.9)]
    edited = [*calm, replace(finding("metadata_forensics", logistic(0.4)), signal=Signal.METADATA)]
    touched = [*calm, replace(finding("metadata_forensics", logistic(0.2)), signal=Signal.METADATA)]
    found = assess(edited, Kind.IMAGE, WEIGHTED)[0]
    assert found.label is Label.INCONCLUSIVE
    assert any("not called likely authentic" in note["en"] for note in found.notes)
    assert assess(touched, Kind.IMAGE, WEIGHTED)[0].label is Label.AUTHENTIC


def test_the_report_says_so_when_map_and_score_disagree() -> None:
    loud = np.zeros((4, 4), np.float32)
    loud[1, 1] = 1.0
    quiet, _ = assess([finding("a", 0.1, heatmap=loud)], Kind.IMAGE, WEIGHTED)
    assert any("map" in note["en"] for note in quiet.notes)
    placeless, _ = assess([finding("a", 0.99, heatmap=np.zeros((4, 4), np.float32))], Kind.IMAGE, WEIGHTED)
    assert any("no map shows" in note["en"] for note in placeless.notes)


def test_explanation_names_what_decided_in_each_language() -> None:
    found, _ = assess([finding("a", 0.99), finding("b", 0.5)], Kind.IMAGE, WEIGHTED)
    assert found.decided_by == ("a",)
    assert "a spoke" in found.explanation["en"]
    assert "a nói" in found.explanation["vi"]
    assert "%" in found.explanation["en"]


def test_voting_needs_three() -> None:
    voting = load_policy("voting")
    two, _ = assess([finding(n, 0.99) for n in "ab"], Kind.IMAGE, voting)
    four, _ = assess([finding(n, 0.99) for n in "abcd"], Kind.IMAGE, voting)
    assert two.risk == pytest.approx(50)
    assert four.risk == pytest.approx(100 * 5 / 6)


def test_a_policy_of_ones_own(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "src/veriscope/fusion.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(re.sub(r"(?m)^    weights: .*$", "    weights: {a: 0.0}", text))
    found, _ = assess([finding("a", 0.99), finding("b", 0.5)], Kind.IMAGE, load_policy("weighted", file))
    assert found.risk == pytest.approx(50, abs=1)
    for wrong in ("nonsense: [", "default: x\npolicies: {}\nthresholds: {}", "- 1"):
        file.write_text(wrong)
        with pytest.raises(BadSetting):
            load_policy("", file)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from(["weighted", "voting", "stacked"]))
def test_risk_is_bounded_and_inside_its_interval(scores: list[float], name: str) -> None:
    found, shares = assess([finding(f"d{i}", s) for i, s in enumerate(scores)], Kind.VIDEO, load_policy(name))
    assert found.risk is not None
    assert found.interval is not None
    assert 0 <= found.interval[0] <= found.risk <= found.interval[1] <= 100
    assert sum(shares.values()) == pytest.approx(1)


@given(st.floats(0.001, 0.999))
def test_logit_and_logistic_are_inverse(p: float) -> None:
    assert logistic(logit(p)) == pytest.approx(p)
