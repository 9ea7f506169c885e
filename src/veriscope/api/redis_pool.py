"""Connections to the Redis that gateways share."""

from __future__ import annotations

from typing import Any

from veriscope.errors import BadSetting

WAIT = 1.0  # seconds for a connection, and for an answer: a gateway goes on without Redis


def opened(url: str) -> Any:
    """A pool of ``redis.asyncio`` connections, none of them made yet.

    Raises:
        BadSetting: the package redis is not installed.
    """
    try:
        from redis.asyncio import ConnectionPool
    except ModuleNotFoundError as exc:
        raise BadSetting(
            "redis_url needs the package redis.", hint="Install the scale extra: pip install 'veriscope[scale]'."
        ) from exc
    return ConnectionPool.from_url(url, socket_timeout=WAIT, socket_connect_timeout=WAIT)
