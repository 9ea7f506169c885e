"""Takes one job after another. Runs as a process for media, and as a thread for calls to other servers."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from veriscope import tracing
from veriscope.config import Settings
from veriscope.detectors.drift import spoken
from veriscope.errors import Cancelled, Internal, LeaseLost, TimedOut, VeriscopeError
from veriscope.jobs import owner as owners
from veriscope.jobs.inputs import discard
from veriscope.jobs.log import configure
from veriscope.jobs.results import open_store
from veriscope.jobs.tasks import TASKS
from veriscope.jobs.tools import Outcome, Tools, ending
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.types import Job, Queue

POLL_SECONDS = 1.0  # the safety net under the wake-up calls
PROGRESS_SECONDS = 0.25  # at most so often is progress written down
Notice = Callable[[str, str, dict[str, Any]], None]  # event, job id, details

log = structlog.get_logger("veriscope.jobs")


class Worker:
    """Claims jobs of the given queues until it is told to drain.

    Args:
        notify: told "started", "progress" and "ended" with the job's id.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        queues: Sequence[Queue],
        owner: str,
        notify: Notice = lambda *_: None,
        tools: Tools | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._queues = tuple(queues)
        self._owner = owner
        self._notify = notify
        self._tools = tools or Tools(settings, store, owner=owner)
        self._awake = threading.Event()
        self._draining = threading.Event()
        self._cancelled: set[str] = set()

    def wake(self) -> None:
        self._awake.set()

    def cancel(self, job_id: str) -> None:
        self._cancelled.add(job_id)

    def drain(self) -> None:
        """Finish the job in hand, then stop."""
        self._draining.set()
        self._awake.set()

    def run(self) -> None:
        try:
            while not self._draining.is_set():
                self._awake.clear()
                try:
                    job = self._store.jobs.claim(self._owner, self._queues)
                    if job is None:
                        self._awake.wait(POLL_SECONDS)
                    else:
                        self._work(job)
                except OperationalError:  # the database is away: the lease runs out, and the job is tried again
                    log.exception("database")
                    self._draining.wait(POLL_SECONDS)
        finally:
            self._tools.close()

    def take(self, queue: Queue, job_id: str | None = None) -> Job | None:
        """Do the most urgent job of one queue, or a certain one; the job as it stands afterwards.

        ``None`` when there was none, or somebody else has it now.
        """
        job = self._store.jobs.claim(self._owner, (queue,), job_id)
        return None if job is None else self._work(job)

    def _work(self, job: Job) -> Job | None:
        trace = job.payload.get(tracing.PAYLOAD)
        with tracing.span(f"job {job.kind}", trace, "consumer", job_id=job.id, job_attempt=job.attempts) as span:
            ended = self._do(job)
            if ended is not None and ended.error is not None:
                span.fail(ended.error["code"])
            return ended

    def _do(self, job: Job) -> Job | None:
        self._notify("started", job.id, {})
        began = time.monotonic()
        with _Held(self._store, self._settings, self._owner, job.id, self._notify, self._cancelled) as held:
            ended, outcome = self._attempt(job, held)
        if ended is None:
            self._notify("ended", job.id, {"state": "lost"})
            return None
        if ended.state in ENDED:
            discard(ended, self._store, self._tools.spool)
        code = (ended.error or {}).get("code", "")
        facts = {"state": ended.state, "attempt": job.attempts, "seconds": round(time.monotonic() - began, 3)}
        stages = {stage: round(ms, 1) for stage, ms in outcome.timings.items()}
        log.info("job", job=job.id, kind=job.kind, code=code, result=ended.result_id, stages=stages, **facts)
        said: dict[str, Any] = (
            {} if outcome.record is None else {"kind": outcome.record.kind, "label": outcome.record.label}
        )
        if outcome.record is not None:
            said["findings"] = list(spoken(outcome.record.body["en"]))
        self._notify("ended", job.id, {**said, **ending(ended, outcome.leaks), "timings": dict(outcome.timings)})
        return ended

    def _attempt(self, job: Job, held: _Held) -> tuple[Job | None, Outcome]:
        """The job as it stands afterwards; ``None`` when somebody else owns it now."""
        outcome = Outcome()
        try:
            try:
                outcome = TASKS[job.kind](job, self._tools, held.progress)
                return self._write(job, outcome), outcome
            except (LeaseLost, OperationalError):
                raise
            except VeriscopeError as error:
                return self._store.jobs.fail(self._owner, job.id, error), outcome
            except Exception:
                log.exception("job_failed", job=job.id, kind=job.kind)
                self._store.drop(outcome.unwritten())
                return self._store.jobs.fail(self._owner, job.id, Internal("The analysis failed.")), outcome
        except LeaseLost:
            log.warning("lease_lost", job=job.id)
            self._store.drop(outcome.unwritten())
            return None, outcome

    def _write(self, job: Job, outcome: Outcome) -> Job:
        if outcome.finish is None:
            return self._store.jobs.complete(self._owner, job.id, outcome.record, outcome.artifacts)
        ended = outcome.finish(self._owner)
        self._store.drop(outcome.stale)
        return ended


