"""Genuine faces to make forgeries from, found in the development part of the data, and pairs of crops for training.

Development is: ``images/pristine/bsds500`` without the fifth that is for tests (the other pristine set shows clothes on
racks), ``images/faces/ffhq-real``, and the faces of ``images/faces/ciplab`` with a number below ``HALF``. Clips are for
tests only.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors.face_manipulation import crop as as_used
from veriscope.detectors.face_manipulation import transform
from veriscope.inference.networks.face_manipulation import GRID, SIZE
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.faces import detect_faces, face_transform
from veriscope.train.synthesis.chains import resave, scaled
from veriscope.train.synthesis_faces import Mask, Points, Portrait
from veriscope.types import Face, Image

HALF = 560  # ciplab: numbers below are development, the others test; about half of each class
SMALLEST, LARGEST = 64.0, 320.0  # px a side of the face square
AROUND = 0.45  # of the face square kept on each side
FILMED = 0.25  # of the crops come from a frame of a clip
FOLD = 28  # neighbouring numbers of ciplab can show one person: they stay together


def is_test(name: str) -> bool:
    """The fifth of ``images/pristine`` that is for tests only."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def held_out(source: str) -> bool:
    """The fifth of the development faces that validates."""
    folder, _, stem = source.rpartition("/")
    if "ciplab" in folder:
        return int(Path(stem).stem) // FOLD % 5 == 4
    return int(hashlib.sha256(source.encode()).hexdigest(), 16) % 5 == 1


def development(data: Path) -> list[Path]:
    """Files with genuine faces that may be trained on."""
    images = data / "images"
    found = [p for p in sorted(images.glob("pristine/bsds500/*.jpg")) if not is_test(p.name)]
    found += sorted(images.glob("faces/ffhq-real/*.jpg"))
    return found + ciplab(data, "real", below=HALF)


def ciplab(data: Path, kind: str, below: int | None = None, least: int = 0) -> list[Path]:
    """``real`` or ``fake`` faces of ciplab by number."""
    files = sorted((data / "images/faces/ciplab" / kind).glob("*.jpg"), key=lambda p: int(p.stem))
    return [p for p in files if least <= int(p.stem) and (below is None or int(p.stem) < below)]


def loaded(path: Path) -> Image:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path.name} does not decode")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def cut(image: Image, face: Face, source: str) -> Portrait | None:
    """The face with its surroundings, at most ``LARGEST`` a side; ``None`` where it is too small."""
    matrix = face_transform(face.landmarks, 1, 0.0)
    side = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if side < SMALLEST:
        return None
    corners = np.array([[-AROUND, -AROUND], [1 + AROUND, -AROUND], [1 + AROUND, 1 + AROUND], [-AROUND, 1 + AROUND]])
    back = cv2.invertAffineTransform(matrix)
    box = corners @ back[:, :2].T + back[:, 2]
    left, top = np.maximum(np.floor(box.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box.max(axis=0)), image.shape[1::-1]).astype(int)
    part = np.ascontiguousarray(image[top:bottom, left:right])
    points = (face.landmarks - np.array([left, top])).astype(np.float32)
    if side > LARGEST:
        factor = LARGEST / side
        size = (round(part.shape[1] * factor), round(part.shape[0] * factor))
        points *= np.array(size, np.float32) / np.array(part.shape[1::-1], np.float32)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Portrait(part, points, source)


def portraits(data: Path, files: list[Path], threshold: float = 0.6) -> Iterator[Portrait]:
    """The faces of ``files``, found as in use; small and uncertain ones left out."""
    infer = OnnxInfer()
    for path in files:
        image = loaded(path)
        for face in detect_faces(image, infer, threshold, 640):
            found = cut(image, face, path.relative_to(data / "images").as_posix())
            if found is not None:
                yield found


def filmed(image: Image, rng: np.random.Generator) -> Image:
    """The picture as the last of three frames of an H.264 clip, moving a little; cut to even sizes."""
    height, width = (n // 2 * 2 for n in image.shape[:2])
    step = rng.integers(-2, 3, 2)
    buffer = io.BytesIO()
    options = {"crf": str(int(rng.integers(18, 35))), "preset": "veryfast", "threads": "1"}
    with av.open(buffer, "w", format="mp4") as clip:
        stream = clip.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for back in (2, 1, 0):
            moved = np.roll(image[:height, :width], tuple(int(v) for v in back * step), (0, 1))
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(moved), "rgb24")))
        clip.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer, "r") as film:
        *_, last = film.decode(video=0)
    return np.asarray(last.to_ndarray(format="rgb24"), np.uint8)


def crop(
    image: Image, mask: Mask | None, landmarks: Points, rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8]]:
    """One picture through the re-saving chain to an aligned crop, and its mask on the network's grid (0–255).

    Two pictures given generators in the same state go through the same stations.
    """
    height, width = image.shape[:2]
    side = 1 / float(np.linalg.norm(face_transform(landmarks, 1, 0.0)[0, :2]))
    wanted = float(np.exp(rng.uniform(np.log(SMALLEST + 16), np.log(LARGEST))))
    kept = scaled(image, min(1.0, wanted / side), rng)
    kept = resave(kept, rng)
    factor = np.array(kept.shape[1::-1], np.float32) / np.array([width, height], np.float32)
    if rng.random() < FILMED:
        kept = filmed(kept, rng)
    # the detector's landmarks shake by a hundredth or two of the face
    shake = rng.normal(0, 0.012 * side, (5, 2)).astype(np.float32)
    points = ((landmarks + shake) * factor).astype(np.float32)
    aligned = as_used(kept, points)
    if mask is None:
        return aligned, np.zeros((GRID, GRID), np.uint8)
    matrix = transform((landmarks + shake).astype(np.float32))
    flat = cv2.warpAffine(mask, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    cells = cv2.resize(flat, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return aligned, np.clip(np.rint(cells * 255), 0, 255).astype(np.uint8)
