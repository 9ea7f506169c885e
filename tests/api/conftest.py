"""One real server for all tests of the API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.serving import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with Server(
        folder, rate_limit="100000/minute", upload_rate_limit="100000/minute", fetch_private=True, max_bytes=20_000_000
    ) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened
