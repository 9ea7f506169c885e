"""A database of an older version is brought to the newest with everything in it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, text

from veriscope.store import db
from veriscope.store.jobs import JobTable
from veriscope.store.redactions import Redactions
from veriscope.store.reports import Reports
from veriscope.store.tables import artifacts, audit, jobs, metadata, reports
from veriscope.types import LOCAL, JobState, Queue

from tests.unit.store.test_redactions import WANTED


def migrate(engine: Engine, revision: str, way: Callable[[Config, str], None] = command.upgrade) -> None:
    config = db._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        way(config, revision)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


@pytest.fixture
def old(database_url: str) -> Engine:
    """A database as the first version left it, with a row in every table."""
    engine = db.open_database(database_url, migrate=False)
    migrate(engine, "0001")
    owned = {"organisation_id": "local", "created_by": "local"}
    now = time.time()
    job = {"id": "j" * 32, "kind": "analysis", "queue": "media", "state": "waiting", "payload": {"spool": "x/y"}}
    report = {"id": "r" * 32, "name": "ảnh.jpg", "sha256": "ab" * 32, "kind": "image", "label": "Suspicious"}
    artifact = {"id": "a" * 32, "report_id": "r" * 32, "name": "p", "media_type": "image/png", "blob_key": "r/p"}
    with engine.begin() as connection:
        connection.execute(insert(jobs).values(**owned, **job, created=now))
        connection.execute(insert(reports).values(**owned, **report, risk=61.5, body={"en": {"a": 1}}, created=now))
        connection.execute(insert(artifacts).values(**owned, **artifact, size=3, created=now))
        connection.execute(insert(audit).values(**owned, at=now, action="analysis.created", subject="r", details={}))
    return engine


def test_an_old_database_is_upgraded_with_its_rows(old: Engine) -> None:
    assert "redactions" not in tables(old)
    with old.begin() as connection:
        before = {t.name: connection.execute(t.select()).all() for t in (jobs, reports, artifacts, audit)}
    db.upgrade(old)
    with old.begin() as connection:
        assert {t.name: connection.execute(t.select()).all() for t in (jobs, reports, artifacts, audit)} == before
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == db.head()
    table = JobTable(old)
    assert Reports(old).get(LOCAL, "r" * 32).name == "ảnh.jpg"
    claimed = table.claim("w", [Queue.MEDIA])
    assert claimed is not None
    assert claimed.payload == {"spool": "x/y"}
    rows = Redactions(old, table, clock=time.time)
    job = rows.submit(LOCAL, WANTED, {}, priority=0, limit=None)
    assert rows.get(LOCAL, job.id)[1].state is JobState.WAITING
    old.dispose()


def test_the_way_back(old: Engine) -> None:
    db.upgrade(old)
    migrate(old, "0001", command.downgrade)
    assert "redactions" not in tables(old)
    db.upgrade(old)
    assert "redactions" in tables(old)
    old.dispose()
