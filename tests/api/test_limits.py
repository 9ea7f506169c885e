"""Limits hold across gateways and restarts, and a Redis that is away stops nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from veriscope.api.limits import Limits
from veriscope.config import load

from tests import servers
from tests.api.test_security import ask

TOKEN = "a-token-of-sixteen-letters"


async def _hits(limits: Limits, count: int, kind: str = "any", who: str = "192.0.2.1") -> list[bool]:
    return [(await limits.count(kind, who))[1] is None for _ in range(count)]


@pytest.mark.e2e
def test_gateways_count_together_and_a_restart_forgets_nothing(redis_url: str, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, redis_url=redis_url, rate_limit="5/hour")

    async def run() -> list[list[bool]]:
        one, other, restarted = (Limits(settings) for _ in range(3))
        answers = [await _hits(one, 3), await _hits(other, 3), await _hits(restarted, 1)]
        answers.append(await _hits(one, 1, who="192.0.2.2"))
        for limits in (one, other, restarted):
            await limits.close()
        return answers

    assert asyncio.run(run()) == [[True] * 3, [True, True, False], [False], [True]]


@pytest.mark.e2e
def test_without_redis_each_gateway_counts_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("redis", reason="the scale extra is not installed")
    with servers.redis_server(tmp_path / "redis") as (url, daemon):
        settings = load(data_dir=tmp_path, redis_url=url, rate_limit="3/hour")

        async def run() -> tuple[list[bool], list[bool]]:
            limits = Limits(settings)
            before = await _hits(limits, 2)
            daemon.stop()
            after = await _hits(limits, 4)
            await limits.close()
            return before, after

        assert asyncio.run(run()) == ([True, True], [True, True, True, False])


def test_a_token_is_limited_wherever_it_is_used_from(tmp_path: Path) -> None:
    settings = {
        "data_dir": tmp_path,
        "tokens": (TOKEN,),
        "token_rate_limit": "2/minute",
        "trusted_proxies": ("192.0.2.7",),
    }
    signed = {"authorization": f"Bearer {TOKEN}"}
    answers = ask(settings, *[("GET", "/health", {**signed, "x-forwarded-for": f"198.51.100.{i}"}) for i in range(3)])
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["ratelimit-limit"] for a in answers] == ["2"] * 3, "the nearer of the two limits is told"
    wrong = ask(settings, ("GET", "/health", {"authorization": "Bearer wrong-token-of-sixteen"}))
    assert wrong[0].status_code == 401
