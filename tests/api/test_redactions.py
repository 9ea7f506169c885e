"""Redactions over HTTP: shapes, the way through review, and everything that must be refused."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from veriscope.config import load
from veriscope.jobs.redaction import store_original
from veriscope.jobs.results import open_store
from veriscope.store.redactions import Redaction
from veriscope.store.store import Store
from veriscope.types import Principal

from tests.making import encoded, huge_png, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
REDACTIONS = "/api/v1/redactions"
PICTURE = encoded(photo(), "PNG")
TEXT = "Call Anna on +44 20 7946 0958, or write to anna@example.org. The falcon has landed on X12."
VIEW = {
    *("redactionId", "status", "stage", "fraction", "kind", "name", "bytes", "sha256", "targets", "operators"),
    *("review", "keepMetadata", "created", "finished", "expires", "error", "result", "links"),
}


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    """The server's own records, as another process sees them."""
    opened = open_store(load(data_dir=server.data))
    yield opened
    opened.close()


def send(client: httpx.Client, data: bytes = PICTURE, name: str = "a.png", **fields: str) -> dict[str, Any]:
    answer = client.post(REDACTIONS, files={"file": (name, data)}, data={"targets": "faces", **fields})
    assert answer.status_code in {200, 202}, answer.text
    view: dict[str, Any] = answer.json()
    assert set(view) == VIEW
    assert answer.headers["location"] == view["links"]["self"] == f"{REDACTIONS}/{view['redactionId']}"
    return view


def in_state(client: httpx.Client, redaction: str, *states: str) -> dict[str, Any]:
    def now() -> dict[str, Any] | None:
        view: dict[str, Any] = client.get(f"{REDACTIONS}/{redaction}").json()
        return view if view["status"] in states else None

    found: dict[str, Any] = eventually(now, 120)
    return found


@pytest.fixture
def reviewing(client: httpx.Client) -> str:
    view = send(client, review="true", wait="120")
    assert (view["status"], view["stage"], view["fraction"]) == ("waiting_review", "review", 0.4)
    return str(view["redactionId"])


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert set(answer.json()["error"]) == {"code", "message", "hint"}
    return str(answer.json()["error"]["message"])


def plan_of(client: httpx.Client, redaction: str) -> dict[str, Any]:
    plan: dict[str, Any] = client.get(f"{REDACTIONS}/{redaction}/plan").json()
    return plan


def test_a_text_is_answered_at_once(client: httpx.Client) -> None:
    answer = client.post(
        REDACTIONS,
        json={"text": TEXT, "name": "note.txt", "operators": "text=label", "custom": "falcon\n/\\bX\\d+\\b/"},
    )
    view = answer.json()
    assert (answer.status_code, view["status"], view["kind"], view["targets"]) == (200, "completed", "text", ["text"])
    assert set(view) == VIEW
    assert set(view["links"]) == {"self", "events", "plan", "output"}
    result = view["result"]
    assert result["source"] == {"name": "note.txt", "bytes": len(TEXT), "sha256": view["sha256"]}
    assert result["output"]["name"] == "note-safe.txt"
    safe = client.get(view["links"]["output"])
    assert hashlib.sha256(safe.content).hexdigest() == result["output"]["sha256"] == safe.headers["etag"].strip('"')
    assert len(safe.content) == result["output"]["bytes"]
    for gone in ("7946", "anna@", "falcon", "X12"):
        assert gone not in safe.text
    assert "has landed on" in safe.text
    assert safe.headers["content-disposition"] == "attachment; filename*=UTF-8''note-safe.txt"
    assert safe.headers["cache-control"] == "no-store"
    assert "sandbox" in safe.headers["content-security-policy"]
    assert "path" not in json.dumps(result)
    plan = client.get(view["links"]["plan"])
    assert hashlib.sha256(plan.content).hexdigest() == result["planSha256"] == plan.headers["etag"].strip('"')


def test_html_is_given_out_as_something_that_no_browser_runs(client: httpx.Client) -> None:
    page = "<!DOCTYPE html><html><body><p>Mail anna@example.org</p><script>alert(1)</script></body></html>"
    view = client.post(REDACTIONS, json={"text": page}).json()
    assert (view["kind"], view["status"]) == ("html", "completed"), view
    safe = client.get(view["links"]["output"])
    assert safe.headers["content-type"].startswith("text/plain")
    assert "attachment" in safe.headers["content-disposition"]
    assert "anna@" not in safe.text


def pdf(folder: Path) -> bytes:
    import typst

    (folder / "a.typ").write_text("Write to anna\\@example.org. This line stays.")
    typst.compile(str(folder / "a.typ"), output=str(folder / "a.pdf"))
    return (folder / "a.pdf").read_bytes()


