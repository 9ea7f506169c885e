"""Who may ask, from where, and how often."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriscope.api.app import create_app
from veriscope.api.security import client_address
from veriscope.config import load

TOKEN = "correct-horse-battery"
OTHER = "another-token-of-mine"


def ask(
    settings: dict[str, Any], *requests: tuple[str, str, dict[str, str]], host: str = "localhost"
) -> list[httpx.Response]:
    """Answers of an application whose processes were never started: only the guard is asked."""

    async def run() -> list[httpx.Response]:
        app = create_app(load(**settings))
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return [await client.request(method, path, headers=headers) for method, path, headers in requests]

    return asyncio.run(run())


def one(
    settings: dict[str, Any], path: str = "/health", method: str = "GET", host: str = "localhost", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(settings, (method, path, named), host=host)[0]


def test_every_route_but_one_demands_a_token(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "tokens": TOKEN, "host": "0.0.0.0"}
    described = create_app(load(**settings)).openapi()["paths"]
    paths = {re.sub(r"{\w+}", "x", path): next(iter(methods)).upper() for path, methods in described.items()}
    assert len(paths) > 20
    asked = [("GET", "/", {}), ("GET", "/api/v1/openapi.json", {}), ("GET", "/nothing", {})]
    asked += [(method, path, {}) for path, method in paths.items()]
    for (_, path, _), answer in zip(asked, ask(settings, *asked), strict=True):
        assert answer.status_code == (200 if path == "/health/live" else 401), path
        if path != "/health/live":
            assert answer.json()["error"]["code"] == "unauthorised"
            assert "Bearer" in answer.headers["www-authenticate"]


def test_tokens(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "tokens": f"{TOKEN},{OTHER}"}
    basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    for header in (f"Bearer {TOKEN}", f"bearer {OTHER}", f"Basic {basic}"):
        assert one(settings, authorization=header).status_code == 200, header
    for header in ("", "Bearer", "Bearer x", f"Bearer {TOKEN}x", TOKEN, "Basic !!!", "Basic eDp5"):
        assert one(settings, authorization=header).status_code == 401, header


def test_a_name_that_is_not_ours_is_refused_without_tokens(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path}
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.0.0.2"):
        assert one(settings, host=host).status_code == 200, host
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "192.0.2.1"):
        assert one(settings, host=host).status_code == 403, host
    with_tokens = {**settings, "tokens": TOKEN}
    assert one(with_tokens, host="our.name", authorization=f"Bearer {TOKEN}").status_code == 200


def test_other_pages_may_not_write(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path}
    path = "/health/live"  # does not take POST: 405 says that the guard let it pass
    for headers, status in (
        ({}, 405),
        ({"origin": "http://localhost:8000"}, 405),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-origin"}, 405),
    ):
        assert one(settings, path, "POST", "localhost:8000", **headers).status_code == status, headers


def test_limits_by_address(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "rate_limit": "3/minute", "upload_rate_limit": "2/hour"}
    answers = ask(settings, *[("GET", "/health", {})] * 4, ("GET", "/health/live", {}), ("GET", "/nothing", {}))
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 200, 404]
    assert [a.headers["ratelimit-remaining"] for a in answers[:4]] == ["2", "1", "0", "0"]
    assert answers[3].json()["error"]["code"] == "rate_limited"
    assert 0 < int(answers[3].headers["retry-after"]) <= 60
    uploads = ask(settings, *[("POST", "/api/upload", {"origin": "http://localhost"})] * 3)
    assert [a.status_code for a in uploads][2] == 429
    assert 60 < int(uploads[2].headers["retry-after"]) <= 3600
    proxied = {**settings, "trusted_proxies": ("192.0.2.7",), "rate_limit": "1/minute"}
    answers = ask(proxied, *[("GET", "/health", {"x-forwarded-for": f"198.51.100.{i}"}) for i in (1, 2, 2)])
    assert [a.status_code for a in answers] == [200, 200, 429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # an untrusted peer can say what it likes
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # what was sent to the proxy is not believed
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: str, address: str) -> None:
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert client_address(scope, ("10.0.0.1", "10.0.0.2")) == address


def test_what_goes_wrong_inside_keeps_the_one_shape(tmp_path: Path) -> None:
    answer = one({"data_dir": tmp_path}, "/api/v1/jobs")  # its store was never opened
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"]
