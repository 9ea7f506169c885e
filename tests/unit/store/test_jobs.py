"""The job table: claimed once, ended once, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from veriscope.errors import (
    BadRequest,
    Cancelled,
    Conflict,
    DamagedMedia,
    InferenceFailed,
    LeaseLost,
    NotFound,
    Overloaded,
)
from veriscope.store.db import open_database
from veriscope.store.jobs import CALLBACK, JobTable
from veriscope.store.reports import Record, Reports
from veriscope.types import LOCAL, Job, JobState, Principal, Queue

STRANGER = Principal("elsewhere", "eve")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(database_url: str, clock: Clock) -> Iterator[JobTable]:
    engine = open_database(database_url)
    yield JobTable(engine, lease_seconds=30, retries=2, retry_seconds=4, clock=clock)
    engine.dispose()


def submit(table: JobTable, queue: Queue = Queue.MEDIA, **more: object) -> Job:
    return table.submit(LOCAL, "analysis", queue, {"spool": "x/y"}, **more)  # type: ignore[arg-type]


def record(report_id: str, job_id: str | None = None) -> Record:
    return Record(report_id, "a.mp4", "00" * 32, "video", "Inconclusive", None, {"en": {}}, job_id=job_id, created=1.0)


def test_a_job_is_claimed_by_one_worker_only(table: JobTable) -> None:
    for _ in range(20):
        submit(table)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda i: table.claim(f"w{i}", [Queue.MEDIA]), range(40)))
    taken = [job.id for job in claims if job is not None]
    assert len(taken) == len(set(taken)) == 20


def test_priority_comes_before_age_and_queues_are_kept_apart(table: JobTable, clock: Clock) -> None:
    first = submit(table)
    clock.now += 1
    urgent = submit(table, priority=5)
    other = submit(table, Queue.IO)
    got = [table.claim("w", [Queue.MEDIA]) for _ in range(3)]
    assert [job and job.id for job in got] == [urgent.id, first.id, None]
    io = table.claim("w", [Queue.IO])
    assert io is not None
    assert io.id == other.id


def test_result_and_completed_are_one_transaction(table: JobTable) -> None:
    job = submit(table)
    table.claim("w", [Queue.MEDIA])
    done = table.complete("w", job.id, record("r1", job.id))
    assert (done.state, done.result_id, done.fraction) == (JobState.COMPLETED, "r1", 1.0)
    with pytest.raises(LeaseLost):
        table.complete("w", job.id, record("r2", job.id))
    reports = Reports(table._engine)
    assert reports.of_job(LOCAL, job.id).id == "r1"
    with pytest.raises(NotFound):
        reports.get(LOCAL, "r2")


def test_who_lost_the_lease_writes_nothing(table: JobTable, clock: Clock) -> None:
    job = submit(table)
    table.claim("slow", [Queue.MEDIA])
    clock.now += 31
    assert [taken.id for taken in table.take_back()] == [job.id]
    assert table.claim("fast", [Queue.MEDIA]) is not None
    for write in (
        lambda: table.renew("slow", job.id),
        lambda: table.complete("slow", job.id, record("r1", job.id)),
        lambda: table.fail("slow", job.id, DamagedMedia("It broke.")),
        lambda: table.release("slow", job.id),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert table.complete("fast", job.id, record("r2", job.id)).result_id == "r2"


def test_a_renewed_lease_is_not_taken_back(table: JobTable, clock: Clock) -> None:
    job = submit(table)
    table.claim("w", [Queue.MEDIA])
    clock.now += 29
    assert table.renew("w", job.id, "detect", 0.25) is False
    clock.now += 29
    assert table.take_back() == []
    now = table.get(LOCAL, job.id)
    assert (now.stage, now.fraction, now.state) == ("detect", 0.25, JobState.ACTIVE)


def test_a_dead_owner_is_not_waited_for(table: JobTable) -> None:
    job = submit(table)
    table.claim("dead", [Queue.MEDIA])
    assert table.take_back(lambda owner: owner == "somebody else") == []
    assert [taken.id for taken in table.take_back(lambda owner: owner == "dead")] == [job.id]


def test_faults_that_pass_are_tried_again_with_growing_pauses(table: JobTable, clock: Clock) -> None:
    job = submit(table)
    pauses = []
    for _ in range(2):
        assert table.claim("w", [Queue.MEDIA]) is not None
        assert table.fail("w", job.id, InferenceFailed("Away.")).state is JobState.WAITING
        assert table.claim("w", [Queue.MEDIA]) is None
        began = clock.now
        while table.claim("probe", [Queue.MEDIA]) is None:
            clock.now += 1
        pauses.append(clock.now - began)
        table.release("probe", job.id)
    assert pauses == [4, 8]
    table.claim("w", [Queue.MEDIA])
    assert table.fail("w", job.id, InferenceFailed("Away.")).state is JobState.FAILED


def test_bad_input_is_never_tried_again(table: JobTable) -> None:
    job = submit(table)
    table.claim("w", [Queue.MEDIA])
    failed = table.fail("w", job.id, DamagedMedia("It broke."))
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error["code"] == "damaged_media"


def test_a_job_that_kills_its_worker_each_time_is_failed(table: JobTable, clock: Clock) -> None:
    job = submit(table)
    states = []
    for _ in range(3):
        clock.now += 100
        assert table.claim("w", [Queue.MEDIA]) is not None
        states += [taken.state for taken in table.take_back(lambda _: True)]
    assert states == [JobState.WAITING, JobState.WAITING, JobState.FAILED]
    assert table.get(LOCAL, job.id).attempts == 3


def test_a_released_job_does_not_lose_a_try(table: JobTable) -> None:
    job = submit(table)
    for _ in range(9):
        assert table.claim("w", [Queue.MEDIA]) is not None
        table.release("w", job.id)
    assert table.get(LOCAL, job.id).attempts == 0


def test_cancelling(table: JobTable, clock: Clock) -> None:
    waiting = submit(table)
    assert table.cancel(LOCAL, waiting.id).state is JobState.CANCELLED
    with pytest.raises(Conflict):
        table.cancel(LOCAL, waiting.id)
    active = submit(table)
    table.claim("w", [Queue.MEDIA])
    assert table.cancel(LOCAL, active.id).state is JobState.ACTIVE
    assert table.renew("w", active.id) is True
    assert table.fail("w", active.id, Cancelled("Stopped.")).state is JobState.CANCELLED
    lost = submit(table)
    table.claim("w", [Queue.MEDIA])
    table.cancel(LOCAL, lost.id)
    clock.now += 31
    assert table.take_back()[0].state is JobState.CANCELLED


def test_nobody_sees_another_organisations_jobs(table: JobTable) -> None:
    job = submit(table)
    for call in (table.get, table.cancel):
        with pytest.raises(NotFound):
            call(STRANGER, job.id)
    assert table.search(STRANGER) == ([], None)


def test_too_many_waiting_jobs_are_refused_per_organisation(table: JobTable) -> None:
    submit(table, limit=1)
    with pytest.raises(Overloaded):
        submit(table, limit=1)
    table.submit(STRANGER, "analysis", Queue.MEDIA, {}, limit=1)


def test_the_end_of_a_job_gives_birth_to_its_callback(table: JobTable) -> None:
    job = table.submit(LOCAL, "analysis", Queue.MEDIA, {"callbackUrl": "https://example.org/done"})
    table.claim("w", [Queue.MEDIA])
    table.fail("w", job.id, DamagedMedia("It broke."))
    call = table.claim("io", [Queue.IO])
    assert call is not None
    assert (call.kind, call.payload) == (CALLBACK, {"url": "https://example.org/done", "jobId": job.id})
    table.complete("io", call.id)
    assert table.claim("io", [Queue.IO]) is None
    assert [shown.id for shown in table.search(LOCAL)[0]] == [job.id]


def test_pages_of_jobs(table: JobTable, clock: Clock) -> None:
    made = []
    for _ in range(5):
        clock.now += 1
        made.append(submit(table).id)
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = table.search(LOCAL, limit=2, cursor=cursor)
        seen += [job.id for job in page]
        if cursor is None:
            break
    assert seen == made[::-1]
    with pytest.raises(BadRequest):
        table.search(LOCAL, cursor="nonsense")


def test_ended_jobs_are_forgotten_and_live_ones_are_not(table: JobTable, clock: Clock) -> None:
    done = submit(table)
    clock.now += 1
    live = submit(table)
    table.claim("w", [Queue.MEDIA])
    table.complete("w", done.id)
    assert table.live_payloads() == [{"spool": "x/y"}]
    clock.now += 100
    assert table.forget(clock.now) == 1
    assert table.get(LOCAL, live.id).state is JobState.WAITING
    assert [(q, s, n) for q, s, n, _ in table.depths()] == [(Queue.MEDIA, JobState.WAITING, 1)]
