from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.perception import faces
from veriscope.perception.faces import align_face, decode, detect_faces, face_transform, network_input, similarity
from veriscope.types import Face


class Maps:
    """Answers like CenterFace for faces at given places of the network's input (pixels)."""

    def __init__(self, *boxes: tuple[float, float, float, float, float]) -> None:
        self.boxes = boxes
        self.shape: tuple[int, ...] = ()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        assert model == faces.MODEL
        self.shape = inputs[faces.INPUT].shape
        h, w = self.shape[2] // 4, self.shape[3] // 4
        heat, scale, offset, marks = (np.zeros((1, c, h, w), np.float32) for c in (1, 2, 2, 10))
        for x, y, width, height, score in self.boxes:
            cx, cy = (x + width / 2) / 4 - 0.5, (y + height / 2) / 4 - 0.5
            column, row = int(cx), int(cy)
            heat[0, 0, row, column] = score
            heat[0, 0, row, column + 1] = score * 0.9  # a shoulder of the same peak
            scale[0, :, row, column] = np.log(height / 4), np.log(width / 4)
            offset[0, :, row, column] = cy - row, cx - column
            marks[0, :, row, column] = faces.TEMPLATE[:, ::-1].ravel()
        return {"537": heat, "538": scale, "539": offset, "540": marks}

    def version(self, model: str) -> str:
        return "1"


def test_boxes_and_landmarks_come_back_in_pixels_of_the_original() -> None:
    network = Maps((100, 60, 64, 80, 0.9), (300, 200, 40, 50, 0.7))
    found = detect_faces(np.zeros((720, 1280, 3), np.uint8), network, long_side=640)
    assert network.shape == (1, 3, 384, 640)  # 360 rows padded to a multiple of 32
    np.testing.assert_allclose(found[0].box, (200, 120, 128, 160), atol=0.01)
    np.testing.assert_allclose(found[1].box, (600, 400, 80, 100), atol=0.01)
    np.testing.assert_allclose(found[0].landmarks, faces.TEMPLATE * [128, 160] + [200, 120], atol=0.01)
    assert [round(face.score, 2) for face in found] == [0.9, 0.7]


def test_threshold_and_padding() -> None:
    network = Maps((100, 60, 64, 80, 0.4), (200, 366, 20, 14, 0.9))  # too weak; in the padding below row 360
    assert detect_faces(np.zeros((720, 1280, 3), np.uint8), network) == []


def test_small_pictures_are_not_enlarged() -> None:
    array, factor = network_input(np.full((50, 70, 3), 9, np.uint8), 640)
    assert array.shape == (1, 3, 64, 96)
    assert factor == 1.0
    assert array[0, :, :50, :70].min() == 9
    assert array[0, :, 50:].max() == 0


def test_boxes_are_clipped_to_the_picture() -> None:
    (face,) = detect_faces(np.zeros((128, 128, 3), np.uint8), Maps((90, 20, 60, 60, 0.9)))
    np.testing.assert_allclose(face.box, (90, 20, 38, 60), atol=0.01)


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 10, 10], [30, 0, 10, 10]], np.float32)
    assert faces.suppress(boxes).tolist() == [0, 2]
    assert faces.suppress(boxes[:0]).tolist() == []


def test_an_overflowing_scale_stays_finite() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[1, 1] = 1
    big = np.full((2, 4, 4), 500, np.float32)
    boxes, points, _ = decode(heat, big, 0 * big, np.zeros((10, 4, 4), np.float32), 0.5)
    assert np.isfinite(boxes).all()
    assert np.isfinite(points).all()


def test_similarity_recovers_rotation_scale_and_shift() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 2)).astype(np.float32)
    c, s = 1.7 * np.cos(0.4), 1.7 * np.sin(0.4)
    moved = points @ np.array([[c, s], [-s, c]], np.float32) + np.float32([3, -2])
    np.testing.assert_allclose(similarity(points, moved), [[c, -s, 3], [s, c, -2]], atol=1e-5)


def test_alignment_puts_the_landmarks_on_the_template() -> None:
    image = np.zeros((900, 900, 3), np.uint8)
    turn = cv2.getRotationMatrix2D((0, 0), 25, 1.0)
    landmarks = ((faces.TEMPLATE * 600) @ turn[:, :2].T + [150, 330]).astype(np.float32)
    for x, y in landmarks:
        cv2.circle(image, (round(float(x)), round(float(y))), 14, (255, 255, 255), -1)
    face = Face((150, 150, 600, 600), 1.0, landmarks)
    crop = align_face(image, face, 128)  # shrinks below a half: the averaging path
    want = cv2.transform(landmarks[None], face_transform(landmarks, 128))[0]
    np.testing.assert_allclose(want, (faces.TEMPLATE + 0.1) / 1.2 * 128, atol=0.6)
    for x, y in want:
        assert crop[round(float(y)), round(float(x))].min() > 128
    assert crop.shape == (128, 128, 3)
    assert crop[5, 64].max() == 0
