"""Subtitles inside films: searched as one text, rewritten packet by packet, or left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import pytest

from veriscope.errors import LeakFound
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.intake import open_path
from veriscope.media.limits import Limits
from veriscope.redaction import captions
from veriscope.redaction.captions import rewritten, words
from veriscope.redaction.redact import redact
from veriscope.redaction.text import Wanted

from tests.making import film

INFER = OnnxInfer()
SRT = (
    "1\n00:00:00,500 --> 00:00:01,000\nI am <i>John Smith</i>\n\n2\n00:00:01,200 --> 00:00:01,700\ncall +1 212\n\n"
    "3\n00:00:02,000 --> 00:00:02,500\n555 0187 now\n\n4\n00:00:02,600 --> 00:00:02,900\nnothing here\n"
)


def titled(folder: Path, name: str, codec: str, text: str = SRT, suffix: str = "srt") -> Path:
    plain, words_, path = film(folder / f"plain{Path(name).suffix}"), folder / f"s.{suffix}", folder / name
    words_.write_text(text)
    command = ["ffmpeg", "-v", "error", "-i", plain, "-i", words_, "-map", "0", "-map", "1", "-c", "copy"]
    subprocess.run([*command, "-c:s", codec, path], check=True)
    return path


def cues(path: Path) -> list[tuple[int, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        base = stream.time_base
        name = stream.codec_context.name
        found = [(round(float(p.pts * base) * 1000), words(bytes(p), name)) for p in container.demux(stream) if p.size]
    return [(at, text) for at, text in found if text]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mov_text"), ("a.mkv", "srt"), ("b.mkv", "ass"), ("c.mkv", "webvtt")]
)
def test_words_go_times_stay(tmp_path: Path, name: str, codec: str) -> None:
    source, output = titled(tmp_path, name, codec), tmp_path / f"out-{name}"
    result = redact(source, output, ["speech"], INFER)
    before, after = cues(source), cues(output)
    assert [at for at, _ in before] == [at for at, _ in after]
    shown = " ".join(text for _, text in after)
    assert "[PERSON]" in shown
    assert "[PHONE]" in shown
    assert not [part for part in ("John", "Smith", "212", "555", "0187") if part in shown]
    assert after[-1] == before[-1]
    assert result.found == {"person": 1, "phone": 1}
    assert b"John" not in output.read_bytes()


def test_a_head_with_names_is_left_out(tmp_path: Path) -> None:
    head = "[Script Info]\nTitle: Jane Doe, jane.doe@example.com\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    style = "Format: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n[Events]\n"
    events = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    line = "Dialogue: 0,0:00:00.50,0:00:01.00,Default,,0,0,0,,hello\n"
    source = titled(tmp_path, "a.mkv", "copy", head + style + events + line, "ass")
    result = redact(source, tmp_path / "b.mkv", ["speech"], INFER)
    assert any("stands before them" in note for note in result.notes)
    with av.open(str(tmp_path / "b.mkv")) as container:
        assert not container.streams.subtitles
    assert b"jane.doe" not in (tmp_path / "b.mkv").read_bytes()


def test_other_words_in_the_output_are_a_leak(tmp_path: Path) -> None:
    source = open_path(titled(tmp_path, "a.mkv", "srt"))
    with DecodeChild(Limits()) as decoder:
        expected = captions.search(source, decoder, INFER, Wanted())
        with pytest.raises(LeakFound, match="subtitles"):
            captions.check(source, decoder, expected)


def test_packets() -> None:
    assert words(b"\0\5hello styl rest", "mov_text") == "hello"
    assert rewritten(b"\0\5hello styl rest", "mov_text", "hé") == b"\0\3h\xc3\xa9"
    line = b"0,0,Default,Jane Doe,0,0,0,,a, b"
    assert words(line, "ass") == "a, b"
    assert rewritten(line, "ass", "x") == b"0,0,Default,,0,0,0,,x"
