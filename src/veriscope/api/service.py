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

from veriscope.api.cache import ResultCache
from veriscope.api.hub import Hub
from veriscope.api.metrics import Metrics, gauges
from veriscope.api.pool import Pool
from veriscope.api.security import principal
from veriscope.config import Settings
from veriscope.errors import NotFound
from veriscope.jobs import owner as owners
from veriscope.jobs.celery import CeleryDispatcher
from veriscope.jobs.dispatch import LocalDispatcher
from veriscope.jobs.payload import spool_folder
from veriscope.jobs.results import fingerprint, open_store
from veriscope.jobs.sweep import Sweeper
from veriscope.jobs.tools import ending
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
        self.cache = ResultCache(settings, self.store)
        self.pool = Pool(settings)
        kind = CeleryDispatcher if settings.broker_url else LocalDispatcher
        self.dispatcher = kind(settings, self.store, self._heard)
        self.sweeper = Sweeper(settings, self.store, self._taken_back, self._lapsed)
        metrics.watch(functools.partial(gauges, self))

    async def start(self) -> None:
        self.pool.start()

    async def close(self, grace: float) -> None:
        """Stop in the order in which nothing is lost: no new work, let work finish, hand back the rest."""
        self.hub.close()
        self.sweeper.close()
        await self.pool.close()
        await self.cache.close()
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

    def dependencies(self) -> dict[str, bool]:
        """Whether each part outside of this process answered when it was last asked."""
        found = {"database": self.database_answers()}
        if self.settings.redis_url:
            found["redis"] = self.cache.redis_answers()
        return found

    def _taken_back(self, job: Job) -> None:
        self.metrics.taken_back()
        self.dispatcher.wake(job.id, job.queue)

    def _lapsed(self, job: Job) -> None:
        self._heard("ended", job.id, ending(job))

    def heard(self, job: Job, said: dict[str, Any]) -> None:
        """A process of the pool has worked on a job; ``said`` is empty when it left that to others."""
        if said:
            self._heard("ended", job.id, said)
        else:
            self.wake(job)

    def wake(self, job: Job) -> None:
        self.dispatcher.wake(job.id, job.queue)

    def _heard(self, event: str, job_id: str, details: dict[str, Any]) -> None:
        """On the dispatcher's thread."""
        if event == "ended":
            self.metrics.stages(details.get("timings", {}))
            self.metrics.job(details["state"], details.get("code", ""))
            if "redacted" in details:
                self.metrics.redaction(details["redacted"], details["state"], details["code"], details["leaks"])
            if "label" in details:
                self.metrics.analysis(details["kind"], details["label"])
                self.metrics.findings(details["kind"], details.get("findings", ()))
            self.dispatcher.wake(job_id, Queue.IO)  # a callback may have been born with the end
        self.hub.notify(job_id)


async def service(connection: HTTPConnection) -> Service:
    """FastAPI's dependency; not a plain function: for those it takes a thread each time."""
    found: Service = connection.app.state.service
    return found


async def asker(connection: HTTPConnection) -> Principal:
    """FastAPI's dependency; as ``service``."""
    return principal(connection.scope)


ServiceOf = Annotated[Service, Depends(service)]
Asker = Annotated[Principal, Depends(asker)]


def identifier(value: str) -> str:
    """A record's id as it comes in a path. Raises ``NotFound`` for what cannot be one."""
    if len(value) != 32 or not set(value) <= set("0123456789abcdef"):
        raise NotFound("There is no record with this id.")
    return value
