"""Licence plates drawn in code and put onto photographs, with their boxes; signs and labels put there as well, without.

Layouts: one line (European, North American, Asian), two lines (Vietnamese cars and motorcycles, Singapore, scooters),
dark letters on white, yellow, green or blue and light letters on black, red or blue, with and without a country strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from veriscope.train.cars import car, part
from veriscope.train.plate_drawing import plate, sign
from veriscope.types import Image

CANVAS = 320  # px, side of a training picture
WIDTHS = (18.0, 240.0)  # px of a plate on it, drawn evenly on a logarithmic scale


@dataclass(frozen=True, slots=True)
class Sample:
    """``image`` H×W×3 uint8, CANVAS×CANVAS unless said otherwise, and x, y, width, height of each plate in pixels."""

    image: Image
    boxes: tuple[tuple[float, float, float, float], ...]


def _paste(
    canvas: Image, patch: Image, width: float, rng: np.random.Generator
) -> tuple[float, float, float, float] | None:
    """Put ``patch`` onto ``canvas`` in perspective; its box x, y, width, height, or ``None`` where it does not fit."""
    height = width * patch.shape[0] / patch.shape[1]
    turn = np.deg2rad(rng.normal(0, 6))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    corners[:, 0] *= rng.uniform(0.65, 1.0)  # seen from the side
    corners += rng.normal(0, 0.02, (4, 2)) * width
    corners[:, 1] += corners[:, 0] * rng.normal(0, 0.08)
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    low, high = corners.min(0), corners.max(0)
    room = np.array(canvas.shape[1::-1]) - 4 - (high - low)
    if room.min() <= 0:
        return None
    return _lay(canvas, patch, corners + rng.uniform(2, 2 + room) - low, rng)


def _lay(
    canvas: Image, patch: Image, corners: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Put ``patch`` between four corners (4×2, from the upper left clockwise), in some light; returns their box."""
    low, high = corners.min(0), corners.max(0)
    shade = rng.uniform(0.45, 1.15) * np.linspace(rng.uniform(0.75, 1), rng.uniform(0.75, 1), patch.shape[1])
    lit = np.clip(patch * shade[None, :, None] + rng.uniform(-10, 25), 0, 255).astype(np.float32)
    reduce = min(1.0, 2 * np.linalg.norm(corners[1] - corners[0]) / patch.shape[1])  # or small plates would alias
    if reduce < 1:
        lit = np.asarray(cv2.resize(lit, None, fx=reduce, fy=reduce, interpolation=cv2.INTER_AREA), np.float32)
    h, w = lit.shape[:2]
    _warp(canvas, lit, np.ones((h, w), np.float32), corners)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _warp(canvas: Image, patch: np.ndarray, alpha: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Blend ``patch`` (H×W×3) by ``alpha`` (H×W, 0-1) into ``canvas``; returns the 3×3 matrix from one to the other."""
    h, w = patch.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    low = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, None)
    size = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, canvas.shape[1::-1]) - low
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    if size.min() > 0:
        shifted = cv2.getPerspectiveTransform(source, (corners - low).astype(np.float32))
        part = np.s_[low[1] : low[1] + size[1], low[0] : low[0] + size[0]]
        to = int(size[0]), int(size[1])
        warped = cv2.warpPerspective(patch.astype(np.float32), shifted, to, flags=cv2.INTER_LINEAR)
        weight = cv2.warpPerspective(alpha, shifted, to, flags=cv2.INTER_LINEAR)[..., None]
        canvas[part] = (canvas[part] * (1 - weight) + warped * weight).astype(np.uint8)
    return np.asarray(matrix)


def _body(canvas: Image, rng: np.random.Generator) -> None:
    """Something like the back of a vehicle: a painted surface with seams and lamps."""
    tone = rng.integers(10, 230, 3).astype(np.float64)
    gradient = np.linspace(rng.uniform(0.6, 1.2), rng.uniform(0.4, 1.0), CANVAS)[:, None, None]
    paint = np.clip(tone * gradient + np.zeros((CANVAS, CANVAS, 1)), 0, 255)
    top = int(rng.integers(0, CANVAS // 2))
    canvas[top:] = (0.12 * canvas[top:] + 0.88 * paint[top:]).astype(np.uint8)
    for _ in range(int(rng.integers(1, 7))):
        y, shade = int(rng.integers(top, CANVAS)), tuple(int(v) for v in rng.integers(0, 256) * np.ones(3))
        cv2.line(canvas, (0, y), (CANVAS, y + int(rng.integers(-20, 21))), shade, int(rng.integers(1, 8)))
    for _ in range(int(rng.integers(0, 5))):
        colour = (int(rng.integers(120, 256)), int(rng.integers(0, 200)), int(rng.integers(0, 200)))
        centre = int(rng.integers(CANVAS)), int(rng.integers(top, CANVAS))
        axes = int(rng.integers(8, 50)), int(rng.integers(6, 30))
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)


def sample(background: Image, rng: np.random.Generator) -> Sample:
    """A training picture on a part of ``background`` (H×W×3, any size): a car, or up to two plates and three signs."""
    if rng.random() < 0.5:
        return scene(background, rng, (CANVAS, CANVAS))
    canvas = _cut(background, rng, (CANVAS, CANVAS))
    if rng.random() < 0.6:
        _body(canvas, rng)
    for _ in range(int(rng.choice(4, p=[0.3, 0.3, 0.25, 0.15]))):
        other = part(rng, background) if rng.random() < 0.5 else sign(rng)
        _paste(canvas, other, float(np.exp(rng.uniform(*np.log(WIDTHS)))), rng)
    boxes: list[tuple[float, float, float, float]] = []
    for _ in range(int(rng.choice(3, p=[0.25, 0.6, 0.15]))):
        before = canvas.copy()
        box = _paste(canvas, plate(rng), float(np.exp(rng.uniform(*np.log(WIDTHS)))), rng)
        if box is None or any(_touch(box, other) for other in boxes):
            canvas = before
            continue
        boxes.append(box)
    return Sample(_seen(canvas, rng), tuple(boxes))


def scene(background: Image, rng: np.random.Generator, size: tuple[int, int]) -> Sample:
    """A car before ``background`` (H×W×3, any size), whole or a part of it, four times in five with its plate.

    Args:
        background: any photograph; paint and glass mirror parts of it.
        rng: every choice.
        size: height and width of the picture in pixels.
    """
    height, width = size
    canvas = _cut(background, rng, size)
    for _ in range(int(rng.integers(0, 3))):
        _paste(canvas, sign(rng), float(rng.uniform(0.05, 0.3)) * width, rng)
    wide = float(np.exp(rng.uniform(np.log(0.45), np.log(2.2)))) * min(size)
    sheet, (column, row, share) = car(rng, max(24, round(min(wide, 1200))), background)
    high = wide * sheet.image.shape[0] / sheet.width
    # seen from the side and turned a little, with the plate's place inside the picture
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]])
    corners[:, 0] *= rng.uniform(0.7, 1.0)
    corners[[1, 2], 1] += rng.normal(0, 0.05) * wide * np.array([1, 0.4])
    corners += rng.normal(0, 0.012, (4, 2)) * wide
    turn = np.deg2rad(rng.normal(0, 3))
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    at = np.array([column * wide, row * wide])
    corners += rng.uniform(0.2, 0.8, 2) * (width, height) - at
    matrix = _warp(canvas, sheet.image, sheet.alpha.astype(np.float32) / 255, corners)
    boxes: list[tuple[float, float, float, float]] = []
    if rng.random() < 0.8:
        front = plate(rng)
        aspect = front.shape[1] / front.shape[0]
        w = share * (1.0 if aspect > 3 else rng.uniform(0.5, 0.7))
        h = w / aspect
        place = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 + (column, row)
        place = place + rng.normal(0, 0.01, (4, 2)) * w
        lain = cv2.perspectiveTransform((place * sheet.width)[None].astype(np.float32), matrix)[0].astype(np.float64)
        low, high_ = lain.min(0), lain.max(0)
        if low.min() > 1 and (high_ < (width - 1, height - 1)).all() and (high_ - low)[0] >= 0.6 * WIDTHS[0]:
            boxes.append(_lay(canvas, front, lain, rng))
    return Sample(_seen(canvas, rng), tuple(boxes))


def _cut(background: Image, rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """A part of a photograph of the size that is wanted."""
    scale = max(size[0] / background.shape[0], size[1] / background.shape[1]) * rng.uniform(1.0, 2.5)
    scaled = cv2.resize(background, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    y, x = (int(rng.integers(max(1, s - wanted + 1))) for s, wanted in zip(scaled.shape[:2], size, strict=True))
    return np.array(cv2.resize(scaled[y : y + size[0], x : x + size[1]], size[::-1]), np.uint8)


def _touch(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _seen(image: Image, rng: np.random.Generator) -> Image:
    """As a camera sees it: blur, motion, noise, light, compression."""
    if rng.random() < 0.5:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.6))), np.uint8)
    if rng.random() < 0.2:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0, 1)
        image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    gain, noise = rng.uniform(0.5, 1.25), rng.uniform(0, 7)
    noisy = image * gain + rng.normal(0, noise, image.shape) + rng.uniform(-15, 15)
    image = np.clip(noisy, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        image = np.repeat(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[..., None], 3, 2)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)
