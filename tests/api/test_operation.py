"""What operators look at: health, figures, settings, networks, the description of the API, the page."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from veriscope.api import pages
from veriscope.api.app import create_app
from veriscope.api.settings import _values
from veriscope.config import Settings, load

from tests.making import encoded, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e


def test_health(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = eventually(lambda: (a := client.get("/health/ready")).status_code == 200 and a)
    assert ready.json()["checks"] == {"database": True, "pictures_and_texts": True, "jobs": True}
    models = client.get("/health/models").json()
    listed = {model["name"]: model["state"] for model in client.get("/api/v1/models").json()["items"]}
    assert models["models"] == listed


def figures(client: httpx.Client) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_figures(client: httpx.Client) -> None:
    before = figures(client)
    client.post("/api/v1/analyses", files={"file": ("a.jpg", encoded(photo(seed=91)))})
    client.post("/api/v1/analyses", files={"file": ("a.jpg", b"")})
    client.post("/api/v1/analyses", files={"file": ("a.wav", wav(tone(hertz=901)))}, data={"wait": "true"})
    ended = ("veriscope_jobs_ended_total", ("completed",))
    eventually(lambda: figures(client).get(ended, 0) > before.get(ended, 0))
    now = figures(client)

    def rose(name: str, *labels: str) -> bool:
        return now.get((name, labels), 0) == before.get((name, labels), 0) + 1

    route = "/api/v1/analyses"
    assert now["veriscope_request_seconds_count", ("POST", route, "200")] >= 2
    assert rose("veriscope_request_seconds_count", "POST", route, "400")
    assert rose("veriscope_errors_total", "empty_input")
    assert (
        now["veriscope_stage_seconds_count", ("detect",)]
        >= before.get(("veriscope_stage_seconds_count", ("detect",)), 0) + 2
    )
    for queue in ("fast", "media", "io"):
        assert now["veriscope_queue_depth", (queue,)] >= 0
        assert now["veriscope_queue_oldest_seconds", (queue,)] >= 0
    assert now["veriscope_job_processes", ()] >= 1  # one more from the first picture that is sent as a job
    assert now["veriscope_pool_size", ()] == 2  # one of them takes texts alone
    assert now["veriscope_pool_shed", ()] == 0
    assert sum(v for (name, _), v in now.items() if name == "veriscope_analyses_total") >= 2


def test_settings_show_values_and_sources_but_no_secret(client: httpx.Client) -> None:
    body = client.get("/api/v1/settings").json()
    assert body["settings"].keys() == Settings.model_fields.keys()
    assert body["settings"]["fetch_private"] == {
        "value": True,
        "source": "environment",
        "description": Settings.model_fields["fetch_private"].description,
    }
    assert body["settings"]["threads"]["source"] == "default"
    assert body["limits"]["maxBytes"] == 20_000_000
    assert "pdf" not in body["limits"]["kinds"]


def test_secrets_are_starred_out(tmp_path: Path) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    settings = load(
        tokens="a-very-secret-token-indeed",
        blob_key=key,
        database_url="postgresql://me:pass-word@db/v",
        data_dir=tmp_path,
    )
    shown = json.dumps({name: view.model_dump() for name, view in _values(settings).items()})
    for secret in ("very-secret", key, "pass-word"):
        assert secret not in shown
    assert '"source": "flag"' in shown


def test_the_description_of_the_api_is_whole(client: httpx.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path, methods in {
        "/api/v1/analyses": {"get", "post"},
        "/api/v1/analyses/{analysis_id}": {"get", "delete"},
        "/api/v1/jobs/{job_id}": {"get", "delete"},
        "/api/v1/jobs/{job_id}/events": {"get"},
        "/api/job/{job_id}": {"get"},
    }.items():
        assert methods <= document["paths"][path].keys()
    create = document["paths"]["/api/v1/analyses"]["post"]
    content = create["requestBody"]["content"]
    assert "file" in content["multipart/form-data"]["schema"]["properties"]
    assert content["application/json"]["examples"]
    assert {"200", "202", "400", "413", "415", "422", "429", "503"} <= create["responses"].keys()
    for route in document["paths"].values():
        for operation in route.values():
            assert operation.get("summary")

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            return {v for k, v in value.items() if k == "$ref"} | {r for v in value.values() for r in references(v)}
        return {r for v in value for r in references(v)} if isinstance(value, list) else set()

    for reference in references(document):
        where: object = document
        for part in reference.removeprefix("#/").split("/"):
            assert isinstance(where, dict)
            where = where[part]


def test_the_page_and_unknown_addresses(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    for path in ("/nothing", "/api/nothing", "/api/v1/analyses/x/y/z"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
    wrong = client.put("/api/v1/jobs")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "bad_request")


def look(folder: Path, *paths: str) -> list[httpx.Response]:
    """Answers of an application that has only the page."""

    async def run() -> list[httpx.Response]:
        app = FastAPI()
        pages.install(app, folder)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


def test_without_the_page_there_is_a_hint(tmp_path: Path) -> None:
    assert "not built" in look(tmp_path, "/")[0].text
    (tmp_path / "index.html").write_text("<p>page</p>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a-1.js").write_text("1")
    page, script = look(tmp_path, "/", "/assets/a-1.js")
    assert page.text == "<p>page</p>"
    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in script.headers["cache-control"]


def test_two_applications_in_one_process_do_not_disturb_each_other(tmp_path: Path) -> None:
    assert create_app(load(data_dir=tmp_path)) is not create_app(load(data_dir=tmp_path))


def test_the_access_log_says_who_asked_for_what(client: httpx.Client, server: Server) -> None:
    client.get("/api/v1/jobs", params={"limit": 7}, headers={"X-Request-Id": "from-the-test-1"})
    line = next(line for line in server.log.read_text().splitlines() if "from-the-test-1" in line)
    for part in ("127.0.0.1", "/api/v1/jobs", "limit", "200"):
        assert part in line
