"""What all findings together say, and what is kept to show them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from veriscope.types.findings import AvSync, Finding, Provenance, View
from veriscope.types.media import Image, Media, Options, Scalar, Text


class Label(StrEnum):
    AUTHENTIC = "Likely Authentic"
    INCONCLUSIVE = "Inconclusive"
    SUSPICIOUS = "Suspicious"
    MANIPULATED = "Likely Manipulated"


@dataclass(frozen=True, slots=True)
class Assessment:
    risk: float | None  # 0–100; None only when no detector scored
    label: Label
    confidence: Literal["Low", "Medium", "High"]
    interval: tuple[float, float] | None  # of the risk, 0–100
    explanation: Text
    recommendations: tuple[Text, ...]
    notes: tuple[Text, ...] = ()
    false_alarm_rate: float | None = None  # the rate the label's threshold was chosen for
    thresholds: Mapping[str, float] = field(default_factory=dict)
    decided_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    analysed: float
    total: float
    unit: Literal["pixels", "seconds", "characters"]
    frames: int | None = None
    rate: float | None = None
    faces: int | None = None
    left_out: tuple[str, ...] = ()  # methods that did not run because too much was waiting


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of one moment of a video, already encoded."""

    index: int
    time: float  # seconds
    jpeg: bytes = field(repr=False)
    width: int = 0
    height: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Exhibits:
    """What is kept of the medium to show the findings on; the original itself is not kept."""

    preview: Image | None = None  # ≤ preview_pixels on the longer side
    size: tuple[int, int] = (0, 0)  # width, height of the upright original, pixels
    thumbnails: tuple[Thumbnail, ...] = ()  # in time order
    peaks: NDArray[np.float32] | None = None  # N×2: least and greatest sample of equal slices of the sound
    spectrogram: NDArray[np.uint8] | None = None  # frequency (top = highest) × time, 0–255 over 80 dB
    spectrogram_hz: float = 0.0  # frequency of the top row
    text: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything ``analyse`` found out. ``veriscope.evidence.schema`` turns it into the public JSON."""

    id: str
    timestamp: str  # ISO 8601, UTC
    media: Media
    options: Options
    assessment: Assessment
    findings: tuple[Finding, ...]
    weights: Mapping[str, float]  # detector → share in the decision
    coverage: Coverage
    timings: Mapping[str, float]  # stage → milliseconds
    complete: bool
    versions: Mapping[str, str]  # veriscope, python, libraries, networks
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    provenance: Provenance = Provenance()  # noqa: RUF009 - frozen
    av_sync: AvSync | None = None
    notes: tuple[Text, ...] = ()
    exhibits: Exhibits = field(default=Exhibits(), compare=False)
