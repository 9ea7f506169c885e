"""What redactions and their plans look like from outside."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from veriscope.api.errors import ErrorBody
from veriscope.api.views import iso, percent
from veriscope.store.redactions import Redaction
from veriscope.types import Job, JobState, Kind

PREFIX = "/api/v1/redactions"


_ID = "5f0c1a3be1c94d0f8a5a1f0f2f6f7f10"
_EXAMPLE: dict[str, Any] = {
    "redactionId": _ID,
    "status": "waiting_review",
    "stage": "review",
    "fraction": 0.4,
    "kind": "video",
    "name": "clip.mp4",
    "bytes": 1048576,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "targets": ["faces", "plates", "text", "speech"],
    "operators": "faces=blur,plates=solid,speech=tone",
    "review": True,
    "keepMetadata": False,
    "created": "2026-11-21T08:00:00.000+00:00",
    "finished": None,
    "expires": "2026-11-22T08:00:09.000+00:00",
    "error": None,
    "result": None,
    "links": {
        "self": f"{PREFIX}/{_ID}",
        "events": f"/api/v1/jobs/{_ID}/events",
        "plan": f"{PREFIX}/{_ID}/plan",
        "original": f"{PREFIX}/{_ID}/original",
    },
}
_BOX = {"time": 0.0, "x": 602.5, "y": 188.0, "width": 96.0, "height": 128.0, "seen": True}
_PLAN: dict[str, Any] = {
    "version": 1,
    "sha256": _EXAMPLE["sha256"],
    "width": 1920,
    "height": 1080,
    "duration": 4.0,
    "targets": ["faces", "speech"],
    "settings": {"everySmall": 0.4},
    "tracks": [
        {
            "id": "face-1",
            "kind": "face",
            "enabled": True,
            "confidence": 0.92,
            "start": 0.0,
            "end": 4.0,
            "label": "",
            "thumbnail": "",
            "boxes": [_BOX, {**_BOX, "time": 4.0, "x": 640.0}],
        }
    ],
    "spans": [
        {
            "id": "speech-1",
            "kind": "phone",
            "start": 1.2,
            "end": 3.4,
            "confidence": 0.88,
            "enabled": True,
            "label": "phone",
            "unit": "seconds",
        }
    ],
}


class _View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, frozen=True)


class _Open(_View):
    """May say more than is listed here."""

    model_config = ConfigDict(extra="allow")


class ResultFile(_Open):
    name: str = Field(description="Name of the file.")
    bytes: int = Field(description="Size of the file.")
    sha256: str = Field(description="SHA-256 of the file.")


class FrameCounts(_Open):
    total: int = Field(description="Frames that were written.")
    covered: int = Field(description="Frames with at least one covered place.")


class SecondLook(_Open):
    """What was looked for in the output before it was given out."""

    looks: int = Field(description="How often the output was looked at.")
    leaks_in_first_rendering: list[dict[str, Any]] = Field(description="What led to a second rendering.")
    leaks: list[dict[str, Any]] = Field(description="Always empty: a file with leaks is not given out.")


class RedactionResult(_Open):
    """What was done and what the second look found."""

    source: ResultFile
    output: ResultFile
    plan_sha256: str = Field(description="SHA-256 of the plan as it was rendered.")
    tracks: dict[str, int] = Field(description="Kind → tracks found.")
    spans: dict[str, int] = Field(default_factory=dict, description="Kind → parts of the sound that were found.")
    found: dict[str, int] = Field(default_factory=dict, description="Kind → occurrences in text that were taken out.")
    speech: dict[str, Any] | None = Field(None, description="Who wrote down the speech, and how far to believe it.")
    pages: int = Field(0, description="Of a PDF.")
    targets: list[str] = Field(default_factory=list, description="What was looked for.")
    kept: list[str] = Field(description="Ids of tracks and spans that were left as they are.")
    frames: FrameCounts | None = Field(None, description="Frames; a picture is one.")
    second_look: SecondLook | None = Field(None, description="Null where nothing had to be looked at.")
    rendered: int = Field(1, description="How often it was rendered: 2 where the second look made it necessary.")
    notes: list[str] = Field(default_factory=list, description="What a reader should know.")
    timings: dict[str, float] = Field(default_factory=dict, description="Stage → milliseconds.")


class RedactionView(_View):
    """Where one redaction stands."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    redaction_id: str = Field(description="Identifier; its job has the same.")
    status: JobState = Field(description="waiting → active → completed; with `review`, waiting_review in between.")
    stage: str = Field(description="look, render or verify while active, review while waiting for it, or empty.")
    fraction: float = Field(ge=0, le=1, description="How far the whole redaction is.")
    kind: Kind = Field(description="What the file is, by its bytes.")
    name: str = Field(description="File name as sent.")
    bytes: int = Field(description="Size of the original.")
    sha256: str = Field(description="SHA-256 of the original.")
    targets: list[str] = Field(description="What is looked for: faces, plates, text, speech.")
    operators: str = Field(description="How it is covered.")
    review: bool = Field(description="Whether the plan waits for a person before it is rendered.")
    keep_metadata: bool = Field(description="Whether titles, dates and EXIF stay.")
    created: str = Field(description="ISO 8601, UTC.")
    finished: str | None = Field(description="ISO 8601, UTC.")
    expires: str | None = Field(description="When a waiting review ends, or plan and output are forgotten; null: open.")
    error: ErrorBody | None = Field(description="Why it failed.")
    result: RedactionResult | None = Field(description="What was done, once completed.")
    links: dict[str, str] = Field(
        description="self and events; plan after the look; original while waiting for review; output once completed."
    )


