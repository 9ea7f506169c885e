"""Housekeeping: deletes what nobody needs and nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from veriscope.config import Settings, load
from veriscope.errors import InferenceFailed, NotFound
from veriscope.jobs import inputs, owner, sweep
from veriscope.jobs.results import open_store
from veriscope.store.artifacts import ArtifactRow
from veriscope.store.db import transaction
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.store.tables import jobs
from veriscope.types import LOCAL, JobState, Queue

DEAD = f"gw-{owner.machine()}-{os.getpid()}-1"
ELSEWHERE = f"gw-{'0' * 16}-7-7"
RECORD = Record("r" * 32, "a.jpg", "ab" * 32, "image", "Suspicious", 61.5, {"en": {}}, created=1000.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


def spool(settings: Settings, gateway: str, name: str) -> Path:
    path = settings.data_dir / "spool" / gateway / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_only_files_of_dead_gateways_that_no_job_needs_are_deleted(settings: Settings, store: Store) -> None:
    mine = spool(settings, owner.name("gw"), "in-1")
    needed = spool(settings, DEAD, "in-2")
    orphan = spool(settings, DEAD, "in-3")
    foreign = spool(settings, ELSEWHERE, "in-4")
    old = spool(settings, ELSEWHERE, "in-5")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    job = store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {"spool": f"{DEAD}/in-2"})
    assert sweep.clean_spool(settings, store) == 2
    assert [p.exists() for p in (mine, needed, orphan, foreign, old)] == [True, True, False, True, False]
    store.jobs.cancel(LOCAL, job.id)
    assert sweep.clean_spool(settings, store) == 1
    assert not needed.parent.exists()


def test_jobs_of_dead_workers_wait_again_at_once(settings: Settings, store: Store) -> None:
    job = store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {"spool": f"{DEAD}/in-2"})
    store.jobs.claim(DEAD, [Queue.MEDIA])
    assert [taken.id for taken in sweep.take_over(settings, store)] == [job.id]
    store.jobs.claim(owner.name(), [Queue.MEDIA])
    assert sweep.take_over(settings, store) == []


def test_a_file_goes_with_the_last_try(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, job_retries=0)
    store = open_store(settings)
    path = spool(settings, owner.name("gw"), "in-1")
    store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {"spool": f"{path.parent.name}/in-1"})
    store.jobs.claim(DEAD, [Queue.MEDIA])
    assert [taken.state for taken in sweep.take_over(settings, store)] == [JobState.FAILED]
    assert not path.exists()
    store.close()


def test_blobs_that_belong_to_nothing_go_at_the_second_look(settings: Settings, store: Store) -> None:
    row = ArtifactRow(RECORD.id, "a", "image/png", f"{RECORD.id}/a", 1, 1.0)
    for key in (row.blob_key, "orphan/a"):
        store.blobs.put(key, b"x")
    store.reports.save(LOCAL, RECORD, [row])
    suspects = sweep.drop_orphans(store, set())
    assert suspects == {"orphan/a"}
    assert set(store.blobs.keys()) == {row.blob_key, "orphan/a"}
    assert sweep.drop_orphans(store, suspects) == set()
    assert set(store.blobs.keys()) == {row.blob_key}


def test_what_is_past_its_time_is_forgotten_with_its_bytes(settings: Settings, store: Store) -> None:
    past = time.time() - 1
    row = ArtifactRow(RECORD.id, "a", "image/png", f"{RECORD.id}/a", 1, 1.0, expires=past)
    store.blobs.put(row.blob_key, b"x")
    store.reports.save(LOCAL, replace(RECORD, expires=past), [row])
    sweep.forget(settings, store)
    assert list(store.blobs.keys()) == []
    with pytest.raises(NotFound):
        store.reports.get(LOCAL, RECORD.id)


def test_the_sweeper_sweeps_and_stops(settings: Settings, store: Store) -> None:
    job = store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {})
    store.jobs.claim(DEAD, [Queue.MEDIA])
    woken: list[str] = []
    sweeper = sweep.Sweeper(settings, store, lambda taken: woken.append(taken.id))
    deadline = time.monotonic() + 10
    while not woken and time.monotonic() < deadline:
        time.sleep(0.05)
    sweeper.close()
    assert woken == [job.id]


def test_the_file_of_a_dead_job_is_kept_for_its_time(settings: Settings, store: Store) -> None:
    path = spool(settings, DEAD, "in-1")
    store.blobs.put("inputs/1", b"x")
    job = store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {"spool": f"{DEAD}/in-1", "input": "inputs/1"})
    for _ in range(settings.job_retries + 1):
        store.jobs.claim("w", (Queue.MEDIA,))
        job = store.jobs.fail("w", job.id, InferenceFailed("No server answers."))
        with transaction(store.engine) as connection:
            connection.execute(update(jobs).values(not_before=0.0))
    assert job.state is JobState.FAILED
    inputs.discard(job, store, settings.data_dir / "spool")
    assert sweep.clean_spool(settings, store) == 0
    assert sweep.drop_orphans(store, sweep.drop_orphans(store, set())) == set()
    assert sweep.release_dead(settings, store) == 0
    assert (path.exists(), list(store.blobs.keys())) == (True, ["inputs/1"])
    at_once = settings.model_copy(update={"keep_failed_hours": 0.0})
    assert sweep.release_dead(at_once, store) == 1
    assert (path.exists(), list(store.blobs.keys())) == (False, [])
    assert sweep.release_dead(at_once, store) == 0
