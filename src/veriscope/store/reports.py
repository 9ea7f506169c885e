"""Finished reports: saved once, found again, forgotten in time."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, and_, delete, insert, or_, select

from veriscope.errors import BadRequest, NotFound
from veriscope.store import audit
from veriscope.store.artifacts import ArtifactRow, add_artifacts, drop_artifacts
from veriscope.store.db import reading, transaction
from veriscope.store.tables import reports
from veriscope.types import Principal

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Record:
    """One report as it is stored. ``body`` maps a language to the public JSON in that language."""

    id: str
    name: str
    sha256: str
    kind: str
    label: str
    risk: float | None
    body: Mapping[str, Any] = field(repr=False)
    cache_key: str | None = None
    job_id: str | None = None
    created: float = 0.0  # seconds since the epoch
    expires: float | None = None  # None: kept for ever


@dataclass(frozen=True, slots=True)
class Query:
    """What the history is searched for; every part that is given must hold."""

    text: str | None = None  # part of the name, or the beginning of the hash
    sha256: str | None = None  # or the beginning of it
    label: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None


_COLUMNS = tuple(c for c in reports.c if c.name not in {"organisation_id", "created_by"})


class Reports:
    """Records of finished analyses; nobody sees another organisation's."""

    def __init__(self, engine: Engine, clock: Clock = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def _mine(self, who: Principal) -> Select[Any]:
        now = self._clock()
        return select(*_COLUMNS).where(
            reports.c.organisation_id == who.organisation,
            or_(reports.c.expires.is_(None), reports.c.expires > now),
        )

    def save(self, who: Principal, record: Record, artifacts: Sequence[ArtifactRow] = ()) -> None:
        """Keep a report that no job stands behind."""
        with transaction(self._engine) as connection:
            add_report(connection, who, record, artifacts)

    def get(self, who: Principal, report_id: str) -> Record:
        return self._one(self._mine(who).where(reports.c.id == report_id))

    def of_job(self, who: Principal, job_id: str) -> Record:
        return self._one(self._mine(who).where(reports.c.job_id == job_id))

    def cached(self, who: Principal, cache_key: str) -> Record | None:
        """The newest report on the same content, options and versions."""
        query = self._mine(who).where(reports.c.cache_key == cache_key).order_by(reports.c.created.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else _record(row)

    def _one(self, query: Select[Any]) -> Record:
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such analysis, or it was forgotten in the meantime.")
        return _record(row)

    def search(
        self,
        who: Principal,
        query: Query = Query(),
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Record], str | None]:
        """Newest first, without bodies, and the cursor of the next page.

        Raises:
            BadRequest: the cursor is not one of ours.
        """
        columns = [c for c in _COLUMNS if c.name != "body"]
        found = self._mine(who).with_only_columns(*columns)
        if query.text:
            hashed = reports.c.sha256.startswith(query.text.lower(), autoescape=True)
            found = found.where(or_(reports.c.name.icontains(query.text, autoescape=True), hashed))
        if query.sha256:
            found = found.where(reports.c.sha256.startswith(query.sha256.lower(), autoescape=True))
        for column, value in ((reports.c.label, query.label), (reports.c.kind, query.kind)):
            if value:
                found = found.where(column == value)
        if query.since is not None:
            found = found.where(reports.c.created >= query.since)
        if query.until is not None:
            found = found.where(reports.c.created < query.until)
        if cursor:
            at, last = decode_cursor(cursor)
            found = found.where(
                or_(reports.c.created < at, and_(reports.c.created == at, reports.c.id < last)),
            )
        found = found.order_by(reports.c.created.desc(), reports.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as connection:
            rows = connection.execute(found).all()
        records = [_record(row) for row in rows[:limit]]
        more = len(rows) > limit
        return records, encode_cursor(records[-1].created, records[-1].id) if more else None

    def delete(self, who: Principal, report_id: str) -> list[str]:
        """Forget a report and its artifacts; the caller deletes the blobs whose keys come back."""
        with transaction(self._engine) as connection:
            gone = connection.execute(
                delete(reports).where(reports.c.id == report_id, reports.c.organisation_id == who.organisation)
            ).rowcount
            if not gone:
                raise NotFound("There is no such analysis, or it was forgotten in the meantime.")
            audit.append(connection, who, "analysis.deleted", report_id)
            return drop_artifacts(connection, [report_id])

    def expire(self) -> list[str]:
        """Forget what is past its time; returns the keys of blobs to delete."""
        with reading(self._engine) as connection:
            ids = list(connection.execute(select(reports.c.id).where(reports.c.expires <= self._clock())).scalars())
        keys: list[str] = []
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            with transaction(self._engine) as connection:
                connection.execute(delete(reports).where(reports.c.id.in_(part)))
                keys += drop_artifacts(connection, part)
        return keys


def add_report(connection: Connection, who: Principal, record: Record, artifacts: Sequence[ArtifactRow]) -> None:
    """Insert a report with its artifacts inside the caller's transaction."""
    values = {c.name: getattr(record, c.name) for c in _COLUMNS}
    values |= {"organisation_id": who.organisation, "created_by": who.user}
    connection.execute(insert(reports).values(values))
    add_artifacts(connection, who, artifacts)
    audit.append(connection, who, "analysis.created", record.id, sha256=record.sha256, kind=record.kind)


def encode_cursor(created: float, row_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created!r} {row_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[float, str]:
    try:
        at, row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return float(at), row_id
    except (ValueError, binascii.Error) as exc:
        raise BadRequest("The cursor is not one that was given out.") from exc


def _record(row: Row[Any]) -> Record:
    return Record(**{"body": {}, **row._mapping})
