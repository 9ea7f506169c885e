"""Every implementation of ``Blobs`` keeps the same promises."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from veriscope.errors import Internal, NotFound
from veriscope.store.blobs import EncryptedBlobs, FolderBlobs
from veriscope.types import Blobs

KEY = base64.b64encode(bytes(range(32))).decode()


def _folder(path: Path) -> Blobs:
    return FolderBlobs(path)


def _encrypted(path: Path) -> Blobs:
    return EncryptedBlobs(FolderBlobs(path), KEY)


@pytest.fixture(params=[_folder, _encrypted])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    make: Callable[[Path], Blobs] = request.param
    return make(tmp_path / "blobs")


def test_bytes_come_back(blobs: Blobs) -> None:
    for data in (b"", b"x", os.urandom(100_000)):
        blobs.put("r1/a.png", data)
        assert blobs.get("r1/a.png") == data


def test_absent_is_not_found_and_deleting_it_is_silent(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        blobs.get("r1/a.png")
    blobs.delete("r1/a.png")
    blobs.put("r1/a.png", b"x")
    blobs.delete("r1/a.png")
    with pytest.raises(NotFound):
        blobs.get("r1/a.png")
    with pytest.raises(NotFound):
        blobs.get("r1")


def test_keys(blobs: Blobs) -> None:
    for key in ("r1/a", "r1/b", "r2/a"):
        blobs.put(key, b"x")
    assert list(blobs.keys()) == ["r1/a", "r1/b", "r2/a"]
    assert list(blobs.keys("r1/")) == ["r1/a", "r1/b"]
    blobs.delete("r1/a")
    assert list(blobs.keys()) == ["r1/b", "r2/a"]


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "", ".hidden", "a//b", "a/", "a\x00b", "a/.."])
def test_keys_that_leave_the_folder_are_refused(blobs: Blobs, key: str, tmp_path: Path) -> None:
    for call in (lambda: blobs.put(key, b"x"), lambda: blobs.get(key), lambda: blobs.delete(key)):
        with pytest.raises(NotFound):
            call()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_blob_appears_whole_or_not_at_all(blobs: Blobs) -> None:
    size = 200_000
    blobs.put("r/a", b"0" * size)

    def write(i: int) -> None:
        blobs.put("r/a", str(i % 10).encode() * size)

    def read(_: int) -> bool:
        data = blobs.get("r/a")
        return len(data) == size and len(set(data)) == 1

    with ThreadPoolExecutor(4) as pool:
        writing = pool.map(write, range(20))
        assert all(pool.map(read, range(40)))
        list(writing)


def test_neighbours_come_and_go_at_the_same_time(blobs: Blobs) -> None:
    def round_trip(i: int) -> None:
        for _ in range(30):
            blobs.put(f"r/{i}", b"x")
            blobs.delete(f"r/{i}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(round_trip, range(4)))
    assert list(blobs.keys()) == []


def test_nothing_readable_lies_on_the_disk_when_a_key_is_set(tmp_path: Path) -> None:
    secret = b"the face of a witness" * 10
    blobs = _encrypted(tmp_path)
    blobs.put("r/a", secret)
    blobs.put("r/b", secret)
    raw = [p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    assert all(b"witness" not in data for data in raw)
    assert raw[0] != raw[1]


def test_a_changed_or_exchanged_blob_is_noticed(tmp_path: Path) -> None:
    blobs = _encrypted(tmp_path)
    blobs.put("r/a", b"first")
    blobs.put("r/b", b"second")
    (tmp_path / "r" / "a").write_bytes((tmp_path / "r" / "b").read_bytes())
    with pytest.raises(Internal):
        blobs.get("r/a")
    other = EncryptedBlobs(FolderBlobs(tmp_path), base64.b64encode(bytes(32)).decode())
    with pytest.raises(Internal):
        other.get("r/b")


def test_blobs_from_before_the_key_stay_readable(tmp_path: Path) -> None:
    FolderBlobs(tmp_path).put("r/a", b"plain")
    assert _encrypted(tmp_path).get("r/a") == b"plain"
