"""What lies on a disk or in a bucket says nothing, and cannot be changed unnoticed."""

from __future__ import annotations

import base64
import os
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from veriscope.errors import BadSetting, Internal
from veriscope.store.blobs import FolderBlobs
from veriscope.store.encrypted import PART, EncryptedBlobs, Keys

FIRST, SECOND = (base64.b64encode(bytes([i]) * 32).decode() for i in (1, 2))
HEAD, STEP = 80, PART + 16
DATA = bytes(range(256)) * 1024  # four parts, the last one full


@pytest.fixture
def blobs(tmp_path: Path) -> EncryptedBlobs:
    return EncryptedBlobs(FolderBlobs(tmp_path), Keys(FIRST))


def spoil(path: Path, change: object) -> None:
    stored = path.read_bytes()
    head, parts = stored[:HEAD], [stored[at : at + STEP] for at in range(HEAD, len(stored), STEP)]
    path.write_bytes(change(head, parts))  # type: ignore[operator]


def test_nothing_readable_is_stored_and_no_two_blobs_look_alike(blobs: EncryptedBlobs, tmp_path: Path) -> None:
    secret = b"the face of a witness" * 10_000
    for key in ("r/a", "r/b"):
        blobs.put(key, secret)
    first, second = ((tmp_path / "r" / name).read_bytes() for name in "ab")
    assert b"witness" not in first + second
    assert first[HEAD:] != second[HEAD:]
    blocks = Counter(first[at : at + 16] for at in range(0, len(first), 16))
    assert max(blocks.values()) == 1  # the repetition inside does not show either


CHANGES = {
    "a bit": lambda head, parts: head + parts[0][:5] + bytes([parts[0][5] ^ 1]) + parts[0][6:] + b"".join(parts[1:]),
    "exchanged parts": lambda head, parts: head + b"".join([parts[1], parts[0], *parts[2:]]),
    "a part twice": lambda head, parts: head + b"".join([parts[0], parts[0], *parts[2:]]),
    "a part left out": lambda head, parts: head + b"".join([parts[0], *parts[2:]]),
    "the last part cut off": lambda head, parts: head + b"".join(parts[:-1]),
    "the end cut off": lambda head, parts: head + b"".join(parts)[:-1],
    "all parts cut off": lambda head, parts: head,
    "a part more": lambda head, parts: head + b"".join([*parts, parts[-1]]),
    "another prefix": lambda head, parts: head[:-8] + bytes(8) + b"".join(parts),
    "another data key": lambda head, parts: head[:24] + bytes(48) + head[72:] + b"".join(parts),
    "half a head": lambda head, parts: head[:40],
    "another key's id": lambda head, parts: head[:4] + bytes(8) + head[12:] + b"".join(parts),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["get", "read", "range"])
def test_every_change_is_noticed(blobs: EncryptedBlobs, tmp_path: Path, change: str, way: str) -> None:
    blobs.put("r/a", DATA)
    spoil(tmp_path / "r" / "a", CHANGES[change])
    with pytest.raises(Internal, match="damaged"):
        if way == "get":
            blobs.get("r/a")
        else:  # a range over all parts; one that does not touch the changed part may well be read
            b"".join(blobs.read("r/a", 1 if way == "range" else 0))


def test_blobs_cannot_be_exchanged(blobs: EncryptedBlobs, tmp_path: Path) -> None:
    blobs.put("r/a", b"first")
    blobs.put("r/b", b"second")
    (tmp_path / "r" / "a").write_bytes((tmp_path / "r" / "b").read_bytes())
    with pytest.raises(Internal):
        blobs.get("r/a")
    with pytest.raises(Internal):
        blobs.size("r/a")


def test_a_range_reads_only_its_own_parts(blobs: EncryptedBlobs, tmp_path: Path) -> None:
    blobs.put("r/a", DATA)
    spoil(tmp_path / "r" / "a", CHANGES["a bit"])
    assert b"".join(blobs.read("r/a", PART + 3, 10)) == DATA[PART + 3 : PART + 13]


def test_keys_rotate(tmp_path: Path) -> None:
    inner = FolderBlobs(tmp_path)
    EncryptedBlobs(inner, Keys(FIRST)).put("r/old", b"old")
    both = EncryptedBlobs(inner, Keys(f"{SECOND}\n{FIRST}\n"))
    assert both.get("r/old") == b"old"
    both.put("r/new", b"new")
    only = EncryptedBlobs(inner, Keys(SECOND))
    assert only.get("r/new") == b"new"
    for call in (only.get, only.size, only.read):
        with pytest.raises(Internal, match="another blob_key"):
            call("r/old")


@pytest.mark.parametrize(
    "text",
    ["", "short", "not base64!", base64.b64encode(bytes(16)).decode(), f"{FIRST},x"],
    ids=["empty", "short", "no base64", "half a key", "a second that is none"],  # keys are random: no names of tests
)
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(BadSetting, match="32 bytes in base64") as caught:
        Keys(text)
    assert not text or text not in str(caught.value)


def test_what_was_stored_before_stays_readable(tmp_path: Path, blobs: EncryptedBlobs) -> None:
    inner = FolderBlobs(tmp_path)
    inner.put("r/plain", b"plain")
    nonce = os.urandom(12)
    sealed = AESGCM(base64.b64decode(FIRST)).encrypt(nonce, b"sealed whole", b"r/old")
    inner.put("r/old", b"VSB1" + nonce + sealed)
    assert (blobs.get("r/plain"), blobs.get("r/old")) == (b"plain", b"sealed whole")
    assert (blobs.size("r/plain"), b"".join(blobs.read("r/old", 7, 3))) == (5, b"who")
    inner.put("r/moved", inner.get("r/old"))
    with pytest.raises(Internal):
        blobs.get("r/moved")


def test_what_must_be_sealed_is_never_taken_unsealed(tmp_path: Path, blobs: EncryptedBlobs) -> None:
    FolderBlobs(tmp_path).put("redactions/x/output", b"put here by somebody else")
    for call in (blobs.get, blobs.size, blobs.read):
        with pytest.raises(Internal):
            call("redactions/x/output")
