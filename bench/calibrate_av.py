"""Development sets for the audio and video detectors: real media against forgeries made in code.

``samples(data)`` is what ``bench/calibrate.py`` calls. Nothing here reads the DFDC and Celeb-DF clips or the synthetic
voices of vits-demo: those are for testing only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.types import Motion

Frames = list[NDArray[np.uint8]]
Samples = dict[str, tuple[list[float], list[int]]]


def decode(path: Path | io.BytesIO, side: int = 10_000) -> tuple[Frames, float]:
    """All frames (RGB, shrunk to ``side``) and the frame rate."""
    with av.open(path if isinstance(path, io.BytesIO) else str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        frames = []
        for frame in container.decode(stream):
            image = frame.to_ndarray(format="rgb24")
            scale = min(1.0, side / max(image.shape[:2]))
            if scale < 1:
                size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            frames.append(image)
        return frames, float(stream.average_rate or 25)


def encode(frames: Sequence[NDArray[np.uint8]], fps: float, crf: int = 23, codec: str = "libx264") -> bytes:
    """An mp4 of ``frames`` (RGB)."""
    buffer = io.BytesIO()
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"} if codec == "libx264" else {}
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def motion_of(data: bytes) -> Motion:
    """Thumbs, times and types of every frame, as the scene gives them."""
    thumbs, times, types = [], [], []
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            luma = frame.to_ndarray(format="gray")
            luma = luma[:: max(1, luma.shape[0] // 144)]
            thumbs.append(cv2.resize(luma, (64, 36), interpolation=cv2.INTER_AREA))
            times.append(float((frame.pts or 0) * stream.time_base))
            types.append(ord({1: "I", 2: "P", 3: "B"}.get(int(frame.pict_type), "?")))
    return Motion(np.array(thumbs, np.uint8), np.array(times), np.array(types, np.uint8))


def dev_photos(data: Path, count: int) -> list[Path]:
    """Pristine photographs that are not in the test fifth."""
    import hashlib

    names = sorted((data / "images/pristine/bsds500").glob("*.jpg"))
    kept = [p for p in names if int(hashlib.sha256(p.name.encode()).hexdigest(), 16) % 5]
    return kept[:count]


def handheld(photo: Path, seed: int, frames: int = 120, size: tuple[int, int] = (256, 144)) -> Frames:
    """A clip rendered from one photograph: slow pan and zoom, hand shake, a moving patch of another part, noise."""
    rng = np.random.default_rng(seed)
    image = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    shake = np.cumsum(rng.normal(0, 0.25, (frames, 3)), axis=0)
    shake += np.cumsum(np.full((frames, 3), rng.normal(0, 0.12, 3)), axis=0)
    speed, amount = rng.uniform(0.02, 0.2), rng.uniform(0, 14)
    out = []
    for i in range(frames):
        zoom = min(width / size[0], height / size[1]) * (0.75 + 0.002 * shake[i, 2])
        x = width / 2 + shake[i, 0] - zoom * size[0] / 2
        y = height / 2 + shake[i, 1] - zoom * size[1] / 2
        matrix = np.array([[zoom, 0, x], [0, zoom, y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        # Something in the scene moves on its own, as people do: in fits and starts.
        dx = round(amount * np.sin(speed * i) * (1 + np.sin(speed * i / 3)))
        frame[60:110, 100 + dx : 150 + dx] = frame[20:70, 20:70].copy()
        out.append(np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8))
    return out


def tamper(frames: Frames, kind: str, rng: np.random.Generator, fps: float) -> Frames:
    """Delete, freeze or replay a stretch of ``frames``."""
    n = len(frames)
    if kind == "drop":
        start = int(rng.integers(n // 5, n // 2))
        return frames[:start] + frames[start + int(rng.uniform(0.3, 1.2) * fps) :]
    if kind == "freeze":
        start, length = int(rng.integers(n // 4, n // 2)), int(rng.uniform(0.2, 1.0) * fps)
        return frames[:start] + [frames[start]] * length + frames[start + length :]
    if kind == "replay":
        length = int(rng.uniform(0.5, 1.2) * fps)
        start = int(rng.integers(0, n // 4))
        place = min(n - 5, start + length + int(fps * 1.1))
        return frames[:place] + frames[start : start + length] + frames[place + length :]
    raise ValueError(kind)


def continuity_clips(data: Path) -> Iterator[tuple[str, bytes]]:
    """(kind, mp4): ``real``, or how it was tampered with; all encoded alike."""
    rng = np.random.default_rng(5)
    clips = [decode(path, 256) for path in sorted((data / "video/talking-heads").glob("*.mp4"))]
    clips += [(handheld(photo, i), 25.0) for i, photo in enumerate(dev_photos(data, 24))]
    # Two scenes one after the other: an honest cut must not count.
    cuts = [(a[: len(a) // 2] + _fit(b[: len(b) // 2], a[0]), fps) for (a, fps), (b, _) in zip(clips, clips[1:])]
    for frames, fps in clips + cuts[::2]:
        crf = int(rng.choice([20, 24, 28]))
        yield "real", encode(frames, fps, crf)
    for frames, fps in clips:
        for kind in ("drop", "freeze", "replay"):
            yield kind, encode(tamper(frames, kind, rng, fps), fps, int(rng.choice([20, 24, 28])))


def _fit(frames: Frames, like: NDArray[np.uint8]) -> Frames:
    return [cv2.resize(frame, (like.shape[1], like.shape[0])) for frame in frames]
