"""Fixtures for all tests. Nothing here fakes a part of Veriscope."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import servers

settings.register_profile("veriscope", deadline=None)  # a first call loads tables; a busy machine is slow
settings.load_profile("veriscope")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The real media, or a skip that says why (in CI their absence is a failure)."""
    folder = Path(os.environ.get("VERISCOPE_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not (folder / "README.md").is_file():
        message = f"no test media in {folder}: set VERISCOPE_DATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process."""
    pytest.importorskip("psycopg", reason="the scale extra is not installed")
    with servers.postgres() as (url, _):
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("redis", reason="the scale extra is not installed")
    with servers.redis_server(tmp_path_factory.mktemp("redis") / "r") as (url, _):
        yield url


@pytest.fixture(scope="session")
def rabbit_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("celery", reason="the scale extra is not installed")
    with servers.rabbitmq(tmp_path_factory.mktemp("rabbit") / "r") as (url, _):
        yield url


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3-compatible endpoint; the environment holds its credentials."""
    pytest.importorskip("boto3", reason="the scale extra is not installed")
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with servers.s3(tmp_path_factory.mktemp("s3") / "s") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'v.db'}"
    import psycopg

    url: str = request.getfixturevalue("postgres_url")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.rsplit("/", 1)[0] + "/" + name
