"""Real media, made in code: small, deterministic, and of every kind the tests need."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def photo(width: int = 320, height: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """Something with the statistics of a photograph: smooth shapes, edges, texture and sensor noise."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(40, 215, (height // 20 + 2, width // 20 + 2, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(8):
        centre = (int(random.integers(width)), int(random.integers(height)))
        colour = tuple(float(c) for c in random.uniform(0, 255, 3))
        cv2.circle(image, centre, int(random.integers(8, max(9, height // 5))), colour, -1, cv2.LINE_AA)
    texture = cv2.GaussianBlur(random.normal(0, 18, (height, width, 1)).astype(np.float32), (0, 0), 1.2)
    noisy = image + texture[..., None] + random.normal(0, 2, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def encoded(image: NDArray[np.uint8], format_: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format_, **options)
    return buffer.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be an enormous picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


def tone(seconds: float = 2.0, rate: int = 16000, hertz: float = 440.0) -> NDArray[np.float32]:
    t = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hertz * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


def wav(samples: NDArray[np.float32], rate: int = 16000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def film(
    path: Path,
    seconds: float = 3.0,
    size: tuple[int, int] = (320, 240),
    fps: int = 10,
    *,
    sound: bool = True,
    picture: bool = True,
    codec: str = "libx264",
) -> Path:
    """A scene that pans slowly, with a tone."""
    with av.open(str(path), "w") as container:
        video = audio = None
        if picture:
            video = container.add_stream(codec, rate=fps)
            video.width, video.height, video.pix_fmt = size[0], size[1], "yuv420p"
            video.options = {"preset": "ultrafast", "crf": "23"} if codec == "libx264" else {}
        if sound:
            audio = container.add_stream("aac", rate=16000)
        if video is not None:
            scene = photo(size[0] * 2, size[1])
            noise = np.random.default_rng(1)
            for i in range(int(seconds * fps)):
                x = int(i * size[0] / max(1, seconds * fps))
                view = scene[:, x : x + size[0]].astype(np.int16) + noise.integers(-3, 4, (size[1], size[0], 3))
                frame = av.VideoFrame.from_ndarray(np.clip(view, 0, 255).astype(np.uint8), format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, fps)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        if audio is not None:
            samples = tone(seconds)
            for start in range(0, len(samples) - 1023, 1024):
                block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                block.rate, block.pts, block.time_base = 16000, start, Fraction(1, 16000)
                container.mux(audio.encode(block))
            container.mux(audio.encode())
    return path
