"""What is kept of a medium to show the findings on: a preview, small frames, the shape of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Audio, Frame, Thumbnail

Level = TypeVar("Level", bound=np.integer[Any] | np.floating[Any])

_THUMB_SIDE = 320
_SLICES = 2000
_COLUMNS = 1200
_WINDOW = 512
_RANGE_DB = 80.0


def shrink(image: NDArray[Level], longest: int) -> NDArray[Level]:
    """H×W or H×W×C, no larger than ``longest`` pixels on the longer side; never enlarged."""
    height, width = image.shape[:2]
    scale = longest / max(height, width, 1)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), image.dtype)


def thumbnail(frame: Frame) -> Thumbnail:
    small = shrink(frame.image, _THUMB_SIDE)
    done, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert done
    return Thumbnail(frame.index, frame.time, data.tobytes(), small.shape[1], small.shape[0])


class Reel:
    """Small pictures of a video's sampled frames; thinned out evenly when there are too many."""

    def __init__(self, most: int = 720) -> None:
        self._most = most
        self._step = 1
        self._seen = 0
        self._kept: list[Thumbnail] = []

    def add(self, frame: Frame) -> None:
        if self._seen % self._step == 0:
            self._kept.append(thumbnail(frame))
            if len(self._kept) >= self._most:
                self._kept = self._kept[::2]
                self._step *= 2
        self._seen += 1

    def thumbnails(self) -> Sequence[Thumbnail]:
        return tuple(self._kept)


def peaks(audio: Audio) -> NDArray[np.float32]:
    """N×2: least and greatest sample of equal slices, N ≤ 2000."""
    samples = audio.samples
    if not samples.size:
        return np.zeros((0, 2), np.float32)
    starts = np.linspace(0, samples.size, min(_SLICES, samples.size) + 1).astype(np.int64)[:-1]
    return np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)], axis=1)


def spectrogram(audio: Audio) -> NDArray[np.uint8]:
    """Frequency (top = half the rate) × time, 0–255 over 80 dB below the loudest; at most 1200 columns."""
    samples = audio.samples
    if samples.size < _WINDOW:
        return np.zeros((0, 0), np.uint8)
    count = min(_COLUMNS, samples.size // (_WINDOW // 2))
    starts = np.linspace(0, samples.size - _WINDOW, max(1, count)).astype(np.int64)
    cut = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[starts]
    power = np.abs(np.fft.rfft(cut * np.hanning(_WINDOW).astype(np.float32), axis=1)).astype(np.float32)
    level = 20 * np.log10(power + 1e-9)
    level = np.clip((level - level.max() + _RANGE_DB) / _RANGE_DB, 0, 1)
    return np.ascontiguousarray((level.T[::-1] * 255).astype(np.uint8))
