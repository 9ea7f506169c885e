"""The embedded dispatcher: job processes of this machine, woken over a pipe, watched and replaced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

import structlog

from veriscope.config import Settings
from veriscope.errors import Cancelled, LeaseLost, TimedOut, VeriscopeError
from veriscope.jobs import owner as owners
from veriscope.jobs.inputs import discard
from veriscope.jobs.payload import spool_folder
from veriscope.jobs.process import Process
from veriscope.jobs.tools import ending
from veriscope.jobs.worker import MEDIA_QUEUES, Worker
from veriscope.store.jobs import ENDED
from veriscope.store.store import Store
from veriscope.types import Job, Queue

NICE = 10  # behind the requests that somebody waits for
CANCEL_SECONDS = 5.0  # a cancelled job that does not stop by itself is killed
FAST_LANE = (Queue.FAST,)
LOOK_SECONDS = 0.5
RESTART_SECONDS = 1.0  # pause before a process that died at once is started again

log = structlog.get_logger("veriscope.jobs")
Listener = Callable[[str, str, dict[str, Any]], None]  # event, job id, details


@dataclass(slots=True)
class _Member:
    process: Process
    owner: str
    queues: Sequence[Queue]
    started: float
    job_id: str | None = None
    job_began: float = 0.0
    kill_at: float | None = None


class LocalDispatcher:
    """Implements ``Dispatcher``; also the one who kills jobs that run too long.

    Args:
        listener: told of every event of a job, on the dispatcher's own thread.
    """

    def __init__(self, settings: Settings, store: Store, listener: Listener = lambda *_: None) -> None:
        self._settings = settings
        self._store = store
        self._spool = spool_folder(settings)
        self._listener = listener
        self._lock = threading.Lock()
        self._members: list[_Member] = []
        self._closing = threading.Event()
        self.restarts = 0
        for _ in range(settings.job_processes or settings.cores):
            self._members.append(self._start())
        self._io = Worker(store, settings, (Queue.IO,), owners.name("io"), listener)
        self._threads = [
            threading.Thread(target=self._watch, name="dispatch", daemon=True),
            threading.Thread(target=self._io.run, name="io", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _start(self, queues: Sequence[Queue] = MEDIA_QUEUES) -> _Member:
        process = Process("veriscope.jobs.worker:serve", self._settings, tuple(queues), nice=NICE)
        return _Member(process, owners.name("job", process.pid), queues, time.monotonic())

    @property
    def busy(self) -> int:
        """Job processes that have a job in hand."""
        return sum(member.job_id is not None for member in self._members)

    @property
    def alive(self) -> int:
        return sum(member.process.alive for member in self._members)

    @property
    def size(self) -> int:
        return len(self._members)

    def wake(self, job_id: str, queue: Queue) -> None:
        del job_id  # the row decides which job is next
        if queue is Queue.IO:
            self._io.wake()
            return
        with self._lock:
            # pictures and texts that came as jobs have a process of their own, so that none waits for a film
            needed = queue is Queue.FAST and all(member.queues != FAST_LANE for member in self._members)
            if needed and not self._closing.is_set():
                self._members.append(self._start(FAST_LANE))
            for member in self._members:
                self._send(member, "wake", "")

    def cancel(self, job_id: str) -> None:
        """Stop an active job: politely, and by force a few seconds later."""
        with self._lock:
            for member in self._members:
                if member.job_id == job_id:
                    member.kill_at = time.monotonic() + CANCEL_SECONDS
                self._send(member, "cancel", job_id)

    @staticmethod
    def _send(member: _Member, order: str, job_id: str) -> None:
        with suppress(OSError):  # a dead process is replaced by the watching thread
            member.process.connection.send((order, job_id))

    def close(self, grace: float = 10.0) -> None:
        """Let jobs in hand finish for ``grace`` seconds; hand back the rest; leave no process behind."""
        self._closing.set()
        self._io.drain()
        with self._lock:
            for member in self._members:
                self._send(member, "drain", "")
        deadline = time.monotonic() + grace
        for member in self._members:
            member.process.wait(max(0.0, deadline - time.monotonic()))
        for thread in self._threads:
            thread.join(LOOK_SECONDS * 4)
        for member in self._members:
            self._drain_messages(member)
            member.process.kill()
            if member.job_id is not None:
                with suppress(LeaseLost):  # it ended after all
                    self._store.jobs.release(member.owner, member.job_id)
        self._members.clear()

    # the watching thread

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                self._look()
            except Exception:  # one bad round (a locked database, say) must not leave the jobs unwatched
                log.exception("dispatch")
                self._closing.wait(LOOK_SECONDS)

    def _look(self) -> None:
        ready = wait([m.process.connection for m in self._members], LOOK_SECONDS)
        for index, member in enumerate(list(self._members)):
            if self._closing.is_set():
                return
            if member.process.connection in ready:
                self._drain_messages(member)
            error = self._overdue(member)
            if error is None and member.process.alive:
                continue
            self._replace(index, member, error)

    def _drain_messages(self, member: _Member) -> None:
        with suppress(EOFError, OSError):
            while member.process.connection.poll():
                event, job_id, details = member.process.connection.recv()
                if event == "started":
                    member.job_id, member.job_began, member.kill_at = job_id, time.monotonic(), None
                elif event == "ended":
                    member.job_id = member.kill_at = None
                if job_id:
                    self._listener(event, job_id, details)

    def _overdue(self, member: _Member) -> VeriscopeError | None:
        if member.job_id is None:
            return None
        now = time.monotonic()
        if now - member.job_began > self._settings.job_seconds:
            return TimedOut(f"The job took longer than {self._settings.job_seconds:g} seconds.")
        if member.kill_at is not None and now > member.kill_at:
            return Cancelled("The job was cancelled.")
        return None

    def _replace(self, index: int, member: _Member, error: VeriscopeError | None) -> None:
        self._drain_messages(member)  # what it said before it died still counts
        member.process.kill()
        if error is None:
            log.warning("job_process_died", pid=member.process.pid, code=member.process.exit_code, job=member.job_id)
        if member.job_id is not None:
            with suppress(LeaseLost):  # it ended in the last moment
                self._settle(member, error)
        if time.monotonic() - member.started < RESTART_SECONDS:
            self._closing.wait(RESTART_SECONDS)
        with self._lock:
            if not self._closing.is_set():
                self._members[index] = self._start(member.queues)
                self.restarts += 1

    def _settle(self, member: _Member, error: VeriscopeError | None) -> None:
        assert member.job_id is not None
        ended: list[Job] = (
            self._store.jobs.take_back(lambda owner: owner == member.owner)
            if error is None
            else [self._store.jobs.fail(member.owner, member.job_id, error)]
        )
        for job in ended:
            if job.state in ENDED:
                discard(job, self._store, self._spool)
                self._listener("ended", job.id, ending(job))
            else:
                self._listener("progress", job.id, {})
                self.wake(job.id, job.queue)
