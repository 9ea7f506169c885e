"""Text, pages and subtitles as files, through the front door."""

# ruff: noqa: E501 - files are read unbroken

from __future__ import annotations

from pathlib import Path

import pytest

from veriscope.errors import BadRequest, EmptyInput
from veriscope.inference.onnx import OnnxInfer
from veriscope.perception.pii_kinds import Custom
from veriscope.redaction.documents import subtitle_format
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.plan import CHARACTERS, Plan
from veriscope.redaction.redact import redact
from veriscope.redaction.subtitles import SubtitleFormat

INFER = OnnxInfer()
LETTER = "My name is John Smith, write to mary@example.com or call +1 212 555 0187. John Smith paid 30 dollars."
CUES = {
    "a.srt": "1\n00:00:00,500 --> 00:00:01,500\nI am John Smith\n\n2\n00:00:02,000 --> 00:00:03,000\n<i>call +1 212 555 0187</i>\n",
    "a.vtt": "WEBVTT\n\n00:00.500 --> 00:01.500\n<v John Smith>I am John Smith\n\n00:02.000 --> 00:03.000\ncall +1 212 555 0187\n",
    "a.ass": "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,I am John Smith\n"
    "Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,call +1 212 555 0187\n",
}  # fmt: skip


def made(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def run(source: Path, **how: object) -> tuple[str, Result]:
    output = source.with_name(f"out-{source.name}")
    result = redact(source, output, None, INFER, how=How(**how))  # type: ignore[arg-type]
    return output.read_bytes().decode("utf-8-sig"), result


def test_plain_text(tmp_path: Path) -> None:
    text, result = run(made(tmp_path / "a.txt", LETTER))
    assert text == "My name is [PERSON], write to [EMAIL] or call [PHONE]. [PERSON] paid 30 dollars."
    assert result.as_dict()["found"] == {"person": 2, "email": 1, "phone": 1}
    assert [s.unit for s in result.plan.spans] == [CHARACTERS] * 4


def test_operators_and_own_words(tmp_path: Path) -> None:
    chosen = ("text=pseudonym", "phone=mask", "faces=blur", "speech=tone")
    own = (Custom("dollars"), Custom(r"\b30\b", pattern=True))
    text, _ = run(made(tmp_path / "a.txt", LETTER), operators=chosen, custom=own)
    assert text.startswith("My name is Person 1, write to Email 1 or call █████. Person 1 ")
    assert text.endswith(" Item 1 Item 2.")


def test_a_corrected_plan(tmp_path: Path) -> None:
    source = made(tmp_path / "a.txt", LETTER)
    plan = Plan.from_json(redact(source, None, None, INFER, plan_only=True).plan.as_json())
    plan = plan.keep([s.id for s in plan.spans if s.kind == "person"])
    start = LETTER.index("30")
    plan = plan.add_span(start, start + 2, CHARACTERS)
    redact(source, tmp_path / "b.txt", None, INFER, plan=plan)
    text = (tmp_path / "b.txt").read_text()
    assert text == "My name is John Smith, write to [EMAIL] or call [PHONE]. John Smith paid [CUSTOM] dollars."


@pytest.mark.parametrize("name", CUES)
def test_subtitles(tmp_path: Path, name: str) -> None:
    text, _ = run(made(tmp_path / name, CUES[name]))
    assert "Smith" not in text
    assert "0187" not in text
    assert text.count("\n") == CUES[name].count("\n")
    assert subtitle_format(text) is SubtitleFormat(name[2:])
    assert all(time in text for time in ("1.50", "3.00") if name == "a.ass")


def test_a_page_in_an_old_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="windows-1252"></head><body><p>écrire à <b>zoe@</b>example.com</p>'
    source = made(tmp_path / "a.html", page, "cp1252")
    _, result = run(source)
    data = (tmp_path / "out-a.html").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # goes before what the page says of itself
    assert "écrire à" in data.decode("utf-8-sig")
    assert b"example.com" not in data
    assert result.as_dict()["pages"] == 0


def test_names_of_outputs_and_targets(tmp_path: Path) -> None:
    source = made(tmp_path / "a.srt", CUES["a.srt"])
    with pytest.raises(BadRequest, match=r"must end in \.srt"):
        redact(source, tmp_path / "b.txt", None, INFER)
    with pytest.raises(BadRequest, match="can hold none"):
        redact(source, tmp_path / "b.srt", ["faces", "speech"], INFER)
    with pytest.raises(EmptyInput):
        redact(made(tmp_path / "e.txt", "  \n"), tmp_path / "b.txt", None, INFER)
    assert not list(tmp_path.glob("*b.*"))
