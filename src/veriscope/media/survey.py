"""A video looked through once for redaction: a small grey copy of the frames for tracking, colour pictures now and
then for the detectors. Runs in the decode child; memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, TooLarge
from veriscope.media.limits import Limits
from veriscope.media.streams import open_container, video_stream

if TYPE_CHECKING:
    from veriscope.media.decoder import Item

cv2.setNumThreads(1)

_BATCH = 24  # grey copies in one answer at most
_CUT = 32.0  # mean difference of grey levels from one frame to the next that is surely another scene
_CUT_JUMP = 14.0  # the same, where it is also four times what was usual
_LEAST_BETWEEN_LARGE = 0.25  # seconds: a strobing film must not have every frame examined at full size
_PLANAR = {"yuv420p", "yuvj420p"}


def frame_time(frame: Any, index: int, stream: Any) -> float:
    """Seconds on the container's own clock; finding and rendering use the same, so their frames agree exactly."""
    return float(frame.time) if frame.time is not None else index / float(stream.average_rate or Fraction(25))


def turns(frame: Any) -> int:
    """Quarter turns, anticlockwise, that put the stored picture upright."""
    return round(float(getattr(frame, "rotation", 0) or 0) / 90) % 4


def survey(
    path: str,
    format: str,
    limits: Limits,
    small: int,
    large: int,
    every_small: float,
    every_large: float,
    grey: int = 480,
    first: float = 0.0,
    marks: list[float] | None = None,
) -> Iterator[Item]:
    """One pass over the film; frames that no other refers to are mostly left out, for they lie close between others.

    Args:
        path, format, limits: the file.
        small, large: longest side in pixels of the pictures handed out every ``every_small`` / ``every_large`` s.
        every_small, every_large: seconds between pictures; after a cut a large one comes at once, and the last frame
            is always handed out.
        grey: longest side of the grey copies.
        first: seconds by which the first regular picture is delayed (another cadence for a second look).
        marks: times at which a large picture is wanted besides.

    Yields:
        ``greys`` (N×h×w uint8, upright) with ``times``, ``cuts`` (N each); where ``look`` is "small" or "large",
        ``image`` (H×W×3 uint8 RGB, upright) is the last of the N frames. ``width``, ``height``: of the upright frame.
    """
    with open_container(path, format, limits) as container:
        stream = video_stream(container)
        if stream is None:
            raise DamagedMedia("The file holds no pictures.")
        stream.thread_type = "AUTO"
        batch = _Batch(grey)
        cadence = _Cadence(every_small, every_large, first, sorted(marks or []))
        index = -1
        last: Any = None
        for frame in _spaced(container, stream):
            index += 1
            if frame.width * frame.height > limits.max_pixels:
                raise TooLarge(f"A frame has {frame.width} × {frame.height} pixels.")
            time = frame_time(frame, index, stream)
            cut = batch.add(frame, time)
            look = cadence.wants(time, cut)
            last = None if look else frame
            if look:
                yield batch.take(look, _rgb(frame, small if look == "small" else large), index)
            elif len(batch.times) >= _BATCH:
                yield batch.take(None, None, index)
        if index < 0:
            raise DamagedMedia("No frame of the video decodes.")
        if last is not None and batch.times:
            yield batch.take("small", _rgb(last, small), index)
        elif last is not None:  # its grey copy has gone out already: the picture alone
            time = frame_time(last, index, stream)
            batch.add(last, time)
            yield batch.take("small", _rgb(last, small), index)


def _spaced(container: Any, stream: Any) -> Iterator[Any]:
    """Frames in order, without those that no other refers to; with them from where they would leave a gap.

    In most films every second or third frame is left out. In some (layered streams) nearly all could be, and then
    what moves in between would be lost.
    """
    stream.codec_context.skip_frame = "NONREF"
    rate = float(stream.average_rate or 25)
    widest = min(0.5, max(0.15, 4 / max(rate, 1e-3)))
    last: float | None = None
    for frame in _decoded(container, stream):
        if frame.time is None or (last is not None and frame.time - last > widest):
            break
        last = frame.time
        yield frame
    else:
        return
    container.seek(0 if last is None else int((last - 0.01) / stream.time_base), stream=stream, backward=True)
    stream.codec_context.flush_buffers()
    stream.codec_context.skip_frame = "DEFAULT"
    for frame in _decoded(container, stream):
        if last is None or frame.time is None or frame.time > last + 1e-6:
            yield frame


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """A broken packet costs itself."""
    for packet in container.demux(stream):
        yield from decoded_packet(packet)


