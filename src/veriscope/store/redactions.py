"""Redactions: what was asked for, the plan, the output, and until when they are kept.

A redaction and its job are one: the same id, and every change of both is one transaction. Plans, outputs and originals
are blobs; a row names them, and whoever takes a name out of a row deletes the blob.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, Update, and_, delete, insert, or_, select, update
from sqlalchemy.exc import NoResultFound

from veriscope.errors import Cancelled, Conflict, LeaseLost, NotFound, TimedOut
from veriscope.store import audit
from veriscope.store.db import reading, transaction
from veriscope.store.jobs import ENDED, Also, JobTable, held
from veriscope.store.reports import decode_cursor, encode_cursor
from veriscope.store.tables import jobs, redactions
from veriscope.types import Job, JobState, Principal, Queue

REDACTION = "redaction"  # kind of the job


@dataclass(frozen=True, slots=True)
class Redaction:
    """One row. Keys are names of blobs; ``None`` where there is nothing yet, or no more."""

    id: str
    name: str
    kind: str  # "image", "video", …
    format: str  # "jpeg", "mp4", …
    size: int  # bytes of the original
    targets: Sequence[str]
    operators: str
    review: int
    keep_metadata: int
    source_sha256: str
    created: float  # seconds since the epoch
    approved: int = 0
    plan_sha256: str | None = None
    output_sha256: str | None = None
    output_size: int | None = None
    original_key: str | None = None
    words_key: str | None = None
    plan_key: str | None = None
    output_key: str | None = None
    result: Mapping[str, Any] | None = None
    expires: float | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every blob of it."""
        return tuple(key for key in (self.original_key, self.words_key, self.plan_key, self.output_key) if key)


_COLUMNS = tuple(redactions.c[f.name] for f in fields(Redaction))


