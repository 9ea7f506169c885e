"""Reports: found again by their owners, forgotten in time, deleted with everything that belongs to them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from veriscope.errors import BadSetting, NotFound
from veriscope.store.artifacts import ArtifactRow, Artifacts
from veriscope.store.db import reading
from veriscope.store.reports import Query, Record, Reports
from veriscope.store.store import Store
from veriscope.store.tables import audit
from veriscope.types import LOCAL, Principal

STRANGER = Principal("elsewhere", "eve")
RECORD = Record(
    "r0", "Ảnh 100%_1.JPG", "ab" * 32, "image", "Suspicious", 61.5, {"en": {"x": 1}}, cache_key="k", created=1000.0
)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(database_url, tmp_path / "blobs")
    yield opened
    opened.close()


def add(store: Store, report_id: str, **changes: object) -> Record:
    record = replace(RECORD, id=report_id, **changes)  # type: ignore[arg-type]
    store.reports.save(LOCAL, record)
    return record


def found(store: Store, **query: object) -> list[str]:
    return [r.id for r in store.reports.search(LOCAL, Query(**query))[0]]  # type: ignore[arg-type]


def test_a_report_comes_back_as_it_was(store: Store) -> None:
    store.reports.save(LOCAL, RECORD)
    assert store.reports.get(LOCAL, "r0") == RECORD


def test_nobody_sees_another_organisations_reports(store: Store) -> None:
    add(store, "r1", job_id="j1")
    for look in (
        lambda: store.reports.get(STRANGER, "r1"),
        lambda: store.reports.of_job(STRANGER, "j1"),
        lambda: store.reports.delete(STRANGER, "r1"),
    ):
        with pytest.raises(NotFound):
            look()
    assert store.reports.cached(STRANGER, "k") is None
    assert store.reports.search(STRANGER)[0] == []


def test_the_search(store: Store) -> None:
    add(store, "r1", created=1.0)
    add(store, "r2", created=2.0, name="other.png", sha256="cd" * 32, label="Likely Authentic", kind="text")
    assert found(store) == ["r2", "r1"]
    assert found(store, text="100%_1") == ["r1"]
    assert found(store, text="100x_1") == []  # % and _ are letters here
    assert found(store, text=".jpg") == ["r1"]
    assert found(store, text="CDCD") == ["r2"]
    assert found(store, sha256="CDCD") == ["r2"]
    assert found(store, label="Suspicious") == ["r1"]
    assert found(store, kind="text") == ["r2"]
    assert found(store, since=2.0) == ["r2"]
    assert found(store, until=2.0) == ["r1"]


def test_pages_do_not_repeat_or_skip_reports_of_the_same_moment(store: Store) -> None:
    names = {add(store, f"r{i}", created=5.0).id for i in range(7)}
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = store.reports.search(LOCAL, limit=3, cursor=cursor)
        seen += [r.id for r in page]
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == names


def test_the_newest_report_answers_for_its_key(store: Store) -> None:
    add(store, "old", created=1.0)
    add(store, "new", created=2.0)
    cached = store.reports.cached(LOCAL, "k")
    assert cached is not None
    assert cached.id == "new"


def test_what_is_past_its_time_is_gone_at_once_and_swept_later(store: Store) -> None:
    now = 100.0
    reports = Reports(store.engine, lambda: now)
    artifacts = Artifacts(store.engine, lambda: now)
    store.blobs.put("r1/a.png", b"picture")
    row = ArtifactRow("r1", "a.png", "image/png", "r1/a.png", 7, 1.0, expires=50.0)
    reports.save(LOCAL, replace(RECORD, id="r1", expires=99.0), [row])
    reports.save(LOCAL, replace(RECORD, id="r2", expires=None))
    with pytest.raises(NotFound):
        reports.get(LOCAL, "r1")
    assert [r.id for r in reports.search(LOCAL)[0]] == ["r2"]
    assert artifacts.of_report(LOCAL, "r1") == []
    assert artifacts.expire() == ["r1/a.png"]
    assert reports.expire() == []
    with pytest.raises(NotFound):
        Reports(store.engine, lambda: 1.0).get(LOCAL, "r1")
    assert reports.get(LOCAL, "r2").id == "r2"


def test_deleting_a_report_deletes_its_pictures_and_is_on_record(store: Store) -> None:
    store.blobs.put("r1/a.png", b"picture")
    row = ArtifactRow("r1", "a.png", "image/png", "r1/a.png", 7, 1.0)
    store.reports.save(LOCAL, replace(RECORD, id="r1"), [row])
    assert store.artifact(LOCAL, "r1", "a.png") == (b"picture", "image/png")
    with pytest.raises(NotFound):
        store.artifact(STRANGER, "r1", "a.png")
    store.delete_report(LOCAL, "r1")
    assert list(store.blobs.keys()) == []
    with pytest.raises(NotFound):
        store.artifact(LOCAL, "r1", "a.png")
    with reading(store.engine) as connection:
        actions = list(connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars())
    assert actions == ["analysis.created", "analysis.deleted"]


def test_a_key_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for key in ("short", "not base64!", base64.b64encode(os.urandom(16)).decode()):
        with pytest.raises(BadSetting):
            Store.open(f"sqlite:///{tmp_path / 'v.db'}", tmp_path / "blobs", blob_keys=key)
