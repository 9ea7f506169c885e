"""The chaos bench must notice what it is there to notice."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import delete, insert, update

from veriscope.store.artifacts import ArtifactRow
from veriscope.store.db import transaction
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.store.tables import artifacts, audit, jobs, reports
from veriscope.types import LOCAL, Queue

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def chaos(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("chaos")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(f"sqlite:///{tmp_path / 'v.db'}", tmp_path / "blobs")
    yield made
    made.close()


def done(store: Store, number: int) -> str:
    """A job that ended as it should."""
    job = store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {})
    assert store.jobs.claim("w", (Queue.MEDIA,)) is not None
    report, now = f"{number:032x}", time.time()
    store.blobs.put(f"{report}/_report", b"x")
    record = Record(report, "a.wav", "0" * 64, "audio", "authentic", 0.1, {"en": {}}, job_id=job.id, created=now)
    store.jobs.complete("w", job.id, record, [ArtifactRow(report, "_report", "a/b", f"{report}/_report", 1, now, None)])
    return job.id


def lose_report(store: Store) -> None:
    with transaction(store.engine) as connection:
        connection.execute(delete(reports).where(reports.c.id == f"{0:032x}"))
        connection.execute(delete(artifacts).where(artifacts.c.report_id == f"{0:032x}"))
        connection.execute(delete(audit).where(audit.c.subject == f"{0:032x}"))


def lose_file(store: Store) -> None:
    store.blobs.delete(f"{0:032x}/_report")


def stay_active(store: Store) -> None:
    store.jobs.submit(LOCAL, "analysis", Queue.MEDIA, {})
    store.jobs.claim("w", (Queue.MEDIA,))


def write_twice(store: Store) -> None:
    with transaction(store.engine) as connection:
        row = {"organisation_id": "local", "created_by": "x", "at": 0.0, "details": {}}
        connection.execute(insert(audit).values(action="analysis.created", subject=f"{0:032x}", **row))


def report_without_end(store: Store) -> None:
    with transaction(store.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.result_id == f"{0:032x}").values(state="failed"))


def test_all_is_well(chaos: ModuleType, store: Store) -> None:
    accepted = [done(store, number) for number in range(3)]
    found = chaos.verdict(store, accepted)
    assert [found[key] for key in ("accepted", "finished", "duplicated", "lost", "completed")] == [3, 3, 0, 0, 3]


@pytest.mark.parametrize(
    ("harm", "key"),
    [
        (lose_report, "lost"),
        (lose_file, "lost"),
        (stay_active, "lost"),
        (write_twice, "duplicated"),
        (report_without_end, "duplicated"),
    ],
)
def test_what_is_lost_or_double_is_counted(
    chaos: ModuleType, store: Store, harm: Callable[[Store], None], key: str
) -> None:
    accepted = [done(store, number) for number in range(2)]
    harm(store)
    found = chaos.verdict(store, accepted)
    assert (found[key], found["lost"] + found["duplicated"]) == (1, 1)


def test_a_job_that_vanished_is_lost(chaos: ModuleType, store: Store) -> None:
    found = chaos.verdict(store, [done(store, 0), "f" * 32])
    assert (found["lost"], found["finished"]) == (1, 1)


def test_machines_follow_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    capacity = importlib.import_module("capacity")
    costs, mix = {"a": 2.0, "b": 10.0}, capacity.parsed("a=3,b=1")
    assert mix == {"a": 0.75, "b": 0.25}
    # 4 s on average, a million a day, thrice that at the peak: 138.9 cores, of which 8 of 16 may be busy
    assert capacity.machines(costs, mix, 1_000_000, peak=3, cores=16, use=0.5) == 18
    assert capacity.machines(costs, mix, 10, peak=3, cores=16, use=0.5) == 1
