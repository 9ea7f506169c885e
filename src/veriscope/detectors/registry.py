"""The detectors that run: one line each."""

from __future__ import annotations

from veriscope.detectors.audio_band_limit import AudioBandLimit
from veriscope.detectors.audio_splice import AudioSplice
from veriscope.detectors.av_sync import AudioVisualSync
from veriscope.detectors.container import Container
from veriscope.detectors.copy_move import CopyMove
from veriscope.detectors.double_quantisation import DoubleQuantisation
from veriscope.detectors.face_boundary import FaceBoundary
from veriscope.detectors.face_jitter import FaceJitter
from veriscope.detectors.face_manipulation import FaceManipulation
from veriscope.detectors.forgery_classifier import ForgeryClassifier
from veriscope.detectors.forgery_heatmap import ForgeryHeatmap
from veriscope.detectors.frame_continuity import FrameContinuity
from veriscope.detectors.frame_noise import FrameNoise
from veriscope.detectors.hidden_text import HiddenText
from veriscope.detectors.jpeg_ghost import JpegGhost
from veriscope.detectors.jpeg_grid import JpegGrid
from veriscope.detectors.metadata_forensics import MetadataForensics
from veriscope.detectors.noise_level import NoiseLevel
from veriscope.detectors.provenance import ContentCredentials
from veriscope.detectors.resampling import Resampling
from veriscope.detectors.stylometry import Stylometry
from veriscope.detectors.synthetic_image import SyntheticImage
from veriscope.detectors.synthetic_speech import SyntheticSpeech
from veriscope.detectors.thumbnail import ThumbnailMismatch
from veriscope.detectors.vocoder import Vocoder
from veriscope.detectors.written_like import WrittenLike
from veriscope.types import Detector

DETECTORS: tuple[Detector, ...] = (
    CopyMove(),
    ForgeryHeatmap(),
    ForgeryClassifier(),
    JpegGrid(),
    DoubleQuantisation(),
    JpegGhost(),
    NoiseLevel(),
    Resampling(),
    SyntheticImage(),
    ThumbnailMismatch(),
    MetadataForensics(),
    ContentCredentials(),
    AudioSplice(),
    AudioBandLimit(),
    Vocoder(),
    SyntheticSpeech(),
    Container(),
    FrameContinuity(),
    FrameNoise(),
    FaceJitter(),
    FaceBoundary(),
    FaceManipulation(),
    AudioVisualSync(),
    Stylometry(),
    WrittenLike(),
    HiddenText(),
)
