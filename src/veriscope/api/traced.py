"""A process of the pool whose requests come with the trace that they belong to."""

from __future__ import annotations

from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, cast

from veriscope import tracing
from veriscope.api import answer
from veriscope.config import Settings
from veriscope.errors import VeriscopeError


class _Traced:
    """The child's end of the connection: from each request to its answer there is a span."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._spans = ExitStack()
        self._span = tracing.Span()

    def recv(self) -> Any:
        parent, asked = self._connection.recv()
        self._span = self._spans.enter_context(tracing.span(f"pool {type(asked).__name__.lower()}", parent))
        return asked

    def send(self, message: tuple[str, Any]) -> None:
        said, what = message
        if said in {"done", "error"}:
            if isinstance(what, VeriscopeError):
                self._span.fail(what.code)
            self._spans.close()
        self._connection.send(message)


def serve(connection: Connection, settings: Settings) -> None:
    """As ``answer.serve``, for a parent that sends pairs: trace and request."""
    answer.serve(cast("Connection", _Traced(connection)), settings)
