"""A file appears under its name whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from veriscope.errors import BadRequest


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """A name beside ``target`` to write to; it takes the target's name, flushed to the disk, when the block ends well.

    What a killed process left behind beside the same target is removed first.
    """
    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f".{_escaped(target.name)}.*.part"):
            owner = old.name.split(".")[-3]
            if owner.isdigit() and not _alive(int(owner)):
                old.unlink(missing_ok=True)
        part = folder / f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part"
        part.touch(mode=0o600)
    except OSError as exc:
        raise BadRequest(f"{target} cannot be written: {exc.strerror}.") from exc
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        _flush(part)
        part.replace(target)
        _flush(folder)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write(target: Path, data: bytes) -> None:
    with aside(target) as part:
        part.write_bytes(data)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
