"""The nouns everything else is written in, and the protocols of what can be swapped.

Frozen and free of behaviour, so that every layer may import them. Arrays are numpy; images are H×W×3
uint8 RGB, upright (EXIF orientation applied), heatmaps H×W float32 in [0, 1], sound float32 in [-1, 1].
Coordinates are pixels of the upright original, times are seconds from the first frame or sample.
"""

from __future__ import annotations

from veriscope.types.findings import (
    AvSync,
    Finding,
    FrameScore,
    Provenance,
    Reason,
    Region,
    Reliability,
    Signal,
    Span,
    View,
)
from veriscope.types.jobs import LOCAL, Job, JobState, Principal, Queue
from veriscope.types.media import (
    Audio,
    Face,
    FaceTrack,
    Frame,
    Image,
    JpegInfo,
    Kind,
    Media,
    Motion,
    Options,
    Plane,
    Policy,
    Scalar,
    Stream,
    Text,
)
from veriscope.types.protocols import Blobs, Detector, Dispatcher, FrameDetector, Infer, Progress, Scene, Watch
from veriscope.types.reports import Assessment, Coverage, Exhibits, Label, Report, Thumbnail

__all__ = [
    "LOCAL",
    "Assessment",
    "Audio",
    "AvSync",
    "Blobs",
    "Coverage",
    "Detector",
    "Dispatcher",
    "Exhibits",
    "Face",
    "FaceTrack",
    "Finding",
    "Frame",
    "FrameDetector",
    "FrameScore",
    "Image",
    "Infer",
    "Job",
    "JobState",
    "JpegInfo",
    "Kind",
    "Label",
    "Media",
    "Motion",
    "Options",
    "Plane",
    "Policy",
    "Principal",
    "Progress",
    "Provenance",
    "Queue",
    "Reason",
    "Region",
    "Reliability",
    "Report",
    "Scalar",
    "Scene",
    "Signal",
    "Span",
    "Stream",
    "Text",
    "Thumbnail",
    "View",
    "Watch",
]
