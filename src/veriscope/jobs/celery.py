"""Jobs over Celery, on Redis or RabbitMQ: for workers on other machines.

A message says no more than "there is work in this queue"; which job that is, the table decides, so priorities are the
table's on every broker, and a message that comes twice, or late, or about a job that is done, does no harm. A message
that was lost is missed: jobs that wait while their queue is empty are announced again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog

from veriscope.config import Settings
from veriscope.errors import BadSetting
from veriscope.jobs import owner as owners
from veriscope.jobs.log import configure
from veriscope.jobs.process import no_core_dumps
from veriscope.jobs.results import open_store
from veriscope.jobs.worker import Worker
from veriscope.store.jobs import CALLBACK
from veriscope.store.store import Store
from veriscope.types import JobState, Queue

WORK = "veriscope.work"
LOOK_SECONDS = 5.0  # how often jobs without a message are looked for
UNHEARD_SECONDS = 5.0  # a job that has waited so long while its queue is empty lost its message
GRACE_SECONDS = 15.0  # between a job's own time limit and the end of its process

log = structlog.get_logger("veriscope.celery")


def application(settings: Settings) -> Any:
    """The Celery application of these settings.

    Raises:
        BadSetting: there is no broker, or no Celery.
    """
    try:
        from celery import Celery
        from kombu import Queue as Channel
    except ModuleNotFoundError as exc:
        raise BadSetting(
            "broker_url needs the package celery.", hint="Install the scale extra: pip install 'veriscope[scale]'."
        ) from exc
    if not settings.broker_url:
        raise BadSetting("There is no broker_url.", hint="Workers of their own need Redis or RabbitMQ.")
    app = Celery("veriscope", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_queues=[Channel(str(queue), durable=True) for queue in Queue],
        task_default_queue=str(Queue.MEDIA),
        task_time_limit=settings.job_seconds + GRACE_SECONDS,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # the lease is what a job is held by
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 2 * (settings.job_seconds + GRACE_SECONDS)}
        if settings.broker_url.startswith(("redis", "sentinel"))
        else {"confirm_publish": True},
    )
    return app


class CeleryDispatcher:
    """Implements ``Dispatcher`` for gateways; the workers are processes of their own (``veriscope worker``).

    ``alive``, ``size`` and ``busy`` count this gateway's own job processes: there are none.
    """

    alive = 1  # whether jobs can be taken in; the broker being away only delays them
    size = 0
    busy = 0
    restarts = 0

    def __init__(
        self, settings: Settings, store: Store, listener: Callable[[str, str, dict[str, Any]], None] = lambda *_: None
    ) -> None:
        del listener  # watchers read the table
        self._app = application(settings)
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="unheard", daemon=True)
        self._thread.start()

    def wake(self, job_id: str, queue: Queue) -> None:
        """Announce work. A broker that is away is no reason to refuse a job: the table has it."""
        announce(self._app, queue, job=job_id)

    def cancel(self, job_id: str) -> None:
        """Nothing to send: the worker reads the wish from the row when it renews its lease."""

    def close(self, grace: float = 0.0) -> None:
        del grace
        self._stop.set()
        self._thread.join(LOOK_SECONDS * 2)
        self._app.close()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.announce_unheard()
            except Exception:  # one bad round must not leave the jobs unannounced for ever
                log.exception("unheard")

    def announce_unheard(self) -> int:
        """Announce jobs that wait although their queue is empty; returns how many."""
        now, count = time.time(), 0
        for queue, state, jobs, oldest in self._store.jobs.depths():
            if state is not JobState.WAITING or now - oldest < UNHEARD_SECONDS or self._messages(queue):
                continue
            due = min(jobs, self._store.jobs.due(queue, now - UNHEARD_SECONDS))
            for _ in range(due):
                announce(self._app, queue)
            count += due
        if count:
            log.warning("announced_again", jobs=count)
        return count

    def _messages(self, queue: Queue) -> int:
        with self._app.connection_for_read() as connection:
            channel = connection.default_channel
            declared = channel.queue_declare(queue=str(queue), durable=True, auto_delete=False)
            return int(declared.message_count)


def announce(app: Any, queue: Queue, *, pause: float = 0.0, job: str = "") -> None:
    """Send one message; failure is logged and made good later."""
    try:
        app.send_task(WORK, args=[str(queue)], queue=str(queue), countdown=pause or None, retry=False)
    except Exception:  # a broker's client throws what it likes
        log.exception("broker_away", queue=str(queue), job=job)


def work(settings: Settings, queues: Sequence[Queue], concurrency: int) -> None:
    """Run a Celery worker until it is told to stop: SIGTERM lets the jobs in hand finish.

    Args:
        queues: those it takes work from.
        concurrency: processes; 0: one per core.
    """
    app = application(settings)
    hands: list[tuple[Store, Worker]] = []  # one in each process, made by the first message

    def take(queue: str) -> None:
        if not hands:
            no_core_dumps()
            configure(settings)
            store = open_store(settings)
            hands.append((store, Worker(store, settings, tuple(queues), owners.name("job"))))
        job = hands[0][1].take(Queue(queue))
        if job is None:
            return
        if job.state is JobState.WAITING:  # a fault that can pass: again after a pause
            announce(app, job.queue, pause=max(0.0, hands[0][0].jobs.pause(job.id)), job=job.id)
        elif job.payload.get("callbackUrl") and job.kind != CALLBACK:
            announce(app, Queue.IO, job=job.id)

    app.task(take, name=WORK)
    names = ",".join(str(queue) for queue in queues)
    with suppress(SystemExit):
        app.worker_main(
            [
                "worker",
                "--pool=prefork",
                f"--concurrency={concurrency or settings.cores}",
                f"--queues={names}",
                f"--hostname={owners.name('worker')}@%h",
                f"--loglevel={settings.log_level}",
                "--without-gossip",
                "--without-mingle",
            ]
        )
