"""The score-drift metric, and the rules that watch it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client import generate_latest

from veriscope.api import metrics as metrics_module
from veriscope.api.metrics import Metrics
from veriscope.detectors.drift import Reference, reference, spoken

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "drift.yml"
RANDOM = np.random.default_rng(0)
KNOWN = reference(RANDOM.beta(2, 5, 300).tolist(), RANDOM.beta(5, 2, 300).tolist(), "made")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    def of(detector: str, version: str, kind: str) -> Reference | None:
        return KNOWN if (detector, version, kind) == ("watched", "1", "image") else None

    monkeypatch.setattr(metrics_module, "reference_of", of)
    return Metrics()


def value(figures: Metrics, name: str, **labels: str) -> float | None:
    return figures.registry.get_sample_value(name, labels)


def feed(figures: Metrics, scores: np.ndarray) -> None:
    for score in scores:
        figures.findings("image", [("watched", "1", float(score), None), ("other", "1", 0.5, None)])


def test_usual_scores_raise_nothing_and_others_do(figures: Metrics) -> None:
    about = {"detector": "watched", "version": "1", "kind": "image"}
    feed(figures, np.random.default_rng(1).beta(2, 5, 100))
    assert value(figures, "veriscope_score_drift_window", **about) == 100
    assert value(figures, "veriscope_score_drift", **about) is None  # too few to tell
    feed(figures, np.random.default_rng(2).beta(2, 5, 900))
    usual = value(figures, "veriscope_score_drift", **about)
    assert usual is not None
    assert usual < 0.1
    feed(figures, np.random.default_rng(3).beta(15, 15, 900))
    assert (value(figures, "veriscope_score_drift", **about) or 0) > 0.25


def test_answers_are_counted_by_outcome(figures: Metrics) -> None:
    figures.findings("audio", [("watched", "1", None, "no_speech"), ("watched", "1", 0.5, None)])
    for outcome in ("no_speech", "score"):
        assert (
            value(figures, "veriscope_detector_answers_total", detector="watched", kind="audio", outcome=outcome) == 1
        )
    assert value(figures, "veriscope_score_drift_window", detector="watched", version="1", kind="audio") is None


def test_the_public_report_tells_what_is_needed() -> None:
    finding = {"detector": "watched", "version": "1", "score": 0.3, "reason": None, "raw": 1.0}
    body = {"signalBreakdown": {"noise": {"findings": [finding]}, "audio": {"findings": []}}}
    assert list(spoken(body)) == [("watched", "1", 0.3, None)]


def test_the_rules_ask_for_metrics_that_exist(figures: Metrics) -> None:
    feed(figures, np.random.default_rng(1).beta(2, 5, 300))
    page = generate_latest(figures.registry).decode()
    rules = yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]
    for rule in rules:
        names = set(re.findall(r"veriscope_\w+", rule["expr"]))
        assert names
        for name in names:
            assert f"\n{name}{{" in page


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (package prometheus) is not installed")
def test_prometheus_reads_the_rules_and_the_alarm_rings(tmp_path: Path) -> None:
    labels = 'version="1", detector="x", kind="image"'
    series, window = (f"veriscope_score_drift{name}{{{labels}}}" for name in ("", "_window"))
    firing = 'ALERTS{alertname="VeriscopeScoreDrift", alertstate="firing"'
    cases = [("0.4x120", "800x120", True), ("0.1x120", "800x120", False), ("0.4x120", "100x120", False)]
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": series, "values": index}, {"series": window, "values": size}],
            "promql_expr_test": [
                {
                    "expr": f"{firing}}}",
                    "eval_time": "100m",
                    "exp_samples": rings * [{"labels": f'{firing}, severity="warning", {labels}}}', "value": 1}],
                }
            ],
        }
        for index, size, rings in cases
    ]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": tests}), "utf-8")
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
