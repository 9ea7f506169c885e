"""Where the keys of blobs come from."""

from __future__ import annotations

import base64
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from veriscope.config import load
from veriscope.errors import BadSetting
from veriscope.jobs.keys import blob_keys
from veriscope.jobs.results import open_store

KEY = base64.b64encode(bytes(32)).decode()


def test_without_a_setting_a_key_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(blob_keys, [settings] * 16))
    assert len(found) == 1
    path = tmp_path / "data" / "blob.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert list(path.parent.iterdir()) == [path]
    store = open_store(settings)
    assert store.sealed
    store.close()


def test_machines_that_share_a_bucket_must_share_a_key(tmp_path: Path) -> None:
    assert blob_keys(load(data_dir=tmp_path, blob_url="s3://b/x")) is None
    assert blob_keys(load(data_dir=tmp_path, blob_url="s3://b/x", blob_key=KEY)) == KEY
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_a_command_gives_the_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n")
    assert blob_keys(load(data_dir=tmp_path, blob_key_file=tmp_path / "keys")) == f"{KEY}\n"
    command = f"{sys.executable} -c 'print(\"{KEY}\")'"
    assert blob_keys(load(data_dir=tmp_path, blob_key_command=command)) == f"{KEY}\n"


@pytest.mark.parametrize(
    "flags",
    [
        {"blob_key_file": "/nowhere/key"},
        {"blob_key_command": "/nowhere/program"},
        {"blob_key_command": "'unbalanced"},
        {"blob_key_command": f"{sys.executable} -c 'import sys; sys.exit(\"s3cret\")'"},
        {"blob_key_command": f"{sys.executable} -c 'print(1)'"},
        {"blob_key": KEY, "blob_key_command": "x"},
        {"c2pa_certificate": "/x.pem"},
    ],
)
def test_what_gives_no_key_is_refused_in_one_sentence(tmp_path: Path, flags: dict[str, object]) -> None:
    with pytest.raises(BadSetting) as caught:
        open_store(load(data_dir=tmp_path, **flags))
    assert "\n" not in caught.value.message
    assert "s3cret" not in caught.value.message
    assert list(tmp_path.rglob("*")) == []
