"""Swapped, reenacted and retouched faces, by a network that learned from self-blended faces.

The network (``inference.networks.face_manipulation``) sees each face alone, upright and at one size. It learned what a
face looks like into which something was blended, from genuine faces and from forgeries made of them (Shiohara &
Yamasaki, "Detecting deepfakes with self-blended images", CVPR 2022), never from the output of one generator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.inference.networks import face_manipulation as network
from veriscope.perception.faces import face_transform
from veriscope.types import Face, Finding, Frame, FrameScore, Image, Infer, Kind, Reason, Region, Scene, Signal, Watch

SMALLEST = 56.0  # px a side of the face square: below, the crop is mostly made up by the enlargement
FACES = 8  # of a picture: the largest
_TOGETHER = 4  # crops in one run of the network
CROPS = 16  # of a video
PEOPLE = 4  # of a video: those seen in most of its frames
BESIDE = 2  # faces of one frame that are kept
HEAT_SIDE = 512  # px, longer side of the heat map


@dataclass(frozen=True, slots=True)
class _Seen:
    index: int
    time: float
    face: Face
    crop: Image


def side(face: Face) -> float:
    """Pixels a side of the square that ``align_face`` cuts out without its margin."""
    matrix = face_transform(face.landmarks, 1, 0.0)
    return 1 / max(1e-9, math.hypot(matrix[0, 0], matrix[1, 0]))


def transform(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """The warp (2×3) from a picture with a face at these landmarks to the crop that the network reads."""
    return network.windowed(face_transform(landmarks, 1, 0.0))


def crop(image: Image, landmarks: NDArray[np.float32]) -> Image:
    """The face upright, as the network reads it; what lies outside the picture repeats its border."""
    matrix = transform(landmarks)
    zoom = math.hypot(matrix[0, 0], matrix[1, 0])
    # only the face and its surroundings are ever resampled
    centre, reach = landmarks.mean(axis=0), 1.2 * network.SIZE / zoom
    left, top = (max(0, int(v - reach)) for v in centre)
    right, bottom = (int(v + reach) + 1 for v in centre)
    part: NDArray[np.uint8] = image[top:bottom, left:right]
    if min(part.shape[:2]) < 2:  # landmarks far outside the picture
        part, left, top = image, 0, 0
    moved = (landmarks - np.array([left, top], np.float32)).astype(np.float32)
    if zoom < 0.6:
        # bilinear sampling of a large face would alias, and aliasing looks like synthesis: average first
        factor = 1.6 * zoom
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        ratio = np.array(size, np.float32) / np.array(part.shape[1::-1], np.float32)
        moved = ((moved + 0.5) * ratio - 0.5).astype(np.float32)
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    square = (network.SIZE, network.SIZE)
    return cv2.warpAffine(
        part, transform(moved), square, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8, copy=False)


def joined(logits: NDArray[np.float32]) -> float:
    """The log-odds that one of several faces was altered: the largest, less what looking n times costs."""
    return float(logits.max()) - math.log(len(logits))


class FaceManipulation(Method):
    """Raw: log-odds of an altered face; the trimmed mean over the frames of a video."""

    name = "face_manipulation"
    policies = NOT_QUICK
    title = {"en": "Altered face", "vi": "Khuôn mặt bị chỉnh sửa"}
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE, Kind.VIDEO})
    models = ("centerface", network.NAME)
    libraries = ("numpy", "opencv-python-headless", "onnxruntime")
    reference = "K. Shiohara and T. Yamasaki, Detecting deepfakes with self-blended images, CVPR 2022"
    sentences = {
        "image": {
            "en": "A network compared {faces} face(s) with genuine and blended ones; the most conspicuous looks "
            "{side} ({value:+.1f} on a scale around 0).",
            "vi": "Mạng nơ-ron so {faces} khuôn mặt với mặt thật và mặt ghép; khuôn mặt đáng chú ý nhất trông "
            "{side_vi} ({value:+.1f} trên thang quanh 0).",
        },
        "video": {
            "en": "A network compared the face in {faces} frames with genuine and blended ones; on the whole it looks "
            "{side} ({value:+.1f} on a scale around 0).",
            "vi": "Mạng nơ-ron so khuôn mặt trong {faces} khung hình với mặt thật và mặt ghép; nhìn chung trông "
            "{side_vi} ({value:+.1f} trên thang quanh 0).",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        tracks = scene.faces()
        if not tracks:
            return self.abstain(Reason.NO_FACE)
        image = scene.image()
        faces = sorted((track.faces[0] for track in tracks), key=side, reverse=True)
        faces = [face for face in faces if side(face) >= SMALLEST][:FACES]
        if not faces:
            return self.abstain(Reason.TOO_SMALL)
        reading = judged([crop(image, face.landmarks) for face in faces], infer)
        regions = tuple(
            Region(*face.box, score=_share(logit)) for face, logit in zip(faces, reading.logits, strict=True)
        )
        return self._finding(
            scene,
            infer,
            joined(reading.logits),
            len(faces),
            regions=regions,
            heatmap=heat(image.shape[:2], faces, reading.maps),
            measurements={"faces": len(faces), "logits": [round(float(v), 3) for v in reading.logits]},
        )

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _FaceWatch(self, scene, infer)

    def _finding(self, scene: Scene, infer: Infer, raw: float, faces: int, **evidence: Any) -> Finding:
        words = (
            ("more like the blended ones", "giống mặt ghép hơn")
            if raw > 0
            else ("more like the genuine ones", "giống mặt thật hơn")
        )
        return self.found(
            raw,
            scene.media.kind,
            self.say(scene.media.kind.value, faces=faces, side=words[0], side_vi=words[1], value=raw),
            parameters={"crop": network.SIZE, "smallest_face": SMALLEST, "network": infer.version(network.NAME)},
            **evidence,
        )


class _FaceWatch:
    """Keeps the largest faces of evenly spread frames, a bounded number of crops, and asks the network at the end.

    Of its two halves only the one that learned blended and filmed faces: the other knows retouched photographs.
    """

    def __init__(self, method: FaceManipulation, scene: Scene, infer: Infer) -> None:
        self._method, self._scene, self._infer = method, scene, infer
        self._kept: list[list[_Seen]] = []  # by frame
        self._stride = 1  # of the frames with a usable face, the ones kept
        self._count = 0
        self._seen = False

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        if not frame.sampled or not faces:
            return
        self._seen = True
        usable = sorted((face for face in faces if side(face) >= SMALLEST), key=side, reverse=True)[:BESIDE]
        if not usable:
            return
        if self._count % self._stride == 0:
            self._kept.append(
                [_Seen(frame.index, frame.time, face, crop(frame.image, face.landmarks)) for face in usable]
            )
            if len(self._kept) > 2 * CROPS:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._count += 1

    def finish(self) -> Finding:
        if not self._kept:
            return self._method.abstain(Reason.TOO_SMALL if self._seen else Reason.NO_FACE)
        people = self._people()
        seen = [each for person in people for each in person]
        reading = judged([each.crop for each in seen], self._infer)
        ends = np.cumsum([len(person) for person in people])[:-1]
        scores = np.array([network.robust(part) for part in np.split(reading.blended, ends)], np.float32)
        worst = seen[int(np.argmax(reading.blended))]
        x, y, width, height = worst.face.box
        highest: dict[int, FrameScore] = {}
        for each, logit in zip(seen, reading.blended, strict=True):
            score = FrameScore(each.index, each.time, _share(logit))
            highest[each.index] = max(score, highest.get(each.index, score), key=lambda s: s.score)
        return self._method._finding(
            self._scene,
            self._infer,
            joined(scores),
            len(highest),
            frames=tuple(highest[index] for index in sorted(highest)),
            regions=(Region(x, y, width, height, score=_share(reading.blended.max()), time=worst.time),),
            measurements={
                "frames": len(highest),
                "crops": len(seen),
                "people": [round(float(score), 3) for score in scores],
            },
        )

    def _people(self) -> list[list[_Seen]]:
        """At most ``CROPS`` of what was kept, by person: the tracks that most of it belongs to."""
        owner = {
            (index, face.box): track.id
            for track in self._scene.faces()
            for index, face in zip(track.indexes, track.faces, strict=True)
        }
        groups: dict[int, list[_Seen]] = {}
        for each in (each for frame in self._kept for each in frame):
            groups.setdefault(owner.get((each.index, each.face.box), -1), []).append(each)
        people = sorted(groups.values(), key=len, reverse=True)
        # who passes by for a few frames gives no robust score
        people = [person for person in people if len(person) >= 0.2 * len(people[0])][:PEOPLE]
        share = CROPS // len(people)
        return [[person[i] for i in spread(len(person), share)] for person in people]


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` indices below ``count``, evenly apart, ends included."""
    return [int(i) for i in np.unique(np.linspace(0, count - 1, min(most, count)).round())]


def judged(crops: Sequence[Image], infer: Infer) -> network.Reading:
    """The network's answer about aligned crops, a few at a time: its working memory grows with each."""
    parts = [
        network.read(infer.run(network.NAME, network.prepare(crops[i : i + _TOGETHER])))
        for i in range(0, len(crops), _TOGETHER)
    ]
    return network.Reading(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def heat(shape: tuple[int, ...], faces: Sequence[Face], maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The maps of all faces on the picture, reduced to ``HEAT_SIDE``."""
    factor = min(1.0, HEAT_SIDE / max(shape[:2]))
    reduced = (max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor)))
    transforms = [transform(f.landmarks * np.float32(factor)) for f in faces]
    return network.pasted(reduced, maps, transforms)


def _share(logit: float) -> float:
    """0–1 for drawing only; the calibrated probability is the finding's score."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, float(logit)))))
