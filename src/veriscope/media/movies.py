"""Video and sound to arrays. Runs in the decode child; every file is read as a stream, never held whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, EncryptedMedia, TooLarge
from veriscope.media.limits import Limits

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

cv2.setNumThreads(1)
av.logging.set_level(None)

# the demuxer is named, not guessed: a playlist dressed up as a film could make the guesser open other files
_DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "m4a": "mov",
    "mkv": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "wav": "wav",
    "mp3": "mp3",
    "aac": "aac",
    "flac": "flac",
    "ogg": "ogg",
    "ogv": "ogg",
}
_THUMB = (64, 36)  # width, height
_PICTURE_TYPES = {1: ord("I"), 2: ord("P"), 3: ord("B")}  # FFmpeg's numbers
_BATCH = 256  # thumbnails in one answer
_LONGEST = 1920  # a frame is handed over no larger; reports say so


def _open(path: str, format_: str, limits: Limits) -> InputContainer:
    try:
        container = av.open(path, format=_DEMUXERS[format_], metadata_errors="replace")
    except av.FFmpegError as exc:
        raise DamagedMedia(f"The file does not open: {exc.strerror}.") from exc
    if len(container.streams) > limits.max_streams:
        container.close()
        raise TooLarge(f"The file has {len(container.streams)} streams; {limits.max_streams} are allowed.")
    return container


def _video(container: InputContainer) -> Any:
    """The first real video stream: a cover picture in a sound file is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            return stream
    return None


def probe(path: str, format: str, limits: Limits) -> Iterator[Item]:
    """Facts of the container and one row per packet of the main stream; nothing is decoded but headers."""
    with _open(path, format, limits) as container:
        video = _video(container)
        audio = container.streams.audio[0] if container.streams.audio else None
        if video is None and audio is None:
            raise DamagedMedia("The file holds neither pictures nor sound.")
        facts: dict[str, Any] = {
            "container": container.format.name,
            "metadata": {str(k)[:64]: str(v)[:500] for k, v in list(container.metadata.items())[:100]},
            "video": None if video is None else _video_facts(video, limits),
            "audio": None if audio is None else _audio_facts(audio),
        }
        duration = float(container.duration or 0) / av.time_base
        packets = _packets(container, video if video is not None else audio)
        if len(packets["pts"]) == 0:
            raise DamagedMedia("The file's streams are empty.")
        if duration <= 0:
            times = packets["pts"][np.isfinite(packets["pts"])]
            duration = float(times.max() - times.min()) if times.size else 0.0
        if duration > limits.max_seconds:
            raise TooLarge(f"The file lasts {duration:.0f} seconds; {limits.max_seconds:.0f} are allowed.")
        facts["duration"] = duration
    from veriscope.media.boxes import structure

    facts["extra"] = structure(path, format)
    yield facts, packets


def _video_facts(stream: Any, limits: Limits) -> dict[str, Any]:
    context = stream.codec_context
    if context.width * context.height > limits.max_pixels:
        raise TooLarge(f"The video has {context.width} × {context.height} pixels; {limits.max_pixels} are allowed.")
    if context.width < 1 or context.height < 1:
        raise DamagedMedia("The video's size is not stated, or its codec is unknown.")
    if stream.codec_context.name in {"encv", "drm"}:
        raise EncryptedMedia("The video is encrypted.")
    return {
        "codec": context.name,
        "width": context.width,
        "height": context.height,
        "fps": float(stream.average_rate or stream.guessed_rate or 0),
        "frames": int(stream.frames or 0),
        "bit_rate": int(context.bit_rate or 0),
        "pixel_format": context.pix_fmt,
        "profile": str(context.profile) if context.profile else None,
        "encoder": (stream.metadata.get("encoder") or "")[:100],
        "handler": (stream.metadata.get("handler_name") or "")[:100],
        "language": (stream.metadata.get("language") or "")[:10],
        "created": (stream.metadata.get("creation_time") or "")[:40],
        "time_base": float(stream.time_base or 0),
    }


