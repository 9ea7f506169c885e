"""``/api/v1/analyses``: examine something, find it again, look at the evidence, forget it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from veriscope.api.answer import Print
from veriscope.api.errors import ErrorAnswer
from veriscope.api.examine import examine
from veriscope.api.form import described
from veriscope.api.security import DOCUMENT_POLICY
from veriscope.api.service import Asker, ServiceOf, identifier
from veriscope.api.uploads import Language, Parameters, language, receive
from veriscope.api.views import HistoryPage, JobView, history_item, job_view
from veriscope.errors import NotFound
from veriscope.evidence.schema import PublicReport
from veriscope.jobs.results import STORED_REPORT
from veriscope.store import reports
from veriscope.store.reports import Record
from veriscope.types import Job, Kind, Label

router = APIRouter(prefix="/api/v1/analyses", tags=["analyses"])

_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in (
        (400, "Nothing was sent, or a parameter makes no sense."),
        (413, "Over a limit."),
        (415, "A kind of file that is not examined."),
        (422, "The file is damaged or encrypted, or the link cannot be fetched."),
        (429, "Too many requests; see Retry-After."),
        (503, "All queues are full; see Retry-After."),
    )
}


_BODY = described(
    Parameters,
    {"policy": "standard"},
    {
        "text": {"text": "Scientists were stunned by this one trick.", "lang": "en"},
        "link": {"url": "https://example.org/clip.mp4", "policy": "quick", "rate": 2},
    },
)


def respond(found: Record | Job, lang: str) -> JSONResponse:
    """200 with the report, or 202 with the job."""
    if isinstance(found, Job):
        view = job_view(found)
        return JSONResponse(view.model_dump(mode="json"), 202, headers={"Location": view.links["self"]})
    return JSONResponse(found.body[lang], headers={"Location": f"{router.prefix}/{found.id}"})


@router.post(
    "",
    summary="Examine a file, a link or a text",
    response_model=PublicReport,
    responses={202: {"model": JobView, "description": "Video and sound become jobs."}, **_FAILURES},
    openapi_extra=_BODY,
)
async def create(request: Request, service: ServiceOf) -> Response:
    """Pictures and texts are answered at once. Video and sound become jobs unless `wait` says otherwise.

    One file a request. The original is deleted as soon as its examination ends.
    """
    async with receive(request, service) as received:
        return respond(await examine(request, service, received), received.language)


@router.get("", summary="History, newest first", response_model=HistoryPage)
def search(
    service: ServiceOf,
    who: Asker,
    q: Annotated[str | None, Query(max_length=200, description="Part of the name, or a beginning of the hash.")] = None,
    hash: Annotated[str | None, Query(max_length=64, description="SHA-256 or the beginning of it.")] = None,
    label: Label | None = None,
    kind: Kind | None = None,
    since: Annotated[datetime | None, Query(description="ISO 8601; with this moment.")] = None,
    until: Annotated[datetime | None, Query(description="ISO 8601; without this moment.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> JSONResponse:
    wanted = reports.Query(
        text=q,
        sha256=hash,
        label=label,
        kind=kind,
        since=None if since is None else since.timestamp(),
        until=None if until is None else until.timestamp(),
    )
    found, after = service.store.reports.search(who, wanted, limit=limit, cursor=cursor)
    page = HistoryPage(items=[history_item(record) for record in found], next=after)
    return JSONResponse(page.model_dump(mode="json"))


@router.get("/{analysis_id}", summary="A report", response_model=PublicReport, responses={404: {"model": ErrorAnswer}})
def read(request: Request, service: ServiceOf, who: Asker, analysis_id: str, lang: Language = None) -> JSONResponse:
    record = service.store.reports.get(who, identifier(analysis_id))
    return JSONResponse(record.body[lang or language(request)])


@router.delete("/{analysis_id}", status_code=204, summary="Forget a report", responses={404: {"model": ErrorAnswer}})
async def delete(service: ServiceOf, who: Asker, analysis_id: str) -> Response:
    record = await asyncio.to_thread(service.store.reports.get, who, identifier(analysis_id))
    await asyncio.to_thread(service.store.delete_report, who, analysis_id)
    await service.cache.forget(record)
    return Response(status_code=204)


@router.get(
    "/{analysis_id}/artifacts/{name}",
    summary="A picture of the evidence",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, 404: {"model": ErrorAnswer}},
)
def artifact(service: ServiceOf, who: Asker, analysis_id: str, name: str) -> Response:
    if name.startswith("_"):
        raise NotFound("There is no such artifact.")
    data, media_type = service.store.artifact(who, identifier(analysis_id), name)
    headers = {"Content-Security-Policy": DOCUMENT_POLICY, "Cache-Control": "private, max-age=3600, immutable"}
    return Response(data, media_type=media_type, headers=headers)


@router.get("/{analysis_id}/report.{form}", summary="The report to keep", response_class=Response)
async def document(
    request: Request,
    service: ServiceOf,
    who: Asker,
    analysis_id: str,
    form: Literal["html", "pdf"],
    lang: Language = None,
) -> Response:
    identifier(analysis_id)
    stored, _ = await asyncio.to_thread(service.store.artifact, who, analysis_id, STORED_REPORT)
    data = await service.pool.print(Print(stored, form, lang or language(request)))
    media_type = "application/pdf" if form == "pdf" else "text/html; charset=utf-8"
    disposition = "inline" if form == "html" else "attachment"
    headers = {
        "Content-Security-Policy": DOCUMENT_POLICY,
        "Content-Disposition": f'{disposition}; filename="veriscope-{analysis_id}.{form}"',
    }
    return Response(data, media_type=media_type, headers=headers)
