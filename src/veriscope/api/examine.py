"""What happens to something that came in: an answer at once, a stored answer, or a job."""

from __future__ import annotations

import asyncio

from fastapi import Request

from veriscope.api.answer import Question
from veriscope.api.errors import from_dict
from veriscope.api.security import facts, principal
from veriscope.api.service import Service
from veriscope.api.uploads import Received
from veriscope.errors import Cancelled, Conflict, UnsupportedKind
from veriscope.jobs.fetch import parse
from veriscope.jobs.payload import media_payload, options_payload
from veriscope.jobs.results import STORED_REPORT, cache_key
from veriscope.jobs.tasks import ANALYSIS
from veriscope.store.reports import Record
from veriscope.types import Job, JobState, Kind, Principal, Queue

AT_ONCE = frozenset({Kind.IMAGE, Kind.TEXT, Kind.HTML})


async def examine(request: Request, service: Service, received: Received) -> Record | Job:
    """A finished report for pictures and texts, a job for video and sound.

    Raises:
        VeriscopeError: what was wrong with the input, or with us.
    """
    who = principal(request.scope)
    media, wanted = received.media, received.parameters
    if media.kind is Kind.PDF:
        raise UnsupportedKind("PDF files are not analysed.", hint="Send the pictures or the text inside it.")
    key = cache_key(media, received.options, who, service.fingerprint)
    if wanted.callback_url is None and request.headers.get("cache-control") != "no-cache":
        stored = await asyncio.to_thread(_stored, service, who, key)
        service.metrics.cache(stored is not None)
        facts(request)["parameters"]["cache"] = "miss" if stored is None else "hit"
        if stored is not None:
            return stored
    if media.kind in AT_ONCE and wanted.wait is not False and wanted.callback_url is None:
        question = Question(media, received.options, who, key, facts(request)["request_id"])
        answer = await service.pool.examine(question)
        service.metrics.stages(answer.timings)
        service.metrics.analysis(media.kind, answer.record.label)
        return answer.record
    job = await asyncio.to_thread(_submit, service, who, received, key)
    service.wake(job)
    if wanted.wait_seconds:
        ended = await service.hub.ended(who, job.id, wanted.wait_seconds)
        if ended is not None:
            return await asyncio.to_thread(result, service, who, ended)
    return job


def _stored(service: Service, who: Principal, key: str) -> Record | None:
    """A report on the same thing whose pictures are still there; without them it is made again."""
    record = service.store.reports.cached(who, key)
    if record is None:
        return None
    names = {row.name for row in service.store.artifacts.of_report(who, record.id)}
    return record if STORED_REPORT in names else None


def _submit(service: Service, who: Principal, received: Received, key: str) -> Job:
    payload = media_payload(received.media, service.spool_root)
    payload |= {"options": options_payload(received.options), "cacheKey": key}
    if url := received.parameters.callback_url:
        parse(str(url))
        payload["callbackUrl"] = str(url)
    job = service.store.jobs.submit(
        who,
        ANALYSIS,
        Queue.FAST if received.media.kind in AT_ONCE else Queue.MEDIA,
        payload,
        priority=received.parameters.priority,
        limit=service.settings.jobs_limit,
    )
    received.handed_over = True
    return job


def result(service: Service, who: Principal, job: Job) -> Record:
    """What a job found out.

    Raises:
        Conflict: it has not ended yet.
        VeriscopeError: what it failed with.
    """
    if job.state is JobState.COMPLETED:
        return service.store.reports.of_job(who, job.id)
    if job.state is JobState.FAILED and job.error is not None:
        raise from_dict(job.error)
    if job.state is JobState.CANCELLED:
        raise Cancelled("The job was cancelled.")
    raise Conflict("The job has not ended yet.", hint="Watch its events, or ask again later.")
