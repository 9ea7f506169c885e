"""The command line as people and scripts use it: real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import making

pytestmark = pytest.mark.e2e


def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "veriscope.cli", *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=120, check=False, env={**os.environ, **environment}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "a.jpg").write_bytes(making.encoded(making.photo(200, 160)))
    (folder / "b.jpg").write_bytes(b"")
    (folder / "c.txt").write_text("Some words that make a text. " * 20)
    return folder


def test_one_input_is_one_object(folder: Path) -> None:
    done = run("analyze", folder / "a.jpg", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["mediaType"] == "image"
    assert report["overallAssessment"]["label"]
    assert done.stderr == b""


def test_a_folder_is_json_lines_in_order_with_errors_in_place(folder: Path) -> None:
    done = run("analyze", folder, "--json")
    assert done.returncode == 2
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("mediaType") for line in lines] == ["image", None, "text"]
    assert lines[1]["error"]["code"] == "empty_input"
    assert lines[1]["source"].endswith("b.jpg")


def test_standard_input(folder: Path) -> None:
    assert json.loads(run("analyze", "-", "--json", stdin=b"Words. " * 60).stdout)["mediaType"] == "text"
    picture = (folder / "a.jpg").read_bytes()
    assert json.loads(run("analyze", "-", "--json", stdin=picture).stdout)["mediaType"] == "image"


def test_for_people_and_reports(folder: Path, tmp_path: Path) -> None:
    done = run("analyze", folder / "a.jpg", "--report", tmp_path / "r.html", "--evidence", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    assert b"sha256" in done.stdout
    assert "<html" in (tmp_path / "r.html").read_text()
    assert (tmp_path / "e" / "report.json").is_file()
    assert run("analyze", folder / "a.jpg", "--report", tmp_path / "r.pdf").returncode == 0
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "absent.jpg"),
        ("analyze",),
        ("analyze", "x", "--policy", "nonsense"),
        ("analyze", "a", "b", "--report", "x.html"),
        ("analyze", "x", "--region", "1,2"),
        ("bench", "nonsense"),
        ("nonsense",),
    ],
)
def test_wrong_use_is_two_and_one_sentence(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr + done.stdout


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = run("doctor", VERISCOPE_PORT="many")
    assert done.returncode == 2
    assert b"port" in done.stderr


def test_doctor_and_models(tmp_path: Path) -> None:
    done = run("doctor", "--json", VERISCOPE_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert all(check["ok"] for check in json.loads(done.stdout)["checks"])
    states = {m["name"]: m["state"] for m in json.loads(run("models", "list", "--json").stdout)}
    assert states.pop("whisper-base") in {"ready", "optional"}
    assert set(states.values()) == {"ready"}
