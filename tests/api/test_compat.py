"""The routes of older systems keep their shapes, to the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.making import encoded, film, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
DONE = {
    "job_id": "str",
    "status": "str",
    "progress": "float",
    "confidence": "float?",
    "label": "str",
    "evidence": {"thumbnails": ["str"], "heatmaps": ["str"], "timeline": [{"frame": "int", "score": "float"}]},
}
OPEN = {"job_id": "str", "status": "str", "progress": "float"}


def fits(value: Any, shape: Any) -> bool:
    """Whether a value has exactly this shape; lists may be empty, ``?`` allows null."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and value.keys() == shape.keys() and all(fits(value[k], shape[k]) for k in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if shape.endswith("?"):
        return value is None or fits(value, shape[:-1])
    return type(value).__name__ == shape


def test_the_yardstick_measures() -> None:
    good = {"frame": 1, "score": 0.5}
    assert fits([good], [{"frame": "int", "score": "float"}])
    assert not fits([{**good, "more": 1}], [{"frame": "int", "score": "float"}])
    assert not fits([{"frame": 1}], [{"frame": "int", "score": "float"}])
    assert not fits({"frame": "1", "score": 0.5}, {"frame": "int", "score": "float"})


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return encoded(photo(seed=77), quality=85)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("clip") / "a.mp4", seconds=2).read_bytes()


@pytest.mark.parametrize(
    ("route", "field"),
    [
        ("/api/upload", "file"),
        ("/api/analyze", "image"),
        ("/api/detect", "file"),
        ("/api/v1/analyze/image", "file"),
    ],
)
def test_pictures_are_answered_at_once(client: httpx.Client, jpeg: bytes, route: str, field: str) -> None:
    answer = client.post(route, files={field: ("a.jpg", jpeg)}, data={"session": "unknown fields are ignored"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert fits(body, DONE), body
    assert body["label"] in {"manipulated", "authentic", "uncertain"}
    assert client.get(f"/api/job/{body['job_id']}").json() == body
    for link in body["evidence"]["heatmaps"]:
        assert client.get(link).status_code == 200


@pytest.mark.parametrize("route", ["/api/upload", "/api/v1/analyze/video", "/api/v1/analyze/audio-visual"])
def test_videos_become_jobs(client: httpx.Client, clip: bytes, route: str) -> None:
    answer = client.post(route, files={"file": (f"{route[-5:]}.mp4", clip)})
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert fits(body, OPEN), body
    assert body["status"] in {"queued", "processing"}
    address = f"/api/job/{body['job_id']}"
    done = eventually(lambda: (now := client.get(address).json())["status"] == "completed" and now, 60)
    assert fits(done, DONE), done
    assert done["evidence"]["thumbnails"]


def test_failed_jobs(client: httpx.Client, server: Server) -> None:
    body = client.post("/api/upload", files={"file": ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8))}).json()
    address = f"/api/job/{body['job_id']}"
    failed = eventually(lambda: (now := client.get(address).json())["status"] == "failed" and now)
    assert fits(failed, {**OPEN, "error": {"code": "str", "message": "str", "hint": "str"}})


def test_the_wrong_kind_and_an_unknown_job(client: httpx.Client, server: Server, jpeg: bytes, tmp_path: Path) -> None:
    for route, data in (
        ("/api/v1/analyze/image", wav(tone())),
        ("/api/v1/analyze/video", jpeg),
        ("/api/v1/analyze/audio-visual", jpeg),
    ):
        answer = client.post(route, files={"file": ("a", data)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_kind")
    assert client.get(f"/api/job/{'0' * 32}").json()["error"]["code"] == "not_found"
    eventually(lambda: server.spooled() == [])


def test_health(client: httpx.Client) -> None:
    assert fits(client.get("/health").json(), {"status": "str", "version": "str"})
