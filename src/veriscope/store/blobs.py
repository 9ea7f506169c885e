"""Bytes in a folder, one file a key, encrypted at rest when a key is set."""

from __future__ import annotations

import base64
import binascii
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from veriscope.errors import BadSetting, Internal, NotFound
from veriscope.types import Blobs

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,3}")
_NONCE = 12
_MAGIC = b"VSB1"


class FolderBlobs:
    """A key is a relative path. A blob appears whole or not at all: it is written aside and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise NotFound("There is no such file.")
        return self._folder / key

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        descriptor, aside = tempfile.mkstemp(prefix=".new-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            while True:
                try:
                    Path(aside).rename(path)
                    return
                except FileNotFoundError:  # no folder yet, or the last neighbour was deleted just now, and it went too
                    with suppress(FileExistsError):
                        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound("There is no such file any more.") from None

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or gone already
            if path.parent != self._folder:
                path.parent.rmdir()

    def keys(self, prefix: str = "") -> Iterator[str]:
        for path in sorted(self._folder.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and not path.name.startswith(".new-") and path.is_file():
                yield key


class EncryptedBlobs:
    """AES-256-GCM around any other ``Blobs``. The blob's key is authenticated, so blobs cannot be swapped."""

    def __init__(self, inner: Blobs, key: str) -> None:
        """``key``: 32 bytes in base64. Raises ``BadSetting``."""
        try:
            secret = base64.b64decode(key, validate=True)
        except binascii.Error:
            secret = b""
        if len(secret) != 32:
            raise BadSetting("The setting blob_key is wrong: it must be 32 bytes in base64.")
        self._inner = inner
        self._cipher = AESGCM(secret)

    def put(self, key: str, data: bytes) -> None:
        nonce = os.urandom(_NONCE)
        self._inner.put(key, _MAGIC + nonce + self._cipher.encrypt(nonce, data, key.encode()))

    def get(self, key: str) -> bytes:
        data = self._inner.get(key)
        head = len(_MAGIC)
        if data[:head] != _MAGIC:
            return data  # written before the key was set
        nonce, sealed = data[head : head + _NONCE], data[head + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, sealed, key.encode())
        except InvalidTag as exc:
            raise Internal("A stored file was damaged, or written with another blob_key.") from exc

    def delete(self, key: str) -> None:
        self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return self._inner.keys(prefix)
