"""Watching jobs, and stopping them."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.making import film, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
JOBS = "/api/v1/jobs"


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    return film(path, seconds=6, size=(480, 360), fps=25).read_bytes()


def send(client: httpx.Client, data: bytes, **fields: str) -> str:
    answer = client.post("/api/v1/analyses", files={"file": ("clip", data)}, data=fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def test_progress_as_server_sent_events(client: httpx.Client, long_film: bytes) -> None:
    job = send(client, long_film, rate="10")
    events: list[tuple[str, dict[str, object]]] = []
    with client.stream("GET", f"{JOBS}/{job}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
    percents = [float(str(data["percent"])) for _, data in events]
    assert percents == sorted(percents)
    assert len({p for p in percents if 0 < p < 100}) >= 3
    assert [name for name, _ in events[:-1]] == ["progress"] * (len(events) - 1)
    assert (events[-1][0], events[-1][1]["state"], percents[-1]) == ("end", "completed", 100)
    assert {data["stage"] for _, data in events} >= {"detect", "fuse"}
    assert any(data["etaSeconds"] is not None for _, data in events)


def test_the_same_events_on_a_socket(client: httpx.Client, server: Server) -> None:
    job = send(client, wav(tone(hertz=700)))
    with connect(f"{server.url.replace('http', 'ws')}{JOBS}/{job}/events", proxy=None) as socket:
        messages = [json.loads(message) for message in socket]
    assert (messages[-1]["event"], messages[-1]["data"]["state"]) == ("end", "completed")
    with connect(f"{server.url.replace('http', 'ws')}{JOBS}/{'0' * 32}/events", proxy=None) as socket:
        assert json.loads(socket.recv())["data"]["error"]["code"] == "not_found"
    address = f"{server.url.replace('http', 'ws')}{JOBS}/{job}/events"
    with pytest.raises(InvalidStatus), connect(address, proxy=None, origin="https://evil.example"):  # type: ignore[arg-type]
        pass


def test_cancelling(client: httpx.Client, server: Server, long_film: bytes) -> None:
    active = send(client, long_film, rate="25", end="5")
    waiting = send(client, long_film, rate="24", end="5")
    early = client.get(f"{JOBS}/{active}/result")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "conflict")
    eventually(lambda: client.get(f"{JOBS}/{active}").json()["state"] == "active")
    assert client.delete(f"{JOBS}/{waiting}").json()["state"] == "cancelled"
    assert client.delete(f"{JOBS}/{active}").status_code == 202
    eventually(lambda: client.get(f"{JOBS}/{active}").json()["state"] == "cancelled")
    again = client.delete(f"{JOBS}/{active}")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    gone = client.get(f"{JOBS}/{active}/result")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "cancelled")
    eventually(lambda: server.spooled() == [])


def test_a_job_that_fails_says_why_under_the_status_of_its_error(client: httpx.Client, server: Server) -> None:
    job = send(client, b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8))
    eventually(lambda: client.get(f"{JOBS}/{job}").json()["state"] == "failed")
    view = client.get(f"{JOBS}/{job}").json()
    assert view["error"]["code"] == "damaged_media"
    assert view["attempts"] == 1
    result = client.get(f"{JOBS}/{job}/result")
    assert (result.status_code, result.json()["error"]["code"]) == (422, "damaged_media")
    eventually(lambda: server.spooled() == [])


def test_the_list(client: httpx.Client) -> None:
    job = send(client, wav(tone(hertz=800)))
    eventually(lambda: client.get(f"{JOBS}/{job}").json()["state"] == "completed")
    items = client.get(JOBS, params={"state": ["completed"], "limit": 200}).json()["items"]
    assert job in {item["jobId"] for item in items}
    assert {item["state"] for item in items} == {"completed"}
    page = client.get(JOBS, params={"limit": 1}).json()
    assert page["items"][0]["jobId"] == job
    assert client.get(JOBS, params={"limit": 0}).json()["error"]["code"] == "bad_request"


def test_an_unknown_job(client: httpx.Client) -> None:
    for path in ("", "/result", "/events"):
        answer = client.get(f"{JOBS}/{'0' * 32}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert client.delete(f"{JOBS}/{'0' * 32}").status_code == 404
