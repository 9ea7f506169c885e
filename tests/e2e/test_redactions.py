"""A picture and a film through a real server: upload, review, correct, render; and ``kill -9`` of the whole server."""

from __future__ import annotations

import io
import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

from veriscope.media.credentials import read_credentials

from tests.making import encoded, film, photo
from tests.serving import Server, children, eventually, running
from tests.unit.media.test_credentials import Authority, authority

__all__ = ["authority"]
pytestmark = pytest.mark.e2e
REDACTIONS = "/api/v1/redactions"
FRAMES = 25


@pytest.fixture(scope="module")
def head(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of somebody who talks."""
    path = tmp_path_factory.mktemp("head") / "head.mp4"
    with av.open(str(data / "video/talking-heads/2.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width = stream.height = 424
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(source.decode(video=0)):
            if number == FRAMES:
                break
            small = frame.reformat(424, 424, "yuv420p")
            small.pts, small.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(small))
        target.mux(stream.encode())
    return path


def frames(data: bytes) -> list[Any]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def change(before: Any, after: Any, box: dict[str, float]) -> float:
    """Mean difference inside a box, 0–255."""
    x, y, w, h = (round(box[name]) for name in ("x", "y", "width", "height"))
    inside = np.s_[max(0, y) : y + h, max(0, x) : x + w]
    return float(np.abs(before[inside] - after[inside]).mean())


def send(client: httpx.Client, path: Path, **fields: str) -> str:
    with path.open("rb") as file:
        answer = client.post(REDACTIONS, files={"file": (path.name, file)}, data={"targets": "faces", **fields})
    assert answer.status_code in {200, 202}, answer.text
    return f"{REDACTIONS}/{answer.json()['redactionId']}"


def settled(client: httpx.Client, address: str, *states: str) -> dict[str, Any]:
    wanted = states or ("completed", "failed", "cancelled")
    found: dict[str, Any] = eventually(
        lambda: (now := client.get(address).json())["status"] in wanted and now, 150, every=0.25
    )
    return found


def traces(folder: Path, original: bytes) -> list[Path]:
    """Files that hold a part of the original."""
    parts = [original[at : at + 64] for at in range(256, len(original) - 64, max(64, len(original) // 50))]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if (stored := path.read_bytes()) and any(part in stored for part in parts)]


@pytest.mark.data
def test_a_film_with_a_face_that_stays_and_one_that_goes(tmp_path: Path, head: Path) -> None:
    original = head.read_bytes()
    with Server(tmp_path, sweep_seconds=0.5) as server, server.client() as client:
        kept, covered = send(client, head, review="true"), send(client, head)
        view = settled(client, kept, "waiting_review", "failed")
        assert view["status"] == "waiting_review", view
        assert client.get(f"{kept}/original").content == original
        plan = client.get(f"{kept}/plan").json()
        (face,) = plan["tracks"]
        assert face["thumbnail"].startswith("data:image/jpeg;base64,")
        box = {"time": 0, "x": 0, "y": 0, "width": 60, "height": 60}
        face["enabled"] = False
        plan["tracks"].append({"id": "corner", "kind": "manual", "boxes": [box, {**box, "time": plan["duration"]}]})
        assert client.put(f"{kept}/plan", json=plan).status_code == 200
        assert client.post(f"{kept}/render").status_code == 202
        results = {}
        for address in (kept, covered):
            done = settled(client, address)
            assert done["status"] == "completed", done
            assert done["result"]["secondLook"]["leaks"] == []
            results[address] = (done["result"], client.get(f"{address}/output").content)
        assert results[kept][0]["kept"] == [face["id"]]
        before, after, hidden = frames(original), frames(results[kept][1]), frames(results[covered][1])
        assert len(before) == len(after) == len(hidden) == FRAMES
        middle = next(b for b in face["boxes"])
        for number in (0, FRAMES // 2, FRAMES - 1):
            assert change(before[number], after[number], box) > 30  # the corner is covered
            assert change(before[number], after[number], middle) < 8  # the face that was to stay stays
            assert change(before[number], hidden[number], middle) > 30  # without a word it goes
        eventually(lambda: not server.spooled())
        assert traces(server.data, original) == []
        blobs = [path.name for path in (server.data / "blobs").rglob("*") if path.is_file()]
        assert sorted(blobs) == ["output", "output", "plan", "plan"]


@pytest.mark.data
def test_a_picture_signed_and_its_original_gone(tmp_path: Path, head: Path, authority: Authority) -> None:
    (tmp_path / "chain.pem").write_text(authority.chain)
    (tmp_path / "key.pem").write_text(authority.key)
    buffer = io.BytesIO()
    Image.fromarray(frames(head.read_bytes())[0].astype(np.uint8)).save(buffer, "JPEG", quality=92)
    picture, bitmap = tmp_path / "head.jpg", tmp_path / "b.bmp"
    picture.write_bytes(buffer.getvalue())
    bitmap.write_bytes(encoded(photo(), "BMP"))
    signed = {"c2pa_certificate": tmp_path / "chain.pem", "c2pa_key": tmp_path / "key.pem"}
    with Server(tmp_path / "s", **signed) as server, server.client() as client:
        address = send(client, picture, review="true")
        assert settled(client, address, "waiting_review", "failed")["status"] == "waiting_review"
        plan = client.get(f"{address}/plan").json()
        assert [track["kind"] for track in plan["tracks"]] == ["face"]
        client.post(f"{address}/render")
        done = settled(client, address)
        assert done["status"] == "completed", done
        safe = tmp_path / "safe.jpg"
        safe.write_bytes(client.get(f"{address}/output").content)
        assert safe.read_bytes() != picture.read_bytes()
        found = read_credentials(safe, "jpeg", authority.root)
        assert (found["state"], found["signer"]) == ("trusted", "Newsroom")
        assert [action["action"] for action in found["actions"]] == ["c2pa.opened", "c2pa.edited"]
        assert found["actions"][1]["description"] == "Covered: faces."
        assert "Signed with Content Credentials (C2PA)." in done["result"]["notes"]
        unsigned = settled(client, send(client, bitmap))
        assert any("not signed" in note for note in unsigned["result"]["notes"]), unsigned
        eventually(lambda: not server.spooled())
        assert traces(server.data, picture.read_bytes()) == []
        assert not list((server.data / "blobs").rglob("original"))


def test_the_whole_server_is_killed(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", seconds=4, size=(480, 360), fps=25)
    with Server(tmp_path, sweep_seconds=0.5) as server, server.client() as client:
        reviewed = send(client, clip, review="true")
        assert settled(client, reviewed, "waiting_review", "failed")["status"] == "waiting_review"
        active = send(client, clip)
        eventually(lambda: client.get(active).json()["stage"] in {"look", "render"}, 60, every=0.02)
        left = children(server.pid)
        os.kill(server.pid, signal.SIGKILL)
        server.stop(signal.SIGKILL)
        eventually(lambda: not any(running(pid) for pid in left))
        server.start()
        with server.client() as again:
            assert again.get(f"{reviewed}/original").content == clip.read_bytes()
            assert again.post(f"{reviewed}/render").status_code == 202
            for address in (active, reviewed):
                done = settled(again, address)
                assert done["status"] == "completed", done
                assert len(frames(again.get(f"{address}/output").content)) == 100
            eventually(lambda: not server.spooled())
            assert traces(server.data, clip.read_bytes()) == []
            assert traces(tmp_path, clip.read_bytes()) == [clip]  # this search does find what is there
            blobs = [path.name for path in (server.data / "blobs").rglob("*") if path.is_file()]
            assert sorted(blobs) == ["output", "output", "plan", "plan"]
