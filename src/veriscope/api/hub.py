"""Wakes those who watch a job when something happens to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection

from veriscope.errors import NotFound
from veriscope.store.jobs import ENDED, JobTable
from veriscope.types import Job, JobState, Principal

POLL_SECONDS = 1.0  # for jobs that a worker elsewhere has in hand, and as a safety net
BEAT_SECONDS = 15.0  # proxies cut connections that stay silent


class Hub:
    """Belongs to one event loop; ``notify`` may be called from any thread."""

    def __init__(self, jobs: JobTable) -> None:
        self._jobs = jobs
        self._loop = asyncio.get_running_loop()
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False

    def notify(self, job_id: str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, job_id)

    def close(self) -> None:
        """End every watch, so that open event streams do not hold up the shutdown. From any thread."""
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for job_id in list(self._watchers):
            self._wake(job_id)

    def _wake(self, job_id: str) -> None:
        for event in self._watchers.get(job_id, ()):
            event.set()

    async def watch(self, who: Principal, job_id: str) -> AsyncIterator[Job | None]:
        """The job now and after each change, the last time when it has ended; ``None`` is a heartbeat.

        Raises:
            NotFound: at the first step.
        """
        event = asyncio.Event()
        self._watchers[job_id].add(event)
        last: Job | None = None
        silent = 0.0
        try:
            while not self._closed:
                event.clear()
                try:
                    job = await asyncio.to_thread(self._jobs.get, who, job_id)
                except NotFound:
                    if last is None:
                        raise
                    return  # forgotten while somebody was watching
                if job != last:
                    last, silent = job, 0.0
                    yield job
                elif silent >= BEAT_SECONDS:
                    silent = 0.0
                    yield None
                if job.state in ENDED:
                    return
                try:
                    await asyncio.wait_for(event.wait(), POLL_SECONDS)
                except TimeoutError:
                    silent += POLL_SECONDS
        finally:
            self._watchers[job_id].discard(event)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    async def ended(
        self, who: Principal, job_id: str, seconds: float, states: Collection[JobState] = ENDED
    ) -> Job | None:
        """The job once it has ended (or is in one of ``states``), or ``None`` when that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                async for job in self.watch(who, job_id):
                    if job is not None and job.state in states:
                        return job
        except TimeoutError:
            return None
        return None
