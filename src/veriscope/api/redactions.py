"""``/api/v1/redactions``: cover personal data in a file, with a look at the plan in between if one is wanted."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from veriscope.api.answer import Redact
from veriscope.api.errors import ErrorAnswer
from veriscope.api.ranges import stream
from veriscope.api.redaction_form import BODY, Wanted, receive
from veriscope.api.redaction_views import PREFIX, RedactionPage, RedactionPlan, RedactionView, redaction_view
from veriscope.api.security import DOCUMENT_POLICY
from veriscope.api.service import Asker, Service, ServiceOf, identifier
from veriscope.errors import Conflict, NotFound, TooLarge, VeriscopeError
from veriscope.jobs.fetch import parse
from veriscope.jobs.redaction import checked_plan, media_type, store_original, suffix
from veriscope.store.encrypted import SEALED
from veriscope.store.jobs import ENDED
from veriscope.store.redactions import Redaction
from veriscope.types import Job, JobState, Kind, Principal

router = APIRouter(prefix=PREFIX, tags=["redactions"])
MAX_PLAN_BYTES = 64 << 20
_SETTLED = {*ENDED, JobState.WAITING_REVIEW}

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ErrorAnswer, "description": "There is none."}}
_OTHER_STATE: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "It does not wait for review."},
    **_MISSING,
}
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in (
        (400, "Nothing was sent, or a parameter makes no sense."),
        (413, "Over a limit."),
        (415, "A kind of file that is not redacted."),
        (422, "The file is damaged or encrypted, or the link cannot be fetched."),
        (429, "Too many requests; see Retry-After."),
        (503, "All queues are full; see Retry-After."),
    )
}
_FILE: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "It is not there in this state."},
    200: {"content": {"*/*": {}}, "description": "The file; 206 for a part of it."},
    416: {"description": "The range lies outside."},
    **_MISSING,
}


def _answer(found: Redaction, job: Job, status: int = 200) -> JSONResponse:
    view = redaction_view(found, job)
    return JSONResponse(view.model_dump(mode="json"), status, headers={"Location": view.links["self"]})


@router.post(
    "",
    status_code=202,
    summary="Redact a file, a link or a text",
    response_model=RedactionView,
    responses={
        200: {"model": RedactionView, "description": "It ended, or waits for review, within `wait`."},
        **_FAILURES,
    },
    openapi_extra=BODY,
)
async def create(request: Request, service: ServiceOf, who: Asker) -> Response:
    """Looks for personal data, covers it, and looks again at the result before giving it out.

    With `review` it stops after the look: correct the plan, then `render`. The original is kept encrypted, and deleted
    as soon as it is not needed any more.
    """
    async with receive(request, service) as wanted:
        job = await asyncio.to_thread(_submit, service, who, wanted)
        kind, seconds = wanted.media.kind, wanted.parameters.wait_seconds(wanted.media.kind)
    if kind in {Kind.TEXT, Kind.HTML}:
        await _at_once(service, job)
    else:
        service.wake(job)
    settled = await service.hub.ended(who, job.id, seconds, _SETTLED) if seconds else None
    found, job = await asyncio.to_thread(service.store.redactions.get, who, job.id)
    return _answer(found, job, 202 if settled is None else 200)


def _submit(service: Service, who: Principal, wanted: Wanted) -> Job:
    media, parameters = wanted.media, wanted.parameters
    facts = {name: getattr(media, name) for name in ("name", "kind", "format", "size", "sha256")}
    payload: dict[str, Any] = {"media": facts}
    if parameters.callback_url:
        parse(str(parameters.callback_url))
        payload["callbackUrl"] = str(parameters.callback_url)
    original, words = store_original(service.store, media.path, parameters.custom)
    row = Redaction(
        id="",
        name=media.name,
        kind=media.kind,
        format=media.format,
        size=media.size,
        targets=wanted.targets,
        operators=parameters.operators,
        review=int(parameters.review),
        keep_metadata=int(parameters.keep_metadata),
        source_sha256=media.sha256,
        created=0.0,
        original_key=original,
        words_key=words,
    )
    try:
        limit = service.settings.jobs_limit
        return service.store.redactions.submit(who, row, payload, priority=parameters.priority, limit=limit)
    except BaseException:
        service.store.drop(row.keys)
        raise


async def _at_once(service: Service, job: Job) -> None:
    """A text takes milliseconds: it does not wait behind videos. If the pool cannot, a job process will."""
    try:
        said = await service.pool.redact(Redact(job.id))
    except VeriscopeError:
        said = {}
    service.heard(job, said)


@router.get("", summary="Redactions, newest first", response_model=RedactionPage)
def search(
    service: ServiceOf,
    who: Asker,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JSONResponse:
    found, after = service.store.redactions.search(who, limit=limit, cursor=before)
    page = RedactionPage(items=[redaction_view(item, job) for item, job in found], next=after)
    return JSONResponse(page.model_dump(mode="json"))


@router.get("/{redaction_id}", summary="Where a redaction stands", response_model=RedactionView, responses=_MISSING)
def read(service: ServiceOf, who: Asker, redaction_id: str) -> JSONResponse:
    return _answer(*service.store.redactions.get(who, identifier(redaction_id)))


@router.delete("/{redaction_id}", status_code=204, summary="Cancel and forget it", responses=_MISSING)
def delete(service: ServiceOf, who: Asker, redaction_id: str) -> Response:
    """Stops the work and deletes original, plan and output at once."""
    found, job = service.store.redactions.delete(who, identifier(redaction_id))
    service.store.drop(found.keys)
    if job.state is JobState.ACTIVE:
        service.dispatcher.cancel(job.id)
    service.hub.notify(job.id)
    return Response(status_code=204)


@router.get(
    "/{redaction_id}/plan",
    summary="What is to be covered",
    response_model=RedactionPlan,
    responses={409: {"model": ErrorAnswer, "description": "The look has not ended yet."}, **_MISSING},
)
def read_plan(service: ServiceOf, who: Asker, redaction_id: str) -> Response:
    """From the look until the plan expires. `ETag` is the SHA-256 of the plan."""
    found, job = service.store.redactions.get(who, identifier(redaction_id))
    if found.plan_key is None:
        if job.state in ENDED:
            raise NotFound("The redaction ended before there was a plan.")
        raise Conflict("The look has not ended yet.", hint="Watch its events, or ask again later.")
    headers = {"ETag": f'"{found.plan_sha256}"'}
    return Response(service.store.blobs.get(found.plan_key), media_type="application/json", headers=headers)


@router.put(
    "/{redaction_id}/plan",
    summary="Correct the plan",
    response_model=RedactionPlan,
    responses={
        400: {"model": ErrorAnswer, "description": "The plan is wrong; the message names the place."},
        **_OTHER_STATE,
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RedactionPlan"}}},
        }
    },
)
async def write_plan(
    request: Request,
    service: ServiceOf,
    who: Asker,
    redaction_id: str,
    if_match: Annotated[str | None, Header(description="`ETag` of the plan that was corrected.")] = None,
) -> Response:
    """Takes the place of the plan that waits for review. Tracks that should stay visible get `enabled: false`."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_PLAN_BYTES:
            raise TooLarge(f"The plan is larger than {MAX_PLAN_BYTES} bytes.")
    return await asyncio.to_thread(_replace_plan, service, who, identifier(redaction_id), bytes(data), if_match)


