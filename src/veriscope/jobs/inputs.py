"""The file of a job: in the spool of the machine that took it in or, where workers are elsewhere, in the bucket.

Whoever ends the job deletes it.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from veriscope.errors import Internal, NotFound, StorageDown
from veriscope.jobs import owner as owners
from veriscope.store.dead_letters import is_dead
from veriscope.store.redactions import REDACTION
from veriscope.store.store import Store
from veriscope.types import Job, Media

PREFIX = "inputs/"
_BLOB, _SPOOL = "input", "spool"  # keys of a job's payload


def ship(media: Media, store: Store) -> dict[str, str]:
    """Put the file where every worker can fetch it; goes into the payload."""
    key = PREFIX + uuid.uuid4().hex
    store.blobs.put(key, media.path.read_bytes())
    return {_BLOB: key}


def fetched(payload: Mapping[str, Any], media: Media, store: Store, spool: Path) -> Path:
    """The file on this machine; fetched from the bucket when it was taken in elsewhere.

    Raises:
        Internal: it is in neither place.
    """
    if media.path.is_file():
        return media.path
    try:
        data = store.blobs.get(payload[_BLOB])
    except (KeyError, NotFound):
        raise Internal("The uploaded file is gone.", hint="Send it again.") from None
    folder = spool / owners.name("job")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix="in-", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return Path(name)


def discard(job: Job, store: Store, spool: Path) -> None:
    """Delete the file of a job that has ended, wherever it lies; one that can be tried again keeps it for a while."""
    if is_dead(job):
        return
    delete(job, store, spool)


def delete(job: Job, store: Store, spool: Path) -> None:
    """As ``discard``, without exception."""
    if name := job.payload.get(_SPOOL):
        (spool / name).unlink(missing_ok=True)
    if key := job.payload.get(_BLOB):
        store.drop([key])
    if job.kind == REDACTION:
        with suppress(StorageDown):  # the sweep tries again
            store.drop_originals(job.id)


def there(job: Job, store: Store, spool: Path) -> bool:
    """Whether the file of a job, if it has one, can still be had."""
    if "media" not in job.payload:
        return True
    name, key = job.payload.get(_SPOOL), job.payload.get(_BLOB)
    return bool(name and (spool / name).is_file()) or bool(key and key in store.blobs.keys(key))


def needed(payloads: list[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Names in the spool, and keys of blobs, that these jobs still need."""
    return {p[_SPOOL] for p in payloads if p.get(_SPOOL)}, {p[_BLOB] for p in payloads if p.get(_BLOB)}
