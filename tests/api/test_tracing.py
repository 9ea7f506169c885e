"""One trace from a request to the processes and jobs that it set off, as a real collector receives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.making import tone, wav
from tests.serving import Server, eventually

pytest.importorskip("opentelemetry.sdk", reason="the scale extra is not installed")

from tests.collector import Collector, attributes, collector

pytestmark = pytest.mark.e2e
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
SECRET = "nobody but the sender may read this"


@pytest.fixture(scope="module")
def kept() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def server(kept: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("s"), otel_endpoint=kept.url, log_format="json", text_processes=0) as running:
        yield running


def only(kept: Collector, name: str, trace: str = TRACE) -> Any:
    (found,) = eventually(lambda: kept.named(name, trace))
    return found


def lines(server: Server, event: str) -> list[dict[str, Any]]:
    return [
        line
        for line in (json.loads(text) for text in server.log.read_text().splitlines() if text.startswith("{"))
        if line["event"] == event
    ]


def test_a_text(server: Server, kept: Collector) -> None:
    with server.client() as client:
        answer = client.post("/api/v1/analyses", json={"text": SECRET * 20, "policy": "quick"}, headers=HEADERS)
        assert answer.status_code == 200
        missing = client.get(f"/api/v1/jobs/{'0' * 32}")
        client.get("/health/live")
    request = only(kept, "POST /api/v1/analyses")
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, 2)
    assert attributes(request)["http.response.status.code"] == "200"
    assert attributes(request)["request.id"] == answer.headers["x-request-id"]
    assert only(kept, "pool question").parent_span_id == request.span_id
    assert [line["trace"] for line in lines(server, "analysis")] == [TRACE]
    assert TRACE in {line.get("trace") for line in lines(server, "request")}
    assert missing.status_code == 404
    (other,) = eventually(lambda: kept.named("GET /api/v1/jobs/{job_id}"))
    assert (other.trace_id.hex() != TRACE, other.parent_span_id) == (True, b"")
    assert kept.services == {"veriscope"}
    assert not any("health" in span.name for span in kept.spans)
    assert all(SECRET not in str(span) for span in kept.spans)


def test_a_job(server: Server, kept: Collector) -> None:
    trace = TRACE.replace("0af7", "1af7")
    with server.client() as client:
        sent = client.post(
            "/api/v1/analyses",
            files={"file": ("a.wav", wav(tone()))},
            headers={"traceparent": f"00-{trace}-{PARENT}-01"},
        )
        job = sent.json()["jobId"]
        eventually(lambda: client.get(f"/api/v1/jobs/{job}").json()["state"] == "completed", 60)
        bad = client.post("/api/v1/analyses", files={"file": ("b.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8))})
        eventually(lambda: client.get(f"/api/v1/jobs/{bad.json()['jobId']}").json()["state"] == "failed", 60)
    done = only(kept, "job analysis", trace)
    assert done.parent_span_id == only(kept, "POST /api/v1/analyses", trace).span_id
    assert (done.kind, attributes(done)) == (5, {"job.id": job, "job.attempt": "1"})
    (line,) = [line for line in lines(server, "job") if line["job"] == job]
    assert line["trace"] == trace
    failed = eventually(lambda: [s for s in kept.named("job analysis") if s.trace_id.hex() != trace])
    assert (failed[0].status.code, failed[0].status.message) == (2, "damaged_media")
