"""``/api/v1/jobs``: how far the work is, as a question, a stream of events or a socket; and stopping it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse

from veriscope.api.errors import ErrorAnswer
from veriscope.api.examine import result
from veriscope.api.hub import Hub
from veriscope.api.service import Asker, ServiceOf, identifier
from veriscope.api.uploads import Language, language
from veriscope.api.views import JobPage, JobView, job_view
from veriscope.errors import NotFound
from veriscope.evidence.schema import PublicReport
from veriscope.jobs.inputs import delete, discard, there
from veriscope.store.jobs import ENDED
from veriscope.types import Job, JobState, Principal

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.get("", summary="Jobs, newest first", response_model=JobPage)
def search(
    service: ServiceOf,
    who: Asker,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in these states.")] = None,
    dead: Annotated[
        bool, Query(description="Only jobs that failed for a reason that can pass; `state` is ignored.")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> JSONResponse:
    if dead:
        found, after = service.store.dead.search(who, limit=limit, cursor=cursor)
    else:
        found, after = service.store.jobs.search(who, states=state or (), limit=limit, cursor=cursor)
    return JSONResponse(JobPage(items=[job_view(job) for job in found], next=after).model_dump(mode="json"))


@router.get("/{job_id}", summary="Where a job stands", response_model=JobView, responses={404: {"model": ErrorAnswer}})
def read(service: ServiceOf, who: Asker, job_id: str) -> JSONResponse:
    return JSONResponse(job_view(service.store.jobs.get(who, identifier(job_id))).model_dump(mode="json"))


@router.get(
    "/{job_id}/result",
    summary="The report of a completed job",
    response_model=PublicReport,
    responses={409: {"model": ErrorAnswer, "description": "It has not ended, or was cancelled."}},
)
def read_result(request: Request, service: ServiceOf, who: Asker, job_id: str, lang: Language = None) -> JSONResponse:
    """The report; or the error that the job failed with, under that error's own status."""
    record = result(service, who, service.store.jobs.get(who, identifier(job_id)))
    return JSONResponse(record.body[lang or language(request)])


@router.delete(
    "/{job_id}",
    status_code=202,
    summary="Cancel a job",
    response_model=JobView,
    responses={409: {"model": ErrorAnswer, "description": "It has ended already."}},
)
def cancel(service: ServiceOf, who: Asker, job_id: str) -> JSONResponse:
    """A waiting job ends at once, an active one within a few seconds; of a dead letter the file is deleted."""
    if (given_up := service.store.dead.give_up(who, identifier(job_id))) is not None:
        delete(given_up, service.store, service.spool_root)
        return JSONResponse(job_view(service.store.jobs.get(who, job_id)).model_dump(mode="json"), 202)
    job = service.store.jobs.cancel(who, identifier(job_id))
    if job.state in ENDED:
        discard(job, service.store, service.spool_root)
    else:
        service.dispatcher.cancel(job.id)
    service.hub.notify(job.id)
    return JSONResponse(job_view(job).model_dump(mode="json"), 202)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    summary="Try a job again that failed for a reason that can pass",
    response_model=JobView,
    responses={409: {"model": ErrorAnswer, "description": "It did not fail, or for good, or its file is gone."}},
)
def retry(service: ServiceOf, who: Asker, job_id: str) -> JSONResponse:
    """The job waits again under its old id. Its file is kept for `keep_failed_hours` after the failure."""
    job = service.store.dead.retry(
        who,
        identifier(job_id),
        lambda found: there(found, service.store, service.spool_root),
        limit=service.settings.jobs_limit,
    )
    service.wake(job)
    service.hub.notify(job.id)
    return JSONResponse(job_view(job).model_dump(mode="json"), 202)


def _name(job: Job) -> str:
    return "end" if job.state in ENDED else "progress"


@router.get(
    "/{job_id}/events",
    summary="Progress as server-sent events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "`progress` events, then one `end`."}},
)
async def events(service: ServiceOf, who: Asker, job_id: str) -> StreamingResponse:
    """Each event's data is the job as `GET /jobs/{id}` shows it. The stream closes after `end`."""
    watching = service.hub.watch(who, identifier(job_id))
    first = await anext(watching)  # an unknown job is a 404, not an empty stream
    return StreamingResponse(
        _lines(first, watching),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _lines(first: Job | None, rest: AsyncIterator[Job | None]) -> AsyncIterator[str]:
    yield _line(first)
    async for job in rest:
        yield _line(job)


def _line(job: Job | None) -> str:
    if job is None:
        return ": still here\n\n"
    return f"event: {_name(job)}\ndata: {job_view(job).model_dump_json()}\n\n"


@router.websocket("/{job_id}/events")
async def socket(websocket: WebSocket, service: ServiceOf, who: Asker, job_id: str) -> None:
    """The same events as JSON messages ``{"event", "data"}``."""
    await websocket.accept()
    with suppress(WebSocketDisconnect, RuntimeError):  # the other side may leave at any time
        try:
            await _send_all(websocket, service.hub, who, identifier(job_id))
        except NotFound as exc:
            await websocket.send_text(json.dumps({"event": "error", "data": {"error": exc.as_dict()}}))
        await websocket.close()


async def _send_all(websocket: WebSocket, hub: Hub, who: Principal, job_id: str) -> None:
    async for job in hub.watch(who, job_id):
        if job is None:
            await websocket.send_text('{"event": "beat"}')
        else:
            message = {"event": _name(job), "data": job_view(job).model_dump(mode="json")}
            await websocket.send_text(json.dumps(message))
