"""The database: engine, migrations, transactions."""

from __future__ import annotations

import importlib.resources
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

_SCHEMA_LOCK = 0x56455249  # any number that nothing else locks


def open_database(url: str, *, migrate: bool = True) -> Engine:
    """An engine on ``url``, brought to the newest schema.

    SQLite runs in WAL mode so that readers and one writer do not wait for each other, and takes the write
    lock at BEGIN: a transaction that read first and wrote later could otherwise fail in the middle.
    """
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, pool_pre_ping=not sqlite)
    if sqlite:
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    if migrate:
        upgrade(engine)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000"):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("veriscope.store") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing."""
    config = _config()
    with engine.begin() as connection:
        # another process may be starting at the same moment: BEGIN IMMEDIATE, or the lock, makes it wait its turn
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
        if MigrationContext.configure(connection).get_current_revision() == head():
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction; committed when the block ends, rolled back when it raises."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the records; it never waits for a writer."""
    with engine.connect().execution_options(only_reads=True) as connection:
        yield connection
