"""The job table: what is waiting, running and done. The row decides; messages only wake somebody up.

A worker claims a waiting row by compare-and-set and holds it under a lease that it renews. Whoever loses the
lease can no longer write. A result and ``completed`` are one transaction, so a job ends exactly once.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Update, and_, func, insert, or_, select, true, update
from sqlalchemy import delete as delete_rows

from veriscope import tracing
from veriscope.errors import Conflict, Internal, LeaseLost, NotFound, Overloaded, TimedOut, VeriscopeError
from veriscope.store import audit
from veriscope.store.artifacts import ArtifactRow
from veriscope.store.db import reading, transaction
from veriscope.store.reports import Record, add_report, decode_cursor, encode_cursor
from veriscope.store.tables import jobs, redactions
from veriscope.types import Job, JobState, Principal, Queue

ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
CALLBACK = "callback"  # kind of the job that tells a sender's URL about the end of another job

Also = Callable[[Connection, Job], object]  # written together with a change of a job

_FIELDS = {name: jobs.c[name] for name in Job.__dataclass_fields__ if name != "organisation"}
_SELECT = (jobs.c.organisation_id.label("organisation"), *_FIELDS.values())


class JobTable:
    """Calls of senders take a ``Principal``; calls of workers take the name of the lease's owner."""

    def __init__(
        self,
        engine: Engine,
        *,
        lease_seconds: float = 30.0,
        retries: int = 3,
        retry_seconds: float = 2.0,
        job_seconds: float = math.inf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._lease = lease_seconds
        self._retries = retries
        self._pause = retry_seconds
        self._job_seconds = job_seconds
        self._clock = clock

    # senders

    def submit(
        self,
        who: Principal,
        kind: str,
        queue: Queue,
        payload: Mapping[str, Any],
        *,
        priority: int = 0,
        limit: int | None = None,
        also: Also | None = None,
    ) -> Job:
        """Add a waiting job.

        Args:
            limit: most jobs that may wait for one organisation.

        Raises:
            Overloaded: so many are waiting already.
        """
        with transaction(self._engine) as connection:
            if limit is not None:
                waiting = select(func.count()).where(
                    jobs.c.organisation_id == who.organisation, jobs.c.state == JobState.WAITING
                )
                if connection.execute(waiting).scalar_one() >= limit:
                    raise Overloaded(f"{limit} jobs are waiting already.", retry_after=30)
            job = self.fetch(connection, self._insert(connection, who, kind, queue, payload, priority))
            if also is not None:
                also(connection, job)
            return job

    def get(self, who: Principal, job_id: str) -> Job:
        with reading(self._engine) as connection:
            return self.fetch(connection, job_id, who)

    def search(
        self,
        who: Principal,
        *,
        states: Sequence[JobState] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Job], str | None]:
        """Newest first, and the cursor of the next page; callbacks are left out."""
        query = select(*_SELECT).where(jobs.c.organisation_id == who.organisation, jobs.c.kind != CALLBACK)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if cursor:
            at, last = decode_cursor(cursor)
            query = query.where(or_(jobs.c.created < at, and_(jobs.c.created == at, jobs.c.id < last)))
        query = query.order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as connection:
            found = [_job(row) for row in connection.execute(query)]
        page = found[:limit]
        return page, encode_cursor(page[-1].created, page[-1].id) if len(found) > limit else None

    def cancel(self, who: Principal, job_id: str) -> Job:
        """End a waiting job at once; ask the worker of an active one to stop.

        Raises:
            Conflict: the job has ended already.
        """
        with transaction(self._engine) as connection:
            job = self.fetch(connection, job_id, who)
            if job.state in ENDED:
                raise Conflict(f"The job is {job.state} already.")
            audit.append(connection, who, "job.cancelled", job_id)
            if job.state is JobState.ACTIVE:
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=1))
            else:
                self.end(connection, job, JobState.CANCELLED)
            return self.fetch(connection, job_id)

    # workers

    def claim(self, owner: str, queues: Sequence[Queue], only: str | None = None) -> Job | None:
        """The most urgent waiting job of these queues, or ``only`` this one, leased to ``owner``; ``None``: none."""
        while True:
            now = self._clock()
            candidate = (
                select(jobs.c.id)
                .where(jobs.c.state == JobState.WAITING, jobs.c.queue.in_(queues), jobs.c.not_before <= now)
                .where(true() if only is None else jobs.c.id == only)
                .order_by(jobs.c.priority.desc(), jobs.c.created)
                .limit(1)
            )
            with reading(self._engine) as connection:
                job_id = connection.execute(candidate).scalar()
            if job_id is None:
                return None
            with transaction(self._engine) as connection:
                won = connection.execute(
                    update(jobs)
                    .where(jobs.c.id == job_id, jobs.c.state == JobState.WAITING)
                    .values(
                        state=JobState.ACTIVE,
                        lease_owner=owner,
                        lease_until=now + self._lease,
                        attempts=jobs.c.attempts + 1,
                        started=func.coalesce(jobs.c.started, now),
                        stage="",
                        fraction=0.0,
                    )
                ).rowcount
                if won:
                    return self.fetch(connection, job_id)

    def renew(self, owner: str, job_id: str, stage: str | None = None, fraction: float = 0.0) -> bool:
        """Hold the lease longer and, with ``stage``, note how far the work is (``fraction`` 0–1).

        Returns:
            Whether the sender wants the job cancelled.

        Raises:
            LeaseLost: somebody else owns the job, or it has ended.
        """
        values: dict[str, Any] = {"lease_until": self._clock() + self._lease}
        if stage is not None:
            values |= {"stage": stage[:32], "fraction": min(1.0, max(0.0, fraction))}
        with transaction(self._engine) as connection:
            held(connection, update(jobs).values(values), owner, job_id)
            return bool(connection.execute(select(jobs.c.cancel_requested).where(jobs.c.id == job_id)).scalar_one())

    def complete(
        self,
        owner: str,
        job_id: str,
        record: Record | None = None,
        artifacts: Sequence[ArtifactRow] = (),
        also: Also | None = None,
    ) -> Job:
        """Write the result and ``completed`` in one transaction.

        Raises:
            LeaseLost: somebody else owns the job, or it has ended; nothing was written.
        """
        with transaction(self._engine) as connection:
            held(connection, update(jobs).values(lease_until=None), owner, job_id)
            job = self.fetch(connection, job_id)
            if record is not None:
                add_report(connection, Principal(job.organisation, job.created_by), record, artifacts)
            if also is not None:
                also(connection, job)
            return self.end(connection, job, JobState.COMPLETED, fraction=1.0, result_id=record and record.id)

    def fail(self, owner: str, job_id: str, error: VeriscopeError) -> Job:
        """End the job with an error, or let it wait for another try when the fault can pass."""
        with transaction(self._engine) as connection:
            held(connection, update(jobs).values(lease_until=None), owner, job_id)
            job = self.fetch(connection, job_id)
            if error.retryable and job.attempts <= self._retries:
                self._put_back(connection, job, self._pause * 2 ** (job.attempts - 1))
                return self.fetch(connection, job_id)
            state = JobState.CANCELLED if error.code == "cancelled" else JobState.FAILED
            return self.end(connection, job, state, error=error.as_dict())

    def release(self, owner: str, job_id: str) -> None:
        """Hand a job back unfinished because this process stops; the try does not count."""
        with transaction(self._engine) as connection:
            held(connection, update(jobs).values(attempts=jobs.c.attempts - 1), owner, job_id)
            self._put_back(connection, self.fetch(connection, job_id), 0.0)

    # housekeeping

    def take_back(self, gone: Callable[[str], bool] = lambda _: False) -> list[Job]:
        """Put back active jobs whose lease ran out, or whose owner is known to be ``gone``.

        A job whose process died in every try is failed: one poisonous file must not kill workers for ever.
        """
        now = self._clock()
        held = select(jobs.c.id, jobs.c.lease_owner, jobs.c.lease_until).where(jobs.c.state == JobState.ACTIVE)
        with reading(self._engine) as connection:
            rows = [r for r in connection.execute(held) if (r.lease_until or 0) <= now or gone(r.lease_owner or "")]
        taken = []
        for row in rows:
            with transaction(self._engine) as connection:
                same = and_(jobs.c.lease_until == row.lease_until, jobs.c.lease_owner == row.lease_owner)
                mine = update(jobs).where(jobs.c.id == row.id, jobs.c.state == JobState.ACTIVE, same)
                if not connection.execute(mine.values(lease_owner=None)).rowcount:
                    continue  # renewed or ended in between
                taken.append(self._after_loss(connection, self.fetch(connection, row.id)))
        return taken

    def _after_loss(self, connection: Connection, job: Job) -> Job:
        asked = select(jobs.c.cancel_requested).where(jobs.c.id == job.id)
        if connection.execute(asked).scalar_one():
            return self.end(connection, job, JobState.CANCELLED)
        if job.started is not None and self._clock() - job.started > self._job_seconds * job.attempts:
            late = TimedOut(f"The job took longer than {self._job_seconds:g} seconds.")
            return self.end(connection, job, JobState.FAILED, error=late.as_dict())
        if job.attempts > self._retries:
            error = Internal(f"The process that worked on this died {job.attempts} times.")
            return self.end(connection, job, JobState.FAILED, error=error.as_dict())
        self._put_back(connection, job, 0.0 if job.attempts == 1 else self._pause * 2 ** (job.attempts - 2))
        return self.fetch(connection, job.id)

    def live_payloads(self) -> list[Mapping[str, Any]]:
        """What the jobs that have not ended still need."""
        with reading(self._engine) as connection:
            return list(connection.execute(select(jobs.c.payload).where(jobs.c.state.not_in(ENDED))).scalars())

    def forget(self, before: float) -> int:
        """Delete the rows of jobs that ended before a time, but for redactions; returns how many."""
        with transaction(self._engine) as connection:
            old = and_(jobs.c.state.in_(ENDED), jobs.c.finished < before, jobs.c.id.not_in(select(redactions.c.id)))
            return connection.execute(delete_rows(jobs).where(old)).rowcount

    def depths(self) -> list[tuple[Queue, JobState, int, float]]:
        """For each queue and state: how many jobs, and when the oldest was created."""
        query = select(jobs.c.queue, jobs.c.state, func.count(), func.min(jobs.c.created)).group_by(
            jobs.c.queue, jobs.c.state
        )
        with reading(self._engine) as connection:
            return [(Queue(q), JobState(s), n, oldest) for q, s, n, oldest in connection.execute(query)]

    def due(self, queue: Queue, before: float) -> int:
        """How many jobs of a queue have been free to be taken since ``before`` (seconds since the epoch)."""
        query = select(func.count()).where(
            jobs.c.queue == queue,
            jobs.c.state == JobState.WAITING,
            jobs.c.not_before <= before,
            jobs.c.created <= before,
        )
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def pause(self, job_id: str) -> float:
        """Seconds until a waiting job may be taken; at most 0 when it may be now, or is gone."""
        with reading(self._engine) as connection:
            found = connection.execute(select(jobs.c.not_before).where(jobs.c.id == job_id)).scalar()
        return (found or 0.0) - self._clock()

    # inside a transaction

    def _insert(
        self,
        connection: Connection,
        who: Principal,
        kind: str,
        queue: Queue,
        payload: Mapping[str, Any],
        priority: int = 0,
    ) -> str:
        job_id = uuid.uuid4().hex
        connection.execute(
            insert(jobs).values(
                id=job_id,
                organisation_id=who.organisation,
                created_by=who.user,
                kind=kind,
                queue=queue,
                state=JobState.WAITING,
                priority=priority,
                payload={**payload, **({tracing.PAYLOAD: trace} if (trace := tracing.carrier()) else {})},
                created=self._clock(),
            )
        )
        return job_id

    def fetch(self, connection: Connection, job_id: str, who: Principal | None = None) -> Job:
        query = select(*_SELECT).where(jobs.c.id == job_id)
        if who is not None:
            query = query.where(jobs.c.organisation_id == who.organisation)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such job, or it was forgotten in the meantime.")
        return _job(row)

    def _put_back(self, connection: Connection, job: Job, pause: float) -> None:
        values = {"state": JobState.WAITING, "lease_owner": None, "lease_until": None, "stage": "", "fraction": 0.0}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(not_before=self._clock() + pause, **values))

    def end(self, connection: Connection, job: Job, state: JobState, **values: Any) -> Job:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job.id)
            .values(state=state, finished=self._clock(), lease_owner=None, lease_until=None, **values)
        )
        if url := job.payload.get("callbackUrl"):
            who = Principal(job.organisation, job.created_by)
            self._insert(connection, who, CALLBACK, Queue.IO, {"url": url, "jobId": job.id})
        return self.fetch(connection, job.id)


def held(connection: Connection, change: Update, owner: str, job_id: str) -> None:
    held = change.where(jobs.c.id == job_id, jobs.c.state == JobState.ACTIVE, jobs.c.lease_owner == owner)
    if not connection.execute(held).rowcount:
        raise LeaseLost("Another worker owns this job now, or it has ended.")


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)
    return Job(**{**values, "queue": Queue(values["queue"]), "state": JobState(values["state"])})
