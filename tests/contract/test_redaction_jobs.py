"""Whatever happens to the process that redacts: one output or none, and nothing of the original is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from veriscope.config import load
from veriscope.errors import Internal, NotFound
from veriscope.jobs import sweep
from veriscope.jobs.dispatch import LocalDispatcher
from veriscope.jobs.payload import spool_folder
from veriscope.jobs.redaction import store_original
from veriscope.jobs.results import open_store
from veriscope.media.intake import open_path
from veriscope.redaction.plan import Plan
from veriscope.store.jobs import ENDED
from veriscope.store.redactions import Redaction
from veriscope.types import LOCAL, Job, JobState, Queue

from tests.making import film
from tests.serving import children, eventually

pytestmark = pytest.mark.e2e


class Bench:
    """A store, a dispatcher with one job process, and senders' files."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = load(data_dir=folder, job_processes=1, **settings)
        self.store = open_store(self.settings)
        self._before = set(children(os.getpid()))
        self.dispatcher = LocalDispatcher(self.settings, self.store)

    def send(self, path: Path, *, review: bool = False) -> Job:
        media = open_path(path)
        original, _ = store_original(self.store, path, "")
        row = Redaction(
            id="",
            name=media.name,
            kind=media.kind,
            format=media.format,
            size=media.size,
            targets=("faces",),
            operators="solid",
            review=int(review),
            keep_metadata=0,
            source_sha256=media.sha256,
            created=0.0,
            original_key=original,
        )
        job = self.store.redactions.submit(LOCAL, row, {"media": {"kind": media.kind}}, priority=0, limit=None)
        self.dispatcher.wake(job.id, Queue.REDACT)
        return job

    def now(self, job: Job) -> tuple[Redaction, Job]:
        return self.store.redactions.get(LOCAL, job.id)

    def until(self, job: Job, condition: Callable[[Job], bool]) -> tuple[Redaction, Job]:
        eventually(lambda: condition(self.now(job)[1]), 150, every=0.02)
        return self.now(job)

    def ended(self, job: Job) -> tuple[Redaction, Job]:
        return self.until(job, lambda now: now.state in ENDED)

    def working(self, job: Job, stage: str = "render") -> None:
        self.until(job, lambda now: now.stage == stage)

    def blobs(self) -> set[str]:
        return set(self.store.blobs.keys())

    def spool(self) -> list[Path]:
        """Files that lie in the clear."""
        return [path for path in spool_folder(self.settings).rglob("*") if path.is_file()]

    def nothing_left(self) -> None:
        """No blob, no working copy."""

        def clean() -> bool:
            sweep.clean_spool(self.settings, self.store)
            return not self.blobs() and not self.spool()

        eventually(clean, 20)

    def hands(self) -> list[int]:
        return [pid for pid in children(os.getpid()) if pid not in self._before]

    def close(self) -> None:
        self.dispatcher.close(grace=1.0)
        self.store.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**settings: Any) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), **settings))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "clip.mp4", seconds=4, size=(480, 360), fps=25)


def test_a_killed_process_costs_a_try_and_leaves_one_output(start: Callable[..., Bench], clip: Path) -> None:
    bench = start()
    job = bench.send(clip)
    bench.working(job)
    (copy,) = {path for path in bench.spool() if path.name == "source.mp4"}
    plan_key = bench.now(job)[0].plan_key
    assert plan_key is not None
    for pid in bench.hands():  # a crash must not write what is in memory to the disk
        (core,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line]
        assert core.split()[4:6] == ["0", "0"]
    for pid in bench.hands():
        os.kill(pid, signal.SIGKILL)
    row, done = bench.ended(job)
    assert (done.state, done.attempts) == (JobState.COMPLETED, 2), done.error
    eventually(lambda: bench.blobs() == {row.plan_key, row.output_key})
    data = bench.store.blobs.get(row.output_key or "")
    assert len(data) == row.output_size
    assert clip.read_bytes() != data
    eventually(lambda: bench.store.redactions.originals() == {})
    eventually(lambda: not sweep.clean_spool(bench.settings, bench.store) and not bench.spool())
    assert not copy.exists()


def test_the_time_limit(start: Callable[..., Bench], clip: Path) -> None:
    bench = start(job_seconds=1.0)
    row, done = bench.ended(bench.send(clip))
    assert done.error is not None
    assert (done.state, done.error["code"], row.output_key) == (JobState.FAILED, "timed_out", None)
    eventually(lambda: bench.blobs() <= {row.plan_key})
    eventually(lambda: not sweep.clean_spool(bench.settings, bench.store) and not bench.spool(), 20)


def test_deleted_in_the_middle(start: Callable[..., Bench], clip: Path) -> None:
    bench = start()
    job = bench.send(clip)
    bench.working(job, "look")
    row, _ = bench.store.redactions.delete(LOCAL, job.id)
    bench.store.drop(row.keys)
    bench.dispatcher.cancel(job.id)
    bench.nothing_left()
    with pytest.raises(NotFound):
        bench.now(job)


def test_cancelled_in_the_middle(start: Callable[..., Bench], clip: Path) -> None:
    bench = start()
    job = bench.send(clip)
    bench.working(job, "look")
    bench.store.jobs.cancel(LOCAL, job.id)
    bench.dispatcher.cancel(job.id)
    assert bench.ended(job)[1].state is JobState.CANCELLED
    bench.nothing_left()


def test_a_review_goes_on_from_the_plan_or_lapses(start: Callable[..., Bench], clip: Path) -> None:
    bench = start(review_hours=1.0)
    waiting, lapsing = bench.send(clip, review=True), bench.send(clip, review=True)
    for job in (waiting, lapsing):
        row, _ = bench.until(job, lambda now: now.state is JobState.WAITING_REVIEW)
        assert Plan.from_json(bench.store.blobs.get(row.plan_key or "")).sha256 == row.source_sha256
    eventually(lambda: not bench.spool())  # no copy lies in the clear while a person thinks
    bench.store.redactions.approve(LOCAL, waiting.id)
    bench.dispatcher.wake(waiting.id, Queue.REDACT)
    done, job = bench.ended(waiting)
    assert job.state is JobState.COMPLETED, job.error
    late = replace(bench.now(lapsing)[0])
    bench.store.redactions._clock = lambda: time.time() + 2 * 3600.0
    assert [job.id for job in sweep.drop_originals(bench.store)] == [lapsing.id]
    assert bench.blobs() == {done.plan_key, done.output_key, late.plan_key}
    bench.store.redactions._clock = lambda: time.time() + 30 * 3600.0
    sweep.forget(bench.settings, bench.store)
    assert bench.blobs() == set()
    for gone in (waiting, lapsing):
        with pytest.raises(NotFound):
            bench.now(gone)


def test_blobs_of_redactions_are_no_orphans(start: Callable[..., Bench], clip: Path) -> None:
    bench = start()
    bench.dispatcher.close(grace=1.0)
    job = bench.send(clip)
    bench.store.blobs.put("redactions/left/output", b"by a process that was killed before it wrote the row")
    assert sweep.drop_orphans(bench.store, sweep.drop_orphans(bench.store, set())) == set()
    assert bench.blobs() == {bench.now(job)[0].original_key}


def test_without_a_shared_key_nothing_is_kept_in_a_bucket(tmp_path: Path, s3_url: str, clip: Path) -> None:
    settings = load(data_dir=tmp_path, blob_url="s3://nowhere/v", blob_endpoint=s3_url)
    store = open_store(settings)
    with pytest.raises(Internal, match="only kept encrypted") as caught:
        store_original(store, clip, "")
    assert "blob_key" in caught.value.hint
    store.close()
