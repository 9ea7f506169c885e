"""The command as its user starts it: real faces, folders, resuming, ``kill -9``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from veriscope.inference.onnx import OnnxInfer
from veriscope.redaction.lookers import FaceLooker
from veriscope.redaction.looking import Cadence, film_looks
from veriscope.redaction.plan import Kind, Plan

from tests.making import encoded, film, photo

pytestmark = pytest.mark.e2e

_START = "from veriscope.cli_redact import redact\nfrom veriscope.cli import main\n"
_START += "if 'redact' not in main.commands: main.add_command(redact)\n"
_START += "if __name__ == '__main__': main()\n"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    file = tmp_path / "start.py"
    file.write_text(_START)
    return [sys.executable, str(file), "redact"]


def run(command: list[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False, env=os.environ
    )


@pytest.mark.data
def test_a_talking_head(data: Path, tmp_path: Path, command: list[str]) -> None:
    source, output = data / "video/talking-heads/2.mp4", tmp_path / "safe.mp4"
    done = run(command, source, "-o", output, "--targets", "faces", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["frames"] == {"total": 125, "covered": 125}
    assert result["secondLook"]["leaks"] == []
    assert not seen(output)
    assert seen(source)


def seen(path: Path) -> list[object]:
    from veriscope.media.child import DecodeChild
    from veriscope.media.intake import open_path
    from veriscope.media.limits import Limits

    with DecodeChild(Limits()) as decoder:
        looks = film_looks(open_path(path), [FaceLooker(OnnxInfer())], Cadence(), decoder, 5.0, lambda _: None)
    return [s for look in looks for s in look.sightings[Kind.FACE] if s.score > 0.5]


@pytest.mark.data
def test_plan_correct_render(data: Path, tmp_path: Path, command: list[str]) -> None:
    source, file = data / "video/talking-heads/2.mp4", tmp_path / "plan.json"
    assert run(command, source, "--plan-only", "--targets", "faces", "-o", file).returncode == 0
    plan = Plan.from_json(file.read_bytes())
    assert [t.kind for t in plan.tracks] == ["face"]
    assert plan.tracks[0].thumbnail
    kept = tmp_path / "kept.mp4"
    done = run(command, source, "--plan", file, "--keep", plan.tracks[0].id, "-o", kept, "--targets", "faces", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept"] == [plan.tracks[0].id]
    assert seen(kept)
    # a plan that forgets the face must not give out a file
    value = plan.as_dict()
    value["tracks"] = []
    file.write_text(json.dumps(value))
    done = run(command, source, "--plan", file, "-o", tmp_path / "forgotten.mp4", "--targets", "faces", "--json")
    if done.returncode == 0:
        result = json.loads(done.stdout)
        assert result["rendered"] == 2
        assert not seen(tmp_path / "forgotten.mp4")
    else:
        assert json.loads(done.stdout)["error"]["code"] == "leak_found"
        assert not (tmp_path / "forgotten.mp4").exists()


def test_a_folder_goes_on_where_it_stopped(tmp_path: Path, command: list[str]) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    (source / "deep").mkdir(parents=True)
    (source / "a.jpg").write_bytes(encoded(photo()))
    (source / "deep" / "b.png").write_bytes(encoded(photo(seed=1), "PNG"))
    (source / "e.txt").write_text("call +1 212 555 0187")
    film(source / "c.mp4", 1.0)
    (source / "d.zip").write_bytes(b"PK\x03\x04 no picture")
    first = run(command, source, "-o", output, "--json")
    assert first.returncode == 2
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line.get("error", {}).get("code") for line in lines] == [None, None, "unsupported_kind", None, None]
    assert sorted(str(p.relative_to(output)) for p in output.rglob("*") if p.is_file()) == [
        "a.jpg",
        "c.mp4",
        "deep/b.png",
        "e.txt",
    ]
    assert (output / "e.txt").read_text() == "call [PHONE]"
    times = {p: p.stat().st_mtime_ns for p in output.rglob("*") if p.is_file()}
    (output / "c.mp4").unlink()
    again = run(command, source, "-o", output, "--json")
    assert sum(bool(json.loads(line).get("skipped")) for line in again.stdout.splitlines()) == 3
    assert (output / "c.mp4").exists()
    assert all(p.stat().st_mtime_ns == t for p, t in times.items() if p.name != "c.mp4")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.mp4"], "where to write"),
        (["a.mp4", "-o", "b.mkv"], "must end in"),
        (["nowhere.mp4", "-o", "b.mp4"], "not a file"),
        (["a.mp4", "-o", "b.mp4", "--targets", "hats"], "no target called hats"),
        (["a.mp4", "-o", "b.mp4", "--operator", "fog"], "no operator called fog"),
        (["a.mp4", "-o", "b.mp4", "--plan", "a.mp4"], "not JSON"),
    ],
)
def test_wrong_commands_are_told(tmp_path: Path, command: list[str], arguments: list[str], words: str) -> None:
    film(tmp_path / "a.mp4", 1.0)
    placed = [str(tmp_path / a) if "." in a else a for a in arguments]
    done = run(command, *placed)
    assert done.returncode == 2
    assert words in " ".join((done.stdout + done.stderr).split())
    assert not (tmp_path / "b.mp4").exists()


def test_kill_9_leaves_nothing_under_the_name(tmp_path: Path, command: list[str]) -> None:
    source, output = film(tmp_path / "a.mp4", 40.0, (640, 360), 25), tmp_path / "safe.mp4"
    process = subprocess.Popen([*command, str(source), "-o", str(output), "--targets", "faces"])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not any(p.stat().st_size for p in tmp_path.glob(".safe.mp4.*.part")):
        time.sleep(0.02)
    part = next(tmp_path.glob(".safe.mp4.*.part"))
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    size = part.stat().st_size
    time.sleep(1.0)
    assert part.stat().st_size == size  # the child that wrote it died too
    assert not output.exists()
    done = run(command, source, "-o", output, "--targets", "faces")
    assert done.returncode == 0, done.stderr
    assert output.exists()
    assert not list(tmp_path.glob(".safe.mp4.*"))
