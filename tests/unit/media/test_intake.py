from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from veriscope.errors import BadRequest, EmptyInput, TooLarge, UnsupportedKind
from veriscope.media.intake import Intake, open_bytes, open_path, open_text
from veriscope.media.limits import Limits
from veriscope.types import Kind

from tests import making


def test_hash_and_bytes_are_those_of_the_original(tmp_path: Path) -> None:
    data = making.encoded(making.photo(64, 48))
    with Intake(tmp_path, "../../etc/pass\nwd.jpg", Limits()) as intake:
        for i in range(0, len(data), 100):
            intake.write(data[i : i + 100])
        media = intake.finish()
    assert media.sha256 == hashlib.sha256(data).hexdigest()
    assert media.path.read_bytes() == data
    assert media.name == "passwd.jpg"
    assert media.kind is Kind.IMAGE


def test_too_large_is_said_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooLarge), Intake(tmp_path, "x", Limits(max_bytes=150)) as intake:
        intake.write(b"a" * 100)
        intake.write(b"a" * 100)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("data", "error"), [(b"", EmptyInput), (b"MZ\0\0", UnsupportedKind)])
def test_a_refused_file_leaves_nothing(tmp_path: Path, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_bytes(data, "x", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_long_text_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        open_bytes(b"word " * 2000, "x.txt", tmp_path, Limits(max_text_chars=1000))
    with pytest.raises(TooLarge):
        open_text("x" * 1001, tmp_path, Limits(max_text_chars=1000))
    with pytest.raises(EmptyInput):
        open_text(" \n ", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_pasted_text_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    assert open_text("<html> %PDF-1.4", tmp_path).kind is Kind.TEXT


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.jpg"):
        with pytest.raises(BadRequest):
            open_path(path)
