"""``veriscope models`` as people use it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from veriscope.cli_models import models
from veriscope.errors import BadModel, ModelUnavailable, VeriscopeError

from tests import networks

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VERISCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(models, [str(a) for a in arguments])
        if isinstance(result.exception, VeriscopeError):
            raise result.exception
        return result

    return call


@pytest.fixture
def brought(run: Run, tmp_path: Path) -> Path:
    """A folder with two versions, imported."""
    for version, seed in (("1", 1), ("2", 2)):
        onnx = networks.genconvit(tmp_path / f"{version}.onnx", seed)
        told = networks.manifest(tmp_path / f"{version}.yaml", version=version, task=None, trained_on="own pictures")
        done = run("import", onnx, "--task", "image-forgery", "--manifest", told)
        assert done.exit_code == 0, done.output
    return tmp_path


def rows(run: Run) -> dict[tuple[str, str], tuple[str, str]]:
    return {(r["name"], r["version"]): (r["answers"], r["state"]) for r in json.loads(run("list", "--json").output)}


def test_list_import_and_activate(run: Run, brought: Path) -> None:
    assert rows(run) == {
        ("centerface", "1"): ("100 %", "ready"),
        ("silero_vad", "6.2.3"): ("100 %", "ready"),
        ("genconvit", "1"): ("100 %", "ready"),
        ("genconvit", "2"): ("–", "ready"),
    } | {key: value for key, value in rows(run).items() if key[0] not in {"centerface", "silero_vad", "genconvit"}}
    assert "genconvit@1: 75 %\ngenconvit@2: 25 %" in run("activate", "genconvit", "2", "--share", "0.25").output
    assert "genconvit@2: 25 %, in shadow" in run("activate", "genconvit", "2", "--shadow").output
    assert "genconvit@1: –\ngenconvit@2: 100 %" in run("activate", "genconvit", "2").output
    assert "genconvit@2: –" in run("activate", "genconvit", "off").output
    assert run("activate", "genconvit", "2", "--share", "0.1", "--shadow").exit_code == 2
    with pytest.raises(ModelUnavailable, match="no version 7"):
        run("activate", "genconvit", "7")
    assert "genconvit" in run("list").output


def test_what_is_refused_says_why(run: Run, tmp_path: Path) -> None:
    onnx = networks.genconvit(tmp_path / "n.onnx", side=256)
    with pytest.raises(BadModel, match=r"\[1, 3, 256, 256\]; the manifest says \[1, 3, 224, 224\]"):
        run("import", onnx, "--manifest", networks.manifest(tmp_path / "m.yaml"))
    with pytest.raises(BadModel, match="belongs to a method"):
        run("import", onnx, "--manifest", networks.manifest(tmp_path / "m.yaml", name="jpeg-grid"))


def test_an_uncalibrated_one_is_told(run: Run, tmp_path: Path) -> None:
    onnx = networks.genconvit(tmp_path / "n.onnx")
    done = run("import", onnx, "--manifest", networks.manifest(tmp_path / "m.yaml", calibration=None))
    assert "no score" in done.output


def test_text_with_a_tokenizer_beside_the_manifest(run: Run, tmp_path: Path) -> None:
    onnx = networks.bert(tmp_path / "elsewhere" / "n.onnx")
    told = networks.tokenizer(tmp_path / "tokenizer.json")
    digest = hashlib.sha256(told.read_bytes()).hexdigest()
    done = run("import", onnx, "--manifest", networks.text_manifest(tmp_path / "m.yaml", digest))
    assert "newsroom@1 is in place and active" in done.output


def test_pull(run: Run, brought: Path) -> None:
    assert "every network is in place" in run("pull").output
    (brought / "data" / "models" / "genconvit" / "1" / "model.onnx").write_bytes(b"spoilt")
    assert "genconvit@1" in run("pull").output
    assert rows(run)["genconvit", "1"][1] == "ready"


def test_card(run: Run, brought: Path) -> None:
    text = run("card", "genconvit@2").output
    assert text.startswith("# genconvit, version 2")
    assert "own pictures" in text
    assert "GPL-3.0" in text
    shipped = run("card", "centerface").output
    assert "WIDER FACE" in shipped
    assert "no score" not in shipped


def test_compare(run: Run, brought: Path) -> None:
    for label, level in (("real", 60), ("fake", 190)):
        (brought / "set" / label).mkdir(parents=True)
        for i in range(4):
            picture = np.random.default_rng(i).integers(level - 40, level + 40, (48, 48, 3)).astype(np.uint8)
            cv2.imwrite(str(brought / "set" / label / f"{i}.png"), picture)
    done = run("compare", "genconvit@1", "genconvit@2", "--data", brought / "set")
    assert done.exit_code == 0, done.output
    assert "difference (95 %)" in done.output
    assert "8 media; 8 of which both spoke" in done.output
    found = json.loads(run("compare", "genconvit@1", "genconvit@1", "--data", brought / "set", "--json").output)
    assert found["difference"]["auc"]["value"] == 0
