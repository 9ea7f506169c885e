"""How many requests an address, or a token, may send: counted in this process, or in Redis for all gateways."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from veriscope.api import redis_pool
from veriscope.config import Settings
from veriscope.errors import RateLimited

AWAY_SECONDS = 5.0  # after Redis did not answer, this process counts by itself for so long

log = structlog.get_logger("veriscope.limits")


@dataclass(frozen=True, slots=True)
class Count:
    """Where a sender stands: ``remaining`` of ``most`` until ``reset`` seconds from now."""

    most: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class Limits:
    """Fixed windows for addresses, for uploads of addresses, and for tokens."""

    def __init__(self, settings: Settings) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None
        self._pool: Any = None
        if settings.redis_url:
            self._pool = redis_pool.opened(settings.redis_url)
            storage = RedisStorage(f"async+{settings.redis_url}", implementation="redispy", connection_pool=self._pool)
            self._shared = FixedWindowRateLimiter(storage)
        self._away_until = 0.0
        self._rates = {
            "any": parse(settings.rate_limit),
            "upload": parse(settings.upload_rate_limit),
            "token": parse(settings.token_rate_limit),
        }

    async def count(self, kind: str, who: str) -> tuple[Count, RateLimited | None]:
        """Count a request of ``kind`` (``any``, ``upload``, ``token``) by ``who``; the error if it is one too many."""
        rate = self._rates[kind]
        allowed, found = await self._hit(rate, kind, who)
        if allowed:
            return found, None
        return found, RateLimited(f"More than {rate.amount} requests in this time.", retry_after=found.reset)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def _hit(self, rate: RateLimitItem, kind: str, who: str) -> tuple[bool, Count]:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return await _counted(self._shared, rate, kind, who)
            except Exception:  # whatever a client library throws: a limit is no reason to refuse everybody
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.exception("redis_away")
        return await _counted(self._own, rate, kind, who)


async def _counted(limiter: FixedWindowRateLimiter, rate: RateLimitItem, kind: str, who: str) -> tuple[bool, Count]:
    allowed = await limiter.hit(rate, kind, who)
    window = await limiter.get_window_stats(rate, kind, who)
    reset = max(1, math.ceil(window.reset_time - time.time()))
    return allowed, Count(rate.amount, max(0, window.remaining), reset)
