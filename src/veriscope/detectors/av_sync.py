"""Does the mouth move with the voice: correlation and offset of mouth motion and speech energy.

The idea of Hershey & Movellan ("Audio vision: using audio-visual synchrony to locate sounds", NIPS 1999) and the
measure of Chung & Zisserman ("Out of time: automated lip sync in the wild", ACCV-W 2016: offset at the peak, confidence
as peak over median), with a plain signal in place of a network: how much the mouth changes from frame to frame, after
the head's own motion is taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.perception.faces import face_transform, largest
from veriscope.perception.views import grey
from veriscope.types import Audio, AvSync, Face, Finding, Frame, Infer, Kind, Reason, Scene, Signal, Watch

Series = NDArray[np.float64]
Grey = NDArray[np.float32]

SIDE = 192  # pixels of the aligned face
HEAD = (slice(95, 140), slice(60, 132))  # nose and upper lip: moves with the head, not with speech
MOUTH = (slice(130, 185), slice(66, 126))
WINDOW = np.outer(np.hanning(45), np.hanning(72)).astype(np.float32)
STEP = 0.04  # s of the common time grid
LARGEST_GAP = 0.11  # s between frames that still count as neighbours: every third of 30 a second
STALE = 0.3  # s after which a face that was not found again is forgotten
LAGS = np.arange(-25, 26)  # steps: ± 1 s
IN_SYNC = 0.16  # s around 40 ms (speech energy follows the opening) that viewers take for synchronous
LEAST = 2.4  # s of mouth motion within speech


class Sync(NamedTuple):
    offset: float  # s; > 0: sound comes after the picture
    confidence: float  # 0–1
    near: float  # best correlation where sound and picture are in step
    peak: float  # best correlation anywhere within ± 1 s


def mouth_change(before: Grey, after: Grey) -> float:
    """Mean absolute change of the mouth between two aligned faces (SIDE×SIDE), in units of the face's brightness.

    The head's motion between the two is measured on nose and upper lip (phase correlation) and undone.
    """
    (dx, dy), _ = cv2.phaseCorrelate(before[HEAD], after[HEAD], WINDOW)
    shift = np.array([[1, 0, -np.clip(dx, -6, 6)], [0, 1, -np.clip(dy, -6, 6)]], np.float32)
    moved = cv2.warpAffine(after, shift, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    brightness = max(float(np.median(before[HEAD])), 8.0)
    return float(np.abs(moved[MOUTH] - before[MOUTH]).mean() / brightness)


def speech_energy(audio: Audio) -> Series:
    """Log energy of the voice band (150 Hz – 4 kHz), 100 values a second, over a range of 40 dB, smoothed by 30 ms."""
    size, hop = 512, audio.rate // 100
    padded = np.pad(audio.samples, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    low, high = round(150 * size / audio.rate), round(4000 * size / audio.rate)
    taper = np.hanning(size).astype(np.float32)
    blocks = [
        (np.abs(np.fft.rfft(frames[i : i + 4096] * taper, axis=1)[:, low:high]) ** 2).sum(axis=1)
        for i in range(0, len(frames), 4096)
    ]
    energy = np.concatenate(blocks).astype(np.float64)
    return gaussian_filter1d(np.log10(energy + 1e-4 * np.percentile(energy, 95) + 1e-12), 3)


def synchrony(times: Series, change: Series, energy: Series) -> Sync:
    """Correlation of mouth change with speech energy at every lag.

    Args:
        times: N seconds, increasing.
        change: N mouth changes; smoothed over about 40 ms here.
        energy: log energy, 100 values a second.

    Returns:
        Offset of the peak, and its confidence: how far it stands over the median of all lags, 0 at 0.1, 1 at 0.6.
    """
    grid = np.arange(times[0], times[-1], STEP)
    picture = gaussian_filter1d(np.interp(grid, times, change), 1.0)
    # Slow drifts (head pose, loudness of a sentence) correlate by chance.
    picture -= gaussian_filter1d(picture, 1.0 / STEP)
    clock = np.arange(len(energy)) * 0.01
    correlation = np.zeros(len(LAGS))
    for k, lag in enumerate(LAGS):
        at = grid + lag * STEP
        inside = (at >= 0) & (at <= clock[-1])
        if inside.sum() * STEP < LEAST / 2:
            continue
        sound = np.interp(at[inside], clock, energy)
        sound -= gaussian_filter1d(sound, 1.0 / STEP)
        scale = picture[inside].std() * sound.std()
        if scale > 1e-12:
            product = (picture[inside] - picture[inside].mean()) * (sound - sound.mean())
            correlation[k] = product.mean() / scale
    best = int(correlation.argmax())
    near = np.abs(LAGS * STEP - STEP) <= IN_SYNC + 1e-9
    peak = float(correlation[best])
    confidence = float(np.clip((peak - np.median(correlation) - 0.1) / 0.5, 0, 1))
    return Sync(float(LAGS[best] * STEP), confidence, float(correlation[near].max()), peak)


class AudioVisualSync(Method):
    """Raw: minus the correlation of mouth and voice within the delays that pass for synchronous."""

    name = "av_sync"
    title = {"en": "Lips and voice", "vi": "Khớp môi và tiếng"}
    signal = Signal.AUDIO_VISUAL
    kinds = frozenset({Kind.VIDEO})
    policies = NOT_QUICK
    models = ("centerface", "silero_vad")
    libraries = ("numpy", "scipy", "opencv-python-headless")
    reference = "J. S. Chung, A. Zisserman, Out of time: automated lip sync in the wild, ACCV workshops 2016"
    sentences = {
        "in_step": {
            "en": "Over {seconds:.1f} s of speech the mouth moves with the voice (correlation {near:.2f}, offset "
            "{offset:+.0f} ms).",
            "vi": "Trong {seconds:.1f} giây có lời nói, miệng cử động khớp với giọng (tương quan {near:.2f}, độ lệch "
            "{offset:+.0f} ms).",
        },
        "shifted": {
            "en": "The mouth follows the voice best when the sound is moved by {offset:+.0f} ms (correlation "
            "{peak:.2f}, against {near:.2f} in step).",
            "vi": "Miệng khớp với giọng nhất khi dịch âm thanh {offset:+.0f} ms (tương quan {peak:.2f}, so với "
            "{near:.2f} khi không dịch).",
        },
        "apart": {
            "en": "Over {seconds:.1f} s of speech the mouth's motion and the voice hardly correlate ({near:.2f}); the "
            "speaker may also be off screen.",
            "vi": "Trong {seconds:.1f} giây có lời nói, cử động miệng và giọng nói hầu như không tương quan "
            "({near:.2f}); người nói cũng có thể ở ngoài khung hình.",
        },
    }

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _MouthWatch(self, scene)

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        return self.abstain(Reason.NOT_APPLICABLE)  # the frames have to be seen: ``watch``


class _MouthWatch:
    """Collects the change of the mouth between neighbouring frames.

    Frames may come without faces (``[]``) in between: the last known place serves for ``STALE`` seconds.
    """

    def __init__(self, method: AudioVisualSync, scene: Scene) -> None:
        self._method = method
        self._scene = scene
        self._face: Face | None = None
        self._found = -1.0
        self._seen = False
        self._matrix: NDArray[np.float64] | None = None
        self._crop: Grey | None = None
        self._time = -1.0
        self._series: list[tuple[float, float]] = []

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        face = largest(faces)
        if face is not None:
            self._face, self._found, self._seen = face, frame.time, True
        if self._face is None or frame.time - self._found > STALE:
            self._crop = self._face = None
            return
        if self._crop is not None and self._matrix is not None and 0 < frame.time - self._time <= LARGEST_GAP:
            # The same warp for both frames: the jitter of the landmarks must not pass for speech.
            change = mouth_change(self._crop, _aligned(frame, self._matrix))
            # Sampled frames and bursts fall into a run: a shorter step shows less change.
            self._series.append(((self._time + frame.time) / 2, change * STEP / (frame.time - self._time)))
        self._matrix = face_transform(self._face.landmarks, SIDE)
        self._crop = _aligned(frame, self._matrix)
        self._time = frame.time

    def finish(self) -> Finding:
        method = self._method
        audio = self._scene.audio()
        if not len(audio.samples):
            return method.abstain(Reason.NO_AUDIO)
        if not self._seen:
            return method.abstain(Reason.NO_FACE)
        speech = self._scene.speech()
        if not speech:
            return method.abstain(Reason.NO_SPEECH)
        start = self._scene.options.start or 0.0
        times, change = longest_run(self._series, speech, start)
        if len(times) < 2 or times[-1] - times[0] < LEAST:
            return method.abstain(Reason.TOO_SHORT)
        sync = synchrony(times, change, speech_energy(audio))
        seconds = float(times[-1] - times[0])
        in_step = abs(sync.offset - STEP) <= IN_SYNC
        key = "in_step" if in_step and sync.near > 0.25 else "shifted" if sync.confidence > 0.6 else "apart"
        return method.found(
            -sync.near,
            self._scene.media.kind,
            method.say(key, seconds=seconds, near=sync.near, peak=sync.peak, offset=1000 * sync.offset),
            av_sync=AvSync(1000 * sync.offset, sync.confidence),
            parameters={"grid_s": STEP, "largest_lag_s": float(LAGS[-1] * STEP)},
            measurements={
                "correlation_in_step": sync.near,
                "correlation_peak": sync.peak,
                "seconds": seconds,
                "from": float(times[0]),
                "rate": len(times) / seconds,
            },
        )


def _aligned(frame: Frame, matrix: NDArray[np.float64]) -> Grey:
    crop = cv2.warpAffine(frame.image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    luma = grey(np.asarray(crop, np.uint8))
    return cv2.GaussianBlur(luma, (0, 0), 1.5).astype(np.float32, copy=False)


def longest_run(
    series: Sequence[tuple[float, float]], speech: Sequence[tuple[float, float, float]], start: float
) -> tuple[Series, Series]:
    """The longest stretch of neighbouring frames that meets speech, times counted from the first sound sample.

    Short pauses inside stay: opening and closing around them is what correlates.
    """
    runs: list[list[tuple[float, float]]] = []
    for time, change in series:
        if not runs or time - runs[-1][-1][0] > 1.5 * LARGEST_GAP:
            runs.append([])
        runs[-1].append((time, change))

    def spoken(run: list[tuple[float, float]]) -> float:
        first, last = run[0][0] - start, run[-1][0] - start
        return sum(max(0.0, min(last, end) - max(first, begin)) for begin, end, _ in speech)

    best = max(runs, key=spoken, default=[])
    if not best or spoken(best) < LEAST / 2:
        return np.zeros(0), np.zeros(0)
    table = np.array(best, np.float64)
    return table[:, 0] - start, table[:, 1]