def _replace_plan(service: Service, who: Principal, redaction_id: str, data: bytes, match: str | None) -> Response:
    store = service.store
    found, job = store.redactions.get(who, redaction_id)
    if job.state is not JobState.WAITING_REVIEW or found.plan_key is None:
        raise Conflict(f"The redaction is {job.state}; its plan does not wait for review.")
    if match is not None and match.strip('"') not in {"*", found.plan_sha256}:
        raise Conflict("The plan was changed in the meantime.", hint="Read it again, and correct that one.")
    text = checked_plan(data, store.blobs.get(found.plan_key))
    digest = hashlib.sha256(text).hexdigest()
    key = f"{SEALED}{uuid.uuid4().hex}/plan"
    store.blobs.put(key, text)
    try:
        old = store.redactions.edit(who, redaction_id, key, digest)
    except BaseException:
        store.drop([key])
        raise
    store.drop([old])
    return Response(text, media_type="application/json", headers={"ETag": f'"{digest}"'})


@router.post(
    "/{redaction_id}/render",
    status_code=202,
    summary="Approve the plan",
    response_model=RedactionView,
    responses=_OTHER_STATE,
)
def render(service: ServiceOf, who: Asker, redaction_id: str) -> JSONResponse:
    """Renders the plan as it stands now; it cannot be changed any more."""
    job = service.store.redactions.approve(who, identifier(redaction_id))
    service.wake(job)
    service.hub.notify(job.id)
    return _answer(*service.store.redactions.get(who, redaction_id), 202)


@router.get(
    "/{redaction_id}/original", summary="The original, for the editor", response_class=Response, responses=_FILE
)
def original(request: Request, service: ServiceOf, who: Asker, redaction_id: str) -> Response:
    """Only while the plan waits for review; decrypted on the way. Takes `Range`."""
    found, job = service.store.redactions.get(who, identifier(redaction_id))
    if job.state is not JobState.WAITING_REVIEW or found.original_key is None:
        raise Conflict(f"The redaction is {job.state}; its original is shown only while it waits for review.")
    return _file(request, service, found.original_key, found, found.source_sha256, "inline", found.name)


@router.get("/{redaction_id}/output", summary="The safe file", response_class=Response, responses=_FILE)
def output(request: Request, service: ServiceOf, who: Asker, redaction_id: str) -> Response:
    """Once completed. `ETag` is the SHA-256 of the file. Takes `Range`."""
    found, job = service.store.redactions.get(who, identifier(redaction_id))
    if job.state is not JobState.COMPLETED or found.output_key is None:
        raise Conflict(f"The redaction is {job.state}; there is no output.")
    name = found.name.rpartition(".")[0] or found.name
    name = f"{name}-safe{suffix(found.format, found.name)}"
    return _file(request, service, found.output_key, found, found.output_sha256 or "", "attachment", name)


def _file(
    request: Request, service: Service, key: str, found: Redaction, sha256: str, disposition: str, name: str
) -> Response:
    headers = {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": DOCUMENT_POLICY,
        "Cache-Control": "no-store",
        "ETag": f'"{sha256}"',
    }
    blobs = service.store.blobs
    size = blobs.size(key)
    read: Callable[[int, int], Any] = lambda start, length: blobs.read(key, start, length)  # noqa: E731
    return stream(request, read, size, media_type(found.format), headers)