@pytest.mark.parametrize("kind", ["pdf", "text", "audio"])
def test_every_kind_of_file(client: httpx.Client, tmp_path: Path, kind: str) -> None:
    name, data, end = {
        "pdf": ("a.pdf", pdf(tmp_path), b"%PDF-"),
        "text": ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nWrite to anna@example.org.\n", b"1\n00:00:01,000"),
        "audio": ("a.wav", wav(tone(1.0)), b"RIFF"),
    }[kind]
    answer = client.post(REDACTIONS, files={"file": (name, data)}, data={"wait": "120"})
    view = answer.json()
    assert (view["kind"], view["status"]) == (kind, "completed"), view
    safe = client.get(view["links"]["output"])
    stem, dot, ending = name.partition(".")
    assert safe.headers["content-disposition"].endswith(f"{stem}-safe{dot}{ending}")
    assert safe.content.startswith(end)
    assert b"anna@example.org" not in safe.content
    plan = client.get(view["links"]["plan"]).json()
    assert plan["sha256"] == view["sha256"]


def test_look_correct_render(client: httpx.Client, reviewing: str, store: Store, server: Server) -> None:
    base = f"{REDACTIONS}/{reviewing}"
    view = client.get(base).json()
    assert set(view["links"]) == {"self", "events", "plan", "original"}
    refused(client.get(f"{base}/output"), 409, "conflict")
    got = client.get(f"{base}/plan")
    plan = got.json()
    assert (plan["sha256"], plan["width"], plan["height"]) == (view["sha256"], 320, 240)
    box = {"time": 0, "x": 40, "y": 30, "width": 60, "height": 50}
    plan["tracks"].append({"id": "mine", "kind": "manual", "boxes": [box]})
    put = client.put(f"{base}/plan", json=plan, headers={"If-Match": got.headers["etag"]})
    assert put.status_code == 200, put.text
    assert [track["id"] for track in put.json()["tracks"]][-1] == "mine"
    assert put.json() == plan_of(client, reviewing)
    stale = client.put(f"{base}/plan", json=plan, headers={"If-Match": got.headers["etag"]})
    assert "in the meantime" in refused(stale, 409, "conflict")
    rendering = client.post(f"{base}/render")
    assert (rendering.status_code, rendering.json()["status"]) == (202, "waiting")
    done = in_state(client, reviewing, "completed", "failed")
    assert done["status"] == "completed", done
    assert (done["fraction"], done["result"]["tracks"]["manual"]) == (1.0, 1)
    before = np.asarray(Image.open(io.BytesIO(PICTURE)).convert("RGB"))
    after = np.asarray(Image.open(io.BytesIO(client.get(f"{base}/output").content)).convert("RGB"))
    assert not after[30:80, 40:100].any()
    assert (after[120:, 160:] == before[120:, 160:]).all()
    for answer in (
        client.post(f"{base}/render"),
        client.put(f"{base}/plan", json=plan),
        client.get(f"{base}/original"),
    ):
        refused(answer, 409, "conflict")
    row, _ = store.redactions.get(Principal(), reviewing)
    assert (row.original_key, row.words_key) == (None, None)
    assert set(store.blobs.keys("redactions/")) >= {row.plan_key, row.output_key}
    eventually(lambda: server.spooled() == [])  # a request's own files go once it was answered


