"""The same thing is examined once, however often and wherever it is sent; what was deleted is not served."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriscope.api.cache import ResultCache
from veriscope.config import load
from veriscope.errors import DamagedMedia, Internal
from veriscope.jobs.results import open_store
from veriscope.store.reports import Record
from veriscope.types import LOCAL

from tests.making import encoded, photo
from tests.serving import Server

RECORD = Record(
    "r0", "a.jpg", "ab" * 32, "image", "Suspicious", 61.5, {"en": {"x": 1}}, cache_key="k", created=time.time()
)


def send(client: httpx.Client, data: bytes, **headers: str) -> dict[str, Any]:
    answer = client.post("/api/v1/analyses", files={"file": ("a.jpg", data)}, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.e2e
def test_ten_at_once_are_examined_once(server: Server) -> None:
    data = encoded(photo(seed=4321))
    with server.client() as client, ThreadPoolExecutor(10) as pool:
        ids = {body["analysisId"] for body in pool.map(lambda _: send(client, data), range(10))}
        assert len(ids) == 1
        assert send(client, data)["analysisId"] in ids
        other = send(client, data, **{"cache-control": "no-cache"})
        assert other["analysisId"] not in ids


@pytest.mark.e2e
def test_what_was_deleted_is_examined_again(server: Server) -> None:
    data = encoded(photo(seed=4322))
    with server.client() as client:
        first = send(client, data)["analysisId"]
        assert client.delete(f"/api/v1/analyses/{first}").status_code == 204
        assert client.delete(f"/api/v1/analyses/{first}").status_code == 404
        assert send(client, data)["analysisId"] != first


@pytest.mark.e2e
def test_gateways_share_through_redis_and_survive_without(redis_url: str, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, redis_url=redis_url)
    store = open_store(settings)

    async def run() -> tuple[Record | None, ...]:
        one, other = ResultCache(settings, store), ResultCache(settings, store)
        await one._to_redis("k", RECORD)
        shared = await other.get(LOCAL, "k")
        await other.forget(RECORD)
        gone = await other.get(LOCAL, "k"), await one.get(LOCAL, "k")
        away = ResultCache(load(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"), store)
        alone = await away.get(LOCAL, "k")
        for cache in (one, other, away):
            await cache.close()
        return (shared, *gone, alone)

    assert asyncio.run(run()) == (RECORD, None, None, None)
    store.close()


def test_who_waited_shares_bad_news_but_not_our_faults(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    store = open_store(settings)
    made: list[str] = []

    async def run(error: Exception | None) -> list[Any]:
        cache = ResultCache(settings, store)

        async def make(name: str) -> Record:
            made.append(name)
            await asyncio.sleep(0.05)
            if error is not None and name == "first":
                raise error
            return RECORD

        work = [cache.once("k", lambda name=name: make(name)) for name in ("first", "second", "third")]  # type: ignore[misc]
        return await asyncio.gather(*work, return_exceptions=True)

    assert asyncio.run(run(None)) == [RECORD] * 3
    assert made == ["first"]
    made.clear()
    answers = asyncio.run(run(DamagedMedia("broken")))
    assert [type(a) for a in answers] == [DamagedMedia] * 3
    assert made == ["first"]
    made.clear()
    answers = asyncio.run(run(Internal("died")))
    assert [type(a) for a in answers] == [Internal, Record, Record]
    assert made == ["first", "second", "third"]
    store.close()
