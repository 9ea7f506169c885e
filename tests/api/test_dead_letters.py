"""A job whose decoder was killed, and a callback that nobody took: found in the list, and tried again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.making import film, tone, wav
from tests.servers import free_port
from tests.serving import Server, children, eventually, niceness

pytestmark = pytest.mark.e2e
JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, job_retries=0, sweep_seconds=1, fetch_private=True, text_processes=0) as running:
        yield running


def dead(client: httpx.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(JOBS, params={"dead": True}).json()["items"]
    return items


def state(client: httpx.Client, job: str) -> str:
    return str(client.get(f"{JOBS}/{job}").json()["state"])


def struck(server: Server, client: httpx.Client, folder: Path, rate: int) -> str:
    """A job that failed because its decoder was killed."""
    clip = film(folder / "f.mp4", seconds=6, size=(480, 360), fps=25).read_bytes()
    options = {"rate": str(rate), "policy": "quick"}
    job = str(client.post("/api/v1/analyses", files={"file": ("f.mp4", clip)}, data=options).json()["jobId"])
    worker = next(pid for pid in children(server.pid) if niceness(pid) > niceness(server.pid))
    eventually(lambda: client.get(f"{JOBS}/{job}").json()["percent"] > 3)
    for decoder in children(worker):
        os.kill(decoder, signal.SIGKILL)
    eventually(lambda: state(client, job) == "failed")
    return job


def test_a_killed_decoder(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        job = struck(server, client, tmp_path, 25)
        (found,) = dead(client)
        assert (found["jobId"], found["error"]["code"], found["retryable"]) == (job, "decoder_lost", True)
        assert len(server.spooled()) == 1
        assert client.post(f"{JOBS}/{job}/retry").status_code == 202
        eventually(lambda: state(client, job) == "completed", 60)
        assert client.get(f"{JOBS}/{job}/result").status_code == 200
        assert dead(client) == []
        eventually(lambda: server.spooled() == [])
        again = client.post(f"{JOBS}/{job}/retry")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_given_up(server: Server, tmp_path: Path) -> None:
    with server.client() as client:
        job = struck(server, client, tmp_path, 24)
        view = client.delete(f"{JOBS}/{job}")
        assert (view.status_code, view.json()["state"], view.json()["retryable"]) == (202, "failed", False)
        assert server.spooled() == []
        again = client.post(f"{JOBS}/{job}/retry")
        assert (again.status_code, again.json()["error"]["message"]) == (409, "The file of this job is gone.")
        assert client.delete(f"{JOBS}/{job}").status_code == 409


def test_a_callback_that_nobody_took(server: Server) -> None:
    port, heard = free_port(), threading.Event()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            heard.set()

    with server.client() as client:
        url = f"http://127.0.0.1:{port}/done"
        client.post("/api/v1/analyses", files={"file": ("a.wav", wav(tone()))}, data={"callbackUrl": url})
        (found,) = eventually(lambda: [job for job in dead(client) if job["kind"] == "callback"], 60)
        assert (found["source"], found["retryable"]) == (None, True)
        listener = HTTPServer(("127.0.0.1", port), Listener)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        assert client.post(f"{JOBS}/{found['jobId']}/retry").json()["state"] == "waiting"
        assert heard.wait(30)
        eventually(lambda: all(job["kind"] != "callback" for job in dead(client)))
        listener.shutdown()
        listener.server_close()
