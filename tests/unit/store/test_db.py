"""Databases open, migrate once however many open them, and look the same on every engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from veriscope.store.db import open_database
from veriscope.store.tables import metadata


def test_many_gateways_may_start_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(open_database, [database_url] * 6))
    for engine in engines:
        engine.dispose()


def test_migrations_make_the_tables_that_the_code_reads(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
