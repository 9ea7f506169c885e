"""Settings → the keys that blobs are encrypted with."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from veriscope.config import Settings
from veriscope.errors import BadSetting

KEY_FILE = "blob.key"
COMMAND_SECONDS = 30.0


def blob_keys(settings: Settings) -> str | None:
    """Keys as ``store.encrypted.Keys`` reads them: from the setting, a file, a command, or a file made here.

    ``None`` only where blobs are in a bucket and no key is set: machines that share a bucket need a key that they
    share, which none of them can make up.

    Raises:
        BadSetting: the file cannot be read, or the command fails.
    """
    if settings.blob_key is not None:
        return settings.blob_key.get_secret_value()
    if settings.blob_key_file is not None:
        return _read(settings.blob_key_file)
    if settings.blob_key_command:
        return _asked(settings.blob_key_command)
    return None if settings.blob_url else _own(settings.data_dir / KEY_FILE)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise BadSetting(f"The file of blob keys {path} cannot be read: {reason}.") from exc


@cache
def _asked(command: str) -> str:
    """What the command prints; what it complains of may hold secrets and is not repeated."""
    try:
        ran = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True, encoding="ascii"
        )
    except subprocess.CalledProcessError as exc:
        raise BadSetting(f"The command of blob_key_command ended with code {exc.returncode}.") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as exc:
        raise BadSetting(f"The command of blob_key_command does not run: {type(exc).__name__}.") from None
    return ran.stdout


def _own(path: Path) -> str:
    """The key of this installation; made by whoever starts first, for its user alone."""
    with suppress(FileNotFoundError):
        return path.read_text("ascii")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its key counts
            os.link(aside, path)
    except OSError as exc:
        raise BadSetting(f"The key for stored files {path} cannot be written: {exc.strerror}.") from exc
    finally:
        aside.unlink(missing_ok=True)
    return path.read_text("ascii")
