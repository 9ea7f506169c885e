from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from veriscope.errors import BadRequest
from veriscope.redaction.writing import aside, write


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "out.mp4"
    with pytest.raises(RuntimeError), aside(target) as part:
        part.write_bytes(b"half")
        raise RuntimeError
    assert list((tmp_path / "sub").iterdir()) == []
    write(target, b"whole")
    assert target.read_bytes() == b"whole"
    assert [p.name for p in target.parent.iterdir()] == ["out.mp4"]


def test_the_old_file_stays_until_the_new_one_is_done(tmp_path: Path) -> None:
    target = tmp_path / "out[1].mp4"
    write(target, b"old")
    with pytest.raises(ValueError, match="no"), aside(target) as part:
        part.write_bytes(b"new")
        assert target.read_bytes() == b"old"
        raise ValueError("no")
    assert target.read_bytes() == b"old"


def test_what_the_killed_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, mine = tmp_path / f".out.mp4.{gone.pid}.ab.part", tmp_path / f".out.mp4.{os.getpid()}.ab.part"
    dead.touch()
    mine.touch()
    write(tmp_path / "out.mp4", b"whole")
    assert not dead.exists()
    assert mine.exists()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="cannot be written"):
        write(tmp_path / "file" / "out.mp4", b"")
