"""What jobs and the history look like from outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from veriscope.api.errors import ErrorBody
from veriscope.store.dead_letters import can_retry
from veriscope.store.redactions import REDACTION
from veriscope.store.reports import Record
from veriscope.types import Job, JobState, Kind, Label

# where a stage lies on the way from 0 to 100 %; the frames and the detectors are nearly all of the work
_STAGES = {"decode": (0.0, 2.0), "detect": (2.0, 97.0), "fuse": (97.0, 99.0)}
_STAGES |= {"look": (0.0, 40.0), "review": (40.0, 40.0), "render": (40.0, 80.0), "verify": (80.0, 99.0)}
_ETA_FROM = 3.0  # percent; before that the time left is a wild guess


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, frozen=True)


class JobSource(_View):
    name: str = Field(description="File name as sent.")
    media_type: Kind = Field(description="What the file is, by its bytes.")
    bytes: int = Field(description="Size of the file.")
    sha256: str = Field(description="SHA-256 of the original bytes.")


class JobView(_View):
    """Where one job stands."""

    job_id: str = Field(description="Identifier of the job.")
    kind: str = Field(description="What is done, e.g. `analysis`.")
    state: JobState = Field(description="waiting → active (→ waiting_review) → completed, failed or cancelled.")
    stage: str = Field(description="What is being done right now; empty while waiting.")
    percent: float = Field(ge=0, le=100, description="How far the whole job is.")
    eta_seconds: float | None = Field(description="Estimate of the time left; null while unknown.")
    attempts: int = Field(description="How often it was started.")
    retryable: bool = Field(description="It failed for a reason that can pass: `POST …/retry` tries it again.")
    created: str = Field(description="ISO 8601, UTC.")
    started: str | None = Field(description="ISO 8601, UTC.")
    finished: str | None = Field(description="ISO 8601, UTC.")
    analysis_id: str | None = Field(description="The result, once completed.")
    source: JobSource | None = Field(description="The file.")
    error: ErrorBody | None = Field(description="Why it failed.")
    links: dict[str, str] = Field(description="Addresses: self, events, result.")


class JobPage(_View):
    items: list[JobView]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class HistoryItem(_View):
    analysis_id: str
    name: str = Field(description="File name as sent.")
    sha256: str
    media_type: Kind
    label: Label
    risk_score: float | None
    created: str = Field(description="ISO 8601, UTC.")
    expires: str | None = Field(description="When it will be forgotten; null: never.")


class HistoryPage(_View):
    items: list[HistoryItem]
    next: str | None = Field(description="Cursor of the next page; null on the last.")


def iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def percent(job: Job) -> float:
    """How far a job is, over all its stages."""
    if job.state is JobState.COMPLETED:
        return 100.0
    low, high = _STAGES.get(job.stage, (0.0, 99.0) if job.stage else (0.0, 0.0))
    return round(low + (high - low) * job.fraction, 1)


def job_view(job: Job) -> JobView:
    done = percent(job)
    eta = None
    if job.state is JobState.ACTIVE and job.started is not None and done >= _ETA_FROM:
        eta = round((time.time() - job.started) * (100.0 - done) / done, 1)
    media: dict[str, Any] | None = job.payload.get("media")
    base = f"/api/v1/jobs/{job.id}"
    return JobView(
        job_id=job.id,
        kind=job.kind,
        state=job.state,
        stage=job.stage,
        percent=done,
        eta_seconds=eta,
        attempts=job.attempts,
        retryable=can_retry(job),
        created=iso(job.created) or "",
        started=iso(job.started),
        finished=iso(job.finished),
        analysis_id=job.result_id,
        source=None
        if media is None
        else JobSource(name=media["name"], media_type=media["kind"], bytes=media["size"], sha256=media["sha256"]),
        error=None if job.error is None else ErrorBody(**job.error),
        links={"self": base, "events": f"{base}/events", "result": _result(job)},
    )


def _result(job: Job) -> str:
    return f"/api/v1/redactions/{job.id}" if job.kind == REDACTION else f"/api/v1/jobs/{job.id}/result"


def history_item(record: Record) -> HistoryItem:
    return HistoryItem(
        analysis_id=record.id,
        name=record.name,
        sha256=record.sha256,
        media_type=Kind(record.kind),
        label=Label(record.label),
        risk_score=record.risk,
        created=iso(record.created) or "",
        expires=iso(record.expires),
    )
