from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from veriscope.errors import BadRequest
from veriscope.train import cards, drawing, failures
from veriscope.train.examination import Answer
from veriscope.train.labelled import Item, Sample

from tests.making import encoded, photo


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": value if low is None else low, "high": value if high is None else high}


def result(auc: float = 0.8, **more: Any) -> dict[str, Any]:
    return {
        "auc": figure(auc, auc - 0.05, auc + 0.05),
        "answered": figure(0.9),
        "tpr_at_fpr_1pct": figure(0.3, 0.2, 0.4),
        "baseline": {"auc": figure(0.5, 0.4, 0.6), "auc_gain": figure(0.3, 0.2, 0.4)},
        "subject": {"detector": "some_method", "version": "2", "networks": {"centerface": "1"}, "policy": "standard"},
        "items": {
            "genuine": 100,
            "fake": 90,
            "groups": 80,
            "outcomes": {"genuine": {"spoke": 95, "too_small": 5}, "fake": {"spoke": 90}},
        },
        "reliability": [
            {"low": 0.1, "high": 0.2, "count": 50, "said": 0.15, "share": 0.2},
            {"low": 0.8, "high": 0.9, "count": 40, "said": 0.85, "share": 0.9},
        ],
        "speed": {"threads": 1, "cpu_ms": figure(12, 11, 13), "peak_memory_mb": 200, "decoder_memory_mb": 90},
        "set": {"name": "a set", "folder": False, "limit": None, "without": []},
        **more,
    }


CURVES = {
    "untouched": [{"level": 0, "auc": figure(0.8), "tpr_at_fpr_1pct": figure(0.3), "answered": 1.0, "items": 60}],
    "jpeg": [
        {"level": q, "auc": figure(0.7, 0.6, 0.8), "tpr_at_fpr_1pct": figure(0.2), "answered": 0.5, "items": 60}
        for q in (95, 30)
    ],
}


def test_a_card_shows_each_figure_with_interval_and_baseline(tmp_path: Path) -> None:
    page = cards.add("centerface", "casia1@90", result(), tmp_path).read_text("utf-8")
    assert "| AUC | 0.800 [0.750, 0.850] | 0.500 [0.400, 0.600] |" in page
    assert "| AUC above the baseline, paired | 0.300 [0.200, 0.400] | |" in page
    assert "genuine: 5 too_small" in page
    assert "`veriscope evaluate centerface --set casia1@90`" in page
    assert "WIDER FACE" in page  # the manifest's own words
    assert "12 ms [11, 13]" in page


def test_the_command_of_a_card_has_every_option_that_changes_a_figure(tmp_path: Path) -> None:
    points = {"untouched": [{**CURVES["untouched"][0], "limit": 30}]}
    chosen = {"name": "a", "folder": False, "limit": 40, "without": ["learnt", "biggan"]}
    found = result(robustness=points, set=chosen)
    found["subject"]["policy"] = "thorough"
    page = cards.add("some", "ciplab", found, tmp_path).read_text("utf-8")
    options = "--without learnt --without biggan --limit 40 --policy thorough --robust --robust-limit 30"
    assert f"`veriscope evaluate some --set ciplab {options}`" in page


def test_pictures_are_valid_and_follow_the_page(tmp_path: Path) -> None:
    cards.add("some", "a/b@9", result(robustness=CURVES), tmp_path)
    pictures = sorted(path.name for path in tmp_path.glob("*.svg"))
    assert pictures == ["some.a-b-9.reliability.svg", "some.a-b-9.robustness.svg"]
    page = (tmp_path / "some.md").read_text("utf-8")
    for name in pictures:
        text = (tmp_path / name).read_text("utf-8")
        ElementTree.fromstring(text)
        assert "prefers-color-scheme:dark" in text
        assert f"({name})" in page
    assert "| jpeg | 30 | 0.700 [0.600, 0.800] |" in page


def test_another_set_is_added_and_old_curves_stay(tmp_path: Path) -> None:
    attacked = {
        "square": {
            "queries": 5,
            "points": [{"epsilon": 4, "after": "lossless", "auc": figure(0.4), "fakes": 9, "genuine": 9}],
        }
    }
    cards.add("some", "one", result(robustness=CURVES, attack=attacked), tmp_path)
    cards.add("some", "two", result(0.7), tmp_path)
    cards.add("some", "one", result(0.9), tmp_path)
    kept = json.loads((tmp_path / "some.json").read_text("utf-8"))
    assert set(kept) == {"one", "two"}
    assert kept["one"]["auc"]["value"] == 0.9
    assert kept["one"]["robustness"] == CURVES
    page = (tmp_path / "some.md").read_text("utf-8")
    assert "| 4 | lossless | 0.400 [0.400, 0.400] | 9, 9 |" in page


def test_notes_frame_the_figures(tmp_path: Path) -> None:
    (tmp_path / "some.notes.md").write_text(
        "# Some network\n\nOne sentence.\n\n## What it answers\n\nThis.\n\n## Known failures\n\nThat.\n", "utf-8"
    )
    page = cards.add("some", "one", result(), tmp_path).read_text("utf-8")
    places = [page.index(words) for words in ("# Some network", "One sentence.", "This.", "## Figures", "That.")]
    assert places == sorted(places)


def test_a_card_written_by_hand_becomes_the_notes(tmp_path: Path) -> None:
    (tmp_path / "some.md").write_text("# By hand\n\nMy words.\n", "utf-8")
    page = cards.add("some", "one", result(), tmp_path).read_text("utf-8")
    assert "My words." in page
    assert (tmp_path / "some.notes.md").read_text("utf-8") == "# By hand\n\nMy words.\n"
    again = cards.add("some", "one", result(), tmp_path).read_text("utf-8")
    assert again == page


def test_an_undefined_figure_is_said_to_be_so(tmp_path: Path) -> None:
    page = cards.add("some", "one", result() | {"eer": {"value": None, "low": None, "high": None}}, tmp_path)
    assert "| EER | not defined |" in page.read_text("utf-8")


def test_the_terminal_gets_a_card_of_every_network_and_an_error_for_others(tmp_path: Path) -> None:
    assert "MIT" in cards.card("centerface", tmp_path)
    with pytest.raises(BadRequest):
        cards.card("nothing-of-the-kind", tmp_path)


def test_a_training_curve_is_valid() -> None:
    lines = [{"step": 100.0 * k, "score": 0.5 + 0.01 * k} for k in range(1, 5)]
    for some in (lines, lines[:1], []):
        ElementTree.fromstring(drawing.training_curve(some))


def test_failures_are_the_worst_of_each_class_and_are_drawn(tmp_path: Path) -> None:
    raws = [(0, 0.1), (0, 0.2), (0, 0.9), (1, 0.05), (1, 0.7), (1, 0.8)]
    answers = [Answer(f"{i}.png", y, "", "", raw, None, "spoke") for i, (y, raw) in enumerate(raws)]
    found = failures.worst(answers)
    assert [e["name"] for e in found["false_alarms"]] == ["2.png"]
    assert [e["name"] for e in found["missed"]] == ["3.png"]
    items = [Item(a.name, a.label, lambda: Sample(encoded(photo(600, 300)))) for a in answers]
    drawn = failures.draw(found, items, tmp_path / "some.one")
    with Image.open(tmp_path / drawn["missed"][0]["picture"]) as picture:
        assert picture.size == (240, 120)
    page = cards.add("some", "one", result(failures=drawn), tmp_path).read_text("utf-8")
    assert "![3.png](some.one.missed-1.jpg)" in page
