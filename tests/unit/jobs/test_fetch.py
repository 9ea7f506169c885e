"""Links: the public internet only, whatever name or redirect leads elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from veriscope.errors import TooLarge, UnreachableUrl
from veriscope.jobs import fetch
from veriscope.jobs.fetch import CallbackFailed
from veriscope.media.intake import Intake
from veriscope.media.limits import Limits

LIMITS = Limits(max_bytes=1000)


class Site(BaseHTTPRequestHandler):
    """``/to/N`` redirects N times, ``/size/N`` sends N bytes, ``/away`` redirects to a private address."""

    seen: list[tuple[str, bytes, str]]

    def do_GET(self) -> None:
        _, what, *rest = self.path.split("/")
        if what == "to" and rest[0] != "0":
            self._send(302, {"Location": f"/to/{int(rest[0]) - 1}"})
        elif what == "elsewhere":
            self._send(302, {"Location": "ftp://127.0.0.1/x"})
        elif what == "size":
            self._send(200, {}, b"x" * int(rest[0]))
        elif what == "slow":
            self.server.stop.wait(20)  # type: ignore[attr-defined]
        elif what == "missing":
            self._send(404, {})
        else:
            self._send(200, {}, b"hello")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, body, self.headers["Host"]))  # type: ignore[attr-defined]
        self._send(500 if self.path == "/broken" else 204, {})

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.seen = []  # type: ignore[attr-defined]
    server.stop = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    with serving() as server:
        yield server


def get(url: str, folder: Path, *, private: bool = True, timeout: float = 5.0) -> bytes:
    with Intake(folder, "x", LIMITS) as intake:
        asyncio.run(fetch.fetch(url, intake, timeout=timeout, private=private))
        return intake.finish().path.read_bytes()


def address(site: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{site.server_port}{path}"


def test_a_link_is_fetched_through_redirects(site: ThreadingHTTPServer, tmp_path: Path) -> None:
    assert get(address(site, "/"), tmp_path) == b"hello"
    assert get(address(site, "/to/5"), tmp_path) == b"hello"


@pytest.mark.parametrize("path", ["/to/6", "/elsewhere", "/missing"])
def test_what_leads_nowhere_is_refused_and_leaves_nothing(site: ThreadingHTTPServer, tmp_path: Path, path: str) -> None:
    with pytest.raises(UnreachableUrl):
        get(address(site, path), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_size_and_time_are_limited(site: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        get(address(site, "/size/1001"), tmp_path)
    with pytest.raises(UnreachableUrl, match="within"):
        get(address(site, "/slow"), tmp_path, timeout=0.5)
    assert list(tmp_path.iterdir()) == []


def test_loopback_is_refused_unless_the_settings_allow_it(site: ThreadingHTTPServer, tmp_path: Path) -> None:
    for host in ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        with pytest.raises(UnreachableUrl):
            get(f"http://{host}:{site.server_port}/", tmp_path, private=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "ip",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "2002:7f00:0001::",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_addresses_that_are_not_public(ip: str) -> None:
    with pytest.raises(UnreachableUrl):
        fetch.check_address(ip)


@pytest.mark.parametrize("ip", ["1.1.1.1", "93.184.216.34", "2606:4700::1111"])
def test_addresses_that_are_public(ip: str) -> None:
    fetch.check_address(ip)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "javascript:1", "", "//x", "http://"])
def test_what_is_no_link(url: str) -> None:
    with pytest.raises(UnreachableUrl):
        fetch.parse(url)


def test_names_with_passwords_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreachableUrl):
        get("http://user:pw@127.0.0.1/", tmp_path)


def test_file_names_of_links() -> None:
    assert fetch.file_name(httpx.URL("https://x.org/a/%E1%BA%A3nh.jpg?size=1")) == "ảnh.jpg"
    assert fetch.file_name(httpx.URL("https://x.org/")) == "x.org"


def test_callbacks(site: ThreadingHTTPServer) -> None:
    def deliver(path: str, *, private: bool = True) -> None:
        asyncio.run(fetch.deliver(address(site, path), {"jobId": "j"}, timeout=5, private=private))

    deliver("/done")
    assert site.seen == [("/done", b'{"jobId":"j"}', f"127.0.0.1:{site.server_port}")]  # type: ignore[attr-defined]
    with pytest.raises(CallbackFailed) as failed:
        deliver("/broken")
    assert failed.value.retryable
    with pytest.raises(UnreachableUrl):
        deliver("/done", private=False)
