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

from veriscope.errors import DamagedMedia, TooLarge
from veriscope.media.limits import Limits
from veriscope.media.streams import open_container, video_stream

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

cv2.setNumThreads(1)

_THUMB = (64, 36)  # width, height
_PICTURE_TYPES = {1: ord("I"), 2: ord("P"), 3: ord("B")}  # FFmpeg's numbers
_BATCH = 256  # thumbnails in one answer
_LONGEST = 1920  # a frame is handed over no larger; reports say so


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
    with open_container(path, format, limits) as container:
        stream = video_stream(container)
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
    with open_container(path, format, limits) as container:
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
