"""Jobs that failed for a reason that can pass: found, tried again, and cleared of their files when their time is up.

Whether a job can be tried again is read from its error: bad input stays bad. Redactions are not among them: their
originals are deleted the moment they end.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, null, or_, select, update

from veriscope import errors
from veriscope.errors import Conflict, Overloaded, VeriscopeError
from veriscope.store import audit
from veriscope.store.db import reading, transaction
from veriscope.store.jobs import CALLBACK, JobTable
from veriscope.store.redactions import REDACTION
from veriscope.store.reports import decode_cursor, encode_cursor
from veriscope.store.tables import jobs
from veriscope.types import Job, JobState, Principal

INPUTS = ("spool", "input")  # where a payload names the file: in the spool, in the bucket
PASSING = frozenset(
    c.code for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, VeriscopeError) and c.retryable
)


def _dead() -> ColumnElement[bool]:
    code = jobs.c.error["code"].as_string()
    passing = and_(jobs.c.kind != REDACTION, code.in_(PASSING))
    unheard = and_(jobs.c.kind == CALLBACK, code != errors.UnreachableUrl.code)
    return and_(jobs.c.state == JobState.FAILED, or_(passing, unheard))


def is_dead(job: Job) -> bool:
    """Whether the job failed for a reason that can pass."""
    code = (job.error or {}).get("code", "")
    passing = job.kind != REDACTION and code in PASSING
    unheard = job.kind == CALLBACK and code != errors.UnreachableUrl.code
    return job.state is JobState.FAILED and (passing or unheard)


def can_retry(job: Job) -> bool:
    """Whether it is dead and its file, if it had one, was not released yet."""
    return is_dead(job) and ("media" not in job.payload or any(key in job.payload for key in INPUTS))


class DeadLetters:
    """A view of the job table; made where it is needed, it holds nothing of its own."""

    def __init__(self, engine: Engine, table: JobTable, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._table = table
        self._clock = clock

    def search(self, who: Principal, *, limit: int = 50, cursor: str | None = None) -> tuple[list[Job], str | None]:
        """Newest first, and the cursor of the next page; callbacks that nobody took are among them."""
        query = select(jobs.c.id).where(jobs.c.organisation_id == who.organisation, _dead())
        if cursor:
            at, last = decode_cursor(cursor)
            query = query.where(or_(jobs.c.created < at, and_(jobs.c.created == at, jobs.c.id < last)))
        query = query.order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit + 1)
        with reading(self._engine) as connection:
            ids = list(connection.execute(query).scalars())
            page = [self._table.fetch(connection, job_id) for job_id in ids[:limit]]
        return page, encode_cursor(page[-1].created, page[-1].id) if len(ids) > limit else None

    def retry(self, who: Principal, job_id: str, there: Callable[[Job], bool], *, limit: int) -> Job:
        """Let a dead job wait again, as if it had just been sent.

        Args:
            there: whether its file is still there.
            limit: most jobs that may wait for one organisation.

        Raises:
            Conflict: it has not failed, or for a reason that does not pass, or its file is gone.
            Overloaded: too many are waiting.
        """
        with transaction(self._engine) as connection:
            job = self._table.fetch(connection, job_id, who)
            if job.state is not JobState.FAILED:
                raise Conflict(f"The job is {job.state}, so there is nothing to try again.")
            code = (job.error or {}).get("code", "")
            if not is_dead(job):
                raise Conflict(
                    f"The job failed with {code}, which another try does not change.", hint="Send the file again."
                )
            if not there(job):
                raise Conflict("The file of this job is gone.", hint="Send it again.")
            waiting = select(func.count()).where(
                jobs.c.organisation_id == who.organisation, jobs.c.state == JobState.WAITING
            )
            if connection.execute(waiting).scalar_one() >= limit:
                raise Overloaded(f"{limit} jobs are waiting already.", retry_after=30)
            values: Mapping[str, Any] = {
                "state": JobState.WAITING,
                "attempts": 0,
                "not_before": 0.0,
                "cancel_requested": 0,
                "stage": "",
                "fraction": 0.0,
                "error": null(),
                "started": None,
                "finished": None,
            }
            still = (jobs.c.id == job_id, jobs.c.state == JobState.FAILED)
            if not connection.execute(update(jobs).where(*still).values(values)).rowcount:
                raise Conflict("The job is being tried again already.")
            audit.append(connection, who, "job.retried", job_id, code=code, attempts=job.attempts)
            return self._table.fetch(connection, job_id)

    def payloads(self) -> list[Mapping[str, Any]]:
        """What the dead jobs of everybody still need."""
        with reading(self._engine) as connection:
            return list(connection.execute(select(jobs.c.payload).where(_dead())).scalars())

    def release(self, before: float) -> list[Job]:
        """Take the files from dead jobs that ended before a time; returns the jobs as they were: delete these files."""
        named = or_(*(jobs.c.payload[key].as_string().is_not(None) for key in INPUTS))
        with transaction(self._engine) as connection:
            ids = connection.execute(select(jobs.c.id).where(_dead(), jobs.c.finished < before, named)).scalars().all()
            found = [self._table.fetch(connection, job_id) for job_id in ids]
            for job in found:
                _strip(connection, job)
        return found

    def give_up(self, who: Principal, job_id: str) -> Job | None:
        """Take the file from a dead job now; the job as it was, ``None`` when there is no such file to be deleted."""
        with transaction(self._engine) as connection:
            job = self._table.fetch(connection, job_id, who)
            if not can_retry(job) or "media" not in job.payload:
                return None
            _strip(connection, job)
            audit.append(connection, who, "job.given_up", job_id)
            return job


def _strip(connection: Connection, job: Job) -> None:
    rest = {key: value for key, value in job.payload.items() if key not in INPUTS}
    connection.execute(update(jobs).where(jobs.c.id == job.id).values(payload=rest))
