"""Whatever is thrown at it: a 4xx in the one shape or a proper report, never a 5xx, never a file left behind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from veriscope.evidence.schema import PublicReport

from tests.making import encoded, film, huge_png, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with Server(folder, upload_rate_limit="10000/minute", decode_seconds=5) as running:
        yield running


def office_bomb() -> bytes:
    """What a word processor writes, with 256 MB of nothing inside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w") as member:
            for _ in range(16):
                member.write(bytes(1 << 24))
    return buffer.getvalue()


def encrypted_pdf() -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R/Encrypt 2 0 R>>\n"
        b"2 0 obj<</Filter/Standard/V 2>>endobj\n%%EOF"
    )


def encrypted_mp4(folder: Path) -> bytes:
    """An MP4 encrypted as streaming services do it (ISO 23001-7)."""
    scheme = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "11" * 16, "encryption_kid": "22" * 16}
    source = film(folder / "plain.mp4", seconds=1)
    with av.open(str(source)) as plain, av.open(str(folder / "e.mp4"), "w", options=scheme) as locked:
        streams = {stream: locked.add_stream_from_template(stream) for stream in plain.streams}
        for packet in plain.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                locked.mux(packet)
    return (folder / "e.mp4").read_bytes()


def endless_gif() -> bytes:
    frames = [photo(64, 64, i) for i in range(3)]
    head = encoded(frames[0], "GIF")
    body = head[:-1]  # without the trailer: frames for ever
    frame = body[body.index(b"\x2c") :]
    return body + frame * 200


Case = tuple[Callable[[Path], bytes], str, set[str]]
OK = "a report"
CASES: dict[str, Case] = {
    "empty": (lambda _: b"", "a.jpg", {"empty_input"}),
    "one byte": (lambda _: b"\xff", "a.jpg", {"unsupported_kind", "damaged_media"}),
    "half a picture": (lambda _: encoded(photo())[:3000], "a.jpg", {"damaged_media", OK}),
    "head of a picture": (lambda _: encoded(photo())[:40], "a.jpg", {"damaged_media"}),
    "half a png": (lambda _: encoded(photo(), "PNG")[:5000], "a.png", {"damaged_media"}),
    "half a video": (lambda f: film(f / "a.mp4").read_bytes()[:20_000], "a.mp4", {"damaged_media"}),
    "half a matroska": (lambda f: film(f / "a.mkv").read_bytes()[:30_000], "a.mkv", {"damaged_media", OK}),
    "half a sound": (lambda _: wav(tone())[:9001], "a.wav", {"damaged_media", OK}),
    "head of a sound": (lambda _: wav(tone())[:30], "a.wav", {"damaged_media"}),
    "picture called video": (lambda _: encoded(photo()), "a.mp4", {OK}),
    "video called picture": (lambda f: film(f / "b.mp4", seconds=1).read_bytes(), "a.jpg", {OK}),
    "sound called text": (lambda _: wav(tone()), "a.txt", {OK}),
    "noise called picture": (lambda _: np.random.default_rng(0).bytes(9999), "a.jpg", {"unsupported_kind"}),
    "zeros called video": (lambda _: bytes(100_000), "a.mp4", {"unsupported_kind"}),
    "program": (lambda _: Path("/bin/true").read_bytes(), "a.png", {"unsupported_kind"}),
    "encrypted pdf": (lambda _: encrypted_pdf(), "a.pdf", {"unsupported_kind", "encrypted_media"}),
    "encrypted video": (encrypted_mp4, "a.mp4", {"encrypted_media", "damaged_media"}),
    "0 × 0": (lambda _: huge_png(0, 0), "a.png", {"damaged_media"}),
    "50 000 × 50 000": (lambda _: huge_png(50_000, 50_000), "a.png", {"too_large"}),
    "2³¹ × 2³¹": (lambda _: huge_png(2**31 - 1, 2**31 - 1), "a.png", {"too_large", "damaged_media"}),
    "office bomb": (lambda _: office_bomb(), "a.docx", {"unsupported_kind"}),
    "endless gif": (lambda _: endless_gif(), "a.gif", {OK, "damaged_media", "decode_limit"}),
    "video without pictures": (lambda f: film(f / "s.mp4", picture=False).read_bytes(), "a.mp4", {OK}),
    "matroska without pictures": (lambda f: film(f / "s.mkv", picture=False).read_bytes(), "a.mkv", {OK}),
    "video without sound": (lambda f: film(f / "v.mp4", seconds=1, sound=False).read_bytes(), "a.mp4", {OK}),
    "one pixel": (lambda _: encoded(photo(1, 1), "PNG"), "a.png", {OK}),
    "10 MB of text": (lambda _: b"All work and no play. " * 500_000, "a.txt", {"too_large"}),
    "broken text": (lambda _: b"plain text with \xff\xfe broken bytes \x80\x81 in it\n" * 20, "a.txt",
                    {OK, "unsupported_kind", "damaged_media"}),
    "nested html": (lambda _: b"<!doctype html><html><body>" + b"<div>" * 100_000 + b"x", "a.html",
                    {OK, "damaged_media", "decode_limit"}),
    "hostile name": (lambda _: encoded(photo(seed=5)), '../../etc/"><script>\r\nX: y\x00\u202e.jpg', {OK}),
    "very long name": (lambda _: encoded(photo(seed=6)), "a" * 5000 + ".jpg", {OK, "bad_request"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_over_http(server: Server, tmp_path: Path, case: str) -> None:
    make, name, expected = CASES[case]
    with server.client() as client:
        answer = client.post(
            "/api/v1/analyses", files={"file": (name, make(tmp_path))}, data={"wait": "true", "policy": "quick"}
        )
    check(answer, expected)
    eventually(lambda: server.spooled() == [], 10)


def check(answer: httpx.Response, expected: set[str]) -> None:
    body = answer.json()
    if answer.status_code == 200:
        PublicReport.model_validate(body)
        assert OK in expected, "this should have been refused"
        return
    assert 400 <= answer.status_code < 500, answer.text
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert body["error"]["code"] in expected, body
    assert body["error"]["message"].endswith(".")
    assert "\n" not in body["error"]["message"]
    assert "Traceback" not in answer.text


def test_ten_megabytes_of_text_as_json(server: Server) -> None:
    with server.client() as client:
        check(client.post("/api/v1/analyses", json={"text": "x" * 10_000_000}), {"too_large"})
        check(client.post("/api/v1/analyses", data={"text": "x" * 10_000_000}), {"too_large"})
        check(client.post("/api/v1/analyses", files={"text": (None, "x" * 10_000_000)}), {"too_large"})
    assert server.spooled() == []


def test_the_service_is_whole_afterwards(server: Server) -> None:
    """Runs last: nothing above broke a process, raised a trace, or left a blob that belongs to nothing."""
    with server.client() as client:
        assert client.get("/health/ready").status_code == 200
        assert client.post("/api/v1/analyses", files={"file": ("a.jpg", encoded(photo(seed=9)))}).status_code == 200
        figures = client.get("/metrics").text
        listed = {item["analysisId"] for item in client.get("/api/v1/analyses", params={"limit": 200}).json()["items"]}
    assert "veriscope_pool_restarts 0.0" in figures
    assert "veriscope_job_process_restarts 0.0" in figures
    assert 'veriscope_errors_total{code="internal"}' not in figures
    assert "Traceback" not in server.log.read_text()
    assert {path.parent.name for path in (server.data / "blobs").glob("*/*")} == listed
