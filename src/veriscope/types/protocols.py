"""What can be swapped: networks, scenes, detectors, stores, ways to wake a worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from veriscope.types.findings import Finding, Signal
from veriscope.types.jobs import Queue
from veriscope.types.media import (
    Audio,
    Face,
    FaceTrack,
    Frame,
    Image,
    JpegInfo,
    Kind,
    Media,
    Motion,
    Options,
    Policy,
    Stream,
    Text,
)


@runtime_checkable
class Infer(Protocol):
    """Arrays to arrays, by the network's name. Thread-safe; raises ``ModelUnavailable`` or ``InferenceFailed``."""

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]: ...
    def version(self, model: str) -> str: ...
    def asset(self, model: str, key: str) -> bytes: ...  # a file that belongs to the network: its vocabulary, …


@runtime_checkable
class Scene(Protocol):
    """One medium under examination: memoised, thread-safe, filled by the layers above."""

    media: Media
    options: Options

    def image(self) -> Image: ...  # H×W×3, upright
    def jpeg(self) -> JpegInfo | None: ...  # None when the picture is not a JPEG
    def metadata(self) -> Mapping[str, Any]: ...  # EXIF, XMP, IPTC, … as parsed
    def thumbnail(self) -> Image | None: ...  # embedded in the file, turned as the picture is; None when there is none
    def credentials(self) -> Mapping[str, Any]: ...  # Content Credentials as read, {} when there are none
    def stream(self) -> Stream: ...  # video and sound only
    def motion(self) -> Motion: ...  # after the pass over the frames
    def frames(self) -> Iterator[Frame]: ...  # video; in order, one pass
    def audio(self) -> Audio: ...  # mono 16 kHz; empty samples when there is no sound
    def waveform(self) -> Audio: ...  # mono at the file's own rate
    def speech(self) -> Sequence[tuple[float, float, float]]: ...  # start, end, probability
    def faces(self) -> Sequence[FaceTrack]: ...  # found once, shared
    def text(self) -> str: ...  # the text itself, or the caption of a picture
    def look(self, frame: Frame) -> Sequence[Face]: ...  # finds and tracks the faces of a frame of the pass


@runtime_checkable
class Detector(Protocol):
    """One method of finding forgery. One file, one line in ``DETECTORS``."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def signal(self) -> Signal: ...
    @property
    def kinds(self) -> frozenset[Kind]: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def policies(self) -> frozenset[Policy]: ...
    @property
    def reference(self) -> str: ...
    @property
    def title(self) -> Text: ...

    def inspect(self, scene: Scene, infer: Infer) -> Finding: ...


@runtime_checkable
class Watch(Protocol):
    """Sees the sampled frames of one video go by, keeps what it needs, then speaks."""

    def see(self, frame: Frame, faces: Sequence[Face]) -> None: ...
    def finish(self) -> Finding: ...


@runtime_checkable
class FrameDetector(Detector, Protocol):
    """A detector that looks at a video's pixels: all of them share one decoding pass."""

    def watch(self, scene: Scene, infer: Infer) -> Watch: ...


class Progress(Protocol):
    """Told how far the work is; may raise ``Cancelled`` to stop it."""

    def __call__(self, stage: str, fraction: float) -> None: ...


class Blobs(Protocol):
    """Bytes under a key, encrypted at rest by the implementation that is asked to.

    A blob appears whole or not at all. ``read`` gives ``length`` bytes from ``start`` on (all that follow for ``None``)
    in parts of any size, less where the blob ends earlier; it raises ``NotFound`` at the call, not at the first part.
    """

    def put(self, key: str, data: bytes) -> None: ...
    def write(self, key: str, parts: Iterable[bytes]) -> None: ...  # without holding the whole in memory
    def get(self, key: str) -> bytes: ...  # raises NotFound
    def size(self, key: str) -> int: ...  # bytes; raises NotFound
    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]: ...
    def delete(self, key: str) -> None: ...  # silent when absent
    def keys(self, prefix: str = "") -> Iterator[str]: ...


class Dispatcher(Protocol):
    """Wakes a worker up. The job row, not the message, decides what is done."""

    def wake(self, job_id: str, queue: Queue) -> None: ...
    def close(self) -> None: ...
