"""Everything that one running gateway holds, started and stopped together."""

from __future__ import annotations

import asyncio
import functools
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from veriscope.api.hub import Hub
from veriscope.api.metrics import Metrics, gauges
from veriscope.api.pool import Pool
from veriscope.api.security import principal
from veriscope.config import Settings
from veriscope.errors import NotFound
from veriscope.jobs import owner as owners
from veriscope.jobs.dispatch import LocalDispatcher
from veriscope.jobs.payload import spool_folder
from veriscope.jobs.results import fingerprint, open_store
from veriscope.jobs.sweep import Sweeper
from veriscope.types import Job, Principal, Queue


class Service:
    """Store, processes for pictures, job processes, housekeeping.

    Its spool folder carries this process's name: should the gateway die, the next one knows whose files those
    were and deletes the ones that no job needs.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings = settings
        self.metrics = metrics
        self.spool_root = spool_folder(settings)
        self.spool: Path = self.spool_root / owners.name("gw")
        self.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store = open_store(settings)
        self.fingerprint = fingerprint(settings)
        self.hub = Hub(self.store.jobs)
        self.pool = Pool(settings)
        self.dispatcher = LocalDispatcher(settings, self.store, self._heard)
        self.sweeper = Sweeper(settings, self.store, lambda job: self.dispatcher.wake(job.id, job.queue))
        metrics.watch(functools.partial(gauges, self))

    async def start(self) -> None:
        self.pool.start()

    async def close(self, grace: float) -> None:
        """Stop in the order in which nothing is lost: no new work, let work finish, hand back the rest."""
        self.hub.close()
        self.sweeper.close()
        await self.pool.close()
        await asyncio.to_thread(self.dispatcher.close, grace)
        self.store.close()
        with suppress(OSError):  # files of jobs that wait for the next start
            self.spool.rmdir()

    def database_answers(self) -> bool:
        try:
            self.store.jobs.depths()
        except SQLAlchemyError:
            return False
        return True

    def wake(self, job: Job) -> None:
        self.dispatcher.wake(job.id, job.queue)

    def _heard(self, event: str, job_id: str, details: dict[str, Any]) -> None:
        """On the dispatcher's thread."""
        if event == "ended":
            self.metrics.stages(details.get("timings", {}))
            self.metrics.job(details["state"], details.get("code", ""))
            if "label" in details:
                self.metrics.analysis(details["kind"], details["label"])
            self.dispatcher.wake(job_id, Queue.IO)  # a callback may have been born with the end
        self.hub.notify(job_id)


def service(connection: HTTPConnection) -> Service:
    """FastAPI's dependency."""
    found: Service = connection.app.state.service
    return found


def asker(connection: HTTPConnection) -> Principal:
    """FastAPI's dependency."""
    return principal(connection.scope)


ServiceOf = Annotated[Service, Depends(service)]
Asker = Annotated[Principal, Depends(asker)]


def identifier(value: str) -> str:
    """A record's id as it comes in a path. Raises ``NotFound`` for what cannot be one."""
    if len(value) != 32 or not set(value) <= set("0123456789abcdef"):
        raise NotFound("There is no record with this id.")
    return value
