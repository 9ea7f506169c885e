"""All records of one installation behind one name."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from veriscope.errors import NotFound
from veriscope.store.artifacts import Artifacts
from veriscope.store.blobs import EncryptedBlobs, FolderBlobs
from veriscope.store.db import open_database
from veriscope.store.jobs import JobTable
from veriscope.store.reports import Reports
from veriscope.types import Blobs, Principal


@dataclass(frozen=True, slots=True)
class Store:
    """Records, the job table and blobs. Safe for threads; one per process."""

    engine: Engine
    jobs: JobTable
    reports: Reports
    artifacts: Artifacts
    blobs: Blobs

    @classmethod
    def open(
        cls,
        url: str,
        blob_folder: Path,
        *,
        blob_key: str | None = None,
        lease_seconds: float = 30.0,
        retries: int = 3,
        retry_seconds: float = 2.0,
    ) -> Store:
        """Open, and bring to the newest schema, the records at ``url`` and the blobs in a folder."""
        engine = open_database(url)
        table = JobTable(engine, lease_seconds=lease_seconds, retries=retries, retry_seconds=retry_seconds)
        plain = FolderBlobs(blob_folder)
        blobs: Blobs = plain if blob_key is None else EncryptedBlobs(plain, blob_key)
        return cls(engine, table, Reports(engine), Artifacts(engine), blobs)

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

    def close(self) -> None:
        self.engine.dispose()
