"""Who asks, and whether they may: addresses, tokens, limits, and the headers that protect the page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veriscope.api.errors import answer
from veriscope.api.limits import Limits
from veriscope.config import Settings, is_loopback
from veriscope.errors import Denied, Unauthorised, VeriscopeError
from veriscope.types import LOCAL, Principal

OPEN = frozenset({"/health/live"})  # answered without a token, so that a probe needs none
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
UPLOADS = re.compile(
    r"/api/v1/(analyses|redactions)/?|/api/(upload|analyze|detect|deepfake|fakenews)/?|/api/v1/analyze/[a-z-]+/?"
)

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# what people uploaded, and reports about it, can neither run scripts nor load anything
DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def principal(scope: MutableMapping[str, Any]) -> Principal:
    """Who asks, as the guard found out."""
    found: Principal = scope["veriscope"]["principal"]
    return found


def client_address(scope: Scope, trusted: tuple[str, ...]) -> str:
    """The sender's address; what proxies say is believed only of proxies that are trusted."""
    address = (scope.get("client") or ("unknown", 0))[0]
    hops = Headers(scope=scope).get("x-forwarded-for", "")
    for hop in reversed([h.strip() for h in hops.split(",") if h.strip()]):
        if address not in trusted:
            break
        address = hop
    return str(address)[:64]


class Guard:
    """ASGI middleware: refuses what may not pass, and says in the scope whose request it is."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._tokens = [token.get_secret_value().encode() for token in settings.tokens]
        self._limits = Limits(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        facts = scope.setdefault("veriscope", {})
        facts["address"] = client_address(scope, self._settings.trusted_proxies)
        extra: dict[str, str] = {}
        try:
            facts["principal"] = await self._admit(scope, facts["address"], extra)
        except VeriscopeError as error:
            facts["error"] = error.code
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": error.message[:120]})
                return
            await answer(error)(scope, receive, self._dressed(send, extra))
            return
        await self._app(scope, receive, self._dressed(send, extra))

    async def _admit(self, scope: Scope, address: str, extra: dict[str, str]) -> Principal:
        headers = Headers(scope=scope)
        path = scope["path"]
        self._check_host(headers)
        if scope["type"] == "websocket" or scope["method"] not in SAFE:
            _check_origin(headers)
        if path not in OPEN and path.startswith(("/api/", "/health", "/metrics")):
            upload = scope.get("method", "GET") == "POST" and UPLOADS.fullmatch(path) is not None
            await self._count("upload" if upload else "any", address, extra)
        if path in OPEN or not self._tokens:
            return LOCAL
        who = self._signed_in(headers)  # after the address was counted: guessing is limited, too
        await self._count("token", who.user, extra)
        return who

    async def _count(self, kind: str, who: str, extra: dict[str, str]) -> None:
        """The headers tell of the limit that is nearer."""
        found, error = await self._limits.count(kind, who)
        if error is not None or not extra or found.remaining < int(extra["RateLimit-Remaining"]):
            extra |= found.headers()
        if error is not None:
            raise error

    def _check_host(self, headers: Headers) -> None:
        # without tokens anybody on this machine may ask, so a web page that points its own name at 127.0.0.1
        # (DNS rebinding) must not pass for a local user
        if self._tokens:
            return
        host = _host(headers.get("host", ""))
        if host != self._settings.host and not is_loopback(host):
            raise Denied(f"This service answers to localhost only, not to {host or 'no name'}.")

    def _signed_in(self, headers: Headers) -> Principal:
        given = _token(headers.get("authorization", ""))
        # every token is compared, and in constant time, so that the time tells nothing
        matches = [token for token in self._tokens if hmac.compare_digest(token, given)]
        if not matches:
            raise Unauthorised("A token is needed." if not given else "The token is not known.")
        return Principal(user=f"token-{hashlib.sha256(given).hexdigest()[:12]}")

    @staticmethod
    def _dressed(send: Send, extra: dict[str, str]) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in {**_HEADERS, "Content-Security-Policy": PAGE_POLICY, **extra}.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return dressed


def _token(authorization: str) -> bytes:
    """The token of a ``Bearer`` header, or the password of a ``Basic`` one, which browsers can ask for."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""


def _host(value: str) -> str:
    """The name in a Host header, without the port."""
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.rpartition(":")[0] if value.count(":") == 1 else value


def _check_origin(headers: Headers) -> None:
    """A browser says on whose behalf it writes; only our own page may."""
    origin = headers.get("origin")
    if origin is not None:
        if origin.partition("://")[2].lower() != headers.get("host", "").lower():
            raise Denied("Other web pages may not send requests here.")
    elif headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise Denied("Other web pages may not send requests here.")


def facts(request: Request) -> dict[str, Any]:
    """What the access log will say of this request; routes add the parameters."""
    found: dict[str, Any] = request.scope["veriscope"]
    return found
