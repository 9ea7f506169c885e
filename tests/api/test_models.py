"""Networks over HTTP: a swap reaches processes that are already running, and drops no request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriscope.inference.importing import take_in
from veriscope.inference.registry import Registry

from tests import networks
from tests.making import encoded, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
TOKEN = "a token long enough"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs before anything is imported."""
    folder = tmp_path_factory.mktemp("models")
    rates = {"rate_limit": "100000/minute", "upload_rate_limit": "100000/minute"}
    with Server(folder, **rates) as running:
        with running.client() as client:
            eventually(lambda: client.get("/health/ready").status_code == 200)
            assert finding(client, analysed(client, 0), "genconvit") is None
        registry = Registry(own=running.data / "models")
        for version, seed in (("1", 1), ("2", 2)):
            onnx = networks.genconvit(folder / f"{version}.onnx", seed)
            take_in(registry, networks.manifest(folder / f"{version}.yaml", version=version), onnx)
        ear = networks.listener(folder / "ear.onnx")
        facts: dict[str, Any] = {"name": "ear", "task": "audio", "output": {"logit": {"kind": "logits"}}}
        facts |= {"input": {"wave": {"shape": [1, 8000]}}, "preprocessing": {}}
        for version in "12":
            take_in(registry, networks.manifest(folder / f"ear{version}.yaml", **facts, version=version), ear)
        yield running


@pytest.fixture
def client(served: Server) -> Iterator[httpx.Client]:
    with served.client() as opened:
        yield opened


def analysed(client: httpx.Client, seed: int) -> dict[str, Any]:
    answer = client.post("/api/v1/analyses", files={"file": ("a.jpg", encoded(photo(160, 120, seed=seed)))})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def heard(client: httpx.Client, seed: int) -> dict[str, Any]:
    sound = wav(tone(1.5, hertz=300 + seed))
    answer = client.post("/api/v1/analyses", files={"file": ("a.wav", sound)}, data={"wait": "true"})
    if answer.status_code == 202:
        job = answer.json()["jobId"]
        answer = eventually(lambda: (a := client.get(f"/api/v1/jobs/{job}/result")).status_code == 200 and a, 60)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def finding(client: httpx.Client, report: dict[str, Any], name: str) -> dict[str, Any] | None:
    rows = [f for signal in report["signalBreakdown"].values() for f in signal["findings"]]
    return next((f for f in rows if f["detector"] == name), None)


def listed(client: httpx.Client, name: str) -> dict[str, Any]:
    return next(m for m in client.get("/api/v1/models").json()["items"] if m["name"] == name)  # type: ignore[no-any-return]


