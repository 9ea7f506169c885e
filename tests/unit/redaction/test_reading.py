"""What is covered of lines as an engine may read them, and pictures of text through the front door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.ocr import Line, reader
from veriscope.perception.pii_kinds import Custom
from veriscope.redaction.outcome import How
from veriscope.redaction.plan import Kind
from veriscope.redaction.reading import PLATE, personal
from veriscope.redaction.redact import redact
from veriscope.redaction.text import Wanted

INFER = OnnxInfer()


def line(text: str, x: float, y: float, confidence: float = 0.95, height: float = 20.0) -> Line:
    width = 0.5 * height * max(len(text), 4)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
    return Line(text, corners, confidence, tuple(np.linspace(0, 1, len(text) + 1).tolist()))


def covered(*lines: Line, plates: bool = False) -> list[str]:
    """The parts of the lines that lie mostly under what is found."""
    found = personal(lines, INFER, Wanted(), plates)
    out = []
    for entry in lines:
        shown = ""
        for i, character in enumerate(entry.text):
            x0, x1 = (
                entry.corners[0, 0] + edge * (entry.corners[1, 0] - entry.corners[0, 0])
                for edge in entry.edges[i : i + 2]
            )
            y = float(entry.corners[:, 1].mean())
            middle = (x0 + x1) / 2
            hidden = any(
                f.box[0] <= middle <= f.box[0] + f.box[2] and f.box[1] <= y <= f.box[1] + f.box[3] for f in found
            )
            shown += "█" if hidden else character
        out.append(shown)
    return out


def test_forms_and_words() -> None:
    assert covered(line("Phone +1 212 555 0187", 0, 0))[0].startswith("Phone")
    assert "1" not in covered(line("Phone +1 212 555 0187", 0, 0))[0]
    assert covered(line("Opening hours 9 to 5", 0, 0)) == ["Opening hours 9 to 5"]


def test_a_number_over_two_boxes_of_a_row() -> None:
    shown = covered(line("Card 4539 1488", 0, 0), line("0343 6467", 150, 0))
    assert not any(c.isdigit() for c in "".join(shown))


def test_what_a_form_asks_for_is_covered_whatever_was_read() -> None:
    assert covered(line("H và tên: Ngun Vn n", 0, 0))[0].count("█") >= 9
    assert covered(line("Surname", 0, 0), line("xqzvb", 0, 24))[1] == "█████"
    assert covered(line("Address", 0, 0), line("qqq 7", 120, 0))[1] == "█████"
    assert covered(line("the name of the rose", 0, 0)) == ["the name of the rose"]


def test_what_was_not_read_beside_something_personal() -> None:
    beside = (line("jane.doe@example.com", 0, 0), line("~~", 0, 30, confidence=0.3))
    assert covered(*beside)[1] == "██"
    assert covered(line("Opening hours 9 to 5", 0, 0), line("~~", 0, 30, confidence=0.3))[1] == "~~"


def test_letters_read_for_digits() -> None:
    assert "212" not in covered(line("Phone +1 212 555 O187", 0, 0))[0]
    assert covered(line("Card: 4539 I488 O343 6467", 0, 0))[0].count("█") >= 19


@pytest.mark.parametrize("text", ["AB12 CDE", "29A-123.45", "W-12345X", "B AB 1234"])
def test_text_of_the_shape_of_a_plate(text: str) -> None:
    assert [f.kind for f in personal([line(text, 0, 0)], INFER, Wanted(), plates=True)][-1:] == [PLATE]
    assert PLATE not in [f.kind for f in personal([line(text, 0, 0)], INFER, Wanted())]


@pytest.mark.parametrize("text", ["WELCOME", "2026", "EXIT 5", "Room B12", "$1234.50"])
def test_text_of_another_shape(text: str) -> None:
    assert PLATE not in [f.kind for f in personal([line(text, 0, 0)], INFER, Wanted(), plates=True)]


def test_a_plate_of_two_lines() -> None:
    found = personal([line("59-X1", 40, 0), line("234.56", 35, 24)], INFER, Wanted(), plates=True)
    box = next(f.box for f in found if f.kind == PLATE)
    assert box[3] >= 40


def screen(path: Path, *texts: str) -> Path:
    image = Image.new("RGB", (760, 90 * len(texts) + 30), (240, 240, 240))
    for i, text in enumerate(texts):
        ImageDraw.Draw(image).text((40, 40 + 90 * i), text, fill=(10, 10, 10), font=ImageFont.load_default(30))
    image.save(path)
    return path


def read(path: Path) -> str:
    with Image.open(path) as image:
        return "\n".join(entry.text for entry in reader("rapidocr", INFER).read(np.asarray(image.convert("RGB"))))


def test_a_screenshot(tmp_path: Path) -> None:
    source = screen(tmp_path / "a.png", "Mail: jane.doe@example.com", "The meeting is on Tuesday", "Kraken ahead")
    how = How(custom=(Custom("kraken"),))
    result = redact(source, tmp_path / "b.png", ["text"], INFER, how=how)
    shown = read(tmp_path / "b.png")
    assert "jane" not in shown
    assert "example" not in shown
    assert "Kraken" not in shown
    assert "The meeting is on Tuesday" in shown
    assert {t.label for t in result.plan.tracks if t.kind is Kind.TEXT} >= {"email", "custom"}
    assert result.looks == 2


def test_a_kept_line_stays(tmp_path: Path) -> None:
    source = screen(tmp_path / "a.png", "Mail: jane.doe@example.com", "Card 4539 1488 0343 6467")
    plan = redact(source, None, ["text"], INFER, plan_only=True).plan
    mail = tuple(t.id for t in plan.tracks if t.boxes[0].box[1] < 100)
    redact(source, tmp_path / "b.png", ["text"], INFER, how=How(keep=mail), plan=plan)
    shown = read(tmp_path / "b.png")
    assert "jane.doe@example.com" in shown
    assert "4539" not in shown


def test_a_label_of_which_letters_were_lost() -> None:
    assert covered(line("Din thoąi: 0912 345 678", 0, 0))[0].count("█") >= 10
    assert covered(line("Order: fish", 0, 0)) == ["Order: fish"]


def test_a_name_takes_its_capitalised_neighbours_along() -> None:
    shown = covered(line("I met Jxhn John Smith there", 0, 0))[0]
    assert "x" not in shown
    assert "met" in shown
