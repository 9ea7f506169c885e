"""Bytes in a folder, one file a key."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from veriscope.errors import NotFound

PART = 1 << 20  # bytes read at a time
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,3}")


def checked(key: str) -> str:
    """The key, if it can be one. Raises ``NotFound``."""
    if not _KEY.fullmatch(key):
        raise NotFound("There is no such file.")
    return key


class FolderBlobs:
    """A key is a relative path. A blob appears whole or not at all: it is written aside and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)

    def put(self, key: str, data: bytes) -> None:
        self._write(key, [data], flush=False)

    def write(self, key: str, parts: Iterable[bytes]) -> None:
        self._write(key, parts, flush=True)

    def _write(self, key: str, parts: Iterable[bytes], *, flush: bool) -> None:
        path = self._path(key)
        descriptor, aside = tempfile.mkstemp(prefix=".new-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(parts)
                if flush:  # what is written so may be all there is: its source is deleted next
                    file.flush()
                    os.fsync(file.fileno())
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

    def size(self, key: str) -> int:
        path = self._path(key)
        if not path.is_file():
            raise NotFound("There is no such file any more.")
        return path.stat().st_size

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.size(key)
        return self._read(self._path(key), start, length)

    @staticmethod
    def _read(path: Path, start: int, length: int | None) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while part := file.read(PART if length is None else min(PART, length)):
                length = None if length is None else length - len(part)
                yield part

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
