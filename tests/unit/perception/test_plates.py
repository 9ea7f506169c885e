"""Where the network is not certain, reading decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.inference.networks import plate_detector as net
from veriscope.perception.ocr import Line
from veriscope.perception.plates import CERTAIN, UNREADABLE, find_plates
from veriscope.types import Image

IMAGE: Image = np.zeros((200, 400, 3), np.uint8)
LARGE, SMALL = (100.0, 80.0, 120.0, 30.0), (20.0, 20.0, 30.0, 9.0)


class Seeing:
    """An ``Infer`` whose network sees what it is told to."""

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        assert model == net.NAME
        return {}

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


def looked(monkeypatch: pytest.MonkeyPatch, box: net.Box, probability: float, reader: Reading | None) -> bool:
    monkeypatch.setattr(net, "read", lambda outputs, scale, threshold: [(box, probability)])
    return bool(find_plates(IMAGE, Seeing(), reader=reader))


@pytest.mark.parametrize(
    ("text", "confidence", "kept"),
    [("AB 1234", 0.9, True), ("AB 1234", 0.3, False), ("GARAGE", 0.9, False), ("A1", 0.9, False), ("", 0.0, False)],
)
def test_a_large_box_must_read_like_a_plate(
    monkeypatch: pytest.MonkeyPatch, text: str, confidence: float, kept: bool
) -> None:
    reader = Reading(text, confidence)
    assert looked(monkeypatch, LARGE, 0.4, reader) is kept
    (height, width, _), *_ = reader.shapes
    assert height > LARGE[3]  # with a margin, so that no letter is cut
    assert width > LARGE[2]


def test_what_the_network_is_certain_of_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reading("")
    assert looked(monkeypatch, LARGE, CERTAIN, reader)
    assert reader.shapes == []


def test_what_cannot_be_read_counts_when_it_is_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, SMALL, UNREADABLE, Reading(""))
    assert not looked(monkeypatch, SMALL, UNREADABLE - 0.1, Reading("AB 1234"))


def test_without_a_reader_everything_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, SMALL, 0.3, None)
