"""AES-256-GCM around any other ``Blobs``: nothing readable lies on a disk or in a bucket.

A blob is a head of 80 bytes and parts of 64 KiB, each sealed with 16 bytes more::

    "VSB2" | key id 8 | nonce 12 | wrapped data key 48 | prefix 7 | 0
    part i: AES-256-GCM(data key, nonce = prefix | i as 4 bytes | 1 for the last part, else 0)

Every blob has a random data key of its own, wrapped by a master key and bound to the blob's name, so blobs cannot be
exchanged. A part's place and whether it is the last are in its nonce (the STREAM construction), so parts cannot be
moved, dropped or cut off; a part can be read alone, so a range costs only its own parts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from veriscope.errors import BadSetting, Internal
from veriscope.types import Blobs

SEALED = "redactions/"  # blobs that were never written in the clear: one that is not sealed is not ours
PART = 64 * 1024
_TAG = 16
_ID, _NONCE, _WRAPPED, _PREFIX = 8, 12, 32 + _TAG, 7
_MAGIC = b"VSB2"
_HEAD = len(_MAGIC) + _ID + _NONCE + _WRAPPED + _PREFIX + 1
_OLD = b"VSB1"  # nonce 12 | sealed whole with the master key; written until version 0.1


class Keys:
    """Master keys: the first one writes, all of them read. So a new key is put in front of the old one."""

    def __init__(self, text: str) -> None:
        """``text``: keys of 32 bytes in base64, after each other with commas or line ends. Raises ``BadSetting``."""
        self._ciphers: dict[bytes, AESGCM] = {}
        for word in re.split(r"[,\s]+", text.strip()):
            try:
                secret = base64.b64decode(word, validate=True)
            except binascii.Error:
                secret = b""
            if len(secret) != 32:
                raise BadSetting("The setting blob_key is wrong: it must be 32 bytes in base64.")
            self._ciphers.setdefault(hashlib.sha256(b"veriscope blob key" + secret).digest()[:_ID], AESGCM(secret))
        self._first = next(iter(self._ciphers))

    def wrap(self, secret: bytes, name: bytes) -> bytes:
        """Id of the key, nonce, and the wrapped secret."""
        nonce = os.urandom(_NONCE)
        return self._first + nonce + self._ciphers[self._first].encrypt(nonce, secret, _MAGIC + self._first + name)

    def unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        """Raises ``Internal`` when no key fits, or the name is another one."""
        which, nonce, sealed = wrapped[:_ID], wrapped[_ID : _ID + _NONCE], wrapped[_ID + _NONCE :]
        if which not in self._ciphers:
            raise _damaged()
        try:
            return self._ciphers[which].decrypt(nonce, sealed, _MAGIC + which + name)
        except InvalidTag as exc:
            raise _damaged() from exc

    def open_old(self, data: bytes, name: bytes) -> bytes:
        for cipher in self._ciphers.values():
            try:
                return cipher.decrypt(data[4 : 4 + _NONCE], data[4 + _NONCE :], name)
            except InvalidTag:
                continue
        raise _damaged()


class EncryptedBlobs:
    """Implements ``Blobs``."""

    def __init__(self, inner: Blobs, keys: Keys) -> None:
        self._inner = inner
        self._keys = keys

    def put(self, key: str, data: bytes) -> None:
        self._inner.put(key, b"".join(self._seal(key, [data])))

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        self._inner.write(key, self._seal(key, parts))

    def get(self, key: str) -> bytes:
        data = self._inner.get(key)
        if data[:4] == _MAGIC:
            part = _Parts(self._keys, key, data[:_HEAD], len(data))
            return b"".join(part.open([data[_HEAD:]], 0))
        return self._unsealed(key, data)

    def size(self, key: str) -> int:
        parts = self._parts(key)
        return len(self.get(key)) if parts is None else parts.size

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        parts = self._parts(key)
        if parts is None:
            whole = self.get(key)
            return iter([whole[start : None if length is None else start + length]])
        return self._read(parts, key, start, parts.size if length is None else min(parts.size, start + length))

    def delete(self, key: str) -> None:
        self._inner.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return self._inner.keys(prefix)

    def _seal(self, key: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        secret, prefix = AESGCM.generate_key(256), os.urandom(_PREFIX)
        cipher = AESGCM(secret)
        yield _MAGIC + self._keys.wrap(secret, key.encode()) + prefix + b"\0"
        number, waiting = 0, b""
        for part in regrouped(parts, PART):
            if number or waiting:
                yield cipher.encrypt(_nonce(prefix, number, False), waiting, None)
                number += 1
            waiting = part
        yield cipher.encrypt(_nonce(prefix, number, True), waiting, None)

    def _parts(self, key: str) -> _Parts | None:
        """What a sealed blob is made of; ``None`` for one from before it was sealed in parts."""
        size = self._inner.size(key)
        head = b"".join(self._inner.read(key, 0, _HEAD))
        return _Parts(self._keys, key, head, size) if head[:4] == _MAGIC else None

    def _read(self, parts: _Parts, key: str, start: int, end: int) -> Iterator[bytes]:
        if start >= end:
            return
        first, last = start // PART, (end - 1) // PART
        sealed = self._inner.read(key, _HEAD + first * (PART + _TAG), (last - first + 1) * (PART + _TAG))
        for number, part in enumerate(parts.open(sealed, first), first):
            low = start - number * PART if number == first else 0
            yield part[max(0, low) : end - number * PART]

    def _unsealed(self, key: str, data: bytes) -> bytes:
        if key.startswith(SEALED):
            raise _damaged()
        return (
            self._keys.open_old(data, key.encode()) if data[:4] == _OLD else data
        )  # else: from before there was a key


class _Parts:
    """The parts of one blob. ``size`` is that of the content in bytes."""

    def __init__(self, keys: Keys, name: str, head: bytes, stored: int) -> None:
        body = stored - _HEAD
        self._count = max(1, -(-body // (PART + _TAG)))
        self.size = body - self._count * _TAG
        if len(head) != _HEAD or self.size < 0:
            raise _damaged()
        self._cipher = AESGCM(keys.unwrap(head[4 : 4 + _ID + _NONCE + _WRAPPED], name.encode()))
        self._prefix = head[-_PREFIX - 1 : -1]

    def open(self, sealed: Iterable[bytes], first: int) -> Iterator[bytes]:
        """The content of parts from ``first`` on. Raises ``Internal`` where one is not what was written there."""
        number = first
        try:
            for part in regrouped(sealed, PART + _TAG):
                yield self._cipher.decrypt(_nonce(self._prefix, number, number == self._count - 1), part, None)
                number += 1
        except InvalidTag as exc:
            raise _damaged() from exc
        if number == first:
            raise _damaged()


def regrouped(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of ``size``; only the last may be shorter, and none is empty."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        whole = len(waiting) - len(waiting) % size
        for at in range(0, whole, size):
            yield bytes(waiting[at : at + size])
        del waiting[:whole]
    if waiting:
        yield bytes(waiting)


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _damaged() -> Internal:
    return Internal("A stored file was damaged, or written with another blob_key.")
