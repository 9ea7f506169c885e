"""What is too much is refused at once, with the time to come back; what is cheap still gets through."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.making import encoded, film, photo
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
ANALYSES = "/api/v1/analyses"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("s"), queue_limit=1, jobs_limit=1) as running:
        yield running


def refused(answer: httpx.Response) -> int:
    """Seconds after which to come back."""
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded"), answer.text
    return int(answer.headers["retry-after"])


def test_a_full_queue_of_pictures_lets_texts_through(server: Server) -> None:
    def send(seed: int) -> httpx.Response:
        with server.client() as client:
            return client.post(ANALYSES, files={"file": ("a.jpg", encoded(photo(1200, 1200, seed)))})

    with ThreadPoolExecutor(6) as pool, server.client() as client:
        sent = [pool.submit(send, seed) for seed in range(6)]
        eventually(lambda: any(each.done() and each.result().status_code == 503 for each in sent), every=0.02)
        text = client.post(ANALYSES, json={"text": "A text that is not refused because of pictures."})
        assert text.status_code == 200
        answers = [each.result() for each in sent]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(2 <= refused(answer) <= 60 for answer in answers if answer.status_code == 503)


def test_a_full_queue_of_jobs(server: Server, tmp_path: Path) -> None:
    clip = film(tmp_path / "f.mp4", seconds=4, size=(480, 360), fps=25).read_bytes()

    def send(client: httpx.Client, rate: int) -> httpx.Response:
        return client.post(ANALYSES, files={"file": ("f.mp4", clip)}, data={"rate": str(rate)})

    with server.client() as client:
        active = send(client, 25).json()["jobId"]
        eventually(lambda: client.get(f"/api/v1/jobs/{active}").json()["state"] == "active")
        waiting = send(client, 24)
        assert waiting.status_code == 202
        assert refused(send(client, 23)) == 30
        assert len(server.spooled()) == 2
        for job in (active, waiting.json()["jobId"]):
            client.delete(f"/api/v1/jobs/{job}")