class Redactions:
    """Calls of senders take a ``Principal``; calls of workers take the name of the lease's owner.

    Args:
        keep_seconds: how long plan and output are kept after the end; ``None``: until they are deleted.
        review_seconds: how long a plan waits for somebody to look at it.
    """

    def __init__(
        self,
        engine: Engine,
        table: JobTable,
        *,
        keep_seconds: float | None = None,
        review_seconds: float = 24 * 3600.0,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._table = table
        self._keep = keep_seconds
        self._review = review_seconds
        self._clock = clock

    # senders

    def submit(
        self, who: Principal, wanted: Redaction, payload: Mapping[str, Any], *, priority: int, limit: int | None
    ) -> Job:
        """Add a waiting job with its redaction; the id of ``wanted`` is ignored.

        Raises:
            Overloaded: too many jobs of the organisation are waiting.
        """

        def also(connection: Connection, job: Job) -> None:
            values = {f.name: getattr(wanted, f.name) for f in fields(Redaction)}
            values |= {"id": job.id, "created": job.created, "targets": list(wanted.targets)}
            values |= {"organisation_id": who.organisation, "created_by": who.user}
            connection.execute(insert(redactions).values(values))
            audit.append(connection, who, "redaction.created", job.id, source=wanted.source_sha256, kind=wanted.kind)

        return self._table.submit(who, REDACTION, Queue.REDACT, payload, priority=priority, limit=limit, also=also)

    def get(self, who: Principal, redaction_id: str) -> tuple[Redaction, Job]:
        with reading(self._engine) as connection:
            return _fetch(connection, redaction_id, who), self._table.fetch(connection, redaction_id)

    def search(
        self, who: Principal, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[tuple[Redaction, Job]], str | None]:
        """Newest first, and the cursor of the next page. Raises ``BadRequest`` for a strange cursor."""
        query = _mine(who)
        if cursor:
            at, last = decode_cursor(cursor)
            query = query.where(
                or_(redactions.c.created < at, and_(redactions.c.created == at, redactions.c.id < last))
            )
        query = query.order_by(redactions.c.created.desc(), redactions.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as connection:
            found = [_redaction(row) for row in connection.execute(query)]
            page = [(item, self._table.fetch(connection, item.id)) for item in found[:limit]]
        return page, encode_cursor(found[limit - 1].created, found[limit - 1].id) if len(found) > limit else None

    def edit(self, who: Principal, redaction_id: str, plan_key: str, plan_sha256: str) -> str:
        """Put another plan in the place of the one that waits for review; the old one's blob is the caller's to drop.

        Raises:
            Conflict: it does not wait for review.
        """
        with transaction(self._engine) as connection:
            found = _fetch(connection, redaction_id, who)
            self._require_review(connection, redaction_id)
            _change(connection, redaction_id, plan_key=plan_key, plan_sha256=plan_sha256)
            audit.append(connection, who, "redaction.plan_changed", redaction_id, plan=plan_sha256)
            return found.plan_key or ""

    def approve(self, who: Principal, redaction_id: str) -> Job:
        """The plan is right: the job waits to be rendered, with as many tries as a new one.

        Raises:
            Conflict: it does not wait for review.
        """
        with transaction(self._engine) as connection:
            found = _fetch(connection, redaction_id, who)
            self._require_review(connection, redaction_id)
            _change(connection, redaction_id, approved=1, expires=None)
            again = {"state": JobState.WAITING, "attempts": 0, "started": None, "stage": "", "fraction": 0.0}
            connection.execute(update(jobs).where(jobs.c.id == redaction_id).values(not_before=0.0, **again))
            audit.append(connection, who, "redaction.approved", redaction_id, plan=found.plan_sha256)
            return self._table.fetch(connection, redaction_id)

    def delete(self, who: Principal, redaction_id: str) -> tuple[Redaction, Job]:
        """Forget it, whatever its state: a worker that has it in hand loses its lease. The caller drops the blobs."""
        with transaction(self._engine) as connection:
            found = _fetch(connection, redaction_id, who)
            job = self._table.fetch(connection, redaction_id)
            _forget(connection, [redaction_id])
            audit.append(connection, who, "redaction.deleted", redaction_id, source=found.source_sha256)
            return found, job

    # workers

    def of_job(self, job: Job) -> Redaction:
        with reading(self._engine) as connection:
            return _fetch(connection, job.id, Principal(job.organisation, job.created_by))

    def planned(self, owner: str, job_id: str, plan_key: str, plan_sha256: str, *, review: bool) -> Job:
        """Keep the plan that a look has given; with ``review`` the job waits for a person from now on.

        Raises:
            LeaseLost: somebody else owns the job, or it has ended.
            Cancelled: that was wished for while the look went on.
        """
        with transaction(self._engine) as connection:
            values: dict[str, Any] = {}
            if review:
                values = {"state": JobState.WAITING_REVIEW, "lease_owner": None, "lease_until": None}
                values |= {"stage": "review", "fraction": 0.0}
            held(connection, update(jobs).values(**(values or {"fraction": 1.0})), owner, job_id)
            if review and connection.execute(select(jobs.c.cancel_requested).where(jobs.c.id == job_id)).scalar():
                raise Cancelled("The job was cancelled.")
            expires = self._clock() + self._review if review else None
            _change(connection, job_id, plan_key=plan_key, plan_sha256=plan_sha256, expires=expires)
            return self._table.fetch(connection, job_id)

    def rendered(self, done: Redaction) -> Also:
        """What is written together with ``completed``: result, output, the plan as it was rendered."""

        def also(connection: Connection, job: Job) -> None:
            names = ("output_key", "output_sha256", "output_size", "plan_key", "plan_sha256", "result")
            _change(connection, job.id, expires=self._end_of_keeping(), **{n: getattr(done, n) for n in names})
            who = Principal(job.organisation, job.created_by)
            hashes = {"source": done.source_sha256, "plan": done.plan_sha256, "output": done.output_sha256}
            audit.append(connection, who, "redaction.completed", job.id, **hashes)

        return also

    # housekeeping

    def originals(self, job_id: str | None = None) -> dict[str, list[str]]:
        """Redactions that have ended and still name their original: id → blobs that must go."""
        query = (
            select(redactions.c.id, redactions.c.original_key, redactions.c.words_key)
            .join(jobs, jobs.c.id == redactions.c.id)
            .where(
                jobs.c.state.in_(ENDED),
                or_(redactions.c.original_key.is_not(None), redactions.c.words_key.is_not(None)),
            )
        )
        if job_id is not None:
            query = query.where(redactions.c.id == job_id)
        with reading(self._engine) as connection:
            return {row.id: [k for k in (row.original_key, row.words_key) if k] for row in connection.execute(query)}

    def released(self, redaction_id: str) -> None:
        """Its original is gone; the time to keep the rest begins, whether it was completed or not."""
        with transaction(self._engine) as connection:
            values = {"original_key": None, "words_key": None, "expires": self._end_of_keeping()}
            connection.execute(update(redactions).where(redactions.c.id == redaction_id).values(values))

    def lapse(self) -> list[Job]:
        """End the redactions whose plan nobody has looked at in time."""
        query = (
            select(redactions.c.id)
            .join(jobs, jobs.c.id == redactions.c.id)
            .where(jobs.c.state == JobState.WAITING_REVIEW, redactions.c.expires <= self._clock())
        )
        with reading(self._engine) as connection:
            late = list(connection.execute(query).scalars())
        ended = []
        for redaction_id in late:
            with transaction(self._engine) as connection:
                try:
                    self._require_review(connection, redaction_id)
                except (Conflict, NoResultFound):  # approved, or deleted, in between
                    continue
                job = self._table.fetch(connection, redaction_id)
                error = TimedOut(
                    f"Nobody approved the plan within {self._review / 3600:g} hours.", hint="Send the file again."
                )
                ended.append(self._table.end(connection, job, JobState.FAILED, error=error.as_dict()))
        return ended

    def expire(self) -> list[str]:
        """Forget what is past its time; returns the keys of blobs to delete."""
        query = (
            _all().join(jobs, jobs.c.id == redactions.c.id)
            .where(jobs.c.state.in_(ENDED), redactions.c.expires <= self._clock())
        )  # fmt: skip
        with transaction(self._engine) as connection:
            found = [_redaction(row) for row in connection.execute(query)]
            _forget(connection, [item.id for item in found])
        return [key for item in found for key in item.keys]

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these blobs belong to a row."""
        columns = (redactions.c.original_key, redactions.c.words_key, redactions.c.plan_key, redactions.c.output_key)
        with reading(self._engine) as connection:
            named = {key for row in connection.execute(select(*columns)) for key in row if key}
        return named.intersection(keys)

    def _require_review(self, connection: Connection, redaction_id: str) -> None:
        locked = select(jobs.c.state).where(jobs.c.id == redaction_id).with_for_update()
        state = JobState(connection.execute(locked).scalar_one())
        if state is not JobState.WAITING_REVIEW:
            raise Conflict(f"The redaction is {state}; its plan does not wait for review.")

    def _end_of_keeping(self) -> float | None:
        return None if self._keep is None else self._clock() + self._keep


def _all() -> Select[Any]:
    return select(*_COLUMNS)


def _mine(who: Principal) -> Select[Any]:
    return _all().where(redactions.c.organisation_id == who.organisation)


def _fetch(connection: Connection, redaction_id: str, who: Principal) -> Redaction:
    row = connection.execute(_mine(who).where(redactions.c.id == redaction_id)).first()
    if row is None:
        raise NotFound("There is no such redaction, or it was forgotten in the meantime.")
    return _redaction(row)


def _change(connection: Connection, redaction_id: str, **values: Any) -> None:
    changed: Update = update(redactions).where(redactions.c.id == redaction_id).values(**values)
    if not connection.execute(changed).rowcount:
        raise LeaseLost("The redaction was deleted.")


def _forget(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(delete(redactions).where(redactions.c.id.in_(ids)))
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))


def _redaction(row: Row[Any]) -> Redaction:
    return Redaction(**row._mapping)