def test_parts_of_the_original_while_it_is_reviewed(client: httpx.Client, reviewing: str) -> None:
    address = f"{REDACTIONS}/{reviewing}/original"
    whole = client.get(address)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, PICTURE, "image/png")
    assert (whole.headers["cache-control"], whole.headers["accept-ranges"]) == ("no-store", "bytes")
    part = client.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, PICTURE[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(PICTURE)}"
    assert client.get(address, headers={"Range": "bytes=-5"}).content == PICTURE[-5:]
    assert client.get(address, headers={"Range": "bytes=66000-"}).content == PICTURE[66000:]
    assert client.get(address, headers={"Range": "bytes=10-19", "If-Range": '"other"'}).content == PICTURE
    outside = client.get(address, headers={"Range": f"bytes={len(PICTURE)}-"})
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{len(PICTURE)}")
    client.delete(f"{REDACTIONS}/{reviewing}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("not json", "not JSON"),
        ([], "must be a JSON object"),
        ({"version": 7}, "version must be 1"),
        ({"sha256": "0" * 64}, "sha256 must stay"),
        ({"width": 1}, "width must stay"),
        ({"targets": []}, "targets must stay"),
        ({"tracks": [{"id": "a", "kind": "hat", "boxes": []}]}, "tracks[0].kind"),
        ({"tracks": [{"id": "a", "kind": "face", "boxes": []}]}, "tracks[0].boxes"),
        ({"tracks": [{"id": "a", "kind": "face", "boxes": [{"time": 0, "x": "1"}]}]}, "tracks[0].boxes[0].x"),
        ({"spans": [{"id": "s", "start": 2, "end": 1}]}, "spans[0].end"),
    ],
)
def test_a_wrong_plan_is_refused_at_its_place(client: httpx.Client, shared: str, change: Any, words: str) -> None:
    before = client.get(f"{REDACTIONS}/{shared}/plan").json()
    content = change if isinstance(change, str) else json.dumps({**before, **change} if change else change)
    message = refused(client.put(f"{REDACTIONS}/{shared}/plan", content=content), 400, "bad_request")
    assert words in message
    assert client.get(f"{REDACTIONS}/{shared}/plan").json() == before
    assert client.get(f"{REDACTIONS}/{shared}").json()["status"] == "waiting_review"


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[str]:
    """One that waits for review, for tests that do not change it."""
    with server.client() as client:
        redaction = str(send(client, review="true", wait="120")["redactionId"])
        yield redaction
        client.delete(f"{REDACTIONS}/{redaction}")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"targets": "hats"}, "no target called hats"),
        ({"targets": "speech"}, "can hold none"),
        ({"operators": "fog"}, "no operator called fog"),
        ({"operators": "faces=tone"}, "not one for faces"),
        ({"operators": "hats=solid"}, "no kind called hats"),
        ({"operators": "image:/etc/passwd"}, "not taken here"),
        ({"custom": "/([/"}, "not a regular expression"),
        ({"priority": "99"}, "priority"),
        ({"review": "perhaps"}, "review"),
        ({"nonsense": "1"}, "nonsense"),
        ({"text": "both"}, "either a file or a text"),
        ({"url": "https://example.org/a.jpg"}, "either a file or a link"),
        ({"callbackUrl": "file:///etc/passwd"}, "callbackUrl"),
    ],
)
def test_wrong_wishes_are_refused(client: httpx.Client, server: Server, fields: dict[str, str], words: str) -> None:
    answer = client.post(REDACTIONS, files={"file": ("a.png", PICTURE)}, data=fields)
    assert words in refused(answer, 400, "bad_request")
    assert server.spooled() == []


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "empty_input"),
        (b"PK\x03\x04" + bytes(100), 415, "unsupported_kind"),
        (bytes(range(256)), 415, "unsupported_kind"),
        (bytes(20_000_001), 413, "too_large"),
    ],
)
def test_files_that_are_refused_at_once(
    client: httpx.Client, server: Server, data: bytes, status: int, code: str
) -> None:
    refused(client.post(REDACTIONS, files={"file": ("a.bin", data)}), status, code)
    assert server.spooled() == []


def test_nothing_sent(client: httpx.Client) -> None:
    refused(client.post(REDACTIONS, json={}), 400, "empty_input")
    refused(client.post(REDACTIONS, json={"text": "   "}), 400, "empty_input")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (PICTURE[:200], "damaged_media"),
        (encoded(photo())[:400], "damaged_media"),
        (huge_png(100_000, 100_000), "too_large"),
    ],
)
def test_files_that_fail_leave_nothing(
    client: httpx.Client, server: Server, store: Store, data: bytes, code: str
) -> None:
    view = send(client, data, wait="120")
    assert (view["status"], view["error"]["code"]) == ("failed", code), view
    assert set(view["links"]) == {"self", "events"}
    refused(client.get(f"{view['links']['self']}/plan"), 404, "not_found")
    refused(client.get(f"{view['links']['self']}/output"), 409, "conflict")
    refused(client.get(f"{view['links']['self']}/original"), 409, "conflict")
    eventually(lambda: store.redactions.get(Principal(), view["redactionId"])[0].keys == ())
    assert server.spooled() == []


def test_nobody_sees_the_redactions_of_another_organisation(client: httpx.Client, store: Store, tmp_path: Path) -> None:
    stranger = Principal("elsewhere", "eve")
    (tmp_path / "a.txt").write_text("theirs")
    original, _ = store_original(store, tmp_path / "a.txt", "")
    row = Redaction("", "a.txt", "text", "text", 6, ["text"], "solid", 1, 0, "ab" * 32, 0.0, original_key=original)
    job = store.redactions.submit(stranger, row, {"media": {"kind": "text"}}, priority=-10, limit=None)
    base = f"{REDACTIONS}/{job.id}"
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/plan"),
        ("PUT", "/plan"),
        ("POST", "/render"),
        ("GET", "/original"),
        ("GET", "/output"),
    ):
        refused(client.request(method, base + path), 404, "not_found")
    refused(client.get(f"/api/v1/jobs/{job.id}"), 404, "not_found")
    assert job.id not in client.get(REDACTIONS).text
    for item in store.redactions.search(stranger)[0]:
        store.drop(store.redactions.delete(stranger, item[0].id)[0].keys)


