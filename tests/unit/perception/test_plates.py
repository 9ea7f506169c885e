"""The detector proposes, the verifier decides, and where neither is certain reading does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.inference.networks import plate_detector as net
from veriscope.inference.networks import plate_verifier as close
from veriscope.perception.ocr import Line
from veriscope.perception.plates import CERTAIN, SEEN, THRESHOLD, find_plates, single
from veriscope.types import Image

IMAGE: Image = np.zeros((200, 400, 3), np.uint8)
LARGE, SMALL = (100.0, 80.0, 120.0, 30.0), (20.0, 20.0, 30.0, 9.0)


class Seeing:
    """An ``Infer`` whose verifier gives places seen at 0.5, 0.4, … in turn the probabilities it is told to."""

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = np.array(probabilities)
        self.shown: list[int] = []

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        if model == net.NAME:
            return {}
        assert model == close.NAME
        self.shown.append(len(inputs["image"]))
        wanted = self.probabilities[: len(inputs["image"])]
        before = 0.5 - 0.1 * np.arange(len(wanted))
        return {"logit": np.log(wanted / (1 - wanted)) - np.log(before / (1 - before)) + close.SHIFT}

    def version(self, model: str) -> str:
        return "1"

    def asset(self, model: str, key: str) -> bytes:
        raise KeyError(key)


class Reading:
    name = "reading"

    def __init__(self, text: str, confidence: float = 0.9) -> None:
        self.text, self.confidence = text, confidence
        self.shapes: list[tuple[int, ...]] = []

    def read(self, image: Image, longest: int = 0) -> Sequence[Line]:
        self.shapes.append(image.shape)
        corners = np.array([[0, 0], [9, 0], [9, 3], [0, 3]], np.float32)
        return [Line(self.text, corners, self.confidence, (0.0, 1.0))] if self.text else []


def detected(monkeypatch: pytest.MonkeyPatch, *boxes: net.Box) -> None:
    """The detector sees these, the first the surest."""
    found = [(box, 0.5 - 0.1 * i) for i, box in enumerate(boxes)]
    monkeypatch.setattr(net, "read", lambda outputs, scale, threshold: [f for f in found if f[1] >= threshold])


def looked(monkeypatch: pytest.MonkeyPatch, box: net.Box, probability: float, reader: Reading | None) -> bool:
    detected(monkeypatch, box)
    return bool(find_plates(IMAGE, Seeing(probability), reader=reader))


def test_the_verifier_decides_and_its_probability_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    detected(monkeypatch, LARGE, SMALL)
    infer = Seeing(0.02, 0.7)
    ((box, probability),) = find_plates(IMAGE, infer)
    assert box == SMALL, "what the detector was surer of is none"
    assert probability == pytest.approx(0.7)
    assert infer.shown == [2], "all places of a picture in one batch"
    assert find_plates(IMAGE, infer, threshold=0.75) == []


def test_where_nothing_is_seen_the_verifier_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    detected(monkeypatch)
    infer = Seeing(0.9)
    assert find_plates(IMAGE, infer) == []
    assert infer.shown == []


def test_the_detector_is_asked_for_more_than_certain_places(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(net, "read", lambda outputs, scale, threshold: asked.append(threshold) or [])
    find_plates(IMAGE, Seeing(), threshold=0.9)
    assert set(asked) == {SEEN}


def test_a_part_of_a_plate_and_a_plate_with_its_frame_are_that_plate() -> None:
    whole, part, around = (100.0, 100.0, 80.0, 20.0), (110.0, 102.0, 20.0, 14.0), (60.0, 80.0, 180.0, 60.0)
    beside = (200.0, 100.0, 80.0, 20.0)
    found = single([(whole, 0.9), (part, 0.8), (around, 0.7), (beside, 0.6)])
    assert [box for box, _ in found] == [whole, beside]


@pytest.mark.parametrize(
    ("other", "probability", "kept"),
    [
        ((110.0, 60.0, 60.0, 30.0), 0.4, False),  # the grille above the plate
        ((110.0, 60.0, 60.0, 30.0), 0.8, True),  # nearly as likely: a second plate, or the right one
        ((300.0, 100.0, 80.0, 20.0), 0.4, True),  # two and a half widths beside: the next car
        ((110.0, -60.0, 60.0, 15.0), 0.4, True),  # two widths above: the car behind
    ],
)
def test_what_is_far_less_likely_on_the_same_vehicle_is_none(other: net.Box, probability: float, kept: bool) -> None:
    found = single([((100.0, 100.0, 80.0, 20.0), 0.95), (other, probability)])
    assert (other in [box for box, _ in found]) is kept


@pytest.mark.parametrize(
    ("text", "confidence", "kept"),
    [("AB 1234", 0.9, True), ("AB 1234", 0.3, False), ("GARAGE", 0.9, False), ("A1", 0.9, False), ("", 0.0, False)],
)
def test_a_large_box_must_read_like_a_plate(
    monkeypatch: pytest.MonkeyPatch, text: str, confidence: float, kept: bool
) -> None:
    reader = Reading(text, confidence)
    assert looked(monkeypatch, LARGE, THRESHOLD + 0.05, reader) is kept
    (height, width, _), *_ = reader.shapes
    assert height > LARGE[3]  # with a margin, so that no letter is cut
    assert width > LARGE[2]


def test_what_the_network_is_certain_of_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reading("")
    assert looked(monkeypatch, LARGE, CERTAIN + 0.01, reader)
    assert reader.shapes == []


def test_what_is_too_small_to_be_read_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, SMALL, THRESHOLD + 0.01, Reading(""))
    assert not looked(monkeypatch, SMALL, THRESHOLD - 0.1, Reading("AB 1234"))


def test_without_a_reader_everything_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, SMALL, THRESHOLD + 0.01, None)
    assert not looked(monkeypatch, SMALL, THRESHOLD - 0.01, None)
