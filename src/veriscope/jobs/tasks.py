"""What each kind of job does. A new kind is one function and one line in ``TASKS``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from veriscope.errors import Internal, VeriscopeError
from veriscope.jobs import fetch, inputs
from veriscope.jobs.payload import media_of, options_of
from veriscope.jobs.redaction import redaction
from veriscope.jobs.results import keep, quarantine
from veriscope.jobs.tools import Outcome, Tools
from veriscope.store.jobs import CALLBACK
from veriscope.store.redactions import REDACTION
from veriscope.types import Job, Principal, Progress

ANALYSIS = "analysis"


def analysis(job: Job, tools: Tools, progress: Progress) -> Outcome:
    """Examine the spooled file of a job."""
    media = media_of(job.payload, tools.spool)
    path = inputs.fetched(job.payload, media, tools.store, tools.spool)
    try:
        report = tools.examiner.examine(replace(media, path=path), options_of(job.payload["options"]), progress)
    except Exception as exc:
        if not isinstance(exc, VeriscopeError) or isinstance(exc, Internal):
            who = Principal(job.organisation, job.created_by)
            quarantine(replace(media, path=path), tools.store, tools.settings, who, job.id)
        raise
    finally:
        if path != media.path:
            path.unlink(missing_ok=True)
    key = job.payload.get("cacheKey")
    record, rows = keep(report, tools.store, tools.settings, cache_key=key, job_id=job.id)
    return Outcome(record, rows, report.timings)


def callback(job: Job, tools: Tools, progress: Progress) -> Outcome:
    """Tell the sender's address that another of its jobs has ended."""
    ended = tools.store.jobs.get(Principal(job.organisation, job.created_by), job.payload["jobId"])
    body = {"jobId": ended.id, "state": ended.state, "analysisId": ended.result_id, "error": ended.error}
    progress("callback", 0.0)
    asyncio.run(
        fetch.deliver(
            job.payload["url"],
            body,
            timeout=tools.settings.fetch_timeout,
            private=tools.settings.fetch_private,
        )
    )
    return Outcome()


TASKS: Mapping[str, Callable[[Job, Tools, Progress], Outcome]] = {
    ANALYSIS: analysis,
    REDACTION: redaction,
    CALLBACK: callback,
}
