"""``kill -9`` in the middle of a video: nothing is lost, and nothing is done twice to a different end."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.making import film
from tests.serving import Server, children, eventually, niceness, running

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    return film(path, seconds=6, size=(480, 360), fps=25).read_bytes()


def send(client: httpx.Client, clip: bytes, name: str = "clip.mp4") -> str:
    answer = client.post("/api/v1/analyses", files={"file": (name, clip)}, data={"rate": "10"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def view(client: httpx.Client, job: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
    return found


def in_the_middle(client: httpx.Client, job: str) -> bool:
    return 5 < view(client, job)["percent"] < 80


def finished(client: httpx.Client, job: str) -> dict[str, Any]:
    found: dict[str, Any] = eventually(
        lambda: (now := view(client, job))["state"] in {"completed", "failed", "cancelled"} and now, 120
    )
    return found


def rows(server: Server, query: str) -> list[Any]:
    connection = sqlite3.connect(server.data / "veriscope.db", timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_the_job_process_is_killed(tmp_path: Path, clip: bytes) -> None:
    with Server(tmp_path) as server, server.client() as client:
        job = send(client, clip)
        eventually(lambda: in_the_middle(client, job))
        victim = next(pid for pid in children(server.pid) if niceness(pid) > niceness(server.pid))
        decoders = children(victim)
        os.kill(victim, signal.SIGKILL)
        done = finished(client, job)
        assert (done["state"], done["attempts"]) == ("completed", 2)
        assert client.get(f"/api/v1/jobs/{job}/result").json()["analysisId"] == done["analysisId"]
        eventually(lambda: server.spooled() == [])
        eventually(lambda: not any(running(pid) for pid in decoders))
        assert rows(server, "select count(*) from reports") == [(1,)]


def test_the_gateway_is_killed(tmp_path: Path, clip: bytes) -> None:
    server = Server(tmp_path, sweep_seconds=1)
    with server, server.client() as client:
        jobs = [send(client, clip), send(client, clip, "second.mp4")]
        eventually(lambda: in_the_middle(client, jobs[0]))
        family = children(server.pid)
        assert len(family) >= 3
        assert len(server.spooled()) == 2
        server.stop(signal.SIGKILL)
        eventually(lambda: not any(running(pid) for pid in family))
        assert len(server.spooled()) == 2
        assert rows(server, "select state from jobs order by created") == [("active",), ("waiting",)]
    with server, server.client() as client:
        done = [finished(client, job) for job in jobs]
        assert [(job["state"], job["attempts"]) for job in done] == [("completed", 2), ("completed", 1)]
        eventually(lambda: server.spooled() == [])
        reports = rows(server, "select job_id, id from reports")
        assert dict(reports) == {job["jobId"]: job["analysisId"] for job in done}
        assert len(reports) == 2
        first, second = (client.get(f"/api/v1/jobs/{job}/result").json() for job in jobs)
        assert first["overallAssessment"] == second["overallAssessment"]
        named = {row[0] for row in rows(server, "select distinct report_id from artifacts")}
        assert named == {job["analysisId"] for job in done}
        family = children(server.pid)
        assert server.stop() == 0
        assert not any(running(pid) for pid in family)


def test_a_polite_end_hands_the_work_back(tmp_path: Path, clip: bytes) -> None:
    server = Server(tmp_path)
    with server, server.client() as client:
        jobs = [send(client, clip, f"{i}.mp4") for i in range(2)]
        eventually(lambda: view(client, jobs[0])["state"] == "active")
        family = children(server.pid)
        assert server.stop(signal.SIGINT) == 0
        assert not any(running(pid) for pid in family)
        assert "Traceback" not in server.log.read_text()
    assert rows(server, "select count(*) from jobs where state = 'active'") == [(0,)]
    with server, server.client() as client:
        assert [finished(client, job)["state"] for job in jobs] == ["completed"] * 2
        eventually(lambda: server.spooled() == [])