class _Held:
    """Keeps the lease of one job from a thread of its own: a decoder that is busy for minutes must not lose it."""

    def __init__(
        self, store: Store, settings: Settings, owner: str, job_id: str, notify: Notice, cancelled: set[str]
    ) -> None:
        self._store = store
        self._every = settings.lease_seconds / 3
        self._owner = owner
        self._job_id = job_id
        self._notify = notify
        self._cancelled = cancelled
        self._stop = threading.Event()
        self._lost = False
        self._written = 0.0
        self._stage = ""
        self._seconds = settings.job_seconds
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> _Held:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._cancelled.discard(self._job_id)

    def _renew(self) -> None:
        while not self._stop.wait(self._every):
            try:
                if self._store.jobs.renew(self._owner, self._job_id):
                    self._cancelled.add(self._job_id)
            except LeaseLost:
                self._lost = True
                return
            except OperationalError:
                log.exception("lease_not_renewed", job=self._job_id)

    def progress(self, stage: str, fraction: float) -> None:
        """Note how far the work is. Raises ``Cancelled`` or ``LeaseLost`` to stop it."""
        if self._lost:
            raise LeaseLost("Another worker owns this job now.")
        now = time.monotonic()
        if now - self._began > self._seconds:
            raise TimedOut(f"The job took longer than {self._seconds:g} seconds.")
        if stage != self._stage or now - self._written >= PROGRESS_SECONDS:
            self._stage, self._written = stage, now
            if self._store.jobs.renew(self._owner, self._job_id, stage, fraction):
                self._cancelled.add(self._job_id)
            self._notify("progress", self._job_id, {})
        if self._job_id in self._cancelled:
            raise Cancelled("The job was cancelled.")


MEDIA_QUEUES = (Queue.FAST, Queue.MEDIA, Queue.REDACT, Queue.MAINTENANCE)


def serve(connection: Connection, settings: Settings, queues: Sequence[Queue] = MEDIA_QUEUES) -> None:
    """A job process: the parent wakes it, cancels a job or drains it over the connection."""
    configure(settings)
    store = open_store(settings)
    lock = threading.Lock()

    def notify(event: str, job_id: str, details: dict[str, Any]) -> None:
        with lock, suppress(OSError):
            connection.send((event, job_id, details))

    worker = Worker(store, settings, queues, owners.name("job"), notify)
    signal.signal(signal.SIGTERM, lambda *_: worker.drain())
    threading.Thread(target=_listen, args=(connection, worker), name="orders", daemon=True).start()
    notify("ready", "", {})
    worker.run()
    store.close()


def _listen(connection: Connection, worker: Worker) -> None:
    with suppress(EOFError, OSError):
        while True:
            order, job_id = connection.recv()
            if order == "cancel":
                worker.cancel(job_id)
            elif order == "drain":
                worker.drain()
            worker.wake()
