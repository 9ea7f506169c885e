"""A dispatcher wakes workers; whatever happens to them, each job ends, and ends once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from veriscope.config import load
from veriscope.errors import NotFound
from veriscope.jobs import owner
from veriscope.jobs.dispatch import LocalDispatcher
from veriscope.jobs.payload import media_payload, options_payload, spool_folder
from veriscope.jobs.results import open_store
from veriscope.jobs.tasks import ANALYSIS
from veriscope.media.intake import open_bytes
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.types import LOCAL, Job, JobState, Options, Policy, Queue

from tests.making import encoded, film, photo, tone, wav
from tests.serving import children, eventually, niceness, running

pytestmark = pytest.mark.e2e
EVERY_FRAME = Options(rate=25.0)  # makes a job of several seconds


_others: set[int] = set()  # processes of tests that ran here before


def own() -> list[int]:
    """Processes that this test started, and theirs."""
    return [pid for pid in children(os.getpid()) if pid not in _others]


class Bench:
    """A store, a dispatcher, and senders' jobs."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = load(data_dir=folder, job_processes=1, **settings)
        self.store: Store = open_store(self.settings)
        self.events: list[tuple[str, str]] = []
        self.dispatcher = LocalDispatcher(self.settings, self.store, lambda e, j, _: self.events.append((e, j)))

    def send(self, data: bytes, options: Options = Options(), queue: Queue = Queue.MEDIA) -> Job:  # noqa: B008
        spool = spool_folder(self.settings)
        media = open_bytes(data, "a.bin", spool / owner.name("gw"), self.settings.limits())
        payload = {**media_payload(media, spool), "options": options_payload(options)}
        job = self.store.jobs.submit(LOCAL, ANALYSIS, queue, payload)
        self.dispatcher.wake(job.id, job.queue)
        return job

    def job(self, job: Job) -> Job:
        return self.store.jobs.get(LOCAL, job.id)

    def until(self, job: Job, condition: Callable[[Job], bool]) -> Job:
        eventually(lambda: condition(self.job(job)), 120)
        return self.job(job)

    def ended(self, job: Job) -> Job:
        return self.until(job, lambda now: now.state in ENDED)

    def working(self, job: Job) -> Job:
        return self.until(job, lambda now: now.stage == "detect" and now.fraction > 0)

    def file(self, job: Job) -> Path:
        return spool_folder(self.settings) / job.payload["spool"]

    def close(self) -> None:
        self.dispatcher.close(grace=1.0)
        self.store.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []
    _others.clear()
    _others.update(children(os.getpid()))

    def make(**settings: Any) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), **settings))
        return made[-1]

    yield make
    for bench in made:
        bench.close()
    assert own() == []


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    return film(path, seconds=6, size=(480, 360), fps=25).read_bytes()


def job_process() -> int:
    return next(pid for pid in own() if niceness(pid) > niceness(os.getpid()))


def test_a_job_is_done_and_its_file_deleted(start: Callable[..., Bench]) -> None:
    bench = start()
    job = bench.send(wav(tone()))
    done = bench.ended(job)
    assert (done.state, done.attempts) == (JobState.COMPLETED, 1)
    record = bench.store.reports.of_job(LOCAL, job.id)
    assert record.id == done.result_id
    assert record.body["en"]["mediaType"] == "audio"
    eventually(lambda: not bench.file(job).exists())
    eventually(lambda: ("ended", job.id) in bench.events)
    assert niceness(job_process()) == min(19, niceness(os.getpid()) + 10)


def test_damaged_media_fail_once_and_leave_nothing(start: Callable[..., Bench]) -> None:
    bench = start()
    job = bench.send(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8))
    done = bench.ended(job)
    assert (done.state, done.attempts) == (JobState.FAILED, 1)
    assert done.error is not None
    assert done.error["code"] == "damaged_media"
    eventually(lambda: not bench.file(job).exists())
    assert list(bench.store.blobs.keys()) == []


def test_a_killed_process_is_replaced_and_its_job_done(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start()
    job = bench.send(long_film, EVERY_FRAME)
    bench.working(job)
    first = job_process()
    os.kill(first, signal.SIGKILL)
    done = bench.ended(job)
    assert (done.state, done.attempts) == (JobState.COMPLETED, 2)
    assert bench.dispatcher.restarts == 1
    assert not running(first)
    assert len(bench.store.reports.search(LOCAL)[0]) == 1
    eventually(lambda: not bench.file(job).exists())


def test_a_job_over_its_time_is_killed_and_fails(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start(job_seconds=1.5)
    job = bench.send(long_film, EVERY_FRAME)
    done = bench.ended(job)
    assert done.state is JobState.FAILED
    assert done.error is not None
    assert done.error["code"] == "timed_out"
    eventually(lambda: not bench.file(job).exists())
    with pytest.raises(NotFound):
        bench.store.reports.of_job(LOCAL, job.id)


def test_an_active_job_is_cancelled(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start()
    job = bench.send(long_film, EVERY_FRAME)
    bench.working(job)
    bench.store.jobs.cancel(LOCAL, job.id)
    bench.dispatcher.cancel(job.id)
    assert bench.ended(job).state is JobState.CANCELLED
    eventually(lambda: not bench.file(job).exists())
    after = bench.ended(bench.send(wav(tone())))
    assert after.state is JobState.COMPLETED


def test_a_stopped_process_is_killed_when_its_job_is_cancelled(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start()
    job = bench.send(long_film, EVERY_FRAME)
    bench.working(job)
    os.kill(job_process(), signal.SIGSTOP)  # as deaf as a decoder in an endless loop
    bench.store.jobs.cancel(LOCAL, job.id)
    bench.dispatcher.cancel(job.id)
    assert bench.ended(job).state is JobState.CANCELLED


def test_a_busy_decoder_does_not_cost_the_lease(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start(lease_seconds=1.2)
    job = bench.send(long_film, EVERY_FRAME)
    taken: list[Job] = []
    stop = threading.Event()

    def sweep() -> None:
        while not stop.wait(0.2):
            taken.extend(bench.store.jobs.take_back())

    thread = threading.Thread(target=sweep)
    thread.start()
    done = bench.ended(job)
    stop.set()
    thread.join()
    assert (done.state, done.attempts, taken) == (JobState.COMPLETED, 1, [])


def test_closing_hands_unfinished_jobs_back(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start()
    job = bench.send(long_film, EVERY_FRAME)
    bench.working(job)
    bench.dispatcher.close(grace=0.2)
    now = bench.job(job)
    assert (now.state, now.attempts) == (JobState.WAITING, 0)
    assert bench.file(job).exists()
    assert own() == []


def test_a_picture_sent_as_a_job_waits_for_no_film(start: Callable[..., Bench], long_film: bytes) -> None:
    bench = start()
    job = bench.send(long_film, EVERY_FRAME)
    bench.working(job)
    quick = bench.ended(bench.send(encoded(photo(160, 120)), Options(policy=Policy.QUICK), Queue.FAST))
    assert quick.state is JobState.COMPLETED
    assert bench.job(job).state is JobState.ACTIVE
    assert bench.dispatcher.size == 2
