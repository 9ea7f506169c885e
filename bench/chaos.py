"""Parts of a running installation die at random while small jobs stream in: does each accepted job end, and end once?

    veriscope bench chaos --minutes 10 --topology redis

``redis`` and ``rabbitmq``: nginx, two gateways, workers, two Tritons, PostgreSQL and a bucket (``tests/cluster.py``).
``embedded``: one service with its own job processes on SQLite. Workers, their processes and gateways get ``kill -9``
every few seconds and are started again, as systemd would; a Triton dies and comes back; Redis is flushed, the broker
and PostgreSQL are restarted, once each. What became of the jobs is read from the tables when all of it is over.

accepted: jobs that a sender was told of. finished: those that ended. lost: jobs told of that are not in the table, jobs
of the table that never ended, and completed ones whose report or one of its files is missing. duplicated: reports,
artifacts or entries of the audit log beyond the one that a completed job may have.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from common import arguments
from veriscope.config import load
from veriscope.jobs.results import open_store
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.store.tables import artifacts, audit, jobs, reports
from veriscope.types import JobState

from tests.cluster import TOKEN, Cluster, cluster
from tests.making import film, tone, wav
from tests.servers import Daemon, free_port
from tests.serving import Server, children, running

REVIVE_SECONDS = 1.0  # as systemd's RestartSec
END_SECONDS = 300.0  # in which all jobs must have ended once nothing dies any more
FILM_EVERY = 8  # one job in so many is a film
SENDERS = 3
COUNTED = ("accepted", "finished", "duplicated", "lost")


@dataclass
class Site:
    """What is attacked."""

    url: str
    headers: dict[str, str]
    store: Callable[[Path], Store]
    gateways: list[Server]
    workers: list[Daemon] = field(default_factory=list)
    once: dict[str, Callable[[], None]] = field(default_factory=dict)  # each happens one time, in this order

    @property
    def hands(self) -> Sequence[Server | Daemon]:
        """Those whose processes do the jobs."""
        return self.workers or self.gateways


def of_cluster(made: Cluster) -> Site:
    import redis

    def flush() -> None:
        client = redis.Redis.from_url(made.redis_url)
        client.flushall()
        client.close()

    def again(daemon: Daemon, how: int) -> Callable[[], None]:
        def act() -> None:
            daemon.stop(how)
            time.sleep(REVIVE_SECONDS)
            daemon.start()

        return act

    return Site(
        url=made.url,
        headers={"authorization": f"Bearer {TOKEN}"},
        store=made.store,
        gateways=made.gateways,
        workers=made.workers,
        once={
            "triton_killed": again(made.tritons[0], signal.SIGKILL),
            "redis_flushed": flush,
            "broker_restarted": again(made.broker, signal.SIGTERM),
            "postgres_restarted": again(made.postgres, signal.SIGINT),
            "other_triton_killed": again(made.tritons[1], signal.SIGKILL),
        },
    )


@contextmanager
def embedded(folder: Path) -> Iterator[Site]:
    given = {"lease_seconds": 5, "sweep_seconds": 1, "retry_seconds": 0.5, "threads": 1, **rates()}
    with Server(folder, port=free_port(), job_processes=2, **given) as server:
        data = server.data
        yield Site(server.url, {}, lambda _: open_store(load(data_dir=data)), [server])


def rates() -> dict[str, str]:
    return dict.fromkeys(("rate_limit", "upload_rate_limit", "token_rate_limit"), "1000000/minute")


class Stream:
    """Senders that send a job each time it is due, and go on when they are refused."""

    def __init__(self, site: Site, rate: float, movie: bytes) -> None:
        self._site, self._movie = site, movie
        self._pause = SENDERS / rate
        self._stop = threading.Event()
        self.accepted: list[str] = []
        self.refused: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _run(self, sender: int) -> None:
        number = sender
        with httpx.Client(base_url=self._site.url, headers=self._site.headers, timeout=30, trust_env=False) as web:
            while not self._stop.wait(self._pause):
                number += SENDERS
                if number % FILM_EVERY:
                    file = ("s.wav", wav(tone(4.0, hertz=100 + number % 7000)) + number.to_bytes(4, "little"))
                else:
                    file = ("f.mp4", self._movie + b"\0\0\0\x0cfree" + number.to_bytes(4, "big"))
                try:
                    answer = web.post("/api/v1/analyses", files={"file": file}, data={"policy": "quick"})
                except httpx.TransportError as exc:
                    self.refused[type(exc).__name__] += 1
                    continue
                if answer.status_code == 202:
                    self.accepted.append(answer.json()["jobId"])
                else:
                    self.refused[str(answer.status_code)] += 1

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Supervisor:
    """Starts again what has died."""

    def __init__(self, site: Site) -> None:
        self._stop = threading.Event()
        self.restarts: Counter[str] = Counter()
        parts = [("gateway", each) for each in site.gateways] + [("worker", each) for each in site.workers]
        self._threads = [threading.Thread(target=self._watch, args=part) for part in parts]
        for thread in self._threads:
            thread.start()

    def _watch(self, role: str, part: Server | Daemon) -> None:
        while not self._stop.wait(0.2):
            if running(pid_of(part)):
                continue
            time.sleep(REVIVE_SECONDS)
            with suppress(AssertionError):  # it did not come up (the database is away, say): once more
                part.stop(signal.SIGKILL)
                part.start()
                self.restarts[role] += 1

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def pid_of(part: Server | Daemon) -> int:
    if isinstance(part, Server):
        return part.pid
    return part.process.pid if part.process is not None else -1


def strike(site: Site, store: Store, dice: random.Random) -> str:
    """``kill -9`` one process: whoever holds a job, a gateway, a worker, or any process below one of these."""
    target = dice.choice(["holder", "holder", "gateway", "hand"] + ["worker"] * bool(site.workers))
    if target == "holder":
        pid = holder(store)
    else:
        crowd = site.workers if target == "worker" else site.gateways if target == "gateway" else site.hands
        pid = pid_of(dice.choice(crowd))
        if target == "hand":
            below = children(pid) if running(pid) else []
            pid = dice.choice(below) if below else 0
    if not pid or not running(pid):
        return "nobody_there"
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return f"{target}_killed"


def holder(store: Store) -> int:
    """The process that works on a job right now; 0 when none does within a few seconds, or the database is away."""
    query = select(jobs.c.lease_owner).where(jobs.c.state == JobState.ACTIVE).limit(1)
    for _ in range(200):
        with suppress(SQLAlchemyError):
            with store.engine.connect() as connection:
                owner = connection.execute(query).scalar()
            if owner:
                return int(owner.split("-")[2])
        time.sleep(0.02)
    return 0


def attack(site: Site, store: Store, seconds: float, every: float, dice: random.Random) -> Counter[str]:
    """Strike at random for so long; what happens once is spread over the time."""
    done: Counter[str] = Counter()
    began = time.monotonic()
    due = [(seconds * (i + 1) / (len(site.once) + 1), name, act) for i, (name, act) in enumerate(site.once.items())]
    while (now := time.monotonic() - began) < seconds:
        if due and now >= due[0][0]:
            _, name, act = due.pop(0)
            act()
            done[name] += 1
            print(f"{now:6.1f} s  {name}", file=sys.stderr)
        time.sleep(dice.uniform(0.5, 1.5) * every)
        done[what := strike(site, store, dice)] += 1
        print(f"{time.monotonic() - began:6.1f} s  {what}", file=sys.stderr)
    return done


def all_ended(store: Store, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(state not in ENDED for _, state, _, _ in store.jobs.depths()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def verdict(store: Store, accepted: list[str]) -> dict[str, Any]:
    """What the tables and the blobs say."""
    with store.engine.connect() as connection:
        rows = {row.id: row for row in connection.execute(select(jobs))}
        kept = connection.execute(select(reports.c.id, reports.c.job_id)).all()
        files = connection.execute(
            select(artifacts.c.report_id, artifacts.c.name, artifacts.c.blob_key, func.count()).group_by(
                artifacts.c.report_id, artifacts.c.name, artifacts.c.blob_key
            )
        ).all()
        entries = Counter(
            connection.execute(select(audit.c.subject).where(audit.c.action == "analysis.created")).scalars()
        )
    blobs = set(store.blobs.keys())
    of_job = Counter(row.job_id for row in kept)
    known = {row.id for row in kept}
    completed = {key for key, row in rows.items() if row.state == JobState.COMPLETED}
    broken = {report for report, _, blob, _ in files if blob not in blobs}
    lost = {key for key in accepted if key not in rows}
    lost |= {key for key, row in rows.items() if row.state not in ENDED}
    lost |= {key for key in completed if rows[key].result_id not in known - broken}
    lost |= {key for key in completed if not entries[rows[key].result_id]}
    duplicated = sum(count - 1 for count in of_job.values() if count > 1)
    duplicated += sum(row.job_id not in completed or rows[row.job_id].result_id != row.id for row in kept)
    duplicated += sum(count - 1 for count in entries.values()) + len(entries.keys() - known)
    duplicated += sum(count - 1 for *_, count in files) + len({report for report, *_ in files} - known)
    return {
        "accepted": len(accepted),
        "finished": sum(key in rows and rows[key].state in ENDED for key in accepted),
        "duplicated": duplicated,
        "lost": len(lost),
        "jobs": len(rows),  # with those whose sender never heard the answer
        "completed": len(completed),
        "failed": sum(row.state == JobState.FAILED for row in rows.values()),
        "errors": dict(Counter((row.error or {}).get("message", "") for row in rows.values() if row.error)),
        "tried_again": sum(row.attempts > 1 for row in rows.values()),
        "blobs_left": len(blobs - {blob for *_, blob, _ in files}),  # the sweep's to delete
    }


@contextmanager
def topology(name: str, folder: Path) -> Iterator[Site]:
    if name == "embedded":
        with embedded(folder) as site:
            yield site
    else:
        with cluster(folder, name, workers=2, **rates()) as made:  # type: ignore[arg-type]
            yield of_cluster(made)


def run(name: str, folder: Path, given: Any) -> dict[str, Any]:
    movie = film(folder / "f.mp4", seconds=1, size=(160, 120)).read_bytes()
    dice = random.Random(given.seed)
    with topology(name, folder / "site") as site:
        stream, supervisor = Stream(site, given.rate, movie), Supervisor(site)
        store = site.store(folder / "look")
        try:
            struck = attack(site, store, 60 * given.minutes, given.every, dice)
        finally:
            stream.end()
        quiet = time.monotonic()
        all_ended(store, END_SECONDS)
        drained = time.monotonic() - quiet
        supervisor.end()
        found = verdict(store, stream.accepted)
        store.close()
        if given.keep and (found["lost"] or found["duplicated"] or found["failed"]):
            for log in sorted((folder / "site").rglob("log.txt")):
                (given.keep / f"{name}-{log.parent.name}.log").write_bytes(log.read_bytes())
    restarts = {f"{role}_restarts": count for role, count in supervisor.restarts.items()}
    return {**found, "refused": dict(stream.refused), "drained_s": round(drained, 1), **struck, **restarts}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--topology", choices=["redis", "rabbitmq", "embedded", "all"], default="all")
    parser.add_argument("--rate", type=float, default=1.0, help="jobs sent a second")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two kills, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the logs when a job failed, was lost or done twice")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    names = ["embedded", "redis", "rabbitmq"] if given.topology == "all" else [given.topology]
    figures: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    for name in names:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found = run(name, Path(folder), given)
        for key in COUNTED:
            figures[key] += found[key]
        # here as well: half an hour of the others is not to be lost with one that breaks off
        print(name, "  ".join(f"{key} {found[key]}" for key in COUNTED), file=sys.stderr)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
    if given.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:36} {value}")


if __name__ == "__main__":
    main()
