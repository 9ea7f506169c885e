"""Who asks, and what waits, runs and is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Every record carries both names; every store call takes one of these."""

    organisation: str = "local"
    user: str = "local"


LOCAL = Principal()


class JobState(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    WAITING_REVIEW = "waiting_review"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Queue(StrEnum):
    FAST = "fast"
    MEDIA = "media"
    REDACT = "redact"
    IO = "io"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the job table: the source of truth for what is waiting, running and done."""

    id: str
    organisation: str
    created_by: str
    kind: str  # "analysis", "redaction", …
    queue: Queue
    state: JobState
    priority: int
    attempts: int
    stage: str
    fraction: float  # 0–1
    created: float  # seconds since the epoch, as all times of a job
    started: float | None
    finished: float | None
    payload: Mapping[str, Any]
    result_id: str | None = None
    error: Mapping[str, str] | None = None