@pytest.mark.parametrize("redaction", ["0" * 32, "x", "..%2f..%2fetc"])
def test_what_is_not_there(client: httpx.Client, redaction: str) -> None:
    for path in ("", "/plan", "/output", "/original"):
        refused(client.get(f"{REDACTIONS}/{redaction}{path}"), 404, "not_found")


def test_deleting_takes_everything_along(client: httpx.Client, store: Store) -> None:
    view = send(client, review="true", wait="120")
    row, _ = store.redactions.get(Principal(), view["redactionId"])
    assert len(row.keys) == 2
    assert client.delete(view["links"]["self"]).status_code == 204
    refused(client.get(view["links"]["self"]), 404, "not_found")
    refused(client.delete(view["links"]["self"]), 404, "not_found")
    assert not set(row.keys) & set(store.blobs.keys())


def test_cancelled_as_a_job(client: httpx.Client, store: Store, reviewing: str) -> None:
    job = client.get(f"/api/v1/jobs/{reviewing}").json()
    assert (job["kind"], job["state"], job["percent"]) == ("redaction", "waiting_review", 40.0)
    assert job["links"]["result"] == f"{REDACTIONS}/{reviewing}"
    assert client.delete(f"/api/v1/jobs/{reviewing}").status_code == 202
    view = client.get(f"{REDACTIONS}/{reviewing}").json()
    assert (view["status"], set(view["links"])) == ("cancelled", {"self", "events", "plan"})
    assert store.redactions.get(Principal(), reviewing)[0].original_key is None
    refused(client.post(f"{REDACTIONS}/{reviewing}/render"), 409, "conflict")


def test_events(client: httpx.Client) -> None:
    view = send(client, name="e.png")
    seen = []
    with client.stream("GET", view["links"]["events"]) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
    assert (seen[-1]["state"], seen[-1]["percent"]) == ("completed", 100)
    percents = [event["percent"] for event in seen]
    assert percents == sorted(percents)
    assert {event["stage"] for event in seen} & {"look", "render", "verify"}


def test_history_page_by_page(client: httpx.Client) -> None:
    made = [client.post(REDACTIONS, json={"text": f"Number {i}."}).json()["redactionId"] for i in range(3)][::-1]
    first = client.get(REDACTIONS, params={"limit": 2}).json()
    second = client.get(REDACTIONS, params={"limit": 1, "before": first["next"]}).json()
    assert [item["redactionId"] for item in first["items"] + second["items"]] == made
    assert all(set(item) == VIEW for item in first["items"])
    refused(client.get(REDACTIONS, params={"before": "nonsense"}), 400, "bad_request")
    refused(client.get(REDACTIONS, params={"limit": 0}), 400, "bad_request")


def test_figures(client: httpx.Client) -> None:
    def counted() -> float:
        found = re.search(
            r'veriscope_redactions_total\{kind="text",outcome="completed"\} (\S+)', client.get("/metrics").text
        )
        return float(found.group(1)) if found else 0.0

    before = counted()
    client.post(REDACTIONS, json={"text": "Nothing of note."})
    assert counted() == before + 1


def test_a_callback_tells_of_the_end(client: httpx.Client) -> None:
    told: list[dict[str, Any]] = []

    class Site(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{site.server_port}/done"
        view = client.post(REDACTIONS, json={"text": "Tell me.", "callbackUrl": url}).json()
        eventually(lambda: told)
        site.shutdown()
        thread.join()
    assert told == [{"jobId": view["redactionId"], "state": "completed", "analysisId": None, "error": None}]


def test_sound_that_is_asked_for_faces(client: httpx.Client) -> None:
    answer = client.post(REDACTIONS, files={"file": ("a.wav", wav(tone()))}, data={"targets": "faces"})
    assert "can hold none" in refused(answer, 400, "bad_request")


def test_what_lies_on_the_disk_cannot_be_read(server: Server, client: httpx.Client) -> None:
    secret = "Anna's number is +44 20 7946 0958"
    view = client.post(REDACTIONS, json={"text": secret, "review": True, "custom": "Anna"}).json()
    assert view["status"] == "waiting_review"
    for path in server.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"7946 0958" not in data, path
            assert base64.b64encode(b"7946 0958")[:8] not in data, path
    client.delete(view["links"]["self"])
