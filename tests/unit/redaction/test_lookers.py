from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.redaction.lookers import Effort, FaceLooker, Sighting, lookers, merged

from tests.people import two_people


def test_what_both_saw_is_one_and_an_eye_is_no_face() -> None:
    face, again = Sighting((100, 100, 80, 100), 0.9), Sighting((104, 98, 80, 104), 0.6)
    eye, other = Sighting((120, 120, 20, 20), 0.7), Sighting((400, 100, 30, 40), 0.3)
    assert merged([face], [again, eye, other]) == [face, other]
    assert merged([], []) == []


def test_a_target_without_its_network_fails_before_any_work(tmp_path: Path) -> None:
    for target in ("faces", "plates"):
        with pytest.raises(ModelUnavailable):
            lookers([target], OnnxInfer(Registry(tmp_path)))[0].look(np.zeros((64, 64, 3), np.uint8), Effort.SMALL)
    with pytest.raises(BadRequest):
        lookers(["shoes"], OnnxInfer())


@pytest.mark.parametrize("size", [(40, 30), (300, 700), (1080, 1920), (1, 1)])
def test_every_size_and_effort(size: tuple[int, int]) -> None:
    looker = FaceLooker(OnnxInfer())
    for effort in Effort:
        assert looker.look(np.full((*size, 3), 90, np.uint8), effort) == []


def test_a_face_that_a_tile_cuts_is_one_face() -> None:
    """Enlarged, the larger of the two faces lies across the border between two tiles."""
    found = FaceLooker(OnnxInfer()).look(two_people(), Effort.ENLARGED)
    assert len(found) == 2
    assert min(s.box[3] / s.box[2] for s in found) > 1, "both are whole: higher than wide"


def test_what_a_tile_cuts_and_nobody_else_sees_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    looker = FaceLooker(OnnxInfer())

    def at(image: np.ndarray, side: int, threshold: float) -> list[Sighting]:
        del image, threshold
        return [Sighting((600.0, 100.0, 40.0, 50.0), 0.9)] if side == 640 and tiles.pop(0) else []

    tiles = [False, *([True] + [False] * 20)]  # the small look sees nothing, the first tile something at its border
    monkeypatch.setattr(looker, "_at", at)
    found = looker.look(np.zeros((720, 1280, 3), np.uint8), Effort.ENLARGED)
    assert [s.box for s in found] == [(300.0, 50.0, 20.0, 25.0)]


@pytest.mark.data
def test_a_face_of_sixteen_pixels(data: Path) -> None:
    """Only the enlarged look sees it; its box is in pixels of the picture handed in."""
    import cv2

    face = cv2.imread(str(sorted((data / "images/faces/ffhq-real").iterdir())[1]))[:, :, ::-1]
    image = np.full((720, 1280, 3), 120, np.uint8)
    image[300:328, 600:628] = cv2.resize(face, (28, 28), interpolation=cv2.INTER_AREA)
    found = FaceLooker(OnnxInfer()).look(image, Effort.ENLARGED)
    assert len(found) == 1
    x, y, w, h = found[0].box
    assert 600 <= x + w / 2 <= 628
    assert 300 <= y + h / 2 <= 328
    assert 8 < h < 28
