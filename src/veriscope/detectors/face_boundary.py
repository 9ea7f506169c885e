"""Noise and sharpness inside a face against the skin just outside it, across the border where faces are blended in.

A pasted face brings its own noise, its own blur and its own resampling; whatever method made it, it has to be blended
into another picture somewhere (Li et al., "Face X-ray for more general face forgery detection", CVPR 2020; Shiohara &
Yamasaki, "Detecting deepfakes with self-blended images", CVPR 2022). Here the mismatch itself is measured, without a
network, on the pixels as they are: nothing is resampled before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.perception.faces import face_transform, largest
from veriscope.types import (
    Face,
    Finding,
    Frame,
    FrameScore,
    Image,
    Infer,
    Kind,
    Reason,
    Region,
    Scene,
    Signal,
    Watch,
)

Grey = NDArray[np.float32]

BLOCK = 8
SMALLEST = 80.0  # pixels of face height: below, a region holds too few blocks
CENTRE = (0.5, 0.60)  # of the ellipse that a swap covers, in the aligned face square
RADII = (0.34, 0.42)
INSIDE, OUTSIDE = (0.55, 0.95), (1.08, 1.5)  # rings on either side of the border, in radii
FEWEST = 12  # blocks in a ring
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0  # Immerkær 1996: blind to edges
SHOWN = 8.0  # strength drawn as 1
LARGEST = 320.0  # pixels of face height; larger faces are averaged down to it, to look at the same detail everywhere


class Mismatch(NamedTuple):
    noise: float  # log ratio of noise, inside over outside
    sharpness: float  # log ratio of fine to coarse detail, inside over outside
    hue: float  # difference of chroma between the rings, in units of its spread


def radius_map(shape: tuple[int, int], face: Face) -> Grey:
    """Distance of every pixel from the middle of the face, 1 on the ellipse where swaps are blended."""
    matrix = face_transform(face.landmarks, 1, 0.0)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    radius: Grey = np.hypot((u - CENTRE[0]) / RADII[0], (v - CENTRE[1]) / RADII[1]).astype(np.float32)
    return radius


def _blocks(plane: Grey) -> Grey:
    h, w = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    means: Grey = plane[: h * BLOCK, : w * BLOCK].reshape(h, BLOCK, w, BLOCK).mean(axis=(1, 3))
    return means


def _crop(image: Image, face: Face) -> tuple[Image, Face]:
    """The face with its surroundings, averaged down to ``LARGEST`` where it is larger; landmarks follow."""
    x, y, w, h = face.box
    left, top = max(0, int(x - 0.5 * w)), max(0, int(y - 0.35 * h))
    part = image[top : int(y + 1.35 * h), left : int(x + 1.5 * w)]
    factor = min(1.0, LARGEST / max(h, 1.0))
    if factor < 1:
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    points = (face.landmarks - np.array([left, top], np.float32)) * np.float32(factor)
    return part, Face((0.0, 0.0, w * factor, h * factor), face.score, points)


def mismatch(image: Image, face: Face) -> Mismatch | None:
    """How far the two rings around the border differ; ``None`` where the face is too small or cut off.

    Only skin-like blocks count outside: those whose colour lies within three spreads of the face's own. Hair, collar
    and wall differ from skin in every photograph.
    """
    if face.box[3] < SMALLEST:
        return None
    part, moved = _crop(image, face)
    if min(part.shape[:2]) < 4 * BLOCK:
        return None
    ycc = cv2.cvtColor(part, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma = ycc[:, :, 0]
    fine = _blocks(np.abs(cv2.filter2D(luma, -1, KERNEL)))
    coarse = _blocks(np.abs(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 2.0), cv2.CV_32F, ksize=3)))
    level, red, blue = (_blocks(np.ascontiguousarray(ycc[:, :, k])) for k in range(3))
    radius = _blocks(radius_map(luma.shape, moved))
    usable = (level > 25) & (level < 235)  # clipped blocks have no noise
    core = usable & (radius < INSIDE[1])
    if core.sum() < FEWEST:
        return None
    colour = np.stack([red, blue], axis=-1)
    middle = np.median(colour[core], axis=0)
    spread = 1.4826 * np.median(np.abs(colour[core] - middle), axis=0) + 1.5
    skin = usable & (np.abs(colour - middle) < 3 * spread).all(axis=-1) & (level > 0.5 * np.median(level[core]))
    inside = skin & (radius > INSIDE[0]) & (radius < INSIDE[1])
    outside = skin & (radius > OUTSIDE[0]) & (radius < OUTSIDE[1])
    if inside.sum() < FEWEST or outside.sum() < FEWEST:
        return None

    def quiet(values: Grey) -> float:
        return math.log(float(np.percentile(values, 25)) + 0.15)

    def crisp(where: NDArray[np.bool_]) -> float:
        return math.log((float(fine[where].mean()) + 0.15) / (float(coarse[where].mean()) + 0.5))

    hue = float((np.abs(np.median(colour[inside], axis=0) - np.median(colour[outside], axis=0)) / spread).max())
    return Mismatch(quiet(fine[inside]) - quiet(fine[outside]), crisp(inside) - crisp(outside), hue)


# Medians and spreads over untouched faces: every third real face of ciplab, re-saved at JPEG 70–95, and every twelfth
# frame of the talking heads. What all faces show (a smoother middle) counts for nothing.
TYPICAL = Mismatch(-0.03, -0.12, 0.72)
SPREAD = Mismatch(0.17, 0.36, 0.46)


def strength(found: Mismatch) -> float:
    """Size of a mismatch, noise plus sharpness, in usual spreads. Chroma follows make-up and light: left out."""
    noise = abs(found.noise - TYPICAL.noise) / SPREAD.noise
    return float(noise + abs(found.sharpness - TYPICAL.sharpness) / SPREAD.sharpness)


class FaceBoundary(Method):
    """Raw: mismatch of noise and sharpness across the border of the face, robust over frames."""

    name = "face_boundary"
    policies = NOT_QUICK
    title = {"en": "Edge of the face", "vi": "Viền khuôn mặt"}
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE, Kind.VIDEO})
    models = ("centerface",)
    libraries = ("numpy", "opencv-python-headless")
    reference = "L. Li et al., Face X-ray for more general face forgery detection, CVPR 2020"
    sentences = {
        "image": {
            "en": "Inside the most conspicuous of {faces} face(s), noise is {noise:.2f} times and fine detail "
            "{sharpness:.2f} times that of the skin around it.",
            "vi": "Bên trong khuôn mặt đáng chú ý nhất trong {faces} khuôn mặt, nhiễu bằng {noise:.2f} lần và chi tiết "
            "mịn bằng {sharpness:.2f} lần vùng da xung quanh.",
        },
        "video": {
            "en": "Over {faces} looked-at faces, noise inside the face is {noise:.2f} times and fine detail "
            "{sharpness:.2f} times that of the skin around it (median).",
            "vi": "Qua {faces} khuôn mặt được xem, nhiễu bên trong khuôn mặt bằng {noise:.2f} lần và chi tiết mịn bằng "
            "{sharpness:.2f} lần vùng da xung quanh (trung vị).",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        tracks = scene.faces()
        if not tracks:
            return self.abstain(Reason.NO_FACE)
        image = scene.image()
        measured = [(track.faces[0], mismatch(image, track.faces[0])) for track in tracks]
        found = [(face, m) for face, m in measured if m is not None]
        if not found:
            return self.abstain(Reason.TOO_SMALL)
        _, most = max(found, key=lambda pair: strength(pair[1]))
        regions = tuple(Region(*face.box, score=min(1.0, strength(m) / SHOWN)) for face, m in found)
        return self._finding(scene, "image", most, strength(most), len(found), regions=regions)

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _BoundaryWatch(self, scene)

    def _finding(self, scene: Scene, key: str, m: Mismatch, raw: float, faces: int, **evidence: Any) -> Finding:
        return self.found(
            raw,
            scene.media.kind,
            self.say(key, faces=faces, noise=math.exp(m.noise), sharpness=math.exp(m.sharpness)),
            parameters={"block": BLOCK, "smallest_face": SMALLEST},
            measurements={"faces": faces, "log_noise": m.noise, "log_sharpness": m.sharpness, "chroma": m.hue},
            **evidence,
        )


class _BoundaryWatch:
    """Looks at the largest face of each sampled frame; neighbours in a burst would say the same again."""

    def __init__(self, method: FaceBoundary, scene: Scene) -> None:
        self._method = method
        self._scene = scene
        self._found: list[tuple[FrameScore, Mismatch]] = []
        self._seen = False

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        face = largest(faces) if frame.sampled else None
        if face is None:
            return
        self._seen = True
        if (m := mismatch(frame.image, face)) is not None:
            self._found.append((FrameScore(frame.index, frame.time, min(1.0, strength(m) / SHOWN)), m))

    def finish(self) -> Finding:
        if not self._found:
            return self._method.abstain(Reason.TOO_SMALL if self._seen else Reason.NO_FACE)
        middle = Mismatch(*np.median(np.array([m for _, m in self._found]), axis=0).tolist())
        # The median over frames, not the largest: one blurred frame is no forgery.
        raw = float(np.median([strength(m) for _, m in self._found]))
        frames = tuple(score for score, _ in self._found)
        return self._method._finding(self._scene, "video", middle, raw, len(frames), frames=frames)
