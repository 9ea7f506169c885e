"""What happens to something that came in: an answer at once, a stored answer, or a job."""

from __future__ import annotations

import asyncio

from fastapi import Request

from veriscope.api.answer import Question
from veriscope.api.errors import from_dict
from veriscope.api.security import facts, principal
from veriscope.api.service import Service
from veriscope.api.uploads import Received
from veriscope.detectors.drift import spoken
from veriscope.errors import Cancelled, Conflict, UnsupportedKind
from veriscope.jobs.fetch import parse
from veriscope.jobs.inputs import ship
from veriscope.jobs.networks import in_force
from veriscope.jobs.payload import media_payload, options_payload
from veriscope.jobs.results import cache_key
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
    key = cache_key(media, received.options, who, service.fingerprint + in_force(service.settings))
    if wanted.callback_url is None and request.headers.get("cache-control") != "no-cache":
        stored = await service.cache.get(who, key)
        service.metrics.cache(stored is not None)
        facts(request)["parameters"]["cache"] = "miss" if stored is None else "hit"
        if stored is not None:
            return stored
    if media.kind in AT_ONCE and wanted.wait is not False and wanted.callback_url is None:
        question = Question(media, received.options, who, key, facts(request)["request_id"])
        return await service.cache.once(key, lambda: _examined(service, question))
    job = await asyncio.to_thread(_submit, service, who, received, key)
    service.wake(job)
    if wanted.wait_seconds:
        ended = await service.hub.ended(who, job.id, wanted.wait_seconds)
        if ended is not None:
            return await asyncio.to_thread(result, service, who, ended)
    return job


async def _examined(service: Service, question: Question) -> Record:
    answer = await service.pool.examine(question)
    service.metrics.stages(answer.timings)
    service.metrics.analysis(question.media.kind, answer.record.label)
    service.metrics.findings(question.media.kind, spoken(answer.record.body["en"]))
    return answer.record


def _submit(service: Service, who: Principal, received: Received, key: str) -> Job:
    payload = media_payload(received.media, service.spool_root)
    payload |= {"options": options_payload(received.options), "cacheKey": key}
    if url := received.parameters.callback_url:
        parse(str(url))
        payload["callbackUrl"] = str(url)
    if service.settings.blob_url:  # the worker may be on another machine
        payload |= ship(received.media, service.store)
    job = service.store.jobs.submit(
        who,
        ANALYSIS,
        Queue.FAST if received.media.kind in AT_ONCE else Queue.MEDIA,
        payload,
        priority=received.parameters.priority,
        limit=service.settings.jobs_limit,
    )
    received.handed_over = not service.settings.blob_url
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
