"""Does a face flicker from frame to frame more than what surrounds it.

Faces that are made one frame at a time disagree with each other: colour, sharpness and position tremble, while hair,
neck and wall, which were filmed, do not (Güera & Delp, "Deepfake video detection using recurrent neural networks",
AVSS 2018; Amerini et al., "Deepfake video detection through optical flow based CNN", ICCV-W 2019, look at the same
with networks). Measured are second differences over three neighbouring frames, which ordinary motion and slow changes
of light leave near zero, inside the face over those in a ring around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.perception.faces import face_transform, largest
from veriscope.perception.views import grey
from veriscope.types import Face, Finding, Frame, FrameScore, Infer, Kind, Reason, Scene, Signal, Watch

Series = NDArray[np.float64]

SIDE = 128  # pixels of the aligned crop
MARGIN = 0.35  # of the face square on each side: hair, ears, neck and some wall
LARGEST_GAP = 0.11  # s between neighbouring frames: every third of 30 a second
STALE = 0.3  # s after which a face that was not found again is forgotten
ANCHOR = 5  # frames seen through one warp before it is renewed: the landmarks' own jitter must not count
FEWEST = 6  # second differences
SMALLEST = 48.0  # pixels of face height
FEATURES = ("luma", "red", "blue", "sharpness")
# What coding and rounding alone move: grey levels, and log units of sharpness
STEADY = np.array([0.15, 0.06, 0.06, 0.015])


class Flicker(NamedTuple):
    """Log ratio of the tremble inside the face to that of its surroundings, for each feature."""

    luma: float
    red: float
    blue: float
    sharpness: float


def _regions() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    v, u = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE * (1 + 2 * MARGIN) - MARGIN
    radius = np.hypot((u - 0.5) / 0.34, (v - 0.6) / 0.42)
    return radius < 0.95, (radius > 1.15) & (radius < 1.9)


INNER, OUTER = _regions()
_CORE = (slice(32, 96), slice(32, 96))
_WINDOW = np.outer(np.hanning(64), np.hanning(64)).astype(np.float32)


def measure(crop: NDArray[np.uint8]) -> Series:
    """2×4: luma, red and blue chroma (means) and log sharpness, inside the face and around it."""
    ycc = cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    fine = np.abs(ycc[:, :, 0] - cv2.GaussianBlur(ycc[:, :, 0], (0, 0), 1.5))
    rows = [[*ycc[where].mean(axis=0).tolist(), float(np.log(fine[where].mean() + 0.2))] for where in (INNER, OUTER)]
    return np.array(rows)


def register(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``after`` shifted so that the face lies where it lies in ``before`` (both SIDE×SIDE×3)."""
    a, b = (grey(crop)[_CORE] for crop in (before, after))
    (dx, dy), _ = cv2.phaseCorrelate(a, b, _WINDOW)
    shift = np.array([[1, 0, -np.clip(dx, -8, 8)], [0, 1, -np.clip(dy, -8, 8)]], np.float32)
    return cv2.warpAffine(after, shift, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def flicker(runs: Sequence[Series]) -> tuple[Flicker, Series] | None:
    """From runs (each N×2×4) of ``measure`` to the log ratios, and the tremble (K×2×4); ``None`` below 6 triples."""
    seconds = [np.abs(run[:-2] - 2 * run[1:-1] + run[2:]) for run in runs if len(run) >= 3]
    if not seconds or sum(map(len, seconds)) < FEWEST:
        return None
    tremble = np.concatenate(seconds)
    middle = np.median(tremble, axis=0)
    ratio = np.log((middle[0] + STEADY) / (middle[1] + STEADY))
    return Flicker(*ratio.tolist()), tremble


def statistic(found: Flicker) -> float:
    """Two thirds chroma (the larger of the two), one third luma. Sharpness is reported, but coding moves it too."""
    return (2 * max(found.red, found.blue) + found.luma) / 3


class FaceJitter(Method):
    """Raw: flicker inside the face over flicker around it, as a natural log-ratio, robust over bursts."""

    name = "face_jitter"
    title = {"en": "Jitter of the face", "vi": "Rung khuôn mặt"}
    signal = Signal.TEMPORAL
    kinds = frozenset({Kind.VIDEO})
    policies = NOT_QUICK
    models = ("centerface",)
    libraries = ("numpy", "opencv-python-headless")
    reference = "D. Güera, E. J. Delp, Deepfake video detection using recurrent neural networks, AVSS 2018"
    sentences = {
        "found": {
            "en": "Over {count} groups of neighbouring frames the face trembles {ratio:.1f} times as much as its "
            "surroundings in brightness and colour.",
            "vi": "Qua {count} nhóm khung hình liền kề, khuôn mặt dao động gấp {ratio:.1f} lần vùng xung quanh về độ "
            "sáng và màu sắc.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        return self.abstain(Reason.NOT_APPLICABLE)  # the frames have to be seen: ``watch``

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _JitterWatch(self, scene)


class _JitterWatch:
    """Follows the largest face through bursts of neighbouring frames; frames in between may come without faces."""

    def __init__(self, method: FaceJitter, scene: Scene) -> None:
        self._method = method
        self._scene = scene
        self._face: Face | None = None
        self._found = self._time = -1.0
        self._seen = False
        self._matrix: NDArray[np.float64] | None = None
        self._last: NDArray[np.uint8] | None = None
        self._runs: list[list[Series]] = []
        self._places: list[list[tuple[int, float]]] = []

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        face = largest(faces)
        if face is not None:
            self._seen = True
            self._face = face if face.box[3] >= SMALLEST else None
            self._found = frame.time
        if self._face is None or frame.time - self._found > STALE:
            self._face = self._last = None
            return
        neighbour = self._last is not None and 0 < frame.time - self._time <= LARGEST_GAP
        if not neighbour or self._matrix is None or len(self._runs[-1]) >= ANCHOR:
            self._matrix = face_transform(self._face.landmarks, SIDE, MARGIN)
            self._last = None
            self._runs.append([])
            self._places.append([])
        crop = cv2.warpAffine(frame.image, self._matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        aligned = crop.astype(np.uint8, copy=False)
        if self._last is not None:
            aligned = register(self._last, aligned)
        self._last = aligned
        self._time = frame.time
        self._runs[-1].append(measure(aligned))
        self._places[-1].append((frame.index, frame.time))

    def finish(self) -> Finding:
        if not self._seen:
            return self._method.abstain(Reason.NO_FACE)
        runs = [np.array(run) for run in self._runs if len(run) >= 3]
        result = flicker(runs)
        if result is None:
            return self._method.abstain(Reason.TOO_SHORT)
        found, tremble = result
        raw = statistic(found)
        places = [p for run in self._places if len(run) >= 3 for p in run[1:-1]]
        local = np.log((tremble[:, 0] + STEADY) / (tremble[:, 1] + STEADY)).mean(axis=1)
        return self._method.found(
            raw,
            self._scene.media.kind,
            self._method.say("found", count=len(tremble), ratio=float(np.exp(raw))),
            frames=tuple(
                FrameScore(index, time, float(np.clip(value / 3, 0, 1)))
                for (index, time), value in zip(places, local.tolist(), strict=True)
            ),
            parameters={"side": SIDE, "anchor_frames": ANCHOR},
            measurements={"triples": len(tremble), **found._asdict()},
        )
