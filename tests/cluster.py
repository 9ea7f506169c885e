"""A whole cluster on this machine, each part a process: nginx → gateways → broker → workers → Tritons, and the state.

Gateways and workers share no folder, as on machines of their own.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from veriscope.config import load
from veriscope.inference.registry import Registry
from veriscope.inference.triton_repository import Serving, export
from veriscope.jobs.results import open_store
from veriscope.store.store import Store

from tests import servers
from tests.serving import Server, eventually

TOKEN = "a-token-of-the-cluster"
NETWORKS = ("silero_vad", "centerface", "pii-names")  # one process each on each Triton, so no more than are asked for
Broker = Literal["redis", "rabbitmq"]


@dataclass
class Cluster:
    """What runs, part by part; ``url`` is nginx's."""

    url: str
    gateways: list[Server]
    workers: list[servers.Daemon]
    tritons: list[servers.Daemon]
    postgres: servers.Daemon
    redis: servers.Daemon
    broker: servers.Daemon  # the same as ``redis`` where that is the broker
    redis_url: str
    shared: dict[str, Any]  # settings of every gateway and worker

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def store(self, folder: Path) -> Store:
        """The records and the bucket, for looking at what became of the jobs."""
        return open_store(load(data_dir=folder, **{k: v for k, v in self.shared.items() if k not in {"tokens"}}))


def worker(folder: Path, settings: dict[str, Any]) -> servers.Daemon:
    """``veriscope worker`` with one process for jobs."""
    folder.mkdir(parents=True)
    environment = {f"VERISCOPE_{key.upper()}": str(value) for key, value in settings.items()}
    command = [sys.executable, "-m", "veriscope.cli", "worker", "--concurrency", "1", "--data-dir", str(folder / "d")]
    return servers.Daemon(command, folder, lambda: True, environment)


@contextmanager
def bucket(endpoint: str) -> Iterator[str]:
    import boto3

    name = f"b{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=name)
    yield f"s3://{name}/v"


@contextmanager
def cluster(folder: Path, broker: Broker, *, workers: int = 2, **more: Any) -> Iterator[Cluster]:
    """Two gateways behind nginx, ``workers`` workers and two Tritons; ``more`` are settings of all of them."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    repository = folder / "models"
    export(Registry(), repository, Serving(flavour="python", delay_us=5_000), NETWORKS)
    with ExitStack() as stack:
        parts: dict[str, AbstractContextManager[Any]] = {
            "postgres": servers.postgres(),
            "redis": servers.redis_server(folder / "redis"),
            "s3": servers.s3(folder / "s3"),
            "triton0": servers.triton(folder / "triton0", repository),
            "triton1": servers.triton(folder / "triton1", repository),
        }
        if broker == "rabbitmq":
            parts["rabbitmq"] = servers.rabbitmq(folder / "rabbitmq")
        with ThreadPoolExecutor(len(parts)) as pool:  # they start side by side
            found = dict(zip(parts, pool.map(stack.enter_context, parts.values()), strict=True))
        redis_url, redis = found["redis"]
        tritons = [found["triton0"], found["triton1"]]
        shared: dict[str, Any] = {
            "database_url": found["postgres"][0],
            "broker_url": found["rabbitmq"][0] if broker == "rabbitmq" else redis_url.removesuffix("0") + "1",
            "redis_url": redis_url,
            "blob_url": stack.enter_context(bucket(found["s3"])),
            "blob_endpoint": found["s3"],
            "triton_urls": ",".join(url for url, _ in tritons),
            "tokens": TOKEN,
            "trusted_proxies": "127.0.0.1",
            "lease_seconds": 5,
            "sweep_seconds": 1,
            "retry_seconds": 0.5,
            "threads": 1,
            **more,
        }
        gateways = [Server(folder / f"gateway{i}", port=servers.free_port(), **shared) for i in range(2)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(stack.enter_context, gateways))
        hands = [worker(folder / f"worker{i}", shared) for i in range(workers)]
        for hand in hands:
            stack.callback(hand.stop)
            hand.start()
        url, _ = stack.enter_context(
            servers.nginx(folder / "nginx", [each.url.removeprefix("http://") for each in gateways])
        )
        made = Cluster(
            url=url,
            gateways=gateways,
            workers=hands,
            tritons=[daemon for _, daemon in tritons],
            postgres=found["postgres"][1],
            redis=redis,
            broker=found["rabbitmq"][1] if broker == "rabbitmq" else redis,
            redis_url=redis_url,
            shared=shared,
        )
        with made.client() as web:
            eventually(lambda: web.get("/health/ready").status_code == 200, 60)
        yield made
