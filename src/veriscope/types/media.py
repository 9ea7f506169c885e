"""What is examined: files, and the arrays and facts read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

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


class Policy(StrEnum):
    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"
    AUTO = "auto"  # as deep as the first look makes necessary; ``routing`` turns it into the others


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
class Options:
    """What the sender asked for. ``region`` is x, y, width, height in pixels; times are seconds."""

    policy: Policy = Policy.STANDARD
    region: tuple[int, int, int, int] | None = None
    start: float | None = None
    end: float | None = None
    rate: float | None = None  # frames a second; None: the policy's own
    caption: str | None = None
    edge_score: float | None = None
    without: tuple[str, ...] = ()  # methods left out because too much is waiting; never a sender's choice


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
