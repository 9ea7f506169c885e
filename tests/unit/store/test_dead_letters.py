"""Jobs that failed for a reason that can pass, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from veriscope.errors import Conflict, DamagedMedia, InferenceFailed, NotFound, Overloaded, UnreachableUrl
from veriscope.jobs.fetch import CallbackFailed
from veriscope.store.db import open_database, reading
from veriscope.store.dead_letters import DeadLetters, can_retry, is_dead
from veriscope.store.jobs import CALLBACK, JobTable
from veriscope.store.redactions import REDACTION
from veriscope.store.tables import audit
from veriscope.types import LOCAL, Job, JobState, Principal, Queue

FILE = {"spool": "gw/in-1", "input": "inputs/1", "media": {"name": "a"}, "options": {}}
PASSING = InferenceFailed("No inference server answers.")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def table(engine: Engine) -> JobTable:
    return JobTable(engine, retries=0)


@pytest.fixture
def dead(engine: Engine, table: JobTable) -> DeadLetters:
    return DeadLetters(engine, table)


def failed(table: JobTable, error: Exception, kind: str = "analysis", payload: object = FILE) -> Job:
    job = table.submit(LOCAL, kind, Queue.MEDIA, payload)  # type: ignore[arg-type]
    assert table.claim("w", (Queue.MEDIA,)) is not None
    return table.fail("w", job.id, error)  # type: ignore[arg-type]


def again(dead: DeadLetters, job: Job, *, there: bool = True, limit: int = 10, who: Principal = LOCAL) -> Job:
    return dead.retry(who, job.id, lambda _: there, limit=limit)


def test_only_what_can_pass_is_listed(table: JobTable, dead: DeadLetters) -> None:
    passing = failed(table, PASSING)
    unheard = failed(table, CallbackFailed("It answered 500."), CALLBACK, {"url": "https://example.org", "jobId": "x"})
    for job in (
        failed(table, DamagedMedia("It does not decode.")),
        failed(table, PASSING, REDACTION),
        failed(table, UnreachableUrl("It is private."), CALLBACK),
    ):
        assert not is_dead(job)
    table.submit(LOCAL, "analysis", Queue.MEDIA, FILE)
    found, after = dead.search(LOCAL)
    assert ({job.id for job in found}, after) == ({passing.id, unheard.id}, None)
    assert all(is_dead(job) for job in found)
    assert dead.search(Principal("elsewhere", "eve")) == ([], None)
    first, cursor = dead.search(LOCAL, limit=1)
    second, end = dead.search(LOCAL, limit=1, cursor=cursor)
    assert ([*first, *second], end) == (found, None)


def test_a_dead_job_waits_again_and_can_complete(table: JobTable, dead: DeadLetters, engine: Engine) -> None:
    job = failed(table, PASSING)
    waiting = again(dead, job)
    assert (waiting.id, waiting.state, waiting.attempts, waiting.error) == (job.id, JobState.WAITING, 0, None)
    assert (waiting.payload, waiting.finished) == (FILE, None)
    assert dead.search(LOCAL) == ([], None)
    taken = table.claim("w", (Queue.MEDIA,))
    assert taken is not None
    assert table.complete("w", taken.id).state is JobState.COMPLETED
    with reading(engine) as connection:
        row = connection.execute(select(audit).where(audit.c.action == "job.retried")).one()
    assert (row.subject, row.created_by, row.details) == (job.id, "local", {"code": "inference_failed", "attempts": 1})


def test_what_cannot_be_tried_again_says_why(table: JobTable, dead: DeadLetters) -> None:
    job = failed(table, PASSING)
    with pytest.raises(Conflict, match="file of this job is gone"):
        again(dead, job, there=False)
    with pytest.raises(NotFound):
        again(dead, job, who=Principal("elsewhere", "eve"))
    table.submit(LOCAL, "analysis", Queue.FAST, FILE)
    with pytest.raises(Overloaded):
        again(dead, job, limit=1)
    with pytest.raises(Conflict, match="damaged_media, which another try does not change"):
        again(dead, failed(table, DamagedMedia("It does not decode.")))
    again(dead, job)
    with pytest.raises(Conflict, match="waiting, so there is nothing to try again"):
        again(dead, job)


def test_a_sender_can_give_up(table: JobTable, dead: DeadLetters) -> None:
    job = failed(table, PASSING)
    assert can_retry(job)
    with pytest.raises(NotFound):
        dead.give_up(Principal("elsewhere", "eve"), job.id)
    given_up = dead.give_up(LOCAL, job.id)
    assert given_up is not None
    assert given_up.payload == FILE
    assert not can_retry(table.get(LOCAL, job.id))
    assert dead.give_up(LOCAL, job.id) is None
    assert dead.give_up(LOCAL, failed(table, DamagedMedia("It does not decode.")).id) is None


def test_files_are_released_once_and_only_when_their_time_is_up(table: JobTable, dead: DeadLetters) -> None:
    job = failed(table, PASSING)
    assert [payload["spool"] for payload in dead.payloads()] == ["gw/in-1"]
    assert job.finished is not None
    assert dead.release(job.finished - 1) == []
    assert [released.payload for released in dead.release(job.finished + 1)] == [FILE]
    assert dead.release(job.finished + 1) == []
    assert dead.payloads() == [{"media": {"name": "a"}, "options": {}}]
