"""Workers of their own over Redis and RabbitMQ: whatever dies or is lost, each job ends, and ends once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from veriscope.config import load
from veriscope.jobs import owner
from veriscope.jobs.celery import CeleryDispatcher
from veriscope.jobs.payload import media_payload, options_payload, spool_folder
from veriscope.jobs.results import open_store
from veriscope.jobs.tasks import ANALYSIS
from veriscope.media.intake import open_bytes
from veriscope.store.jobs import ENDED
from veriscope.types import LOCAL, Job, JobState, Options, Queue

from tests import servers
from tests.making import film, tone, wav
from tests.serving import Server, children, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
pytest.importorskip("celery", reason="the scale extra is not installed")
EVERY_FRAME = Options(rate=25.0)


class Cluster:
    """A store, a gateway's dispatcher and one worker, on a broker."""

    def __init__(self, folder: Path, broker: str, database: str) -> None:
        given: dict[str, Any] = {
            "data_dir": folder,
            "broker_url": broker,
            "database_url": database,
            "lease_seconds": 3,
            "retry_seconds": 0.5,
        }
        self.settings = load(**given)
        self.store = open_store(self.settings)
        self.dispatcher = CeleryDispatcher(self.settings, self.store)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
        self.environment |= {f"VERISCOPE_{key.upper()}": str(value) for key, value in given.items()}
        self.log = folder / "worker.log"
        self.worker: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "veriscope.cli", "worker", "--concurrency", "1"]
            self.worker = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.log.parent)

    def send(self, data: bytes, options: Options = Options(), **more: Any) -> Job:  # noqa: B008
        spool = spool_folder(self.settings)
        media = open_bytes(data, "a.bin", spool / owner.name("gw"), self.settings.limits())
        payload = {**media_payload(media, spool), "options": options_payload(options), **more}
        job = self.store.jobs.submit(LOCAL, ANALYSIS, Queue.MEDIA, payload)
        self.dispatcher.wake(job.id, job.queue)
        return job

    def job(self, job: Job) -> Job:
        return self.store.jobs.get(LOCAL, job.id)

    def ended(self, job: Job, seconds: float = 120) -> Job:
        def over() -> bool:
            for taken in self.store.jobs.take_back():  # what a gateway's sweep does
                self.dispatcher.wake(taken.id, taken.queue)
            return self.job(job).state in ENDED

        eventually(over, seconds)
        return self.job(job)

    def hands(self) -> list[int]:
        """The worker's processes that work."""
        assert self.worker is not None
        return list(children(self.worker.pid))

    def close(self) -> None:
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        try:
            self.worker.wait(20)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self.dispatcher.close()
        self.store.close()


@pytest.fixture(params=["redis_url", "rabbit_url"])
def broker(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def cluster(broker: str, postgres_url: str, tmp_path: Path) -> Iterator[Cluster]:
    import psycopg

    name = f"c{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    made = Cluster(tmp_path, broker, postgres_url.rsplit("/", 1)[0] + "/" + name)
    yield made
    made.close()


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "long.mp4", seconds=6, size=(480, 360), fps=25).read_bytes()


def test_jobs_are_done_urgent_ones_first_and_bad_ones_once(cluster: Cluster) -> None:
    good, bad = cluster.send(wav(tone())), cluster.send(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(8))
    done = cluster.ended(good)
    assert (done.state, done.attempts) == (JobState.COMPLETED, 1), cluster.log.read_text()[-3000:]
    assert cluster.store.reports.of_job(LOCAL, good.id).id == done.result_id
    failed = cluster.ended(bad)
    assert (failed.state, failed.attempts) == (JobState.FAILED, 1)
    assert failed.error is not None
    assert failed.error["code"] == "damaged_media"
    eventually(lambda: not [p for p in spool_folder(cluster.settings).rglob("*") if p.is_file()])


def test_a_killed_process_costs_a_try_and_nothing_else(cluster: Cluster, long_film: bytes) -> None:
    job = cluster.send(long_film, EVERY_FRAME)
    eventually(lambda: cluster.job(job).stage == "detect" and cluster.job(job).fraction > 0, 120)
    holder = cluster.hands()
    for pid in holder:
        os.kill(pid, signal.SIGKILL)
    done = cluster.ended(job)
    assert (done.state, done.attempts) == (JobState.COMPLETED, 2), cluster.log.read_text()[-3000:]
    assert len(cluster.store.reports.search(LOCAL)[0]) == 1


def test_a_job_whose_message_was_lost_is_announced_again(cluster: Cluster) -> None:
    spool = spool_folder(cluster.settings)
    media = open_bytes(wav(tone()), "a.wav", spool / owner.name("gw"), cluster.settings.limits())
    payload = {**media_payload(media, spool), "options": options_payload(Options())}
    job = cluster.store.jobs.submit(LOCAL, ANALYSIS, Queue.MEDIA, payload)  # and nobody is told
    assert cluster.ended(job).state is JobState.COMPLETED


def test_a_cancelled_job_stops(cluster: Cluster, long_film: bytes) -> None:
    job = cluster.send(long_film, EVERY_FRAME)
    eventually(lambda: cluster.job(job).stage == "detect", 120)
    cluster.store.jobs.cancel(LOCAL, job.id)
    assert cluster.ended(job).state is JobState.CANCELLED


def test_the_broker_may_be_away_when_a_job_comes(tmp_path: Path) -> None:
    with servers.redis_server(tmp_path / "redis") as (url, daemon):
        cluster = Cluster(tmp_path, url, f"sqlite:///{tmp_path / 'v.db'}")
        try:
            daemon.stop()
            job = cluster.send(wav(tone()))
            assert cluster.job(job).state is JobState.WAITING
            daemon.start()
            assert cluster.ended(job).state is JobState.COMPLETED, cluster.log.read_text()[-3000:]
        finally:
            cluster.close()


def test_machines_share_no_folder(redis_url: str, s3_url: str, tmp_path: Path) -> None:
    """A gateway and a worker with data folders of their own: files travel through the bucket, and are gone after."""
    import boto3

    bucket = f"b{uuid.uuid4().hex}"
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket=bucket)
    shared = {
        "broker_url": redis_url,
        "database_url": f"sqlite:///{tmp_path / 'v.db'}",
        "blob_url": f"s3://{bucket}/v",
        "blob_endpoint": s3_url,
        "redis_url": redis_url,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
    environment |= {f"VERISCOPE_{key.upper()}": value for key, value in shared.items()}
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "veriscope.cli", "worker", "--concurrency", "1", "--data-dir"]
        worker = subprocess.Popen([*command, str(tmp_path / "elsewhere")], env=environment, stdout=out, stderr=out)
    try:
        with Server(tmp_path / "gateway", **shared) as server, server.client() as web:
            answer = web.post("/api/v1/analyses", files={"file": ("a.wav", wav(tone()))}, data={"wait": "true"})
            assert answer.status_code == 200, log.read_text()[-3000:]
            assert answer.json()["mediaType"] == "audio"
            kept = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
            assert kept, "the report's pictures are in the bucket"
            assert not [key for key in kept if "inputs/" in key], "the original is not"
            assert server.spooled() == []
            assert [p for p in (tmp_path / "elsewhere").rglob("in-*") if p.is_file()] == []
    finally:
        worker.terminate()
        worker.wait(30)


def test_without_a_broker_the_worker_says_so(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
    command = [sys.executable, "-m", "veriscope.cli", "worker", "--data-dir", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert ran.returncode == 2
    assert "broker_url" in ran.stderr
    ran = subprocess.run([*command, "--queues", "x"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 2
    assert "x is not a valid queue" in ran.stderr.lower()
