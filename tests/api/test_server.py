"""Stopping the server, and what the page costs to load."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from veriscope.api import pages

from tests.serving import Server, children, eventually, running


@pytest.mark.parametrize("gap", [0.05, 0.5])
def test_a_second_signal_stops_at_once_and_quietly(tmp_path: Path, gap: float) -> None:
    with Server(tmp_path) as server:
        own = children(server.pid)
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as sender:  # an upload that never ends holds the first one up
            head = (
                f"POST /api/v1/analyses HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/octet-stream\r\n"
            )
            sender.sendall((head + "Content-Length: 1000000\r\n\r\n").encode() + bytes(1000))
            time.sleep(0.5)
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(gap)
            assert running(server.pid)
            begun = time.monotonic()
            assert server.stop() == 1
            assert time.monotonic() - begun < 2
        assert "Traceback" not in server.log.read_text()
        assert eventually(lambda: not any(running(pid) for pid in own))


def test_the_page_is_compressed_for_whoever_can_read_that(tmp_path: Path) -> None:
    script = "const words = 'the same words again and again';\n" * 400
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>x</title>")
    (assets / "index-abc.js").write_text(script)
    app = FastAPI()
    pages.install(app, tmp_path)
    client = TestClient(app)
    with client.stream("GET", "/assets/index-abc.js", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["Vary"].lower()
    assert "immutable" in answer.headers["Cache-Control"]
    assert len(raw) < len(script) / 10
    assert gzip.decompress(raw).decode() == script
    plain = client.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.text == script
    small = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers
    known = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]}
    assert client.get("/assets/index-abc.js", headers=known).status_code == 304
