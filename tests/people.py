"""People who do not exist, drawn well enough that a face detector sees them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tests.making import tone

Colour = tuple[float, float, float]
Drawing = NDArray[np.float32]
_FINE = 8  # sub-pixel steps that OpenCV draws with, as a shift of three bits


class _Brush:
    """Puts soft shapes around a face; places are in heights of the face from its middle."""

    def __init__(self, image: Drawing, x: float, y: float, size: float) -> None:
        self._image, self._x, self._y, self._size = image, x, y, size

    def oval(
        self, at: tuple[float, float], axes: tuple[float, float], colour: Colour, soft: float, share: float = 1
    ) -> None:
        mask = np.zeros(self._image.shape[:2], np.float32)
        centre = (int((self._x + at[0] * self._size) * _FINE), int((self._y + at[1] * self._size) * _FINE))
        radii = (int(axes[0] * self._size * _FINE), int(axes[1] * self._size * _FINE))
        cv2.ellipse(mask, centre, radii, 0, 0, 360, 1.0, -1, cv2.LINE_AA, 3)
        self._put(mask, colour, soft, share)

    def shape(self, points: Sequence[tuple[float, float]], colour: Colour, soft: float, share: float = 1) -> None:
        mask = np.zeros(self._image.shape[:2], np.float32)
        corners = np.array([(self._x + dx * self._size, self._y + dy * self._size) for dx, dy in points])
        cv2.fillPoly(mask, [np.int32(corners * _FINE)], 1.0, cv2.LINE_AA, 3)  # type: ignore[list-item]
        self._put(mask, colour, soft, share)

    def _put(self, mask: Drawing, colour: Colour, soft: float, share: float) -> None:
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.3, soft * self._size))[..., None] * share
        self._image[:] = self._image * (1 - mask) + np.array(colour, np.float32) * mask


def person(image: Drawing, x: float, y: float, size: float, skin: Colour, hair: Colour, shirt: Colour) -> None:
    """Head and shoulders from the front. ``x``, ``y`` is the middle of the face, ``size`` its height in pixels."""
    brush = _Brush(image, x, y, size)
    dark: Colour = (skin[0] * 0.72, skin[1] * 0.72, skin[2] * 0.72)
    light: Colour = (min(255, skin[0] * 1.12), min(255, skin[1] * 1.12), min(255, skin[2] * 1.12))
    brush.oval((0, 1.12), (0.78, 0.62), shirt, 0.01)
    brush.shape([(-0.17, 0.3), (0.17, 0.3), (0.2, 0.6), (0, 0.7), (-0.2, 0.6)], dark, 0.02)
    brush.oval((0, -0.1), (0.43, 0.56), hair, 0.015)
    brush.oval((0, 0), (0.36, 0.5), skin, 0.008)
    for side in (-1, 1):
        brush.oval((side * 0.365, 0.02), (0.05, 0.1), dark, 0.01)
        brush.oval((side * 0.3, 0.18), (0.16, 0.2), dark, 0.07, 0.55)
        brush.oval((side * 0.16, -0.08), (0.12, 0.07), dark, 0.03, 0.5)
    brush.oval((0, -0.3), (0.2, 0.14), light, 0.06, 0.5)
    fringe = [(-0.36, -0.2), (-0.3, -0.44), (0, -0.58), (0.3, -0.44), (0.36, -0.2), (0.22, -0.34), (-0.1, -0.36)]
    brush.shape(fringe, hair, 0.012)
    for side in (-1, 1):
        brush.oval((side * 0.16, -0.06), (0.085, 0.042), (240, 236, 230), 0.004)
        brush.oval((side * 0.16, -0.06), (0.04, 0.042), (70, 48, 36), 0.003)
        brush.oval((side * 0.16, -0.06), (0.018, 0.02), (12, 10, 10), 0.002)
        lid = [(0.07, -0.1), (0.16, -0.125), (0.255, -0.085), (0.25, -0.07), (0.16, -0.105)]
        brush.shape([(side * dx, dy) for dx, dy in lid], (50, 34, 28), 0.004)
        brow = [(0.06, -0.17), (0.17, -0.205), (0.28, -0.165), (0.17, -0.18)]
        brush.shape([(side * dx, dy) for dx, dy in brow], hair, 0.006)
        brush.oval((side * 0.04, 0.148), (0.018, 0.011), (95, 55, 48), 0.004)
    brush.shape([(-0.03, -0.06), (0.03, -0.06), (0.05, 0.12), (-0.05, 0.12)], light, 0.03, 0.6)
    brush.oval((0, 0.145), (0.085, 0.03), dark, 0.012, 0.6)
    lips = [(-0.14, 0.265), (-0.05, 0.24), (0, 0.25), (0.05, 0.24), (0.14, 0.265), (0.06, 0.315), (-0.06, 0.315)]
    brush.shape(lips, (176, 92, 88), 0.006)
    brush.oval((0, 0.37), (0.1, 0.03), dark, 0.025, 0.6)


FAIR: tuple[Colour, Colour, Colour] = ((224, 180, 152), (58, 40, 30), (58, 92, 122))
DARK: tuple[Colour, Colour, Colour] = ((160, 112, 84), (30, 24, 22), (150, 66, 60))


def room(width: int, height: int) -> Drawing:
    """A wall with a window and a shelf: nothing in it that a detector takes for a face."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image: Drawing = np.broadcast_to(
        np.array([214, 208, 196], np.float32) * (1 - 0.3 * down), (height, width, 3)
    ).copy()
    left, right = int(0.44 * width), int(0.58 * width)
    image[int(0.1 * height) : int(0.5 * height), left:right] = (168, 196, 214)
    image[int(0.1 * height) : int(0.5 * height), (left + right) // 2 - 4 : (left + right) // 2 + 4] = (240, 238, 232)
    image[int(0.62 * height) : int(0.66 * height), int(0.36 * width) : int(0.66 * width)] = (120, 92, 68)
    return cv2.GaussianBlur(image, (0, 0), max(0.5, width / 800))  # type: ignore[return-value]


def _grained(image: Drawing, seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 2.5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def two_people(width: int = 960, height: int = 600) -> NDArray[np.uint8]:
    """H×W×3 uint8 RGB with one face on the left and a smaller one on the right."""
    image = room(width, height)
    person(image, 0.27 * width, 0.4 * height, 0.32 * height, *FAIR)
    person(image, 0.76 * width, 0.44 * height, 0.26 * height, *DARK)
    return _grained(image, 0)


def film_of_one(path: Path, seconds: float = 3.0, size: tuple[int, int] = (480, 320), fps: int = 15) -> Path:
    """Somebody whom the camera passes, so that the face goes from right to left, with a tone."""
    width, height = size
    wide = room(2 * width, height)
    person(wide, width, 0.42 * height, 0.36 * height, *FAIR)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"preset": "ultrafast", "crf": "20"}
        audio = container.add_stream("aac", rate=16000)
        frames = int(seconds * fps)
        for i in range(frames):
            left = round((0.35 + 0.3 * i / frames) * width)
            frame = av.VideoFrame.from_ndarray(_grained(wide[:, left : left + width], i), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = tone(seconds)
        for start in range(0, len(samples) - 1023, 1024):
            block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            block.rate, block.pts, block.time_base = 16000, start, Fraction(1, 16000)
            container.mux(audio.encode(block))
        container.mux(audio.encode())
    return path