def _audio_facts(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {
        "codec": context.name,
        "rate": int(context.sample_rate or 0),
        "channels": int(getattr(context, "channels", 0) or context.layout.nb_channels),
        "bit_rate": int(context.bit_rate or 0),
        "encoder": (stream.metadata.get("encoder") or "")[:100],
        "handler": (stream.metadata.get("handler_name") or "")[:100],
        "start": float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0,
    }


def _packets(container: InputContainer, stream: Any) -> dict[str, NDArray[Any]]:
    base = float(stream.time_base or 1)
    rows: list[tuple[float, float, int, bool]] = []
    with suppress(av.FFmpegError):  # a truncated file still tells of the packets before its end
        for packet in container.demux(stream):
            if packet.size:
                pts = math.nan if packet.pts is None else packet.pts * base
                dts = math.nan if packet.dts is None else packet.dts * base
                rows.append((pts, dts, packet.size, packet.is_keyframe))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return {
        "pts": table[:, 0].copy(),
        "dts": table[:, 1].copy(),
        "size": table[:, 2].astype(np.int64),
        "keyframe": table[:, 3].astype(bool),
    }


def frames(
    path: str,
    format: str,
    limits: Limits,
    rate: float,
    burst_every: float,
    burst_length: int,
    start: float | None = None,
    end: float | None = None,
    runs: list[tuple[float, float, float]] | None = None,
) -> Iterator[Item]:
    """One pass over the video.

    Yields sampled frames (``image``, H×W×3 uint8 RGB, upright, longest side ≤ 1920) with ``index``, ``time`` and
    ``burst``; and, every 256 frames and at the end, small grey copies of every frame (``thumbs`` N×36×64, ``times``,
    ``types``).
    ``runs`` asks for further frames: (from, to, frames a second), delivered with ``sampled`` false.
    """
    with _open(path, format, limits) as container:
        stream = _video(container)
        if stream is None:
            raise DamagedMedia("The file holds no pictures.")
        stream.thread_type = "AUTO"
        if start:
            container.seek(int(start * av.time_base), backward=True)
        plan = _Plan(rate, burst_every, burst_length, runs or [])
        batch = _Batch()
        index, first, errors = -1, None, 0
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                errors += 1
                if errors > 200 and index < 0:
                    break
                continue
            for frame in decoded:
                index += 1
                time = frame.time
                if time is None:
                    time = index / float(stream.average_rate or Fraction(25))
                first = time if first is None and not start else (first or 0.0)
                time -= first
                if start and time < start:
                    continue
                if end is not None and time >= end:
                    break
                if frame.width * frame.height > limits.max_pixels:
                    raise TooLarge(f"A frame has {frame.width} × {frame.height} pixels.")
                if batch.add(frame, time):
                    yield batch.take()
                wanted, burst = plan.wants(index, time)
                if wanted is not None:
                    facts = {"index": index, "time": time, "burst": burst, "sampled": wanted == "sample"}
                    yield facts, {"image": _rgb(frame)}
            else:
                continue
            break
        if index < 0:
            raise DamagedMedia("No frame of the video decodes.")
        facts, arrays = batch.take()
        yield {**facts, "errors": errors, "count": index + 1}, arrays


class _Plan:
    """Which frames are handed over: even samples, bursts of neighbours, and runs at a given rate."""

    def __init__(self, rate: float, every: float, length: int, runs: list[tuple[float, float, float]]) -> None:
        self._step = 1.0 / rate
        self._every = every
        self._length = length
        self._runs = runs
        self._next_sample = 0.0
        self._next_burst = 0.0
        self._in_burst = 0
        self._next_run = 0.0

    def wants(self, index: int, time: float) -> tuple[str | None, int | None]:
        del index
        burst: int | None = None
        if self._length > 0 and time >= self._next_burst and not self._in_burst:
            self._in_burst = self._length
            self._next_burst = max(self._next_burst + self._every, time)
        if self._in_burst:
            burst = self._length - self._in_burst
            self._in_burst -= 1
        if time >= self._next_sample - 1e-6:
            self._next_sample = (math.floor(time / self._step + 1e-6) + 1) * self._step
            return "sample", burst
        if burst is not None:
            return "burst", burst
        for begin, end, rate in self._runs:
            if begin <= time < end and time >= self._next_run:
                # from its own value, not from this frame's time: else 25 a second of a 30 fps clip would be 15
                self._next_run = max(self._next_run + 1.0 / rate, time - 1.0 / rate)
                return "run", None
        return None, None


class _Batch:
    """Small grey copies of every frame, collected until there are enough to send."""

    def __init__(self) -> None:
        self._thumbs: list[NDArray[np.uint8]] = []
        self._times: list[float] = []
        self._types: list[int] = []

    def add(self, frame: Any, time: float) -> bool:
        self._thumbs.append(_thumb(frame))
        self._times.append(time)
        self._types.append(_PICTURE_TYPES.get(int(frame.pict_type), ord("?")))
        return len(self._times) >= _BATCH

    def take(self) -> Item:
        arrays: dict[str, NDArray[Any]] = {
            "thumbs": np.array(self._thumbs, dtype=np.uint8).reshape(-1, _THUMB[1], _THUMB[0]),
            "times": np.array(self._times, dtype=np.float64),
            "types": np.array(self._types, dtype=np.uint8),
        }
        self.__init__()  # type: ignore[misc]
        return {"thumbs": True}, arrays


def _thumb(frame: Any) -> NDArray[np.uint8]:
    if frame.format.name in {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}:
        plane = frame.planes[0]
        luma: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        step = max(1, plane.height // 144)  # a few rows of many are enough for a picture of 36
        return np.asarray(cv2.resize(luma[::step], _THUMB, interpolation=cv2.INTER_AREA), np.uint8)
    return frame.reformat(width=_THUMB[0], height=_THUMB[1], format="gray").to_ndarray()  # type: ignore[no-any-return]


def _rgb(frame: Any) -> NDArray[np.uint8]:
    scale = min(1.0, _LONGEST / max(frame.width, frame.height))
    image: NDArray[Any]
    if scale < 1:
        width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
        image = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    elif frame.format.name == "yuv420p" and frame.width % 2 == 0 and frame.height % 2 == 0:
        # a third of the time of the general converter, on the format of nearly every video
        image = cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420)
    else:
        image = frame.reformat(format="rgb24").to_ndarray()
    turns = round(float(getattr(frame, "rotation", 0) or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns) if turns else image, dtype=np.uint8)


def audio(
    path: str,
    format: str,
    limits: Limits,
    rate: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Iterator[Item]:
    """Mono float32 in pieces of about a second, at ``rate`` Hz or the file's own; no piece when there is no sound."""
    with _open(path, format, limits) as container:
        if not container.streams.audio:
            yield {"rate": rate or 0, "offset": 0.0}, {}
            return
        stream = container.streams.audio[0]
        own = int(stream.codec_context.sample_rate or 0) or 16000
        target = rate or min(own, 96_000)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=target)
        pieces: list[NDArray[np.float32]] = []
        held, total, most = 0, 0, int(limits.max_seconds * target)
        if start:
            container.seek(int(start * av.time_base), backward=True)
        decoded_any = False
        for frame in _audio_frames(container, stream, start, end):
            decoded_any = True
            for part in resampler.resample(frame):
                samples = part.to_ndarray().reshape(-1).astype(np.float32, copy=False)
                pieces.append(samples)
                held += samples.size
                total += samples.size
            if total > most:
                raise TooLarge(f"The sound lasts longer than {limits.max_seconds:.0f} seconds.")
            if held >= target:
                yield {"rate": target}, {"samples": np.concatenate(pieces)}
                pieces, held = [], 0
        if not decoded_any:
            raise DamagedMedia("No part of the sound decodes.")
        with suppress(av.FFmpegError, ValueError):
            pieces += [part.to_ndarray().reshape(-1).astype(np.float32) for part in resampler.resample(None)]
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        yield {"rate": target}, {"samples": np.nan_to_num(samples)}


def _audio_frames(container: InputContainer, stream: Any, start: float | None, end: float | None) -> Iterator[Any]:
    first: float | None = None
    for packet in container.demux(stream):
        try:
            decoded = packet.decode()
        except av.FFmpegError:
            continue  # one broken packet; a file of nothing else is reported by the caller
        for frame in decoded:
            time = float(frame.time or 0.0)
            first = time if first is None and not start else (first or 0.0)
            if start and time - first < start:
                continue
            if end is not None and time - first >= end:
                return
            frame.pts = None  # gaps in time stamps are a finding of others; the resampler must not fill them
            yield frame
