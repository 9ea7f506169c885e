"""``veriscope train`` and ``veriscope evaluate`` as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from veriscope.cli_train import evaluate, train
from veriscope.errors import BadRequest
from veriscope.train.references import store

TEXTS = [
    "The ministry said on Monday that the new road would be open by the end of the year, two years late. " * 6,
    "SHOCKING!!! You WON'T believe what THEY hide from YOU!!! Share this NOW before it is deleted!!! " * 6,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f'"{TEXTS[i % 2]} {i}",{i % 2},{"dev" if i < 8 else "test"}' for i in range(40)]
    (tmp_path / "labels.csv").write_text("text,label,split\n" + "\n".join(rows) + "\n", "utf-8")
    return tmp_path


def run(command: click.Command, *arguments: object) -> str:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False, catch_exceptions=False)
    assert result.exception is None
    return result.stdout


def test_json_is_one_object_in_the_promised_shape(folder: Path) -> None:
    result = json.loads(run(evaluate, "stylometry", "--data", folder, "--json"))
    for key in ("accuracy", "auc", "eer", "tpr_at_fpr_1pct", "tpr_at_fpr_01pct", "ece"):
        assert set(result[key]) == {"value", "low", "high"}
    assert result["auc"]["value"] == 1
    assert set(result["baseline"]["auc"]) == {"value", "low", "high"}
    assert result["thresholds"]["chosen_on"] == "the dev split, 8 items"


def test_the_table_shows_figures_with_their_intervals(folder: Path) -> None:
    shown = run(evaluate, "stylometry", "--data", folder, "--limit", 12)
    assert "auc" in shown
    assert "[1.000, 1.000]" in shown


def test_robustness_is_part_of_the_answer(folder: Path) -> None:
    result = json.loads(run(evaluate, "stylometry", "--data", folder, "--json", "--robust", "--robust-limit", 2))
    assert [p["level"] for p in result["robustness"]["truncation"]] == [0.75, 0.5, 0.25]


def test_a_card_is_written_and_the_scores_are_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    histograms = tmp_path / "histograms.json"
    monkeypatch.setattr("veriscope.train.cards.folder", lambda: tmp_path / "models")
    monkeypatch.setattr("veriscope.train.references.store", partial(store, file=histograms))
    run(evaluate, "stylometry", "--data", folder, "--card", "--reference")
    page = (tmp_path / "models" / "stylometry.md").read_text("utf-8")
    assert f"`veriscope evaluate stylometry --data {folder.name}`" in page
    assert "Thresholds chosen on the dev split" not in page  # eight texts promise no rate
    assert list(json.loads(histograms.read_text("utf-8"))) == ["stylometry@1/text"]


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(BadRequest, match="Give --data"):
        run(evaluate, "stylometry")
    with pytest.raises(BadRequest, match="no set called"):
        run(evaluate, "stylometry", "--set", "casia9", "--data", folder)
    with pytest.raises(BadRequest, match="is not in"):
        run(evaluate, "stylometry", "--set", "casia1@90", "--data", folder)


def test_training_without_torch_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadRequest) as caught:
        run(train, "forgery-heatmap", "--data", folder)
    assert "veriscope[train]" in caught.value.hint


def test_the_notebook_can_be_opened_and_calls_real_commands() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "train-on-a-gpu.ipynb"
    book = json.loads(page.read_text("utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    for cell in book["cells"]:
        assert cell["cell_type"] in {"markdown", "code"}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    source = "\n".join("".join(cell["source"]) for cell in book["cells"])
    options = {option for parameter in train.params for option in parameter.opts}
    used = next(line for line in source.splitlines() if line.startswith("!veriscope train"))
    assert {word for word in used.split() if word.startswith("--")} <= options


def test_grading_needs_no_torch_and_no_scikit_learn() -> None:
    """Everything but gradients and recipes: the modules are imported in a process of their own."""
    names = ("attack", "cards", "drawing", "evaluate", "failures", "references", "robustness", "sets", "thresholds")
    code = "import sys; import veriscope.cli_train; " + "; ".join(f"import veriscope.train.{name}" for name in names)
    code += "; print([m for m in ('torch', 'sklearn', 'onnx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
