"""All records of one installation behind one name."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from veriscope.errors import NotFound
from veriscope.store.artifacts import Artifacts
from veriscope.store.blobs import FolderBlobs
from veriscope.store.db import open_database
from veriscope.store.dead_letters import DeadLetters
from veriscope.store.encrypted import EncryptedBlobs, Keys
from veriscope.store.jobs import JobTable
from veriscope.store.redactions import Redactions
from veriscope.store.reports import Reports
from veriscope.store.s3 import S3Blobs
from veriscope.types import Blobs, Principal


@dataclass(frozen=True, slots=True)
class Store:
    """Records, the job table and blobs. Safe for threads; one per process."""

    engine: Engine
    jobs: JobTable
    reports: Reports
    artifacts: Artifacts
    redactions: Redactions
    blobs: Blobs

    @classmethod
    def open(
        cls,
        url: str,
        blob_place: Path | str,
        *,
        blob_endpoint: str = "",
        blob_keys: str | None = None,
        lease_seconds: float = 30.0,
        retries: int = 3,
        retry_seconds: float = 2.0,
        job_seconds: float = math.inf,
        keep_seconds: float | None = None,
        review_seconds: float = 24 * 3600.0,
    ) -> Store:
        """Open, and bring to the newest schema, the records at ``url``; blobs are in a folder or at ``s3://…``.

        Args:
            blob_keys: as ``Keys`` reads them; ``None``: blobs are stored as they are.
        """
        keys = None if blob_keys is None else Keys(blob_keys)  # a wrong one is told before anything is made
        engine = open_database(url)
        table = JobTable(
            engine, lease_seconds=lease_seconds, retries=retries, retry_seconds=retry_seconds, job_seconds=job_seconds
        )
        plain: Blobs = FolderBlobs(blob_place) if isinstance(blob_place, Path) else S3Blobs(blob_place, blob_endpoint)
        blobs = plain if keys is None else EncryptedBlobs(plain, keys)
        kept = Redactions(engine, table, keep_seconds=keep_seconds, review_seconds=review_seconds, clock=time.time)
        return cls(engine, table, Reports(engine), Artifacts(engine), kept, blobs)

    @property
    def dead(self) -> DeadLetters:
        """The jobs that failed for a reason that can pass."""
        return DeadLetters(self.engine, self.jobs)

    @property
    def sealed(self) -> bool:
        """Whether blobs are encrypted."""
        return isinstance(self.blobs, EncryptedBlobs)

    def artifact(self, who: Principal, report_id: str, name: str) -> tuple[bytes, str]:
        """Bytes and media type of one artifact. Raises ``NotFound``."""
        row = self.artifacts.get(who, report_id, name)
        return self.blobs.get(row.blob_key), row.media_type

    def delete_report(self, who: Principal, report_id: str) -> None:
        self.drop(self.reports.delete(who, report_id))

    def drop(self, keys: Iterable[str]) -> None:
        """Delete blobs; a name that cannot be one is not there either."""
        for key in keys:
            with suppress(NotFound):
                self.blobs.delete(key)

    def drop_originals(self, job_id: str | None = None) -> int:
        """Delete what redactions that have ended (or one of them) no longer need; returns how many had something."""
        found = self.redactions.originals(job_id)
        for redaction_id, keys in found.items():
            self.drop(keys)
            self.redactions.released(redaction_id)
        return len(found)

    def close(self) -> None:
        self.engine.dispose()