def post(client: httpx.Client, name: str, deed: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/models/{name}/{deed}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_imported_while_it_runs(client: httpx.Client) -> None:
    """The process that answers was started, and had answered, before the network was there."""
    spoke = finding(client, analysed(client, 1), "genconvit")
    assert spoke is not None
    assert spoke["version"] == "1"
    assert spoke["score"] is not None


def test_the_list(client: httpx.Client) -> None:
    model = listed(client, "genconvit")
    assert (model["version"], model["state"], model["task"]) == ("1", "ready", "image-forgery")
    rows = {v["version"]: (v["active"], v["share"], v["shadow"], v["own"], v["state"]) for v in model["versions"]}
    assert rows == {"1": (True, 1.0, False, True, "ready"), "2": (False, 0.0, False, True, "ready")}
    shipped = listed(client, "centerface")
    assert [v["own"] for v in shipped["versions"]] == [False]


def test_activated_in_the_pool_and_in_the_job_processes(client: httpx.Client) -> None:
    first = heard(client, 1)
    assert finding(client, first, "ear")["version"] == "1"  # type: ignore[index]
    post(client, "ear", "activate", version="2")
    post(client, "genconvit", "activate", version="2")
    assert finding(client, heard(client, 2), "ear")["version"] == "2"  # type: ignore[index]
    assert finding(client, analysed(client, 2), "genconvit")["version"] == "2"  # type: ignore[index]
    assert listed(client, "genconvit")["version"] == "2"
    assert {"name": "genconvit", "version": "2"}.items() <= next(
        m for m in analysed(client, 3)["models"] if m["name"] == "genconvit"
    ).items()
    post(client, "genconvit", "activate", version="1")
    post(client, "ear", "activate", version="1")


def test_what_was_kept_under_another_version_is_not_given_out(client: httpx.Client) -> None:
    before = analysed(client, 10)
    assert analysed(client, 10)["analysisId"] == before["analysisId"], "the same picture comes from the records"
    post(client, "genconvit", "activate", version="2")
    after = analysed(client, 10)
    assert after["analysisId"] != before["analysisId"]
    assert finding(client, after, "genconvit")["version"] == "2"  # type: ignore[index]
    post(client, "genconvit", "activate", version="1")
    assert analysed(client, 10)["analysisId"] == before["analysisId"]


def test_shares_and_shadows(client: httpx.Client) -> None:
    rows = {v["version"]: v["share"] for v in post(client, "genconvit", "share", version="2", share=1.0)["versions"]}
    assert rows == {"1": 0.0, "2": 1.0}
    assert finding(client, analysed(client, 20), "genconvit")["version"] == "2"  # type: ignore[index]
    post(client, "genconvit", "share", version="2", share=0)
    post(client, "genconvit", "shadow", version="2")
    spoke = finding(client, analysed(client, 20), "genconvit")
    assert spoke is not None
    assert spoke["version"] == "1"
    assert isinstance(spoke["measurements"]["shadow:genconvit@2:score"], float)
    post(client, "genconvit", "shadow", version="2", on=False)
    assert not any(v["shadow"] for v in listed(client, "genconvit")["versions"])


def test_no_request_is_dropped_by_swaps(client: httpx.Client, served: Server) -> None:
    stop = threading.Event()
    outcomes: list[tuple[int, str]] = []

    def ask(number: int) -> None:
        with served.client() as own:
            for i in range(1000):
                if stop.is_set():
                    return
                picture = encoded(photo(64, 48, seed=1000 * number + i))
                answer = own.post("/api/v1/analyses", files={"file": ("a.jpg", picture)}, data={"policy": "standard"})
                version = (finding(own, answer.json(), "genconvit") or {}).get("version", "none")
                outcomes.append((answer.status_code, version))

    threads = [threading.Thread(target=ask, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for i in range(100):
        stop.wait(0.4)
        post(client, "genconvit", "activate", version="21"[i % 2])
        if i >= 9 and i % 2 and {version for _, version in outcomes} >= {"1", "2"}:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in outcomes} == {200}
    assert {version for _, version in outcomes} == {"1", "2"}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing/activate", {"version": "1"}, 404),
        ("nothing/activate", {"version": "off"}, 404),
        ("genconvit/activate", {"version": "9"}, 404),
        ("genconvit/activate", {}, 400),
        ("genconvit/share", {"version": "2", "share": 1.5}, 400),
        ("genconvit/share", {"version": "9", "share": 0.5}, 404),
        ("genconvit/shadow", {"version": "9"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(client: httpx.Client, path: str, body: dict[str, Any], status: int) -> None:
    before = listed(client, "genconvit")
    answer = client.post(f"/api/v1/models/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"]
    assert listed(client, "genconvit") == before


def test_a_damaged_version_is_shown_and_cannot_be_activated(client: httpx.Client, served: Server) -> None:
    path = served.data / "models" / "genconvit" / "2" / "model.onnx"
    whole = path.read_bytes()
    path.write_bytes(b"spoilt")
    try:
        second = next(v for v in listed(client, "genconvit")["versions"] if v["version"] == "2")
        assert second["state"] == "damaged"
        answer = client.post("/api/v1/models/genconvit/activate", json={"version": "2"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "model_unavailable"
    finally:
        path.write_bytes(whole)
    assert listed(client, "genconvit")["version"] == "1"


def test_changes_are_in_the_audit(client: httpx.Client, served: Server) -> None:
    import sqlite3

    post(client, "ear", "shadow", version="2", on=False)
    with sqlite3.connect(served.data / "veriscope.db") as database:
        rows = database.execute("select action, subject, details from audit where action like 'model.%'").fetchall()
    assert ("model.shadowed", "ear") in {row[:2] for row in rows}


def test_only_those_who_may(tmp_path: Path) -> None:
    with Server(tmp_path, tokens=TOKEN) as running, running.client() as client:
        assert client.get("/api/v1/models").status_code == 401
        refused = client.post("/api/v1/models/centerface/activate", json={"version": "1"})
        assert refused.status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        allowed = client.post("/api/v1/models/centerface/activate", json={"version": "1"}, headers=headers)
        assert allowed.status_code == 200
        foreign = {**headers, "Origin": "https://evil.example"}
        assert (
            client.post("/api/v1/models/centerface/activate", json={"version": "1"}, headers=foreign).status_code == 403
        )