class RedactionPage(_View):
    items: list[RedactionView]
    next: str | None = Field(description="`before` of the next page; null on the last.")


class PlanBox(_Open):
    """Where a track is at one moment; between two entries it moves in a straight line."""

    time: float = Field(description="Seconds; 0 in a picture.")
    x: float = Field(description="Pixels of the upright picture, from the left.")
    y: float = Field(description="Pixels from the top.")
    width: float = Field(ge=0)
    height: float = Field(ge=0)
    seen: bool = Field(True, description="A detector saw it here; false: followed or held.")


class PlanTrack(_Open):
    """One thing through time."""

    id: str
    kind: str = Field(description="face, plate, text or manual (drawn by hand).")
    enabled: bool = Field(True, description="false: it is to stay visible. Do not delete tracks instead.")
    confidence: float = Field(1.0, ge=0, description="Best score of its detector, 0–1.")
    start: float = Field(0.0, description="Seconds; for reading only.")
    end: float = Field(0.0, description="Seconds; for reading only.")
    label: str = Field("", description="What was recognised, never the data itself.")
    thumbnail: str = Field("", description="Data URL of a JPEG, or empty.")
    boxes: list[PlanBox] = Field(description="In order of time, at least one.")


class PlanSpan(_Open):
    """A part of the sound, or of a text, that is to be removed."""

    id: str
    kind: str = Field(description="name, card, phone, …, or manual.")
    start: float = Field(description="Seconds or characters, as `unit` says.")
    end: float
    confidence: float = Field(1.0, ge=0)
    enabled: bool = Field(True, description="false: it stays.")
    label: str = Field("", description="What was recognised, never the data itself.")
    unit: Literal["seconds", "characters"] = Field("seconds", description="Of the sound, or of a text as it is read.")


class RedactionPlan(_Open):
    """What is to be covered; docs/redaction.md describes it. In a PDF times are pages, from 0."""

    model_config = ConfigDict(json_schema_extra={"example": _PLAN})

    version: Literal[1]
    sha256: str = Field(description="Of the original it was made for.")
    width: int = Field(description="Of the upright picture, in pixels; 0 for sound and text.")
    height: int
    duration: float = Field(description="Seconds; 0 for a picture; pages of a PDF.")
    targets: list[str]
    settings: dict[str, float | int | str] = Field(default_factory=dict, description="What shaped it.")
    tracks: list[PlanTrack]
    spans: list[PlanSpan]


def redaction_view(found: Redaction, job: Job) -> RedactionView:
    base = f"{PREFIX}/{found.id}"
    links = {"self": base, "events": f"/api/v1/jobs/{found.id}/events"}
    if found.plan_key:
        links["plan"] = f"{base}/plan"
    if job.state is JobState.WAITING_REVIEW:
        links["original"] = f"{base}/original"
    if job.state is JobState.COMPLETED and found.output_key:
        links["output"] = f"{base}/output"
    return RedactionView(
        redaction_id=found.id,
        status=job.state,
        stage=job.stage if job.state in {JobState.ACTIVE, JobState.WAITING_REVIEW} else "",
        fraction=round(percent(job) / 100, 3),
        kind=Kind(found.kind),
        name=found.name,
        bytes=found.size,
        sha256=found.source_sha256,
        targets=list(found.targets),
        operators=found.operators,
        review=bool(found.review),
        keep_metadata=bool(found.keep_metadata),
        created=iso(job.created) or "",
        finished=iso(job.finished),
        expires=iso(found.expires),
        error=None if job.error is None else ErrorBody(**job.error),
        result=None if found.result is None else RedactionResult.model_validate(found.result),
        links=links,
    )
