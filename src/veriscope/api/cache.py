"""Reports that were made before: in this process, in Redis for all gateways, in the records; and never twice at once.

The key holds organisation, content, options, program and settings, so a hit is what a new examination would say. What
is deleted is gone from here and from Redis at once, and from other gateways' memory within ``MEMORY_SECONDS``.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import time
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import structlog

from veriscope.api import redis_pool
from veriscope.config import Settings
from veriscope.errors import Fault
from veriscope.jobs.results import STORED_REPORT
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.types import Principal

MEMORY_SECONDS = 10.0
MEMORY_RECORDS = 512
REDIS_SECONDS = 3600
AWAY_SECONDS = 5.0  # after Redis did not answer, it is left alone for so long
_PREFIX = "veriscope:report:"

log = structlog.get_logger("veriscope.cache")


class ResultCache:
    """Belongs to one event loop."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._whole = 3600 * settings.keep_artifacts_hours or math.inf  # seconds in which a report has its pictures
        self._memory: OrderedDict[str, tuple[float, Record]] = OrderedDict()
        self._flights: dict[str, asyncio.Future[Record]] = {}
        self._redis: Any = None
        self._address = ("", 0)
        self._away_until = 0.0
        if settings.redis_url:
            pool = redis_pool.opened(settings.redis_url)
            from redis.asyncio import Redis

            parsed = urlsplit(settings.redis_url)
            self._address = (parsed.hostname or "127.0.0.1", parsed.port or 6379)
            self._redis = Redis.from_pool(pool)  # and closes it

    async def get(self, who: Principal, key: str) -> Record | None:
        """The report under this key, from the nearest place that has it."""
        found = self._remembered(key) or await self._from_redis(key)
        if found is None:
            found = await asyncio.to_thread(self._stored, who, key)
            if found is not None:
                await self._to_redis(key, found)
        if found is not None:
            self._remember(key, found)
        return found

    async def once(self, key: str, make: Callable[[], Awaitable[Record]]) -> Record:
        """What ``make`` gives; whoever asks for the same meanwhile waits and gets the same.

        A sender who goes away does not stop it for the others. Who waited for a fault of ours tries for himself: it may
        have been one of that process, or of the first sender's file.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(make())
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
            return await asyncio.shield(flight)
        try:
            return await asyncio.shield(flight)
        except Fault:
            return await make()

    async def forget(self, record: Record) -> None:
        """The report was deleted."""
        if record.cache_key is None:
            return
        self._memory.pop(record.cache_key, None)
        await self._ask("delete", _PREFIX + record.cache_key)

    def redis_answers(self) -> bool:
        """Whether Redis answers now; asked from any thread, over a connection of its own."""
        try:
            with socket.create_connection(self._address, timeout=1.0) as probe:
                probe.sendall(b"PING\r\n")
                return bool(probe.recv(16))  # any answer, a demand for a password too, is one
        except OSError:
            return False

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    def _landed(self, key: str, flight: asyncio.Future[Record]) -> None:
        self._flights.pop(key, None)
        # a report that was made under load, without some methods, has another key
        if not flight.cancelled() and flight.exception() is None and flight.result().cache_key == key:
            self._remember(key, flight.result())

    def _remembered(self, key: str) -> Record | None:
        at, record = self._memory.get(key, (0.0, None))
        if record is None or time.monotonic() - at > MEMORY_SECONDS or self._past(record):
            self._memory.pop(key, None)
            return None
        return record

    def _remember(self, key: str, record: Record) -> None:
        self._memory.setdefault(key, (time.monotonic(), record))
        while len(self._memory) > MEMORY_RECORDS:
            self._memory.popitem(last=False)

    def _stored(self, who: Principal, key: str) -> Record | None:
        """A report whose pictures are still there; without them it is made again."""
        record = self._store.reports.cached(who, key)
        if record is None:
            return None
        names = {row.name for row in self._store.artifacts.of_report(who, record.id)}
        return record if STORED_REPORT in names else None

    async def _from_redis(self, key: str) -> Record | None:
        packed = await self._ask("get", _PREFIX + key)
        if not packed:
            return None
        try:
            record = Record(**json.loads(zlib.decompress(packed)))
        except (ValueError, TypeError, zlib.error):  # of another version of this program
            return None
        return None if self._past(record) else record

    async def _to_redis(self, key: str, record: Record) -> None:
        if self._redis is not None:
            packed = zlib.compress(json.dumps(asdict(record)).encode(), 1)
            seconds = int(min(REDIS_SECONDS, self._until(record) - time.time()))
            if seconds > 0:
                await self._ask("set", _PREFIX + key, packed, ex=seconds)

    async def _ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        if self._redis is None or time.monotonic() < self._away_until:
            return None
        try:
            return await getattr(self._redis, command)(*arguments, **options)
        except Exception:  # whatever a client library throws: a cache is no reason to fail
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.exception("redis_away")
            return None

    def _until(self, record: Record) -> float:
        """When it is no longer whole, in seconds since the epoch."""
        return min(math.inf if record.expires is None else record.expires, record.created + self._whole)

    def _past(self, record: Record) -> bool:
        return self._until(record) <= time.time()
