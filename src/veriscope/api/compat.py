"""Routes of older systems, answered in their own shapes. What is canonical is ``/api/v1/analyses``."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from veriscope.api.examine import examine
from veriscope.api.service import Asker, Service, ServiceOf, identifier
from veriscope.api.uploads import receive
from veriscope.api.views import percent
from veriscope.errors import NotFound
from veriscope.store.reports import Record
from veriscope.types import Job, JobState, Kind, Label, Principal

router = APIRouter(tags=["compatibility"])

_LABELS = {
    Label.AUTHENTIC: "authentic",
    Label.INCONCLUSIVE: "uncertain",
    Label.SUSPICIOUS: "uncertain",
    Label.MANIPULATED: "manipulated",
}
_STATES = {
    JobState.WAITING: "queued",
    JobState.ACTIVE: "processing",
    JobState.WAITING_REVIEW: "processing",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}


def verdict(record: Record) -> dict[str, Any]:
    """``{confidence, label, evidence{thumbnails, heatmaps, timeline[{frame, score}]}}``.

    ``confidence`` (0–1) is that of the label: of manipulation for ``manipulated`` and ``uncertain``, of its
    absence for ``authentic``; ``None`` when nothing could be measured.
    """
    body = record.body["en"]
    label = _LABELS[Label(record.label)]
    risk = None if record.risk is None else record.risk / 100
    evidence = body["evidence"]
    return {
        "confidence": None if risk is None else round(1 - risk if label == "authentic" else risk, 4),
        "label": label,
        "evidence": {
            "thumbnails": [thumb["url"] for thumb in evidence["thumbnails"]],
            "heatmaps": [heatmap["url"] for heatmap in evidence["heatmaps"]],
            "timeline": [{"frame": f["frame"], "score": f["score"]} for f in body["frameAnalysis"]],
        },
    }


def _job(job: Job) -> dict[str, Any]:
    return {"job_id": job.id, "status": _STATES[job.state], "progress": round(percent(job) / 100, 3)}


def _done(record: Record, job_id: str) -> dict[str, Any]:
    return {"job_id": job_id, "status": "completed", "progress": 1.0, **verdict(record)}


async def _answer(request: Request, service: Service, only: frozenset[Kind] | None = None) -> JSONResponse:
    async with receive(request, service, lenient=True, only=only) as received:
        found = await examine(request, service, received)
    if isinstance(found, Job):
        return JSONResponse(_job(found), 202)
    return JSONResponse(_done(found, found.job_id or found.id))


@router.post("/api/upload", summary="Send a file; ask for the result under /api/job/{id}")
async def upload(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service)


@router.post("/api/analyze", summary="Send a file, a link or a text and get the verdict, or a job")
async def analyze(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service)


@router.post("/api/detect", summary="Send a file and get the verdict, or a job")
async def detect(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service)


@router.get("/api/job/{job_id}", summary="Verdict, or how far the job is")
async def job(service: ServiceOf, who: Asker, job_id: str) -> JSONResponse:
    """Takes the id of a job, or of an analysis that was answered at once."""
    identifier(job_id)
    return JSONResponse(await asyncio.to_thread(_look_up, service, who, job_id))


def _look_up(service: Service, who: Principal, job_id: str) -> dict[str, Any]:
    try:
        found = service.store.jobs.get(who, job_id)
    except NotFound:
        return _done(service.store.reports.get(who, job_id), job_id)
    if found.state is JobState.COMPLETED:
        return _done(service.store.reports.of_job(who, job_id), job_id)
    return {**_job(found), **({"error": found.error} if found.error else {})}


_SCORED = {
    "image": frozenset({Kind.IMAGE}),
    "video": frozenset({Kind.VIDEO}),
    "audio-visual": frozenset({Kind.VIDEO, Kind.AUDIO}),
}


@router.post("/api/v1/analyze/image", summary="One picture")
async def image(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service, _SCORED["image"])


@router.post("/api/v1/analyze/video", summary="One video")
async def video(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service, _SCORED["video"])


@router.post("/api/v1/analyze/audio-visual", summary="One video with sound, or a sound file")
async def audio_visual(request: Request, service: ServiceOf) -> JSONResponse:
    return await _answer(request, service, _SCORED["audio-visual"])
