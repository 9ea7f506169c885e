"""How bytes come in: hashed while they stream, limited, named by what they are. Never altered."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from veriscope.errors import BadRequest, EmptyInput, TooLarge
from veriscope.media.limits import Limits
from veriscope.media.sniff import HEAD_BYTES, sniff
from veriscope.types import Kind, Media

_CHUNK = 1 << 20


class Intake:
    """A file being received into a spool folder.

    >>> with Intake(spool, "photo.jpg", limits) as intake:
    ...     for chunk in chunks:
    ...         intake.write(chunk)
    ...     media = intake.finish()

    Leaving the block on an error removes the file; after ``finish`` it belongs to the caller.
    """

    def __init__(self, folder: Path, name: str, limits: Limits) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, path = tempfile.mkstemp(prefix="in-", dir=folder)
        self.path = Path(path)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._name = name
        self._limits = limits
        self._hash = hashlib.sha256()
        self._head = b""
        self._size = 0

    def write(self, chunk: bytes) -> None:
        """Raises ``TooLarge`` as soon as the limit is passed, not when the sender is done."""
        self._size += len(chunk)
        if self._size > self._limits.max_bytes:
            raise TooLarge(f"The file is larger than {self._limits.max_bytes} bytes.")
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._hash.update(chunk)
        self._file.write(chunk)

    def finish(self) -> Media:
        """Close the file and say what it is.

        Raises:
            EmptyInput, UnsupportedKind, EncryptedMedia, TooLarge: the file is removed by the ``with`` block.
        """
        self._file.close()
        return _describe(self.path, self._name, self._head, self._size, self._hash.hexdigest(), self._limits)

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is not None:
            self.discard()


def open_path(path: Path, limits: Limits = Limits()) -> Media:  # noqa: B008 - frozen
    """A file where it lies; it is hashed, not copied.

    Raises:
        BadRequest: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if not path.is_file():
            raise BadRequest(f"{path.name or path} is not a file.", hint="Give the path of an existing file.")
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise TooLarge(f"The file is larger than {limits.max_bytes} bytes.")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            digest.update(head)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as exc:
        raise BadRequest(f"{path.name} cannot be read: {exc.strerror}.") from exc
    return _describe(path, path.name, head, size, digest.hexdigest(), limits)


def open_bytes(data: bytes, name: str, folder: Path, limits: Limits = Limits()) -> Media:  # noqa: B008
    with Intake(folder, name, limits) as intake:
        intake.write(data)
        return intake.finish()


def open_text(text: str, folder: Path, limits: Limits = Limits()) -> Media:  # noqa: B008
    """A text that was typed or pasted. It is text whatever it looks like."""
    data = text.encode("utf-8", "replace")
    if not text.strip():
        raise EmptyInput("The text is empty.")
    if len(text) > limits.max_text_chars:
        raise TooLarge(f"The text is longer than {limits.max_text_chars} characters.")
    with Intake(folder, "text", limits) as intake:
        intake.write(data)
        intake._file.close()
        return Media(intake.path, "text", Kind.TEXT, "text", len(data), hashlib.sha256(data).hexdigest())


def _describe(path: Path, name: str, head: bytes, size: int, digest: str, limits: Limits) -> Media:
    if size == 0:
        raise EmptyInput("The file is empty.")
    kind, format_ = sniff(head)
    if kind in {Kind.TEXT, Kind.HTML} and size > 4 * limits.max_text_chars:
        # no encoding spends more than four bytes on a character
        raise TooLarge(f"The text is longer than {limits.max_text_chars} characters.")
    return Media(path, _clean(name), kind, format_, size, digest)


def _clean(name: str) -> str:
    """The last part of a name, without control characters: it is shown, logged and put in headers."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:200] or "file"
