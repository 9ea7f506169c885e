"""Subtitles inside films: taken out for searching (in the decode child), and written back packet by packet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av

from veriscope.errors import LeakFound
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.media.streams import open_container
from veriscope.redaction.subtitles import SubtitleFormat, redact_cues, redact_subtitles
from veriscope.redaction.text import Wanted
from veriscope.types import Infer, Media

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

_PLAIN = {"subrip", "srt", "text", "webvtt"}
_ASS = {"ass", "ssa"}
_BEFORE_TEXT = 8  # commas in a packet of ASS: order, layer, style, name, three margins, effect
_NAME = 3


def captions(path: str, format: str, limits: Limits) -> Iterator[Item]:
    """Every stream of subtitles of a film.

    Yields:
        ``index``, ``codec``, ``head`` (of ASS) and ``cues``: the words of each packet; ``null`` where they are pictures
        or of a kind that cannot be taken apart.
    """
    with open_container(path, format, limits) as container:
        cues: dict[int, list[str]] = {s.index: [] for s in container.streams.subtitles}
        names = {s.index: _codec(s) for s in container.streams.subtitles}
        for packet in container.demux(container.streams.subtitles) if cues else ():
            if packet.size:
                cues[packet.stream.index].append(words(bytes(packet), names[packet.stream.index]))
        for stream in container.streams.subtitles:
            name = names[stream.index]
            known = name in _PLAIN | _ASS | {"mov_text"}
            head = bytes(getattr(stream.codec_context, "extradata", b"") or b"") if name in _ASS else b""
            found = cues[stream.index] if known else None
            yield {"index": stream.index, "codec": name, "head": head.decode("utf-8", "replace"), "cues": found}, {}


def words(data: bytes, codec: str) -> str:
    """What a packet shows."""
    if codec == "mov_text":
        return data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "replace")
    text = data.decode("utf-8", "replace").rstrip("\0")
    return text.split(",", _BEFORE_TEXT)[-1] if codec in _ASS else text


def rewritten(data: bytes, codec: str, shown: str) -> bytes:
    """The packet with other words; styles by letter and the names of speakers go."""
    put = shown.encode()
    if codec == "mov_text":
        return len(put).to_bytes(2, "big") + put
    if codec not in _ASS:
        return put
    fields = data.decode("utf-8", "replace").split(",", _BEFORE_TEXT)[:-1]
    if len(fields) > _NAME:
        fields[_NAME] = ""
    return ",".join([*fields, shown]).encode()


@dataclass(frozen=True, slots=True)
class Captions:
    """What stands in the film's subtitles instead: words for each packet of a stream, or ``None``: it is left out."""

    streams: Mapping[int, Sequence[str] | None]
    found: Mapping[str, int]
    notes: tuple[str, ...]


def search(media: Media, decoder: DecodeChild, infer: Infer, wanted: Wanted) -> Captions:
    """Find what is personal in all subtitles of a film; what cannot be searched is left out of the output."""
    streams: dict[int, Sequence[str] | None] = {}
    found: dict[str, int] = {}
    notes: list[str] = []
    with closing(decoder.stream("captions", path=str(media.path), format=media.format)) as answers:
        for answer in answers:
            index, cues = answer["index"], answer["cues"]
            if cues is None:
                streams[index] = None
                notes.append(f"Subtitles were left out: {answer['codec']} holds pictures or cannot be searched.")
                continue
            if answer["head"] and redact_subtitles(answer["head"], SubtitleFormat.ASS, infer, wanted).found:
                streams[index] = None
                notes.append("Subtitles were left out: what stands before them holds personal data.")
                continue
            streams[index], redacted = redact_cues(cues, infer, wanted)
            for kind, count in redacted.found.items():
                found[kind.value] = found.get(kind.value, 0) + count
    return Captions(streams, found, tuple(notes))


def check(written: Media, decoder: DecodeChild, expected: Captions) -> None:
    """Raises ``LeakFound`` where the output shows other words than were to be written."""
    planned = [list(cues) for _, cues in sorted(expected.streams.items()) if cues is not None]
    with closing(decoder.stream("captions", path=str(written.path), format=written.format)) as answers:
        shown = [answer["cues"] for answer in answers]
    if [[c for c in cues if c] for cues in planned] != [[c for c in cues or () if c] for cues in shown]:
        raise LeakFound("The subtitles of the output are not those that were to be written.")


def put(packet: Any, stream: Any, shown: str) -> Any:
    """A packet in place of ``packet``, for ``stream``."""
    made = av.Packet(rewritten(bytes(packet), _codec(packet.stream), shown))
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    if packet.duration:
        made.duration = packet.duration
    made.is_keyframe = packet.is_keyframe
    made.stream = stream
    return made


def _codec(stream: Any) -> str:
    context = stream.codec_context
    return str(context.name if context is not None else getattr(stream, "name", "") or "unknown")
