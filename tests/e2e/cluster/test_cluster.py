"""The whole cluster as processes: nginx, gateways, brokers, workers, Tritons, PostgreSQL, a bucket; parts of it die."""

from __future__ import annotations

import os
import re
import signal
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests import servers
from tests.cluster import Cluster, cluster
from tests.making import encoded, photo, tone, wav
from tests.serving import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
for needed in ("celery", "psycopg", "boto3", "redis", "tritonclient"):
    pytest.importorskip(needed, reason="the scale extra is not installed")

TEXT = "Ann Lee wrote to Bob Ray from Oslo that the council would vote on the new harbour on Monday."


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp(request.param), request.param) as made:
        yield made


@pytest.fixture
def web(site: Cluster) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def send(web: httpx.Client, name: str, data: bytes, **form: str) -> dict[str, Any]:
    """A finished report; nothing that was kept answers."""
    answer = web.post(
        "/api/v1/analyses",
        files={"file": (name, data)},
        data={"policy": "quick", "wait": "true", **form},
        headers={"cache-control": "no-cache"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def media(seed: int) -> dict[str, bytes]:
    return {
        "a.jpg": encoded(photo(160, 120, seed=seed)),
        "a.txt": f"{TEXT} {seed}".encode(),
        "a.wav": wav(tone(1.0, hertz=300.0 + seed)),
    }


def inferences(daemon: servers.Daemon) -> float:
    """How many inputs a Triton's networks have had."""
    figures = urllib.request.urlopen(f"http://127.0.0.1:{daemon.ports['metrics']}/metrics", timeout=5).read().decode()
    return sum(map(float, re.findall(r"(?m)^nv_inference_count{.*} (\S+)$", figures)))


def test_pictures_texts_and_sounds_pass_through_every_tier(site: Cluster, web: httpx.Client) -> None:
    with httpx.Client(base_url=site.url, trust_env=False) as stranger:
        assert stranger.post("/api/v1/analyses", json={"text": TEXT}).status_code == 401
        assert stranger.get("/metrics").status_code == 403, "nginx keeps them inside"
    kinds = {name: send(web, name, data)["mediaType"] for name, data in media(1).items()}
    assert kinds == {"a.jpg": "image", "a.txt": "text", "a.wav": "audio"}
    assert sum(inferences(daemon) for daemon in site.tritons) > 0, "no network ran on the Tritons"


def test_a_job_is_done_once(site: Cluster, web: httpx.Client, tmp_path: Path) -> None:
    """A worker's process is killed while it works; another one finishes, and there is one report."""
    sent = web.post("/api/v1/analyses", files={"file": ("b.wav", wav(tone(20.0, hertz=500.0)))})
    assert sent.status_code == 202, sent.text
    job = sent.json()["jobId"]

    def holder() -> int:
        with store.engine.connect() as connection:
            owner = connection.execute(text("select lease_owner from jobs where id = :id"), {"id": job}).scalar()
        return int(owner.split("-")[2]) if owner else 0

    store = site.store(tmp_path)
    try:
        os.kill(eventually(holder, 60, every=0.01), signal.SIGKILL)
        ended = ("completed", "failed", "cancelled")
        eventually(lambda: web.get(f"/api/v1/jobs/{job}").json()["state"] in ended, 90)
        with store.engine.connect() as connection:
            state, attempts = connection.execute(
                text("select state, attempts from jobs where id = :id"), {"id": job}
            ).one()
            reports = connection.execute(text("select count(*) from reports where job_id = :id"), {"id": job}).scalar()
        assert (state, attempts, reports) == ("completed", 2, 1)
    finally:
        store.close()


def test_one_gateway_is_killed_and_requests_go_on(site: Cluster, web: httpx.Client) -> None:
    site.gateways[0].stop(signal.SIGKILL)
    try:
        for seed in range(20, 26):
            send(web, "a.txt", media(seed)["a.txt"])
        send(web, "a.jpg", media(20)["a.jpg"])
        send(web, "a.wav", media(20)["a.wav"])
    finally:
        site.gateways[0].start()


def test_one_triton_is_killed_and_no_request_fails(site: Cluster, web: httpx.Client) -> None:
    """The answers stay what they were, so no detector went without its network either."""

    def scores(report: dict[str, Any]) -> dict[str, tuple[float | None, str | None]]:
        groups = report["signalBreakdown"].values()
        return {f["detector"]: (f["raw"], f["reason"]) for group in groups for f in group["findings"]}

    sound, picture = media(30)["a.wav"], media(30)["a.jpg"]
    before = [scores(send(web, "a.wav", sound)), scores(send(web, "a.jpg", picture))]
    site.tritons[0].stop(signal.SIGKILL)
    try:
        for _ in range(3):
            assert [scores(send(web, "a.wav", sound)), scores(send(web, "a.jpg", picture))] == before
    finally:
        site.tritons[0].start()


def test_without_the_database_a_sender_is_told_to_come_back(site: Cluster, web: httpx.Client) -> None:
    site.postgres.stop(signal.SIGINT)
    try:
        answer = web.post("/api/v1/analyses", files={"file": ("c.wav", media(40)["a.wav"])})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_down"), answer.text
    finally:
        site.postgres.start()
    send(web, "c.wav", media(40)["a.wav"])


class Unready(BaseHTTPRequestHandler):
    """A gateway that is not ready, and answers all the same."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.answer(503)

    def do_POST(self) -> None:
        self.answer(200)


def test_a_gateway_that_says_503_stays_in_the_list(tmp_path: Path) -> None:
    """Else probes of a gateway that is not ready yet would cost senders their answers while the other one is dead."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Unready) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        gateways = [f"127.0.0.1:{server.server_port}", f"127.0.0.1:{servers.free_port()}"]
        with (
            servers.nginx(tmp_path / "nginx", gateways) as (url, _),
            httpx.Client(base_url=url, trust_env=False) as client,
        ):
            assert [client.get("/health/ready").status_code for _ in range(6)] == [503] * 6
            assert [client.post("/api/v1/analyses", content=b"x").status_code for _ in range(4)] == [200] * 4
        server.shutdown()
