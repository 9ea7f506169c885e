"""The access log, request ids and the last net: whatever goes wrong, the answer has the one error shape."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veriscope import tracing
from veriscope.api.errors import answer
from veriscope.api.metrics import Metrics
from veriscope.errors import Internal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
CLIENT_GONE = 499  # as nginx logs it; nobody receives it

log = structlog.get_logger("veriscope.access")


class AccessLog:
    """Outermost ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        facts: dict[str, Any] = {"request_id": request_id, "parameters": _query(scope)}
        scope["veriscope"] = facts
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(raw=message["headers"])["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id), _span(scope, request_id) as span:
            try:
                await self._app(scope, receive, watched)
            except ClientDisconnect:
                status = CLIENT_GONE
            except Exception:
                facts["error"] = Internal.code
                log.exception("request_failed", path=scope["path"])
                if status == 0 and scope["type"] == "http":
                    await answer(Internal("Something went wrong here."))(scope, receive, watched)
            finally:
                route = self._write(scope, facts, status, time.perf_counter() - began)
                span.rename(f"{scope.get('method', 'WS')} {route}")
                span.note(http_route=route, http_response_status_code=status)
                if status >= 500:
                    span.fail(facts.get("error") or str(status))

    def _write(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> str:
        method = scope.get("method", "WS")
        route = getattr(scope.get("route"), "path", None) or ("page" if status < 400 else "unknown")
        self._metrics.request(method, route, status, seconds, facts.get("error"))
        log.info(
            "request",
            address=facts.get("address"),
            method=method,
            path=scope["path"],
            parameters=facts["parameters"],
            status=status,
            ms=round(seconds * 1000, 1),
            user=getattr(facts.get("principal"), "user", None),
            code=facts.get("error"),
        )
        return route


def _span(scope: Scope, request_id: str) -> AbstractContextManager[tracing.Span]:
    """The span of a request, below the sender's own; none for those who only look whether we live."""
    if scope["path"].startswith(("/health", "/metrics")):
        return nullcontext(tracing.Span())
    headers = Headers(scope=scope)
    sent = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
    return tracing.span(scope["type"], sent, "server", request_id=request_id)


def _query(scope: Scope) -> dict[str, str]:
    """What was asked in the address, without texts: content does not belong into a log."""
    pairs = parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"))
    return {name[:40]: value[:200] for name, value in pairs if name != "text"}
