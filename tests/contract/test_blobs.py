"""Every implementation of ``Blobs`` keeps the same promises."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from veriscope.errors import BadSetting, NotFound, StorageDown
from veriscope.store.blobs import FolderBlobs
from veriscope.store.encrypted import EncryptedBlobs, Keys
from veriscope.store.s3 import S3Blobs
from veriscope.types import Blobs

KEY = base64.b64encode(bytes(range(32))).decode()


def _folder(path: Path) -> Blobs:
    return FolderBlobs(path)


def _encrypted(path: Path) -> Blobs:
    return EncryptedBlobs(FolderBlobs(path), Keys(KEY))


@pytest.fixture(params=[_folder, _encrypted, "s3", "s3-encrypted"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if isinstance(request.param, str):
        bucket = _bucket(request.getfixturevalue("s3_url"))
        return EncryptedBlobs(bucket, Keys(KEY)) if request.param == "s3-encrypted" else bucket
    make: Callable[[Path], Blobs] = request.param
    return make(tmp_path / "blobs")


def _bucket(endpoint: str, prefix: str = "/veriscope") -> S3Blobs:
    import boto3

    name = f"b{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=name)
    return S3Blobs(f"s3://{name}{prefix}", endpoint)


def test_a_bucket_is_read_to_its_end_and_no_further_than_its_prefix(s3_url: str) -> None:
    blobs = _bucket(s3_url, "")
    for i in range(1005):  # more than one page of a listing
        blobs.put(f"r/{i:04}", b"")
    blobs.put("other/x", b"")
    assert list(blobs.keys("r/")) == [f"r/{i:04}" for i in range(1005)]


def test_a_storage_that_is_away_is_our_fault_and_can_pass(s3_url: str) -> None:
    with pytest.raises(StorageDown) as caught:
        S3Blobs("s3://no-such-bucket", s3_url).put("a", b"x")
    assert caught.value.retryable
    with pytest.raises(BadSetting, match="s3://bucket/prefix"):
        S3Blobs("https://example.org/x")


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


def test_what_is_written_in_parts_is_read_in_parts(blobs: Blobs) -> None:
    data = os.urandom(9_000_001)  # more than one part of an upload to a bucket, and of our own
    blobs.write("r/a", (data[at : at + 70_000] for at in range(0, len(data), 70_000)))
    assert blobs.size("r/a") == len(data)
    assert blobs.get("r/a") == data
    assert b"".join(blobs.read("r/a")) == data
    blobs.write("r/empty", iter(()))
    assert (blobs.size("r/empty"), blobs.get("r/empty"), b"".join(blobs.read("r/empty"))) == (0, b"", b"")


@pytest.mark.parametrize(
    ("start", "length"),
    [
        (0, 1),
        (0, 65536),
        (65535, 2),
        (65536, 65536),
        (65536, 1),
        (100, 150_000),
        (196_607, 1),
        (199_999, 5),
        (0, None),
        (70_000, None),
        (200_000, 1),
        (999_999, None),
        (5, 0),
    ],
)
@pytest.mark.parametrize("whole", [196_608, 200_000])
def test_a_range_is_the_range_of_the_whole(blobs: Blobs, whole: int, start: int, length: int | None) -> None:
    data = os.urandom(whole)
    blobs.put("r/a", data)
    assert b"".join(blobs.read("r/a", start, length)) == data[start : None if length is None else start + length]


def test_absent_is_told_at_the_call(blobs: Blobs) -> None:
    for call in (blobs.size, blobs.read, blobs.get):
        with pytest.raises(NotFound):
            call("r/a")


def test_a_writing_that_fails_leaves_what_was_there(blobs: Blobs) -> None:
    def parts() -> Iterator[bytes]:
        yield b"y" * 6_000_000
        raise OSError("the disk is full")

    blobs.put("r/a", b"before")
    with pytest.raises(OSError, match="full"):
        blobs.write("r/a", parts())
    assert blobs.get("r/a") == b"before"
    assert list(blobs.keys()) == ["r/a"]