def decoded_packet(packet: Any) -> list[Any]:
    try:
        return packet.decode()  # type: ignore[no-any-return]
    except av.FFmpegError:
        return []


class _Cadence:
    def __init__(self, small: float, large: float, first: float, marks: list[float]) -> None:
        self._every_small, self._every_large = small, large
        self._first = first
        self._marks = marks
        self._next_small: float | None = None
        self._next_large = 0.0
        self._last_large = -1e9

    def wants(self, time: float, cut: bool) -> str | None:
        if self._next_small is None:
            self._next_small = self._next_large = time + self._first
        marked = False
        while self._marks and time >= self._marks[0] - 1e-4:
            self._marks.pop(0)
            marked = True
        due_large = time >= self._next_large - 1e-6 or (cut and time - self._last_large > _LEAST_BETWEEN_LARGE)
        if due_large or marked:
            self._last_large = time
            self._next_large = time + self._every_large
            self._next_small = time + self._every_small
            return "large"
        if cut or time >= self._next_small - 1e-6:
            self._next_small = time + self._every_small
            return "small"
        return None


class _Batch:
    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._greys: list[NDArray[np.uint8]] = []
        self.times: list[float] = []
        self._cuts: list[bool] = []
        self._before: NDArray[np.int16] | None = None
        self._usual = 4.0
        self._size = (0, 0)

    def add(self, frame: Any, time: float) -> bool:
        """Returns whether another scene begins here."""
        quarter = turns(frame)
        small = np.rot90(_luma(frame, self._longest), quarter)
        self._size = (frame.height, frame.width) if quarter % 2 else (frame.width, frame.height)
        tiny = cv2.resize(np.ascontiguousarray(small), (64, 36), interpolation=cv2.INTER_AREA).astype(np.int16)
        cut = False
        if self._before is not None:
            change = float(np.abs(tiny - self._before).mean())
            cut = change > _CUT or (change > _CUT_JUMP and change > 4 * self._usual)
            self._usual += 0.1 * (change - self._usual)
        self._before = tiny
        self._greys.append(small)
        self.times.append(time)
        self._cuts.append(cut)
        return cut

    def take(self, look: str | None, image: NDArray[np.uint8] | None, index: int) -> Item:
        facts = {
            "look": look,
            "times": self.times,
            "cuts": self._cuts,
            "index": index,
            "width": self._size[0],
            "height": self._size[1],
        }
        arrays: dict[str, NDArray[Any]] = {"greys": np.stack(self._greys)}
        if image is not None:
            arrays["image"] = image
        self._greys, self.times, self._cuts = [], [], []
        return facts, arrays


def _reduced(frame: Any, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return width, height


def _view(plane: Any, width: int, height: int) -> NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]


def _luma(frame: Any, longest: int) -> NDArray[np.uint8]:
    size = _reduced(frame, longest)
    if frame.format.name in _PLANAR or frame.format.name in {"nv12", "gray", "yuv422p", "yuv444p"}:
        source = _view(frame.planes[0], frame.width, frame.height)
        return np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
    return frame.reformat(width=size[0], height=size[1], format="gray").to_ndarray()  # type: ignore[no-any-return]


def _rgb(frame: Any, longest: int) -> NDArray[np.uint8]:
    width, height = _reduced(frame, longest)
    if frame.format.name in _PLANAR and frame.width % 2 == 0 and frame.height % 2 == 0:
        # Planes are reduced before the colours are converted: a third of the general converter's time.
        stacked = np.empty((height * 3 // 2, width), np.uint8)
        stacked[:height] = cv2.resize(
            _view(frame.planes[0], frame.width, frame.height), (width, height), interpolation=cv2.INTER_AREA
        )
        quarter = (height // 2) * (width // 2)
        flat = stacked[height:].reshape(-1)
        for i in (1, 2):
            chroma = _view(frame.planes[i], frame.width // 2, frame.height // 2)
            reduced = cv2.resize(chroma, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            flat[(i - 1) * quarter : i * quarter] = reduced.reshape(-1)
        image: NDArray[Any] = cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420)
    else:
        image = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns(frame)), np.uint8)
