"""Lines drawn in code, read by the networks that ship, however they are turned."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from veriscope.errors import BadSetting, InferenceFailed, ModelUnavailable
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception import ocr_tesseract
from veriscope.perception.ocr import Line, reader

SAID = ("Name: John Smith", "Phone +1 212 555 0187", "AB12 CDE")
INFER = OnnxInfer()


def page(size: tuple[int, int] = (640, 300)) -> NDArray[np.uint8]:
    image = Image.new("RGB", size, (235, 235, 235))
    draw = ImageDraw.Draw(image)
    for i, text in enumerate(SAID):
        draw.text((40, 40 + 80 * i), text, fill=(20, 20, 20), font=ImageFont.load_default(28))
    return np.asarray(image)


@pytest.fixture(scope="module")
def upright() -> list[Line]:
    return list(reader("rapidocr", INFER).read(page()))


def test_lines_are_read_in_order(upright: list[Line]) -> None:
    assert [line.text for line in upright] == list(SAID)
    assert all(line.confidence > 0.9 for line in upright)
    image = page()
    for i, line in enumerate(upright):
        x, y, w, h = line.box
        assert 30 < x < 45
        assert 30 + 80 * i < y < y + h < 90 + 80 * i
        inside = image[round(y) : round(y + h), round(x) : round(x + w)] < 100
        assert inside.sum() == (image[40 + 80 * i - 10 : 40 + 80 * i + 50] < 100).sum()  # no letter looks out


def test_parts_of_a_line_have_a_place(upright: list[Line]) -> None:
    line = upright[0]
    start = line.text.index("John")
    x, _, w, _ = line.part(start, len(line.text))
    font = ImageFont.load_default(28)
    left = 40 + font.getlength("Name: ")
    assert x < left < x + 20
    assert x + w > 40 + font.getlength(SAID[0]) - 2
    assert line.part(0, 0) == line.box


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_pages(quarters: int) -> None:
    image = np.ascontiguousarray(np.rot90(page(), quarters))
    found = {line.text: line for line in reader("rapidocr", INFER).read(image)}
    assert set(SAID) <= set(found)
    line = found[SAID[0]]
    x, y, w, h = line.part(line.text.index("John"), len(line.text))
    # where "John Smith" stands on the upright page
    middle = {1: 640 - y - h / 2, 2: 640 - x - w / 2, 3: y + h / 2}[quarters]
    assert 120 < middle < 260


def test_nothing_to_read_is_no_error() -> None:
    assert list(reader("rapidocr", INFER).read(np.full((200, 300, 3), 127, np.uint8))) == []
    assert list(reader("rapidocr", INFER).read(np.zeros((3, 5, 3), np.uint8))) == []


def test_engines_by_name() -> None:
    with pytest.raises(BadSetting, match="called abbyy"):
        reader("abbyy", INFER)


def test_tesseract_that_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelUnavailable, match="not installed"):
        reader("tesseract", INFER)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = reader("tesseract", INFER)
    found = {line.text: line for line in engine.read(page())}
    assert SAID[0] in found
    line = found[SAID[0]]
    x, _, _, _ = line.part(line.text.index("John"), len(line.text))
    assert abs(x - 40 - ImageFont.load_default(28).getlength("Name: ")) < 15
    monkeypatch.setattr(ocr_tesseract, "SECONDS", 0.001)
    with pytest.raises(InferenceFailed):
        engine.read(page())
