"""A trace goes all the way: request, job, the call of a network, and what a real Triton says of that call itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from veriscope.inference.registry import Registry
from veriscope.inference.triton_repository import Serving, export

from tests import servers
from tests.making import tone, wav
from tests.serving import Server, eventually

pytest.importorskip("opentelemetry.sdk", reason="the scale extra is not installed")
pytest.importorskip("tritonclient", reason="the scale extra is not installed")

from tests.collector import collector

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_from_the_request_to_triton(tmp_path: Path) -> None:
    export(Registry(), tmp_path / "models", Serving(flavour="python", delay_us=1000), ("silero_vad",))
    with collector() as kept:
        traced = ("mode=opentelemetry", "rate=1", "level=TIMESTAMPS", f"opentelemetry,url={kept.url}/v1/traces")
        with (
            servers.triton(
                tmp_path / "t", tmp_path / "models", *(f"--trace-config={each}" for each in traced)
            ) as triton,
            Server(tmp_path / "s", triton_urls=triton[0], otel_endpoint=kept.url, text_processes=0) as server,
            server.client() as client,
        ):
            file = {"file": ("a.wav", wav(tone()))}
            job = client.post("/api/v1/analyses", files=file, data={"policy": "quick"}).json()["jobId"]
            eventually(lambda: client.get(f"/api/v1/jobs/{job}").json()["state"] == "completed", 60)
            eventually(lambda: kept.named("InferRequest"), 30)
        spans = {span.span_id: span for span in kept.spans}
        chain = [kept.named("InferRequest")[0]]
        while chain[-1].parent_span_id:
            chain.append(spans[chain[-1].parent_span_id])
        names = [span.name for span in chain]
        assert names == ["InferRequest", "triton silero_vad", "job analysis", "POST /api/v1/analyses"]
        assert len({span.trace_id for span in chain}) == 1
