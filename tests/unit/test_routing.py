"""The policy ``auto``: which steps are taken, what the report says of them, and what a file of routes may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from veriscope.analysis import Examiner
from veriscope.errors import BadSetting
from veriscope.evidence.schema import public
from veriscope.media.intake import open_bytes
from veriscope.routing import Route, Way, follow, load_route
from veriscope.types import Kind, Options, Policy, Progress, Report

from tests.making import encoded, photo

QUICK, STANDARD, THOROUGH = Policy.QUICK, Policy.STANDARD, Policy.THOROUGH


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    media = open_bytes(encoded(photo(200, 160)), "a.jpg", tmp_path_factory.mktemp("m"))
    with Examiner(threads=1) as examiner:
        return examiner.examine(media, Options(policy=QUICK))


def walk(report: Report, route: Route, risks: Sequence[float | None], *, complete: bool = True) -> Report:
    """The route over examinations that end with these risks."""
    left = iter(risks)

    def examine(options: Options, progress: Progress) -> Report:
        progress("detect", 1.0)
        assessment = replace(report.assessment, risk=next(left))
        return replace(report, options=options, assessment=assessment, complete=complete, timings={"detect": 10.0})

    return follow(route, Kind.IMAGE, Options(policy=Policy.AUTO, rate=2.0), examine, lambda *_: None)


@pytest.mark.parametrize(
    ("risks", "said"),
    [
        ([5.0], "quick 0.05"),
        ([29.9], "quick 0.30"),
        ([30.0, 90.0], "quick 0.30 → standard 0.90"),
        ([70.0, 50.0, 50.0], "quick 0.70 → standard 0.50 → thorough 0.50"),
        ([70.1], "quick 0.70"),
        ([None, 10.0], "quick → standard 0.10"),
    ],
)
def test_only_what_is_left_open_is_looked_at_again(report: Report, risks: list[float | None], said: str) -> None:
    found = walk(report, load_route("deep"), risks)
    assert found.settings["route"] == said
    assert found.options == Options(policy=(QUICK, STANDARD, THOROUGH)[len(risks) - 1], rate=2.0)
    assert found.timings == {"detect": 10.0 * len(risks)}
    assert "step by step" in found.notes[-1]["en"]
    assert found.notes[-1].keys() == {"en", "vi"}


def test_what_failed_is_looked_at_again(report: Report) -> None:
    assert walk(report, load_route(), [1.0, 1.0], complete=False).settings["route"] == "quick 0.01 → standard 0.01"


def test_the_default_stops_at_standard(report: Report) -> None:
    assert walk(report, load_route(), [50.0, 50.0]).options.policy is STANDARD


def test_progress_only_rises(report: Report) -> None:
    seen: list[float] = []

    def examine(options: Options, progress: Progress) -> Report:
        for stage, fraction in (("decode", 0.0), ("detect", 0.5), ("detect", 1.0), ("fuse", 0.0), ("fuse", 1.0)):
            progress(stage, fraction)
        return replace(report, assessment=replace(report.assessment, risk=50.0), options=options)

    follow(load_route("deep"), Kind.IMAGE, Options(), examine, lambda stage, fraction: seen.append(fraction))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_kinds_may_go_another_way(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "default: mine\nroutes:\n  mine:\n    steps: [quick, standard]\n    band: [0.2, 0.6]\n"
        "    kinds: {video: {steps: [quick]}, text: {band: [0.4, 0.5]}}\n"
    )
    route = load_route(file=file)
    assert route.way(Kind.IMAGE) == Way((QUICK, STANDARD), (0.2, 0.6))
    assert route.way(Kind.VIDEO) == Way((QUICK,), (0.2, 0.6))
    assert route.way(Kind.TEXT) == Way((QUICK, STANDARD), (0.4, 0.5))


@pytest.mark.parametrize(
    "text",
    [
        "default: a\nroutes: {b: {steps: [quick]}}",
        "default: a\nroutes: {a: {steps: []}}",
        "default: a\nroutes: {a: {steps: [standard, quick]}}",
        "default: a\nroutes: {a: {steps: [auto]}}",
        "default: a\nroutes: {a: {steps: [quick], band: [0.7, 0.3]}}",
        "default: a\nroutes: {a: {steps: [quick], band: [0.3]}}",
        "default: a\nroutes: {a: {steps: [quick], bend: [0.3, 0.7]}}",
        "default: a\nroutes: {a: {steps: [quick], kinds: {movie: {}}}}",
        "- a",
        "a: [",
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(text)
    with pytest.raises(BadSetting):
        load_route(file=file)


def test_a_real_examination_says_which_way_it_took(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (160, 160, 3), dtype=np.uint8)
    media = open_bytes(encoded(noise), "a.jpg", tmp_path)
    stages: list[str] = []
    with Examiner(threads=1, routing="whole") as examiner:
        found = examiner.examine(media, Options(policy=Policy.AUTO), lambda stage, _: stages.append(stage))
    shown = public(found)
    assert (shown.policy, found.settings["routing"]) == (STANDARD, "whole")
    assert str(found.settings["route"]).startswith("standard")
    assert {"decode", "detect", "fuse"} <= set(stages)


def test_what_is_left_out_under_load_is_said(tmp_path: Path) -> None:
    media = open_bytes(encoded(photo(200, 160)), "a.jpg", tmp_path)
    with Examiner(threads=1) as examiner:
        found = examiner.examine(media, Options(without=("copy_move", "no_such_method")))
    shown = public(found)
    assert shown.coverage.left_out == ["copy_move"]
    reasons = {f.detector: f.reason for f in found.findings}
    assert reasons["copy_move"] == "skipped_under_load"
    assert any("left out" in note["en"] for note in found.notes)
    assert any("later" in step["en"] for step in found.assessment.recommendations)
    assert found.complete
