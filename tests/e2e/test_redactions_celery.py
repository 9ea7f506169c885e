"""Redactions through workers of their own, on machines that share a bucket and a key but no folder."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.making import encoded, photo
from tests.serving import Server, children, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
pytest.importorskip("celery", reason="the scale extra is not installed")
REDACTIONS = "/api/v1/redactions"


def test_a_gateway_and_a_worker(redis_url: str, s3_url: str, tmp_path: Path) -> None:
    import boto3

    bucket = f"b{uuid.uuid4().hex}"
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket=bucket)
    shared = {
        "broker_url": redis_url,
        "database_url": f"sqlite:///{tmp_path / 'v.db'}",
        "blob_url": f"s3://{bucket}/v",
        "blob_endpoint": s3_url,
        "blob_key": base64.b64encode(os.urandom(32)).decode(),
        "lease_seconds": "3",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
    environment |= {f"VERISCOPE_{key.upper()}": value for key, value in shared.items()}
    elsewhere, log = tmp_path / "elsewhere", tmp_path / "worker.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "veriscope.cli", "worker", "--concurrency", "1", "--data-dir", str(elsewhere)]
        worker = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        with Server(tmp_path / "gateway", **shared) as server, server.client() as web:
            picture = encoded(photo(640, 480))
            fields = {"targets": "faces", "review": "true", "wait": "120"}
            view = web.post(REDACTIONS, files={"file": ("a.jpg", picture)}, data=fields).json()
            assert view["status"] == "waiting_review", (view, log.read_text()[-3000:])
            stored = [
                client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                for entry in client.list_objects_v2(Bucket=bucket)["Contents"]
            ]
            assert len(stored) == 2
            assert not any(picture[at : at + 64] in data for data in stored for at in range(0, len(picture) - 64, 512))
            part = web.get(view["links"]["original"], headers={"Range": "bytes=100-199"})
            assert (part.status_code, part.content) == (206, picture[100:200])
            assert web.post(f"{view['links']['self']}/render").status_code == 202
            address = view["links"]["self"]
            eventually(lambda: web.get(address).json()["status"] in {"completed", "failed"}, 120)
            done = web.get(address).json()
            assert done["status"] == "completed", (done, log.read_text()[-3000:])
            safe = web.get(done["links"]["output"]).content
            assert safe[:3] == b"\xff\xd8\xff"
            assert safe != picture

            def names() -> list[str]:
                found = client.list_objects_v2(Bucket=bucket)["Contents"]
                return sorted(entry["Key"].rsplit("/", 1)[1] for entry in found)

            eventually(lambda: names() == ["output", "plan"])
            assert [path for path in elsewhere.rglob("*") if path.is_file()] == []
            assert server.spooled() == []
            hands = children(worker.pid)
            limits = [Path(f"/proc/{pid}/limits").read_text() for pid in hands]
            assert any(line.split()[4:6] == ["0", "0"] for line in limits[0].splitlines() if "core file" in line)
            assert web.delete(address).status_code == 204
            assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    finally:
        worker.terminate()
        worker.wait(30)
