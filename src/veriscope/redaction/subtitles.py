"""Subtitles (SRT, WebVTT, ASS/SSA): the words go, times, styles and markup stay.

A number may run over several cues, so all cues are searched as one text. Comments and notes are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from veriscope.redaction.segments import Segment, Segments
from veriscope.redaction.text import Redacted, Wanted, redact_pieces
from veriscope.types import Infer

_TIMES = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_MARKUP = re.compile(r"<[^<>]*>|\{[^{}]*\}|\\[Nnh]")
_FIXED = re.compile(r"\ufeff?WEBVTT|STYLE|REGION|\s*\d{1,6}\s*")
_FIXED_LINE = re.compile(r"\ufeff?\[[\w+ ]+\]\s*$|Format:|Style:")
_FIXED_INFO = frozenset((
    "scripttype", "playresx", "playresy", "layoutresx", "layoutresy", "wrapstyle", "scaledborderandshadow",
    "timer", "collisions", "playdepth", "ycbcr matrix", "synch point",
))  # fmt: skip
_VOICE = re.compile(r"(<v(?:\.[\w.-]+)*\s+)([^>]+)(>)")


class SubtitleFormat(StrEnum):
    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"


def redact_subtitles(text: str, form: SubtitleFormat, infer: Infer | None, wanted: Wanted | None = None) -> Redacted:
    """The same subtitles without personal data.

    Raises:
        LeakFound: as for plain text.
    """
    parse = _ass if form is SubtitleFormat.ASS else _cues
    return redact_pieces(text, parse, infer, wanted or Wanted())


def subtitle_text(text: str, form: SubtitleFormat) -> str:
    """What a reader sees of subtitles, as it is searched."""
    return (_ass if form is SubtitleFormat.ASS else _cues)(text)[0].text()


def redact_cues(cues: Sequence[str], infer: Infer | None, wanted: Wanted) -> tuple[list[str], Redacted]:
    """The words of cues without their times, as films carry them; searched as one text, as many come back.

    Raises:
        LeakFound: as for plain text.
    """
    joined = _BETWEEN.join(cue.replace(_BETWEEN, " ") for cue in cues)
    redacted = redact_pieces(joined, _packets, infer, wanted)
    return redacted.text.split(_BETWEEN) if cues else [], redacted


def _packets(source: str) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
    parts: Parts = []
    segments = Segments()
    visible = _assemble(parts, segments)
    for number, cue in enumerate(source.split(_BETWEEN)):
        if number:
            parts.append(_BETWEEN)
        for piece in re.split(r"(\r\n|\r|\n)", cue):
            if piece.strip("\r\n"):
                _line(piece, visible, parts, " " if segments.pieces else "")
            else:
                parts.append(piece)
    return segments, lambda: "".join(parts), {}


_BETWEEN = "\x1e"  # the record separator: no subtitle shows it
Parts = list[str]


def _assemble(parts: Parts, segments: Segments) -> Callable[[str, str], None]:
    """Adds a visible piece to both lists; markup is added to ``parts`` alone."""

    def visible(text: str, joint: str) -> None:
        index = len(parts)
        parts.append(text)
        segments.pieces.append(Segment(text, joint, lambda new: parts.__setitem__(index, new)))

    return visible


def _line(line: str, visible: Callable[[str, str], None], parts: Parts, joint: str) -> None:
    at = 0
    for mark in _MARKUP.finditer(line):
        if mark.start() > at:
            visible(line[at : mark.start()], joint)
            joint = ""
        voice = _VOICE.fullmatch(mark.group())
        if voice:  # the name of who speaks
            parts.append(voice.group(1))
            visible(voice.group(2), "\n")
            parts.append(voice.group(3))
            joint = "\n"
        else:
            parts.append(mark.group())
            joint = " " if mark.group().startswith("\\") else joint
        at = mark.end()
    if at < len(line):
        visible(line[at:], joint)


def _cues(source: str) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
    parts: Parts = []
    segments = Segments()
    visible = _assemble(parts, segments)
    dropped = {"notes": 0}
    skipping = False
    lines = re.split(r"(\r\n|\r|\n)", source)
    for index in range(0, len(lines), 2):
        line, ending = lines[index], "".join(lines[index + 1 : index + 2])
        if re.match(r"NOTE(?:\s|$)", line):
            dropped["notes"] += 1
            skipping = True
        if not line.strip():
            skipping = False
        if skipping:
            continue
        times = _TIMES.match(line)
        if times or not line.strip() or _FIXED.fullmatch(line):
            parts.append(times.group() if times else line)
            if times and re.fullmatch(r"(?:\s+(?:[A-Za-z]+:[\w.%,-]+|[XY][12]:\d+))*\s*", line[times.end() :]):
                parts.append(line[times.end() :])
        else:
            _line(line, visible, parts, " " if segments.pieces else "")
        parts.append(ending)
    return segments, lambda: "".join(parts), dropped


def _info(line: str) -> bool:
    """A line of the head that says how to draw: it holds a number or a word of the format."""
    name, _, value = line.partition(":")
    return name.strip().lower() in _FIXED_INFO and bool(re.fullmatch(r"\s*[\w.+-]*\s*", value))


def _ass(source: str) -> tuple[Segments, Callable[[], str], Mapping[str, int]]:
    parts: Parts = []
    segments = Segments()
    visible = _assemble(parts, segments)
    dropped = {"comments": 0, "embedded": 0}
    section = ""
    for line in source.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        ending = line[len(body) :]
        if body.startswith("["):
            section = body.strip().lower()
        if body.startswith((";", "Comment:")):
            dropped["comments"] += 1
            continue
        if section in {"[graphics]", "[fonts]", "[aegisub project garbage]", "[aegisub extradata]"}:
            dropped["embedded"] += 1  # pictures and file names
            continue
        if body.startswith("Dialogue:") and body.count(",") >= 9:
            fields = body.split(",", 9)
            parts.append(",".join(fields[:4]) + ",")
            if fields[4]:
                visible(fields[4], "\n")  # who speaks
            parts.append("," + ",".join(fields[5:9]) + ",")
            _line(fields[9], visible, parts, " ")
        elif section == "[script info]" and ":" in body and not _info(body):
            name, value = body.split(":", 1)
            parts.append(name + ":")
            visible(value, "\n")
        elif not body.strip() or _FIXED_LINE.match(body) or _info(body):
            parts.append(body)
        else:
            visible(body, "\n")
        parts.append(ending)
    return segments, lambda: "".join(parts), dropped
