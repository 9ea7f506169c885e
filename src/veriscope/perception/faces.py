"""Faces in a picture: CenterFace (Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point",
Scientific Programming 2020), decoded here, and the similarity warp that puts a face upright.

The network reads RGB in [0, 255], N×3×H×W with H and W multiples of 32, and answers at a quarter of that size: a heat
map of face centres, the logarithm of height and width, the offset of the centre, and five landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Face, Image, Infer

MODEL = "centerface"
INPUT = "input.1"
HEATMAP, SCALE, OFFSET, LANDMARKS = "537", "538", "539", "540"
STRIDE = 4  # input pixels a cell of the output covers
MULTIPLE = 32  # the encoder halves five times

FloatArray = NDArray[np.float32]

# Mean position of eyes, nose and mouth corners in a square face crop, as fractions of its side. The proportions are
# those of the 112-pixel template in common use since Liu et al. (SphereFace, CVPR 2017).
TEMPLATE: FloatArray = np.array(
    [[0.3419, 0.4616], [0.6565, 0.4598], [0.5002, 0.6405], [0.3710, 0.8247], [0.6315, 0.8232]], np.float32
)


def network_input(image: Image, long_side: int) -> tuple[FloatArray, float]:
    """Shrink ``image`` (never enlarge) so that its longer side is ``long_side``; pad to a multiple of 32.

    Returns:
        A 1×3×H×W float32 array in [0, 255] and the factor from original pixels to the network's.
    """
    height, width = image.shape[:2]
    factor = min(1.0, long_side / max(height, width))
    small: NDArray[np.uint8] = image
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    h, w = small.shape[:2]
    padded = np.zeros((1, 3, -(-h // MULTIPLE) * MULTIPLE, -(-w // MULTIPLE) * MULTIPLE), np.float32)
    padded[0, :, :h, :w] = small.transpose(2, 0, 1)
    return padded, factor


def decode(
    heatmap: FloatArray, scale: FloatArray, offset: FloatArray, landmarks: FloatArray, threshold: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Maps of one picture to boxes.

    Args:
        heatmap: h×w, probability that a face is centred in the cell.
        scale: 2×h×w, log of height and of width, in cells.
        offset: 2×h×w, vertical and horizontal offset of the centre, in cells.
        landmarks: 10×h×w, (y, x) of five points as fractions of the box.
        threshold: least probability.

    Returns:
        Boxes K×4 (x, y, width, height), points K×5×2 (x, y), scores K; in the network's pixels, best first.
    """
    # Only local maxima are centres; the neighbours of a maximum describe the same face.
    rows, columns = np.nonzero((heatmap > threshold) & (heatmap >= cv2.dilate(heatmap, np.ones((3, 3), np.uint8))))
    scores = heatmap[rows, columns]
    order = np.argsort(-scores, kind="stable")
    rows, columns, scores = rows[order], columns[order], scores[order]
    # A box no trained network would give must not overflow: e^8 cells are 12 000 pixels.
    size = np.exp(np.minimum(scale[:, rows, columns], 8.0)) * STRIDE
    centre = (np.stack([rows, columns]) + offset[:, rows, columns] + 0.5) * STRIDE
    corner = centre - size / 2
    boxes = np.stack([corner[1], corner[0], size[1], size[0]], axis=1)
    fractions = landmarks[:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1]
    points = fractions * boxes[:, None, 2:] + boxes[:, None, :2]
    return boxes.astype(np.float32), points.astype(np.float32), scores.astype(np.float32)


def overlap(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of every box (N×4: x, y, width, height) with every other (M×4): N×M."""
    a, b = boxes[:, None], others[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    union = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - common
    iou: FloatArray = (common / np.maximum(union, 1e-9)).astype(np.float32)
    return iou


def suppress(boxes: FloatArray, limit: float = 0.3) -> NDArray[np.intp]:
    """Indices that survive non-maximum suppression of ``boxes`` (best first)."""
    if not len(boxes):
        return np.zeros(0, np.intp)
    shared = overlap(boxes, boxes) > limit
    kept: list[int] = []
    for i in range(len(boxes)):
        if not shared[i, kept].any():
            kept.append(i)
    return np.array(kept, np.intp)


def detect_faces(image: Image, infer: Infer, threshold: float = 0.5, long_side: int = 640) -> list[Face]:
    """Faces of ``image`` (H×W×3 uint8 RGB), most certain first.

    Args:
        image: the picture.
        infer: runs the network ``centerface``.
        threshold: least score, 0–1.
        long_side: the picture is shrunk to this before the search; faces below about 10 px there are lost.

    Returns:
        Boxes and landmarks in pixels of ``image``, boxes clipped to it.
    """
    height, width = image.shape[:2]
    array, factor = network_input(image, long_side)
    out = infer.run(MODEL, {INPUT: array})
    boxes, points, scores = decode(out[HEATMAP][0, 0], out[SCALE][0], out[OFFSET][0], out[LANDMARKS][0], threshold)
    faces = []
    for i in suppress(boxes):
        x, y, w, h = (float(v) / factor for v in boxes[i])
        left, top, right, bottom = max(0.0, x), max(0.0, y), min(float(width), x + w), min(float(height), y + h)
        if right - left < 1 or bottom - top < 1:  # a centre in the padding
            continue
        faces.append(Face((left, top, right - left, bottom - top), float(scores[i]), points[i] / np.float32(factor)))
    return faces


def similarity(source: FloatArray, target: FloatArray) -> NDArray[np.float64]:
    """The rotation, scale and shift (2×3) that takes points ``source`` (N×2) to ``target`` with least squares.

    In the complex plane it is z ↦ a·z + b, which has a closed form (Umeyama 1991 without reflection).
    """
    z = source[:, 0].astype(np.float64) + 1j * source[:, 1]
    t = target[:, 0].astype(np.float64) + 1j * target[:, 1]
    zc, tc = z - z.mean(), t - t.mean()
    a = complex(np.vdot(zc, tc) / max(float(np.vdot(zc, zc).real), 1e-12))
    b = complex(t.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def face_transform(landmarks: FloatArray, size: int = 256, margin: float = 0.1) -> NDArray[np.float64]:
    """The 2×3 warp from picture to an upright square of ``size`` pixels with ``margin`` (of the face) on each side."""
    target = (TEMPLATE + margin) / (1 + 2 * margin) * size
    return similarity(landmarks, target.astype(np.float32))


def align_face(image: Image, face: Face, size: int = 256, margin: float = 0.1) -> Image:
    """The face upright in a ``size``×``size``×3 uint8 crop; what lies outside the picture repeats its border."""
    matrix = face_transform(face.landmarks, size, margin)
    zoom = math.hypot(matrix[0, 0], matrix[1, 0])
    if zoom < 0.5:
        # Bilinear sampling of a large face would alias, and aliasing looks like synthesis: average first.
        factor = 2.0 * zoom
        shape = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        matrix = face_transform(face.landmarks * np.float32(factor), size, margin)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.uint8, copy=False
    )


def largest(faces: Sequence[Face]) -> Face | None:
    """The face with the largest box, or ``None``."""
    return max(faces, key=lambda face: face.box[2] * face.box[3], default=None)
