"""The detectors that run: one line each."""

from __future__ import annotations

from veriscope.detectors.audio_splice import AudioSplice
from veriscope.detectors.container import Container
from veriscope.detectors.double_quantisation import DoubleQuantisation
from veriscope.detectors.frame_continuity import FrameContinuity
from veriscope.detectors.jpeg_grid import JpegGrid
from veriscope.detectors.noise_level import NoiseLevel
from veriscope.detectors.stylometry import Stylometry
from veriscope.types import Detector

DETECTORS: tuple[Detector, ...] = (
    JpegGrid(),
    DoubleQuantisation(),
    NoiseLevel(),
    AudioSplice(),
    Container(),
    FrameContinuity(),
    Stylometry(),
)
