"""Jobs a second through each way of handing them out: the embedded job process, Celery on Redis, Celery on RabbitMQ.

Each job examines one second of sound, so what is measured is mostly the handing out: claim, lease, result, wake-up. One
process does the jobs in every case. Records and media are in PostgreSQL and a bucket; with the embedded one in SQLite
and a folder, as they are by default.
``wake_ms``: from a job's row to the moment a free worker has claimed it, one job at a time.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from sqlalchemy import select

from common import arguments, show
from veriscope.config import load
from veriscope.jobs.results import open_store
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.store.tables import jobs
from veriscope.types import JobState

from tests import servers
from tests.cluster import bucket, worker
from tests.making import tone, wav
from tests.serving import Server

WAYS = ("local", "redis", "rabbitmq")
_RATES = dict.fromkeys(("rate_limit", "upload_rate_limit", "token_rate_limit"), "1000000/minute")
_END_SECONDS = 600.0


@contextmanager
def site(way: str, folder: Path) -> Iterator[tuple[Server, Store]]:
    """A gateway and one process for jobs; and the records, to read what became of them."""
    with ExitStack() as stack:
        given: dict[str, object] = {"threads": 1, "log_level": "error", **_RATES}
        if way != "local":
            start = {"redis": servers.redis_server, "rabbitmq": servers.rabbitmq}[way]
            given["broker_url"] = stack.enter_context(start(folder / "broker"))[0]
            given["database_url"] = stack.enter_context(servers.postgres())[0]
            given["blob_endpoint"] = stack.enter_context(servers.s3(folder / "s3"))
            os.environ |= {
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
            given["blob_url"] = stack.enter_context(bucket(str(given["blob_endpoint"])))
        server = stack.enter_context(Server(folder / "gateway", job_processes=1, **given))
        if way != "local":
            hand = worker(folder / "worker", given)
            stack.callback(hand.stop)
            hand.start()
        stored = {k: v for k, v in given.items() if k in {"database_url", "blob_url", "blob_endpoint"}}
        yield server, open_store(load(data_dir=server.data, **stored))


def send(web: httpx.Client, number: int) -> str:
    """The id of a new job; no two sounds are alike."""
    sound = wav(tone(1.0, hertz=200 + number % 3000)) + number.to_bytes(4, "little")
    answer = web.post("/api/v1/analyses", files={"file": ("s.wav", sound)}, data={"policy": "quick"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def wait(store: Store, ids: list[str]) -> list[tuple[float, float, float]]:
    """Seconds of the epoch at which each was created, claimed and finished."""
    deadline = time.monotonic() + _END_SECONDS
    query = select(jobs.c.created, jobs.c.started, jobs.c.finished, jobs.c.state).where(jobs.c.id.in_(ids))
    while True:
        with store.engine.connect() as connection:
            rows = connection.execute(query).all()
        if all(row.state in ENDED for row in rows):
            assert all(row.state == JobState.COMPLETED for row in rows), rows
            return [(row.created, row.started, row.finished) for row in rows]
        assert time.monotonic() < deadline, "the jobs do not end"
        time.sleep(0.05)


def measured(way: str, folder: Path, count: int, single: int) -> dict[str, float]:
    with site(way, folder) as (server, store), server.client() as web:
        wait(store, [send(web, i) for i in range(4)])  # networks load
        wakes = [row[1] - row[0] for i in range(single) for row in wait(store, [send(web, 10_000 + i)])]
        rows = wait(store, [send(web, 20_000 + i) for i in range(count)])
        store.close()
    taken = max(row[2] for row in rows) - min(row[0] for row in rows)
    return {f"{way}_jobs_per_s": count / taken, f"{way}_wake_ms": 1000 * statistics.median(wakes)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--single", type=int, default=20, help="jobs sent one at a time")
    parser.add_argument("--ways", default=",".join(WAYS))
    given = parser.parse_args()
    figures: dict[str, float] = {}
    for way in given.ways.split(","):
        with tempfile.TemporaryDirectory() as folder:
            figures |= measured(way, Path(folder), given.jobs, given.single)
    show({key: round(value, 3) for key, value in figures.items()}, as_json=given.json)


if __name__ == "__main__":
    main()
