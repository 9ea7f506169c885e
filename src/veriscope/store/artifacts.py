"""Rows that say which blob is which picture of which report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, or_, select

from veriscope.errors import NotFound
from veriscope.store.db import reading, transaction
from veriscope.store.tables import artifacts
from veriscope.types import Principal


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    report_id: str
    name: str
    media_type: str
    blob_key: str
    size: int  # bytes
    created: float  # seconds since the epoch
    expires: float | None = None


class Artifacts:
    """Pictures and files that belong to reports."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def get(self, who: Principal, report_id: str, name: str) -> ArtifactRow:
        for row in self.of_report(who, report_id):
            if row.name == name:
                return row
        raise NotFound("There is no such artifact, or it was forgotten in the meantime.")

    def of_report(self, who: Principal, report_id: str) -> list[ArtifactRow]:
        query = (
            select(*_COLUMNS)
            .where(artifacts.c.report_id == report_id, artifacts.c.organisation_id == who.organisation)
            .where(or_(artifacts.c.expires.is_(None), artifacts.c.expires > self._clock()))
            .order_by(artifacts.c.name)
        )
        with reading(self._engine) as connection:
            return [ArtifactRow(**row._mapping) for row in connection.execute(query)]

    def save(self, who: Principal, rows: Sequence[ArtifactRow]) -> None:
        with transaction(self._engine) as connection:
            add_artifacts(connection, who, rows)

    def expire(self) -> list[str]:
        """Forget what is past its time; returns the keys of blobs to delete."""
        now = self._clock()
        with transaction(self._engine) as connection:
            keys = list(connection.execute(select(artifacts.c.blob_key).where(artifacts.c.expires <= now)).scalars())
            if keys:
                connection.execute(delete(artifacts).where(artifacts.c.expires <= now))
        return keys

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these blobs belong to a row."""
        found: set[str] = set()
        with reading(self._engine) as connection:
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                found |= set(
                    connection.execute(select(artifacts.c.blob_key).where(artifacts.c.blob_key.in_(part))).scalars()
                )
        return found


_COLUMNS = tuple(artifacts.c[name] for name in ArtifactRow.__dataclass_fields__)


def add_artifacts(connection: Connection, who: Principal, rows: Sequence[ArtifactRow]) -> None:
    """Insert rows inside the caller's transaction."""
    if not rows:
        return
    owner = {"organisation_id": who.organisation, "created_by": who.user}
    connection.execute(
        insert(artifacts),
        [
            {"id": uuid.uuid4().hex, **owner, **{name: getattr(row, name) for name in ArtifactRow.__dataclass_fields__}}
            for row in rows
        ],
    )


def drop_artifacts(connection: Connection, report_ids: Sequence[str]) -> list[str]:
    """Delete the rows of these reports inside the caller's transaction; returns the blobs' keys."""
    keys = list(connection.execute(select(artifacts.c.blob_key).where(artifacts.c.report_id.in_(report_ids))).scalars())
    connection.execute(delete(artifacts).where(artifacts.c.report_id.in_(report_ids)))
    return keys
