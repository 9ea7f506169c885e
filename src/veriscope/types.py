"""The nouns everything else is written in, and the protocols of what can be swapped.

Frozen and free of behaviour, so that every layer may import them. Arrays are numpy; images are H×W×3
uint8 RGB, upright (EXIF orientation applied), heatmaps H×W float32 in [0, 1], sound float32 in [-1, 1].
Coordinates are pixels of the upright original, times are seconds from the first frame or sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # H×W×3 RGB
Plane = NDArray[np.float32]  # H×W
Scalar = str | int | float | bool | None
Text = Mapping[str, str]  # language ("en", "vi") → one sentence


class Kind(StrEnum):
    """What a file is, by its bytes."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"


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


class Label(StrEnum):
    AUTHENTIC = "Likely Authentic"
    INCONCLUSIVE = "Inconclusive"
    SUSPICIOUS = "Suspicious"
    MANIPULATED = "Likely Manipulated"


class Policy(StrEnum):
    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"


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
    UNCALIBRATED = "uncalibrated"
    MODEL_MISSING = "model_missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Every record carries both names; every store call takes one of these."""

    organisation: str = "local"
    user: str = "local"


LOCAL = Principal()


@dataclass(frozen=True, slots=True)
class Media:
    """One file under examination; ``path`` holds the unaltered original bytes."""

    path: Path
    name: str
    kind: Kind
    format: str  # "jpeg", "mp4", "flac", … by magic bytes
    size: int  # bytes
    sha256: str  # of the original bytes, hex


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


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded video frame. ``burst`` counts frames since the start of a run of consecutive ones."""

    index: int
    time: float
    image: Image
    burst: int | None = None  # None: an evenly sampled frame outside any burst; 0, 1, 2 … inside one
    sampled: bool = True  # False: taken only for its burst


@dataclass(frozen=True, slots=True)
class Audio:
    samples: NDArray[np.float32]  # N
    rate: int  # Hz


@dataclass(frozen=True, slots=True)
class Face:
    """``box`` x, y, width, height; ``landmarks`` 5×2: eyes, nose, mouth corners (left first in the image)."""

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person's face through time; an image gives tracks of length one."""

    id: int
    faces: tuple[Face, ...]
    times: tuple[float, ...]
    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What the sender asked for. ``region`` is x, y, width, height in pixels; times are seconds."""

    policy: Policy = Policy.STANDARD
    region: tuple[int, int, int, int] | None = None
    start: float | None = None
    end: float | None = None
    rate: float | None = None  # frames a second; None: the policy's own
    caption: str | None = None
    edge_score: float | None = None


@dataclass(frozen=True, slots=True)
class JpegInfo:
    """What a JPEG says of itself. Tables are 8×8 in natural (not zigzag) order."""

    tables: tuple[NDArray[np.uint16], ...]
    luma: Plane  # the decoded Y plane, before any colour conversion, H×W in [0, 255], as stored
    subsampling: str  # "4:4:4", "4:2:0", …
    progressive: bool
    orientation: int  # EXIF 1–8: ``luma`` is as stored, ``Scene.image()`` is upright


@dataclass(frozen=True, slots=True)
class Stream:
    """Facts about a video or sound file, read without decoding more than is needed."""

    container: str
    duration: float  # seconds
    video: Mapping[str, Scalar] | None  # codec, width, height, fps, rotation, frames, bit_rate, pixel_format
    audio: Mapping[str, Scalar] | None  # codec, rate, channels, bit_rate
    metadata: Mapping[str, str] = field(default_factory=dict)
    packets: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # pts (s), dts (s), size (bytes), keyframe (bool)
    extra: Mapping[str, Any] = field(default_factory=dict)  # boxes in order, encoder strings, …


@dataclass(frozen=True, slots=True)
class Motion:
    """A small grey copy of EVERY frame, for detectors that look for cuts, repeats and drops."""

    thumbs: NDArray[np.uint8]  # N×36×64
    times: NDArray[np.float64]  # N, seconds
    types: NDArray[np.uint8]  # N, ord of "I", "P", "B" or "?"
    qp: NDArray[np.float32] | None = None


@runtime_checkable
class Infer(Protocol):
    """Arrays to arrays, by the network's name. Thread-safe; raises ``ModelUnavailable`` or ``InferenceFailed``."""

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]: ...
    def version(self, model: str) -> str: ...


@runtime_checkable
class Scene(Protocol):
    """One medium under examination: memoised, thread-safe, filled by the layers above."""

    media: Media
    options: Options

    def image(self) -> Image: ...  # H×W×3, upright
    def jpeg(self) -> JpegInfo | None: ...  # None when the picture is not a JPEG
    def metadata(self) -> Mapping[str, Any]: ...  # EXIF, XMP, IPTC, … as parsed
    def thumbnail(self) -> Image | None: ...  # embedded in the file, turned as the picture is; None when there is none
    def credentials(self) -> Mapping[str, Any]: ...  # Content Credentials as read, {} when there are none
    def stream(self) -> Stream: ...  # video and sound only
    def motion(self) -> Motion: ...  # after the pass over the frames
    def frames(self) -> Iterator[Frame]: ...  # video; in order, one pass
    def audio(self) -> Audio: ...  # mono 16 kHz; empty samples when there is no sound
    def waveform(self) -> Audio: ...  # mono at the file's own rate
    def speech(self) -> Sequence[tuple[float, float, float]]: ...  # start, end, probability
    def faces(self) -> Sequence[FaceTrack]: ...  # found once, shared
    def text(self) -> str: ...  # the text itself, or the caption of a picture
    def look(self, frame: Frame) -> Sequence[Face]: ...  # finds and tracks the faces of a frame of the pass


@runtime_checkable
class Detector(Protocol):
    """One method of finding forgery. One file, one line in ``DETECTORS``."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def signal(self) -> Signal: ...
    @property
    def kinds(self) -> frozenset[Kind]: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def policies(self) -> frozenset[Policy]: ...
    @property
    def reference(self) -> str: ...
    @property
    def title(self) -> Text: ...

    def inspect(self, scene: Scene, infer: Infer) -> Finding: ...


@runtime_checkable
class Watch(Protocol):
    """Sees the sampled frames of one video go by, keeps what it needs, then speaks."""

    def see(self, frame: Frame, faces: Sequence[Face]) -> None: ...
    def finish(self) -> Finding: ...


@runtime_checkable
class FrameDetector(Detector, Protocol):
    """A detector that looks at a video's pixels: all of them share one decoding pass."""

    def watch(self, scene: Scene, infer: Infer) -> Watch: ...


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
    provenance: Provenance = Provenance()
    av_sync: AvSync | None = None
    notes: tuple[Text, ...] = ()
    exhibits: Exhibits = field(default=Exhibits(), compare=False)


class Progress(Protocol):
    """Told how far the work is; may raise ``Cancelled`` to stop it."""

    def __call__(self, stage: str, fraction: float) -> None: ...


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


class Blobs(Protocol):
    """Bytes under a key, encrypted at rest by the implementation that is asked to."""

    def put(self, key: str, data: bytes) -> None: ...
    def get(self, key: str) -> bytes: ...  # raises NotFound
    def delete(self, key: str) -> None: ...  # silent when absent
    def keys(self, prefix: str = "") -> Iterator[str]: ...


class Dispatcher(Protocol):
    """Wakes a worker up. The job row, not the message, decides what is done."""

    def wake(self, job_id: str, queue: Queue) -> None: ...
    def close(self) -> None: ...
