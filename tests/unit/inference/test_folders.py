"""Networks that are folders: made of members of wheels, whole or not at all. The wheels are made here; pip is real."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from veriscope.cli_models import models
from veriscope.config import load
from veriscope.errors import ModelUnavailable
from veriscope.inference import folders as module
from veriscope.inference.folders import File, Folder, Part, checked, folders, install
from veriscope.inference.pull import pull
from veriscope.inference.registry import Registry

FIRST, SECOND, WORDS = b"the first half, " * 50_000, b"and the second" * 30_000, b'{"words": []}'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(index: Path, name: str, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(index / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as file:
        for member, data in members.items():
            file.writestr(f"{name}/data/{member}", data)
        file.writestr(f"{name}/__init__.py", "raise SystemExit('never imported')")
        file.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{name}-1.0.dist-info/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the package index."""
    found = tmp_path / "index"
    found.mkdir()
    wheel(found, "one", {"model.bin.1": FIRST, "words.json": WORDS})
    wheel(found, "two", {"model.bin.2": SECOND})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(found))
    return found


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A network of which the wheels carry a half each; known in the place of ours."""
    parts = (
        Part("one", "1.0", "one/data/model.bin.1", sha256(FIRST)),
        Part("two", "1.0", "two/data/model.bin.2", sha256(SECOND)),
    )
    files = {
        "model.bin": File(sha256(FIRST + SECOND), parts),
        "words.json": File(sha256(WORDS), (Part("one", "1.0", "one/data/words.json", sha256(WORDS)),)),
    }
    ours = folders()["whisper-base"]
    made = replace(ours, name="halves", files=files, package="json")
    monkeypatch.setattr(module, "folders", lambda: {"halves": made, "whisper-base": ours})
    monkeypatch.setattr("veriscope.inference.pull.folders", lambda: {"halves": made, "whisper-base": ours})
    return made


def test_two_wheels_become_one_folder(index: Path, halves: Folder, tmp_path: Path) -> None:
    registry = Registry(own=tmp_path / "own")
    assert pull(registry) == []  # never without being named
    assert halves.installed(tmp_path / "own") is None
    assert pull(registry, ["halves"]) == ["halves@1"]
    home = halves.installed(tmp_path / "own")
    assert home is not None
    assert (home / "model.bin").read_bytes() == FIRST + SECOND
    assert {p.name for p in home.iterdir()} == {"model.bin", "words.json"}
    assert [p.name for p in home.parent.iterdir()] == ["1"]  # nothing is left lying about
    assert halves.state(tmp_path / "own") == ("ready", "")
    assert checked(home) == home
    (index / "two-1.0-py3-none-any.whl").unlink()
    assert pull(registry, ["halves"]) == []  # nothing is fetched again


def test_what_is_damaged_is_refused_and_pulled_anew(index: Path, halves: Folder, tmp_path: Path) -> None:
    home = install(halves, tmp_path)
    (home / "model.bin").write_bytes(FIRST)
    with pytest.raises(ModelUnavailable, match=r"model\.bin of halves@1 is not the one described"):
        checked(home)
    assert pull(Registry(own=tmp_path), ["halves"]) == ["halves@1"]
    assert checked(home) == home
    (home / "words.json").unlink()
    with pytest.raises(ModelUnavailable, match="veriscope models pull halves"):
        checked(home)


@pytest.mark.parametrize("changed", ["one", "two"])
def test_a_part_that_is_another_is_refused_with_the_reason(
    index: Path, halves: Folder, tmp_path: Path, changed: str
) -> None:
    wheel(index, changed, {"model.bin.1": b"x" + FIRST, "model.bin.2": b"x" + SECOND, "words.json": WORDS})
    with pytest.raises(ModelUnavailable, match=f"in {changed} is not the file described") as caught:
        install(halves, tmp_path)
    assert "SHA-256" in caught.value.hint
    assert list((tmp_path / "halves").iterdir()) == []


def test_parts_that_are_right_and_a_whole_that_is_not(index: Path, halves: Folder, tmp_path: Path) -> None:
    files = {
        **halves.files,
        "model.bin": replace(halves.files["model.bin"], parts=halves.files["model.bin"].parts[::-1]),
    }
    with pytest.raises(ModelUnavailable, match=r"of model\.bin is not the file described"):
        install(replace(halves, files=files), tmp_path)
    assert list((tmp_path / "halves").iterdir()) == []


def test_a_wheel_without_the_member_and_no_index_at_all(index: Path, halves: Folder, tmp_path: Path) -> None:
    wheel(index, "two", {})
    with pytest.raises(ModelUnavailable, match=r"two==1\.0 holds no file two/data/model\.bin\.2"):
        install(halves, tmp_path)
    (index / "two-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelUnavailable, match=r"^two==1\.0 cannot be downloaded\.$"):
        install(halves, tmp_path)
    assert halves.installed(tmp_path) is None


def test_names_that_nobody_knows_and_no_folder_to_put_it(halves: Folder, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no network called nonesuch"):
        pull(Registry(own=tmp_path), ["nonesuch"])
    with pytest.raises(ModelUnavailable, match="networks of your own"):
        pull(Registry(), ["halves"])


def test_the_recogniser_that_is_offered() -> None:
    known = folders()["whisper-base"]
    assert known.licence == "MIT"
    assert set(known.files) == {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}
    assert len({part.package for file in known.files.values() for part in file.parts}) == 2
    for file in known.files.values():
        assert all(len(d) == 64 and int(d, 16) for d in (file.sha256, *(part.sha256 for part in file.parts)))
        if len(file.parts) == 1:
            assert file.parts[0].sha256 == file.sha256
    assert replace(known, package="json").hint == ""
    assert "veriscope[speech]" in replace(known, package="not_installed_anywhere").hint


def test_it_is_listed_and_the_list_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERISCOPE_DATA_DIR", str(tmp_path))
    said = json.loads(CliRunner().invoke(models, ["list", "--json"]).output)
    (row,) = (row for row in said if row["name"] == "whisper-base")
    assert (row["state"], row["answers"]) == ("optional", "–")
    assert "veriscope models pull whisper-base" in row["detail"]
    card = CliRunner().invoke(models, ["card", "whisper-base"]).output
    assert "MIT" in card
    assert folders()["whisper-base"].files["model.bin"].sha256 in card


def test_settings_find_it_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERISCOPE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("VERISCOPE_REDACT_SPEECH_WEIGHTS", raising=False)
    assert load().senses().speech_weights is None
    known = replace(folders()["whisper-base"], package="json")
    monkeypatch.setattr(module, "folders", lambda: {"whisper-base": known})
    home = tmp_path / "models" / "whisper-base" / "1"
    home.mkdir(parents=True)
    for name in [*known.files][:-1]:
        (home / name).write_bytes(b"")
    assert load().senses().speech_weights is None  # half of it is not it
    for name in known.files:
        (home / name).write_bytes(b"")
    assert load().senses().speech_weights == home
    assert load(redact_speech_weights=tmp_path / "mine").senses().speech_weights == tmp_path / "mine"
    monkeypatch.setattr(module, "folders", lambda: {"whisper-base": replace(known, package="not_installed_anywhere")})
    assert load().senses().speech_weights is None  # nothing could run it
