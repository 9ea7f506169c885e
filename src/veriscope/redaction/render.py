"""The film written anew: every frame decoded, covered, encoded; sound and subtitles copied packet by packet, but for
sound in which spans are covered and subtitles whose words change.

Runs in the decode child (``DecodeChild.stream("render", …)``): a decoder or an encoder that crashes costs this job,
and dies with its parent. It writes to a name that is not yet the output's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, UnsupportedKind
from veriscope.media.limits import Limits
from veriscope.media.streams import open_container
from veriscope.media.survey import decoded_packet, frame_time, turns
from veriscope.redaction.captions import put
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.covering import SoundOperator
from veriscope.redaction.operators import Operator, Plane, operators
from veriscope.redaction.plan import SECONDS, Box, Kind, Plan
from veriscope.redaction.sound import Track

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

MUXERS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm", "avi": "avi"}
_KEPT_FORMATS = {  # what x264 takes; all else is brought to the nearest of them
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv420p10le", "yuv422p10le", "yuv444p10le",
}  # fmt: skip
_TOLD_EVERY = 15  # frames
_NO_PERSONAL = {"language"}


def render(
    path: str,
    format: str,
    limits: Limits,
    target: str,
    plan: Mapping[str, Any],
    choices: list[str],
    margin: float = 1.0,
    strip: bool = True,
    crf: int = 20,
    preset: str = "veryfast",
    sound: str = SoundOperator.SILENCE,
    captions: Mapping[str, list[str] | None] | None = None,
) -> Iterator[Item]:
    """Write ``path`` to ``target`` with the plan's enabled tracks covered.

    Args:
        path, format, limits: the source.
        target: an existing, empty file.
        plan: ``Plan.as_dict()``.
        choices: operators, as the command line gives them.
        margin: times the usual margins.
        strip: leave out metadata, cover pictures, attachments and data streams (positions, telemetry).
        crf, preset: of x264; webm is always VP9, and its quality is set eight steps coarser for the same look.
        sound: operator for the plan's spans; without spans the sound is copied.
        captions: words for each packet of a stream of subtitles, by the stream's index; ``None`` for streams, or one
            that is missing: it is left out. ``None`` for all: they are copied.

    Yields:
        ``frames`` so far, ``covered`` among them, ``time`` (s); last ``done`` with ``notes``, ``audio`` (SHA-256 of
        the packets copied) and ``starts`` (s, of each track of sound that was encoded, ``null`` for those copied). A
        fault of writing is a fact too: ``fault``.
    """
    wished = _Wished(Plan.from_dict(plan), choices, margin, strip, crf, preset, sound, captions)
    try:
        yield from _render(path, format, limits, target, wished)
    except OSError as exc:  # the decoder's own errors are no OSError of the disk
        if isinstance(exc, av.FFmpegError) and exc.errno not in {5, 27, 28, 122}:
            raise
        yield {"fault": f"The output cannot be written: {exc.strerror}."}, {}


@dataclass(frozen=True, slots=True)
class _Wished:
    plan: Plan
    choices: list[str]
    margin: float
    strip: bool
    crf: int
    preset: str
    sound: str
    captions: Mapping[str, list[str] | None] | None


def _render(path: str, format_: str, limits: Limits, target: str, wished: _Wished) -> Iterator[Item]:
    with ExitStack() as stack:
        source = stack.enter_context(open_container(path, format_, limits))
        videos = [s for s in source.streams.video if not _is_cover(s)]
        if len(videos) != 1:
            raise UnsupportedKind(f"The file holds {len(videos)} video streams; only files with one are redacted.")
        video = videos[0]
        video.thread_type = "AUTO"
        # no options of the muxer that wait for the end: a film of any length is written as it comes
        result = stack.enter_context(av.open(target, "w", format=MUXERS[format_]))
        work = _Work(source, video, result, wished)
        others = _Others(result, format_, wished)
        for stream in source.streams:  # in the order they had
            if stream is video:
                work.open(_first_frame(path, format_, limits, video.index))
            else:
                others.open(stream)
        if not wished.strip:
            result.metadata.update(dict(source.metadata))
        for packet in source.demux():
            if packet.stream is not video:
                others.packet(packet)
                continue
            for frame in decoded_packet(packet):
                work.frame(frame)
                if work.frames % _TOLD_EVERY == 0:
                    yield {"frames": work.frames, "covered": work.covered, "time": work.time}, {}
        if not work.frames:
            raise DamagedMedia("No frame of the video decodes.")
        work.finish()
        others.finish()
    facts = {"done": True, "frames": work.frames, "covered": work.covered, "time": work.time}
    yield {**facts, "notes": others.notes, "audio": others.sound.hexdigest(), "starts": others.starts}, {}


class _Others:
    """The streams besides the pictures: copied, encoded anew, or left out."""

    def __init__(self, result: Any, format_: str, wished: _Wished) -> None:
        self._result, self._format, self._wished = result, format_, wished
        self._spans = [(s.start, s.end) for s in wished.plan.spans if s.enabled and s.unit == SECONDS]
        self._copies: dict[int, Any] = {}
        self._tracks: dict[int, Track | None] = {}
        self._words: dict[int, Iterator[str]] = {}
        self.notes: list[str] = []
        self.sound = hashlib.sha256()

    @property
    def starts(self) -> list[float | None]:
        return [None if track is None else track.start for track in self._tracks.values()]

    def open(self, stream: Any) -> None:
        strip, captions = self._wished.strip, self._wished.captions
        if stream.type == "audio":
            self._tracks[stream.index] = None
            if self._spans:
                self._tracks[stream.index] = Track(
                    self._result, stream, self._format, self._spans, self._wished.sound, self.notes, strip
                )
                return
        if stream.type == "subtitle" and captions is not None:
            shown = captions.get(str(stream.index))
            if shown is None:
                return
            self._words[stream.index] = iter(shown)
        if (copy := _copied(self._result, stream, strip, self.notes)) is not None:
            self._copies[stream.index] = copy

    def packet(self, packet: Any) -> None:
        index = packet.stream.index
        if (track := self._tracks.get(index)) is not None:
            track.packet(packet)
        elif (copy := self._copies.get(index)) is not None and packet.dts is not None:
            if packet.stream.type == "audio":
                self.sound.update(bytes(packet))
            if index in self._words:
                if not packet.size:
                    return
                # a packet without words to put stays out: the two passes must have read the same
                if (shown := next(self._words[index], None)) is None:
                    raise DamagedMedia("The subtitles read differently a second time.")
                packet = put(packet, copy, shown)
            packet.stream = copy
            self._result.mux(packet)

    def finish(self) -> None:
        for track in self._tracks.values():
            if track is not None:
                track.finish()


class _Work:
    """One film's pictures."""

    def __init__(self, source: Any, video: Any, result: Any, wished: _Wished) -> None:
        self._source, self._video, self._result = source, video, result
        rate = float(video.average_rate or 25)
        step = 1 / rate if rate > 0 else 0.04
        tracks = [t for t in wished.plan.tracks if t.enabled]
        self._coverage = Coverage(tracks, Margins(wished.margin, step))
        self._operators = operators(wished.choices, _read_picture)
        self._searched = wished.captions is not None
        self._strip, self._crf, self._preset = wished.strip, wished.crf, wished.preset
        self._stream: Any = None
        self._format = ""
        self._last_pts: int | None = None
        self.frames = self.covered = 0
        self.time = 0.0

    def frame(self, frame: Any) -> None:
        self.time = frame_time(frame, self.frames, self._video)
        if (frame.width, frame.height) != (self._stream.width, self._stream.height):
            raise UnsupportedKind("The video changes its size in the middle, which is not redacted.")
        if frame.pts is None:
            frame.pts = round(self.time / float(self._video.time_base))
        if self._last_pts is not None and frame.pts <= self._last_pts:
            return  # two pictures for one moment: players show neither order; the later one goes
        self._last_pts = frame.pts
        boxes = self._coverage.at(self.time)
        if frame.format.name != self._format:
            frame = frame.reformat(format=self._format)
        if boxes:
            frame.make_writable()  # the decoder still refers to what it handed out
            cover(frame, boxes, self._operators)
            self.covered += 1
        frame.pict_type = 0  # else the encoder would repeat the source's choice of key frames
        self.frames += 1
        for packet in self._stream.encode(frame):
            self._result.mux(packet)

    def finish(self) -> None:
        for packet in self._stream.encode():
            self._result.mux(packet)

    def open(self, frame: Any) -> None:
        """The encoder, for frames such as this one."""
        video = self._video
        webm = self._result.format.name == "webm"
        self._format = frame.format.name
        if self._format not in _KEPT_FORMATS or webm:
            self._format = _nearest(frame.format)
        options = (
            {"crf": str(self._crf + 8), "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
            if webm
            else {"crf": str(self._crf), "preset": self._preset}
        )
        if self._result.format.name == "avi":
            options["bf"] = "0"  # AVI has no times of its own: decoding order must be the order shown
        if self._searched and not webm:
            options["a53cc"] = "0"  # captions inside the pictures cannot be searched
        if frame.interlaced_frame:
            options["flags"] = "+ildct+ilme"
        codec = "libvpx-vp9" if webm else "libx264"
        stream = self._result.add_stream(codec, rate=video.average_rate or 25, options=options)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, self._format
        context = stream.codec_context
        context.time_base = video.time_base
        stream.time_base = video.time_base
        if video.sample_aspect_ratio:
            context.sample_aspect_ratio = video.sample_aspect_ratio
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            value = getattr(video.codec_context, name, None)
            if value is not None:
                setattr(context, name, value)
        context.thread_count = 0
        if turns(frame) or frame.rotation:
            stream.set_display_rotation(frame.rotation)
        if chapters := self._source.chapters():
            self._result.set_chapters([{**c, "metadata": {} if self._strip else c["metadata"]} for c in chapters])
        if not self._strip:
            stream.metadata.update(dict(video.metadata))
        self._stream = stream


def _first_frame(path: str, format_: str, limits: Limits, index: int) -> Any:
    """What the encoder must be told before the first packet of any stream is written, and only a frame can tell."""
    with open_container(path, format_, limits) as container:
        for packet in container.demux(container.streams[index]):
            for frame in decoded_packet(packet):
                return frame
    raise DamagedMedia("No frame of the video decodes.")


def planes(frame: Any) -> list[Plane]:
    """The planes of a planar frame, to be written to."""
    # bits of the first component tell the sample type; all planes of the formats we keep share it
    bits = frame.format.components[0].bits
    dtype: Any = np.uint16 if bits > 8 else np.uint8
    full = frame.format.name.startswith("yuvj") or int(frame.color_range) == 2
    shift = bits - 8
    made = []
    for i, plane in enumerate(frame.planes):
        component = frame.format.components[i]
        wide, high = (-(-frame.width // component.width), -(-frame.height // component.height))
        rows: NDArray[Any] = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype().itemsize)
        fill = (128 << shift) if i else (0 if full else 16 << shift)
        made.append(Plane(rows[: component.height, : component.width], fill, wide, high, (1 << bits) - 1))
    return made


def cover(frame: Any, boxes: list[tuple[Kind, Box]], chosen: Mapping[Kind, Operator]) -> None:
    """Boxes are in pixels of the upright picture; the frame is as stored."""
    views = planes(frame)
    quarter = turns(frame)
    for kind, box in boxes:
        chosen[kind](views, stored(box, quarter, frame.width, frame.height))


def stored(box: Box, quarter: int, width: int, height: int) -> Box:
    """From the upright picture to the stored one, which is ``width`` × ``height``; ``quarter`` turns anticlockwise
    lead from the stored to the upright."""
    x, y, w, h = box
    if quarter == 1:
        return width - y - h, x, h, w
    if quarter == 2:
        return width - x - w, height - y - h, w, h
    if quarter == 3:
        return y, height - x - w, h, w
    return box


def _copied(result: Any, stream: Any, strip: bool, notes: list[str]) -> Any:
    """Where a stream's packets go; ``None`` where they are left out."""
    if stream.type in {"audio", "subtitle"}:
        copy = result.add_stream_from_template(stream)
        copy.metadata.clear()
        copy.metadata.update({k: v for k, v in stream.metadata.items() if not strip or k in _NO_PERSONAL})
        copy.disposition = stream.disposition
        return copy
    what = {"data": "data", "attachment": "attachment", "video": "cover picture"}.get(stream.type, "unknown")
    notes.append(f"A stream was left out: {what}.")
    return None


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _nearest(format_: Any) -> str:
    """The format that loses least of ``format_`` among those that every encoder here takes."""
    name: str = format_.name
    deep = any(c.bits > 8 for c in format_.components)
    if format_.is_rgb or "444" in name:
        return "yuv444p10le" if deep else "yuv444p"
    if "422" in name:
        return "yuv422p10le" if deep else "yuv422p"
    return "yuv420p10le" if deep else "yuv420p"


def _read_picture(name: str) -> NDArray[np.uint8]:
    from veriscope.redaction.stills import read_picture

    return read_picture(name)
