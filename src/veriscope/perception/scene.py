"""One medium under examination: everything that several detectors need, computed once.

Pixels and samples come from the decode child on first use and stay until the scene is closed; a video's frames pass by
and are not kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.intake import open_path
from veriscope.media.limits import Limits
from veriscope.media.texts import read_text
from veriscope.perception.faces import detect_faces
from veriscope.perception.gathering import Gathering, Memo, MotionGathering
from veriscope.perception.plan import PLANS
from veriscope.perception.speech import find_speech
from veriscope.perception.tracks import FaceTracker
from veriscope.types import (
    Audio,
    Face,
    FaceTrack,
    Frame,
    Image,
    Infer,
    JpegInfo,
    Kind,
    Media,
    Motion,
    Options,
    Policy,
    Stream,
)

_FACE_SIDE = {Policy.QUICK: 320, Policy.STANDARD: 416, Policy.THOROUGH: 960}  # pixels the face finder looks at
_GRID = 8  # a JPEG block


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OpenScene:
    """The ``Scene`` protocol over a decode child. Use ``open_scene``."""

    def __init__(
        self, media: Media, options: Options, child: DecodeChild, infer: Infer, limits: Limits, trust_list: Path | None
    ) -> None:
        self.media = media
        self.options = options
        self.plan = PLANS[options.policy]
        if options.rate is not None:
            self.plan = replace(self.plan, rate=options.rate)
        self._child = child
        self._infer = infer
        self._limits = limits
        self._trust_list = trust_list
        self._memo = Memo()
        self._motion = MotionGathering()
        self._tracker = FaceTracker(patience=max(1.6, 1.6 / self.plan.rate))
        self._passed = False
        self.sampled = 0  # frames handed over for the even sampling

    # pictures

    def image(self) -> Image:
        """H×W×3 uint8 RGB, upright; only the asked-for region of it, if one was asked for."""
        return self._picture()[0]

    def jpeg(self) -> JpegInfo | None:
        return self._picture()[1]

    def original_size(self) -> tuple[int, int]:
        """Width and height of the whole upright picture."""
        return self._memo.get("size", lambda: self._ask_picture()[2])

    def frame_count(self) -> int:
        """Pictures in the file: more than one in an animation, of which the first is examined."""
        return self._ask_picture()[3]

    def _picture(self) -> tuple[Image, JpegInfo | None]:
        def crop() -> tuple[Image, JpegInfo | None]:
            image, jpeg, size, _ = self._ask_picture()
            box = self.region(size)
            if box is None:
                return image, jpeg
            x, y, w, h = box
            cut = np.ascontiguousarray(image[y : y + h, x : x + w])
            if jpeg is None or jpeg.orientation != 1:
                return cut, None  # a turned block grid is not worth reconstructing for a crop
            return cut, replace(jpeg, luma=np.ascontiguousarray(jpeg.luma[y : y + h, x : x + w]))

        return self._memo.get("picture", crop)

    def region(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """The asked-for region, grown to whole JPEG blocks so that the grid stays where it is."""
        if self.options.region is None:
            return None
        x, y, w, h = self.options.region
        left, top = max(0, x) // _GRID * _GRID, max(0, y) // _GRID * _GRID
        right, bottom = min(size[0], -(-(x + w) // _GRID) * _GRID), min(size[1], -(-(y + h) // _GRID) * _GRID)
        if w < 1 or h < 1 or right <= left or bottom <= top:
            raise BadRequest(f"The region lies outside the picture of {size[0]} × {size[1]} pixels.")
        return left, top, right - left, bottom - top

    def _ask_picture(self) -> tuple[Image, JpegInfo | None, tuple[int, int], int]:
        def ask() -> tuple[Image, JpegInfo | None, tuple[int, int], int]:
            answer = self._ask("image")
            image = answer["arrays"]["image"]
            luma = answer["arrays"].get("luma")
            jpeg = None
            if luma is not None:
                facts = answer["jpeg"]
                jpeg = JpegInfo(
                    tables=tuple(np.array(t, np.uint16).reshape(8, 8) for t in facts["tables"]),
                    luma=luma.astype(np.float32),
                    subsampling=facts["subsampling"],
                    progressive=facts["progressive"],
                    orientation=answer["orientation"],
                )
            return image, jpeg, (image.shape[1], image.shape[0]), answer["frames"]

        return self._memo.get("whole", ask)

    def thumbnail(self) -> Image | None:
        """The embedded thumbnail, upright; ``None`` when the file has none that decodes."""
        return self._memo.get("thumbnail", self._ask_thumbnail)

    def _ask_thumbnail(self) -> Image | None:
        found: Image | None = self._ask("thumbnail")["arrays"].get("image")
        return found

    def metadata(self) -> Mapping[str, Any]:
        return self._memo.get("metadata", lambda: self._ask("metadata")["metadata"])

    def credentials(self) -> Mapping[str, Any]:
        def ask() -> Mapping[str, Any]:
            anchors = self._trust_list.read_text("utf-8") if self._trust_list else None
            found: Mapping[str, Any] = self._ask("credentials", trust_anchors=anchors)["credentials"]
            return found

        return self._memo.get("credentials", ask)

    # video and sound

    def stream(self) -> Stream:
        def ask() -> Stream:
            answer = self._ask("probe")
            packets = answer.pop("arrays")
            return Stream(
                container=answer["container"],
                duration=answer["duration"],
                video=answer["video"],
                audio=answer["audio"],
                metadata=answer["metadata"],
                packets=packets,
                extra=answer["extra"],
            )

        return self._memo.get("stream", ask)

    def audio(self) -> Audio:
        """Mono 16 kHz; no samples when the file has no sound."""
        return self._memo.get("audio", lambda: self._sound(16000))

    def waveform(self) -> Audio:
        """Mono at the file's own rate (at most 96 kHz)."""
        return self._memo.get("waveform", lambda: self._sound(None))

    def forget_waveform(self) -> None:
        """Let go of the largest array there is (115 MB in ten minutes); asking again would decode it again."""
        self._memo.forget("waveform")

    def _sound(self, rate: int | None) -> Audio:
        if self.media.kind not in {Kind.AUDIO, Kind.VIDEO} or self.stream().audio is None:
            return Audio(np.zeros(0, np.float32), rate or 16000)
        found = rate or 16000
        gathering: Gathering[np.float32] = Gathering()
        for answer in self._child.stream("audio", **self._file(), rate=rate, **self._window()):
            found = answer["rate"] or found
            if "samples" in answer["arrays"]:
                gathering.add(answer["arrays"]["samples"])
        samples = gathering.taken()
        return Audio(np.zeros(0, np.float32) if samples is None else samples, found)

    def speech(self) -> Sequence[tuple[float, float, float]]:
        """Spans in which somebody speaks: start and end in seconds, mean probability."""
        return self._memo.get("speech", lambda: find_speech(self.audio(), self._infer))

    def frames(self) -> Iterator[Frame]:
        """One pass over the video, in order; afterwards ``motion`` is complete.

        Sound is decoded first: there is one decode child, and the pass keeps it busy to the end.
        """
        self.stream(), self.audio()
        plan = self.plan
        motion = self._motion = MotionGathering()
        self.sampled = 0
        answers = self._child.stream(
            "frames",
            **self._file(),
            **self._window(),
            rate=plan.rate,
            burst_every=plan.burst_every,
            burst_length=plan.burst_length,
            runs=self._runs(),
        )
        for answer in answers:
            arrays = answer["arrays"]
            if "image" in arrays:
                self.sampled += answer["sampled"]
                yield Frame(answer["index"], answer["time"], arrays["image"], answer["burst"], answer["sampled"])
            else:
                motion.add(arrays)
        self._passed = True

    def _runs(self) -> list[tuple[float, float, float]]:
        plan = self.plan
        if not plan.speech_seconds or self.audio().samples.size == 0:
            return []
        try:
            spans = self.speech()
        except ModelUnavailable:
            return []
        if not spans:
            return []
        # the stretch in which most is spoken; pauses stay in it, since opening and closing around them correlates

        def spoken(begin: float) -> float:
            return sum(max(0.0, min(end, begin + plan.speech_seconds) - max(start, begin)) for start, end, _ in spans)

        shift = self.options.start or 0.0
        best = max((start for start, _, _ in spans), key=spoken) + shift
        return [(best, best + plan.speech_seconds, plan.speech_rate)]

    def motion(self) -> Motion:
        """Small grey copies of every frame; reads the video through if nobody has yet."""
        if not self._passed:
            for _ in self.frames():
                pass
        return self._motion.taken()

    # faces

    def find_faces(self, frame: Frame) -> Sequence[Face]:
        """The faces of one frame; any thread may ask, in any order."""
        return detect_faces(frame.image, self._infer, long_side=_FACE_SIDE[self.options.policy])

    def track(self, frame: Frame, faces: Sequence[Face]) -> Sequence[Face]:
        """Remember a frame's faces in tracks; frames must come in order."""
        self._tracker.add(faces, frame.time, frame.index)
        return faces

    def look(self, frame: Frame) -> Sequence[Face]:
        """Find and track, for a caller that takes the frames one by one."""
        return self.track(frame, self.find_faces(frame))

    def faces(self) -> Sequence[FaceTrack]:
        """Tracks: of length one in a picture; in a video those seen so far."""
        if self.media.kind is not Kind.IMAGE:
            return self._tracker.tracks()

        def find() -> Sequence[FaceTrack]:
            faces = detect_faces(self.image(), self._infer, long_side=2 * _FACE_SIDE[self.options.policy])
            return tuple(FaceTrack(i, (face,), (0.0,), (0,)) for i, face in enumerate(faces))

        return self._memo.get("faces", find)

    # text

    def text(self) -> str:
        """The text, a page's readable text, or a picture's caption (empty when there is none)."""
        if self.media.kind is Kind.TEXT:
            return self._memo.get("text", lambda: read_text(self.media.path, self._limits))
        if self.media.kind is Kind.HTML:
            return self._memo.get("text", lambda: str(self._child.ask("html", path=str(self.media.path))["text"]))
        return self.options.caption or ""

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._child.ask(operation, **self._file(), **parameters)

    def _file(self) -> dict[str, str]:
        return {"path": str(self.media.path.absolute()), "format": self.media.format}

    def _window(self) -> dict[str, float | None]:
        return {"start": self.options.start, "end": self.options.end}


@contextmanager
def open_scene(
    media: Media | Path,
    options: Options = Options(),  # noqa: B008 - frozen
    *,
    child: DecodeChild | None = None,
    infer: Infer | None = None,
    limits: Limits = Limits(),  # noqa: B008
    trust_list: Path | None = None,
) -> Iterator[OpenScene]:
    """A scene over a file, with a decode child and networks of its own unless some are given."""
    if isinstance(media, Path):
        media = open_path(media, limits)
    own = child is None
    child = child or DecodeChild(limits)
    try:
        yield OpenScene(media, options, child, infer or OnnxInfer(), limits, trust_list)
    finally:
        if own:
            child.close()
