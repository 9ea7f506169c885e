"""Sending things and getting them back."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriscope.api.cache import MEMORY_SECONDS
from veriscope.evidence.schema import PublicReport

from tests.making import encoded, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
ANALYSES = "/api/v1/analyses"
SEED = iter(range(1000, 9999))


def jpeg() -> bytes:
    """A photograph that no other test has sent."""
    return encoded(photo(seed=next(SEED)), quality=85)


def send(client: httpx.Client, data: bytes, name: str = "a.jpg", **fields: Any) -> httpx.Response:
    return client.post(ANALYSES, files={"file": (name, data)}, data=fields)


def code(response: httpx.Response) -> str:
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message", "hint"}
    return str(response.json()["error"]["code"])


def links(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "url" and inner:
                yield inner
            else:
                yield from links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from links(inner)


def test_a_picture_is_answered_at_once_with_all_its_evidence(client: httpx.Client, server: Server) -> None:
    answer = send(client, jpeg(), "ảnh đẹp.jpg")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    PublicReport.model_validate(body)
    assert body["source"]["name"] == "ảnh đẹp.jpg"
    assert answer.headers["location"] == f"{ANALYSES}/{body['analysisId']}"
    assert client.get(answer.headers["location"]).json() == body
    found = set(links(body))
    assert found
    for link in found:
        picture = client.get(link)
        assert picture.status_code == 200, link
        assert picture.headers["content-type"].startswith("image/")
        assert "sandbox" in picture.headers["content-security-policy"]
    for form, start in (("html", b"<!DOCTYPE html"), ("pdf", b"%PDF")):
        printed = client.get(body["evidence"]["report"][form])
        assert printed.status_code == 200
        assert printed.content.lstrip()[: len(start)].lower() == start.lower()
    assert server.spooled() == []


def test_sentences_come_in_the_language_asked_for(client: httpx.Client) -> None:
    body = send(client, jpeg(), lang="vi").json()
    assert body["language"] == "vi"
    link = f"{ANALYSES}/{body['analysisId']}"
    assert client.get(link, params={"lang": "en"}).json()["language"] == "en"
    assert client.get(link, headers={"Accept-Language": "vi-VN,vi;q=0.9"}).json()["language"] == "vi"


def test_texts_and_pages(client: httpx.Client) -> None:
    for sent in (
        client.post(ANALYSES, json={"text": "Scientists were stunned by this one simple trick."}),
        client.post(ANALYSES, data={"text": "Bác sĩ không muốn bạn biết điều này."}),
        send(client, b"A plain text in a file, long enough to be one.\n" * 3, "a.txt"),
        client.post(ANALYSES, params={"policy": "quick"}, json={"text": "Options may stand in the address."}),
    ):
        assert sent.status_code == 200, sent.text
        assert sent.json()["mediaType"] == "text"
    page = send(client, b"<!doctype html><html><title>x</title><body><p>Some news.</p></body></html>", "a.html")
    assert page.json()["mediaType"] == "html"


def test_a_picture_with_a_caption_is_one_report(client: httpx.Client) -> None:
    body = send(client, jpeg(), text="The minister at the opening yesterday.").json()
    assert (body["mediaType"], body["options"]["caption"]) == ("image", "The minister at the opening yesterday.")
    assert body["signalBreakdown"]["textAnalysis"]["findings"]


def test_the_same_thing_twice_is_computed_once(client: httpx.Client) -> None:
    data = jpeg()
    first = send(client, data).json()["analysisId"]
    assert send(client, data).json()["analysisId"] == first
    assert send(client, data, policy="quick").json()["analysisId"] != first
    fresh = client.post(ANALYSES, files={"file": ("a.jpg", data)}, headers={"Cache-Control": "no-cache"})
    assert fresh.json()["analysisId"] != first


def test_a_report_without_its_pictures_is_made_again(client: httpx.Client, server: Server) -> None:
    data = jpeg()
    first = send(client, data).json()["analysisId"]
    with sqlite3.connect(server.data / "veriscope.db", timeout=10) as connection:
        connection.execute("update artifacts set expires = 1 where report_id = ?", (first,))
    connection.close()
    assert client.get(f"{ANALYSES}/{first}/report.html").status_code == 404
    assert client.get(f"{ANALYSES}/{first}").status_code == 200
    # a gateway's own memory may lag: it looks at when pictures expire by the settings, not at the rows
    eventually(lambda: send(client, data).json()["analysisId"] != first, MEMORY_SECONDS + 5)


def test_history_search_and_deletion(client: httpx.Client, server: Server) -> None:
    body = send(client, jpeg(), "needle in a haystack.jpg").json()
    analysis = body["analysisId"]
    for query in ({"q": "NEEDLE"}, {"q": body["sha256"][:12]}, {"hash": body["sha256"]}):
        items = client.get(ANALYSES, params=query).json()["items"]
        assert [item["analysisId"] for item in items] == [analysis]
    assert items[0]["label"] == body["overallAssessment"]["label"]
    assert client.get(ANALYSES, params={"q": "needle", "until": "2001-01-01T00:00:00Z"}).json()["items"] == []
    page = client.get(ANALYSES, params={"limit": 1}).json()
    assert page["next"]
    after = client.get(ANALYSES, params={"limit": 1, "cursor": page["next"]}).json()
    assert after["items"][0]["analysisId"] != page["items"][0]["analysisId"]
    assert client.delete(f"{ANALYSES}/{analysis}").status_code == 204
    assert client.get(f"{ANALYSES}/{analysis}").status_code == 404
    assert client.delete(f"{ANALYSES}/{analysis}").status_code == 404
    assert not (server.data / "blobs" / analysis).exists()


def test_sound_becomes_a_job_unless_one_waits(client: httpx.Client, server: Server) -> None:
    queued = send(client, wav(tone(hertz=500)), "a.wav")
    assert queued.status_code == 202
    job = queued.json()
    assert queued.headers["location"] == job["links"]["self"] == f"/api/v1/jobs/{job['jobId']}"
    waited = send(client, wav(tone(hertz=600)), "b.wav", wait="true")
    assert waited.status_code == 200, waited.text
    assert waited.json()["mediaType"] == "audio"
    eventually(lambda: client.get(job["links"]["self"]).json()["state"] == "completed")
    assert client.get(job["links"]["result"]).json()["sha256"] == job["source"]["sha256"]
    eventually(lambda: server.spooled() == [])


def test_a_picture_becomes_a_job_for_those_who_do_not_wait(client: httpx.Client) -> None:
    queued = send(client, jpeg(), wait="false")
    assert queued.status_code == 202
    eventually(lambda: client.get(queued.headers["location"]).json()["state"] == "completed")


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": "sloppy"},
        {"region": "1,2,3"},
        {"region": "0,0,0,5"},
        {"start": "5", "end": "2"},
        {"rate": "-1"},
        {"edgeScore": "2"},
        {"priority": "99"},
        {"callbackUrl": "file:///etc/passwd"},
        {"lang": "tlh"},
        {"colour": "red"},
        {"rate": "nan"},
    ],
)
def test_parameters_that_make_no_sense(client: httpx.Client, server: Server, fields: dict[str, str]) -> None:
    answer = send(client, jpeg(), **fields)
    assert (answer.status_code, code(answer)) == (400, "bad_request")
    assert next(iter(fields)) in answer.json()["error"]["message"] or "start" in fields
    assert server.spooled() == []


def test_a_region_of_the_picture(client: httpx.Client) -> None:
    body = send(client, jpeg(), region="16, 16, 200, 150").json()
    assert body["options"]["region"] == [16, 16, 200, 150]
    assert 200 * 150 <= body["coverage"]["analysed"] <= 216 * 166  # widened to the JPEG grid at most
    assert body["coverage"]["total"] == 320 * 240


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"not json", "application/json"),
        (b"[1]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"text": 5}', "application/json"),
        (b"x", "text/plain"),
        (b"x", ""),
        (b"x", "multipart/form-data"),
        (b"garbage", "multipart/form-data; boundary=abc"),
        (b'--abc\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc',
         "multipart/form-data; boundary=abc"),
        (b'--abc\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\n--abc\r\n'
         b'Content-Disposition: form-data; name="text"\r\n\r\nb\r\n--abc--\r\n', "multipart/form-data; boundary=abc"),
    ],
)  # fmt: skip
def test_malformed_bodies(client: httpx.Client, server: Server, body: bytes, content_type: str) -> None:
    answer = client.post(ANALYSES, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, code(answer)) == (400, "bad_request"), answer.text
    assert server.spooled() == []


def test_nothing_and_too_much(client: httpx.Client, server: Server) -> None:
    assert code(client.post(ANALYSES, json={})) == "empty_input"
    assert code(client.post(ANALYSES, json={"text": "  "})) == "empty_input"
    assert code(send(client, b"", "a.jpg")) == "empty_input"
    two = client.post(ANALYSES, files=[("file", ("a.jpg", jpeg())), ("file", ("b.jpg", jpeg()))])
    assert code(two) == "bad_request"
    assert code(client.post(ANALYSES, files={"picture": ("a.jpg", jpeg())})) == "bad_request"
    large = send(client, b"RIFF" + bytes(21_000_000))
    assert (large.status_code, code(large)) == (413, "too_large")
    assert server.spooled() == []


def _raw(server: Server, head: str, *body: bytes) -> bytes:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode())
        for part in body:
            connection.sendall(part)
        return connection.recv(4096)


def test_a_large_upload_is_refused_before_it_is_sent(server: Server) -> None:
    head = "POST /api/v1/analyses HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=a\n"
    assert b" 413 " in _raw(server, head + "Content-Length: 99999999999\n\n").splitlines()[0]


def test_an_upload_without_length_is_cut_off_at_the_limit(client: httpx.Client, server: Server) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--a\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(40):
            yield bytes(1 << 20)

    try:
        answer = client.post(ANALYSES, content=endless(), headers={"Content-Type": "multipart/form-data; boundary=a"})
    except httpx.WriteError:
        pass  # the server did not want to hear the rest
    else:
        assert answer.status_code == 413
    eventually(lambda: server.spooled() == [])


def test_a_sender_who_leaves_leaves_nothing(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(
            b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
            b"Content-Type: multipart/form-data; boundary=a\r\n\r\n"
            b'--a\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + bytes(3_000_000)
        )
        eventually(server.spooled)
    eventually(lambda: server.spooled() == [])


@pytest.fixture
def site() -> Iterator[tuple[str, list[bytes]]]:
    """A web site with one picture, which also takes callbacks."""
    picture = jpeg()
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204 if len(told) > 1 else 503)  # the first time it is busy
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}", told
    web.shutdown()
    thread.join()
    web.server_close()


def test_a_link_is_fetched(client: httpx.Client, server: Server, site: tuple[str, list[bytes]]) -> None:
    answer = client.post(ANALYSES, json={"url": f"{site[0]}/photos/sea.jpg?x=1"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["source"]["name"] == "sea.jpg"
    refused = client.post(ANALYSES, json={"url": "http://127.0.0.1:9/x.jpg"})
    assert (refused.status_code, code(refused)) == (422, "unreachable_url")
    assert code(client.post(ANALYSES, json={"url": f"{site[0]}/x", "text": "y"})) == "bad_request"
    assert server.spooled() == []


def test_a_callback_is_tried_until_it_is_taken(client: httpx.Client, site: tuple[str, list[bytes]]) -> None:
    queued = send(client, jpeg(), callbackUrl=f"{site[0]}/done")
    assert queued.status_code == 202
    eventually(lambda: len(site[1]) == 2)
    told = json.loads(site[1][1])
    assert (told["jobId"], told["state"]) == (queued.json()["jobId"], "completed")
    assert client.get(f"{ANALYSES}/{told['analysisId']}").status_code == 200
    time.sleep(0.5)
    assert len(site[1]) == 2


def test_names_of_artifacts_cannot_leave_the_folder(client: httpx.Client) -> None:
    analysis = send(client, jpeg()).json()["analysisId"]
    for name in ("_report", "..%2f..%2fveriscope.db", "%2e%2e", "nothing.png", "a%00b"):
        answer = client.get(f"{ANALYSES}/{analysis}/artifacts/{name}")
        assert (answer.status_code, code(answer)) == (404, "not_found")
    for bad in ("x", "0" * 32, "A" * 32):
        assert client.get(f"{ANALYSES}/{bad}").status_code == 404


def test_nothing_of_this_was_logged(server: Server, client: httpx.Client) -> None:
    client.post(ANALYSES, json={"text": "My very private sentence 4711."})
    client.post(ANALYSES, params={"text": "My very private sentence 4712."}, json={})
    log = Path(server.log).read_text()
    assert "request" in log
    assert "private sentence" not in log
