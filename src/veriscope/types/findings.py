"""What one detector says about one medium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from numpy.typing import NDArray

from veriscope.types.media import Plane, Scalar, Text


class Signal(StrEnum):
    """The rows of ``signalBreakdown``."""

    VISUAL_SPATIAL = "visualSpatial"
    FREQUENCY = "frequency"
    NOISE = "noise"
    TEMPORAL = "temporalAnalysis"
    AUDIO = "audio"
    AUDIO_VISUAL = "audioVisual"
    METADATA = "metadataForensics"
    PROVENANCE = "provenance"
    TEXT = "textAnalysis"


class Reason(StrEnum):
    """Why a detector gives no score. ``FAILED`` alone marks the report incomplete."""

    TOO_SMALL = "too_small"
    TOO_SHORT = "too_short"
    OVER_COMPRESSED = "over_compressed"
    NOT_JPEG = "not_jpeg"
    NO_FACE = "no_face"
    NO_SPEECH = "no_speech"
    NO_AUDIO = "no_audio"
    NO_METADATA = "no_metadata"
    NO_THUMBNAIL = "no_thumbnail"
    NO_CREDENTIALS = "no_credentials"
    NO_TEXTURE = "no_texture"
    UNSUPPORTED_LANGUAGE = "unsupported_language"
    NOT_APPLICABLE = "not_applicable"
    SKIPPED_BY_POLICY = "skipped_by_policy"
    SKIPPED_UNDER_LOAD = "skipped_under_load"
    UNCALIBRATED = "uncalibrated"
    MODEL_MISSING = "model_missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Region:
    """A box on the image, or on one frame of a video."""

    x: float
    y: float
    width: float
    height: float
    score: float | None = None
    note: Text | None = None
    time: float | None = None  # seconds, for a video
    group: int | None = None  # boxes of one group belong together (source and copy)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time (seconds) or, for text, of characters."""

    start: float
    end: float
    score: float | None = None
    note: Text | None = None
    unit: Literal["seconds", "characters"] = "seconds"


@dataclass(frozen=True, slots=True)
class FrameScore:
    index: int  # frame number in the stream
    time: float  # seconds
    score: float  # 0–1


@dataclass(frozen=True, slots=True)
class View:
    """A picture for the analyst: it carries no score. ``group`` as analysts group them."""

    name: str
    group: Literal["compression", "noise", "cloning", "spectrum", "metadata"]
    image: NDArray[Any]  # H×W or H×W×3 uint8
    caption: Text


@dataclass(frozen=True, slots=True)
class AvSync:
    offset_ms: float  # > 0: sound comes after the picture
    confidence: float  # 0–1


@dataclass(frozen=True, slots=True)
class Provenance:
    """Content Credentials. ``valid`` is integrity; ``trusted`` adds a signer on the trust list."""

    state: Literal["none", "invalid", "valid", "trusted"] = "none"
    signer: str | None = None
    ai_declared: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far the score can be believed on media like this one, as measured on labelled data."""

    value: float  # 0 (chance) – 1 (never wrong): 2·AUC − 1, clipped, on the named data
    basis: str = ""  # e.g. "casia1 dev, 600 images, AUC 0.71 [0.67, 0.75]"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector says about one medium.

    ``score`` is a calibrated probability in [0, 1], or ``None`` with a ``reason``. ``raw`` is the
    uncalibrated statistic it came from. ``summary`` says in one sentence, for a lay reader, what was
    measured. Nothing else in here is a judgement.
    """

    detector: str
    version: str
    signal: Signal
    score: float | None
    summary: Text
    reason: Reason | None = None
    raw: float | None = None
    reliability: Reliability = Reliability(0.0)
    regions: tuple[Region, ...] = ()
    spans: tuple[Span, ...] = ()
    frames: tuple[FrameScore, ...] = ()
    heatmap: Plane | None = field(default=None, compare=False)
    views: tuple[View, ...] = field(default=(), compare=False)
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    measurements: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""  # the paper or standard
    av_sync: AvSync | None = None
    provenance: Provenance | None = None
    error: str | None = None  # code of the fault, when reason is FAILED
    title: Text = field(default_factory=dict)  # the method's name for people

    def __post_init__(self) -> None:
        if self.score is None and self.reason is None:
            raise ValueError(f"{self.detector}: no score and no reason")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"{self.detector}: score {self.score} is outside [0, 1]")
