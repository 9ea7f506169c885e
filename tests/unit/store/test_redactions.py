"""Redactions and their jobs change together, and nobody sees another organisation's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from veriscope.errors import Cancelled, Conflict, DamagedMedia, LeaseLost, NotFound
from veriscope.store import tables
from veriscope.store.db import open_database, reading
from veriscope.store.jobs import JobTable
from veriscope.store.redactions import Redaction, Redactions
from veriscope.types import LOCAL, Job, JobState, Principal, Queue

STRANGER = Principal("elsewhere", "eve")
HOUR = 3600.0
WANTED = Redaction(
    id="",
    name="a.jpg",
    kind="image",
    format="jpeg",
    size=5_000_000_000,
    targets=("faces", "plates"),
    operators="solid",
    review=1,
    keep_metadata=0,
    source_sha256="ab" * 32,
    created=0.0,
    original_key="redactions/x/original",
    words_key="redactions/x/words",
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    def __init__(self, engine: Engine) -> None:
        self.clock = Clock()
        self.engine = engine
        self.jobs = JobTable(engine, retries=1, job_seconds=600, clock=self.clock)
        self.rows = Redactions(engine, self.jobs, keep_seconds=24 * HOUR, review_seconds=2 * HOUR, clock=self.clock)

    def send(self, who: Principal = LOCAL, wanted: Redaction = WANTED) -> Job:
        self.clock.now += 1
        return self.rows.submit(who, wanted, {"media": {"kind": "image"}}, priority=0, limit=100)

    def claim(self) -> Job:
        job = self.jobs.claim("w", [Queue.REDACT])
        assert job is not None
        return job

    def reviewing(self) -> Job:
        self.send()
        return self.rows.planned("w", self.claim().id, "redactions/p1/plan", "p1", review=True)

    def completed(self) -> Job:
        self.send(wanted=replace(WANTED, review=0))
        job = self.claim()
        row = self.rows.of_job(job)
        done = replace(
            row, output_key="redactions/o/output", output_sha256="o", output_size=7, plan_key="redactions/p/plan"
        )
        done = replace(done, plan_sha256="p", result={"rendered": 1})
        return self.jobs.complete("w", job.id, also=self.rows.rendered(done))

    def audit(self) -> list[tuple[str, dict[str, str]]]:
        with reading(self.engine) as connection:
            query = select(tables.audit.c.action, tables.audit.c.details).order_by(tables.audit.c.id)
            return [(row.action, row.details) for row in connection.execute(query)]


@pytest.fixture
def bench(database_url: str) -> Iterator[Bench]:
    engine = open_database(database_url)
    yield Bench(engine)
    engine.dispose()


def test_what_was_asked_for_comes_back(bench: Bench) -> None:
    job = bench.send()
    row, same = bench.rows.get(LOCAL, job.id)
    assert same == job
    assert (job.kind, job.queue, job.state) == ("redaction", Queue.REDACT, JobState.WAITING)
    assert replace(row, targets=tuple(row.targets)) == replace(WANTED, id=job.id, created=job.created)


def test_nobody_sees_what_belongs_to_others(bench: Bench) -> None:
    job = bench.reviewing()
    calls: list[Callable[[], object]] = [
        lambda: bench.rows.get(STRANGER, job.id),
        lambda: bench.rows.edit(STRANGER, job.id, "redactions/x/plan", "x"),
        lambda: bench.rows.approve(STRANGER, job.id),
        lambda: bench.rows.delete(STRANGER, job.id),
        lambda: bench.rows.get(LOCAL, "0" * 32),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert bench.rows.search(STRANGER) == ([], None)
    assert bench.rows.get(LOCAL, job.id)[1].state is JobState.WAITING_REVIEW


def test_newest_first_page_by_page(bench: Bench) -> None:
    ids = [bench.send().id for _ in range(5)][::-1]
    bench.send(STRANGER)
    first, after = bench.rows.search(LOCAL, limit=2)
    second, after = bench.rows.search(LOCAL, limit=2, cursor=after)
    third, end = bench.rows.search(LOCAL, limit=2, cursor=after)
    assert [row.id for row, _ in first + second + third] == ids
    assert end is None


def test_review_and_rendering(bench: Bench) -> None:
    job = bench.reviewing()
    assert (job.state, job.stage) == (JobState.WAITING_REVIEW, "review")
    assert bench.jobs.claim("w", [Queue.REDACT]) is None
    assert bench.jobs.take_back(lambda _: True) == []  # nobody holds it
    assert bench.rows.get(LOCAL, job.id)[0].expires == bench.clock.now + 2 * HOUR
    assert bench.rows.edit(LOCAL, job.id, "redactions/p2/plan", "p2") == "redactions/p1/plan"
    bench.clock.now += HOUR  # longer than a job may take: the time of a person does not count
    assert bench.rows.approve(LOCAL, job.id).state is JobState.WAITING
    for call in (lambda: bench.rows.approve(LOCAL, job.id), lambda: bench.rows.edit(LOCAL, job.id, "x/y", "x")):
        with pytest.raises(Conflict):
            call()
    again = bench.claim()
    assert (again.id, again.attempts, again.started) == (job.id, 1, bench.clock.now)
    row = bench.rows.of_job(again)
    assert (row.approved, row.plan_key, row.expires) == (1, "redactions/p2/plan", None)


def test_of_two_that_approve_at_once_one_does(bench: Bench) -> None:
    job = bench.reviewing()

    def approve(_: int) -> bool:
        try:
            return bench.rows.approve(LOCAL, job.id).state is JobState.WAITING
        except Conflict:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(approve, range(6))) == 1


def test_only_who_holds_the_lease_writes(bench: Bench) -> None:
    bench.send()
    job = bench.claim()
    for call in (
        lambda: bench.rows.planned("thief", job.id, "k/p", "p", review=True),
        lambda: bench.jobs.complete("thief", job.id, also=bench.rows.rendered(bench.rows.of_job(job))),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert bench.rows.get(LOCAL, job.id)[0].plan_key is None
    bench.jobs.cancel(LOCAL, job.id)
    with pytest.raises(Cancelled):
        bench.rows.planned("w", job.id, "k/p", "p", review=True)
    assert bench.rows.get(LOCAL, job.id)[1].state is JobState.ACTIVE


def test_completed_with_hashes_in_the_audit(bench: Bench) -> None:
    job = bench.completed()
    row, now = bench.rows.get(LOCAL, job.id)
    assert (now.state, now.fraction, row.result, row.output_size) == (JobState.COMPLETED, 1.0, {"rendered": 1}, 7)
    assert row.expires == bench.clock.now + 24 * HOUR
    assert bench.audit() == [
        ("redaction.created", {"source": "ab" * 32, "kind": "image"}),
        ("redaction.completed", {"source": "ab" * 32, "plan": "p", "output": "o"}),
    ]


def test_originals_of_what_ended_must_go(bench: Bench) -> None:
    done, reviewing, waiting = bench.completed(), bench.reviewing(), bench.send()
    failed = bench.send()
    bench.jobs.cancel(LOCAL, waiting.id)
    bench.claim()
    bench.jobs.fail("w", failed.id, DamagedMedia("It broke."))
    keys = ["redactions/x/original", "redactions/x/words"]
    assert bench.rows.originals() == {done.id: keys, waiting.id: keys, failed.id: keys}
    assert bench.rows.originals(reviewing.id) == {}
    bench.rows.released(failed.id)
    assert set(bench.rows.originals()) == {done.id, waiting.id}
    assert bench.rows.get(LOCAL, failed.id)[0].expires == bench.clock.now + 24 * HOUR


def test_a_review_that_lasts_too_long_ends(bench: Bench) -> None:
    job = bench.reviewing()
    bench.clock.now += 2 * HOUR - 1
    assert bench.rows.lapse() == []
    bench.clock.now += 1
    (ended,) = bench.rows.lapse()
    assert (ended.id, ended.state) == (job.id, JobState.FAILED)
    assert ended.error is not None
    assert ended.error["code"] == "timed_out"
    assert bench.rows.lapse() == []
    assert set(bench.rows.originals()) == {job.id}


def test_what_is_past_its_time_is_forgotten_with_its_job(bench: Bench) -> None:
    job = bench.completed()
    bench.rows.released(job.id)
    assert bench.jobs.forget(bench.clock.now + 1) == 0  # not before its redaction
    bench.clock.now += 24 * HOUR
    assert sorted(bench.rows.expire()) == ["redactions/o/output", "redactions/p/plan"]
    for call in (lambda: bench.rows.get(LOCAL, job.id), lambda: bench.jobs.get(LOCAL, job.id)):
        with pytest.raises(NotFound):
            call()


def test_kept_for_ever_where_the_setting_says_so(bench: Bench) -> None:
    bench.rows = Redactions(bench.engine, bench.jobs, keep_seconds=None, clock=bench.clock)
    job = bench.completed()
    bench.rows.released(job.id)
    bench.clock.now += 1e9
    assert bench.rows.expire() == []


def test_deleting_takes_the_job_from_its_worker(bench: Bench) -> None:
    bench.send()
    job = bench.claim()
    row = bench.rows.of_job(job)
    found, before = bench.rows.delete(LOCAL, job.id)
    assert (found.keys, before.state) == (("redactions/x/original", "redactions/x/words"), JobState.ACTIVE)
    for call in (
        lambda: bench.jobs.renew("w", job.id),
        lambda: bench.rows.planned("w", job.id, "k/p", "p", review=False),
        lambda: bench.jobs.complete("w", job.id, also=bench.rows.rendered(row)),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert bench.audit()[-1][0] == "redaction.deleted"


def test_blobs_that_are_named_are_known(bench: Bench) -> None:
    bench.completed()
    named = {"redactions/x/original", "redactions/x/words", "redactions/o/output", "redactions/p/plan"}
    assert bench.rows.known([*named, "redactions/orphan/output"]) == named
