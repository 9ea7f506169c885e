"""Licence plates drawn in code and put onto photographs, with their boxes; signs and labels put there as well, without.

Layouts: one line (European, North American, Asian), two lines (Vietnamese cars and motorcycles, Singapore, scooters),
dark letters on white, yellow, green or blue and light letters on black, red or blue, with and without a country strip.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from veriscope.types import Image

CANVAS = 320  # px, side of a training picture
WIDTHS = (18.0, 240.0)  # px of a plate on it, drawn evenly on a logarithmic scale
_FONTS = (
    "DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "DejaVuSansMono-Bold", "NimbusSansNarrow-Bold", "NimbusSans-Bold",
    "NimbusSans-Regular", "NotoSans-Bold", "NotoSans-CondensedBold", "NotoSansMono-Regular", "LiberationSans-Bold",
)  # fmt: skip
_COLOURS = (  # share, background, letters
    (0.50, (235, 235, 230), (25, 25, 30)),
    (0.13, (240, 195, 40), (20, 20, 20)),
    (0.07, (20, 20, 22), (235, 235, 235)),
    (0.06, (30, 60, 140), (240, 240, 240)),
    (0.05, (160, 25, 30), (240, 240, 240)),
    (0.05, (200, 225, 200), (15, 70, 40)),
    (0.04, (230, 235, 240), (170, 30, 35)),
    (0.10, (225, 230, 240), (25, 45, 110)),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """``image`` CANVAS×CANVAS×3, and x, y, width, height of each plate in pixels."""

    image: Image
    boxes: tuple[tuple[float, float, float, float], ...]


@cache
def fonts() -> tuple[Path, ...]:
    """Files of sans-serif fonts on this machine; may be empty."""
    found = {p.stem: p for p in Path("/usr/share/fonts").rglob("*") if p.suffix in {".ttf", ".otf"}}
    return tuple(found[name] for name in _FONTS if name in found)


def _font(size: int, rng: np.random.Generator) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    files = fonts()
    return ImageFont.truetype(files[int(rng.integers(len(files)))], size) if files else ImageFont.load_default(size)


def _characters(rng: np.random.Generator, pattern: str) -> str:
    """``A`` a letter, ``9`` a digit, anything else itself."""
    letters = {"A": string.ascii_uppercase, "9": string.digits}
    return "".join(letters[c][int(rng.integers(len(letters[c])))] if c in letters else c for c in pattern)


_ONE = ("AA 999 AA", "AA-AA 999", "999 AAA", "AAA 9999", "9AAA999", "AAA-999", "A 999 AA", "99-AA-99", "AA99 AAA",
        "99A-999.99", "SAA 9999 A", "9999 AA", "A99 9AA", "AAA999", "99 A 9999", "AA 9999 AA", "A·AA 999")  # fmt: skip
_TWO = (("99A", "999.99"), ("99-A9", "999.99"), ("99A", "9999"), ("SAA", "9999A"), ("AA 99", "AAA"), ("99 A", "99-99"))


def plate(rng: np.random.Generator) -> Image:
    """One plate seen from the front, about 100 pixels high for each line."""
    shares = np.array([c[0] for c in _COLOURS])
    _, back, ink = _COLOURS[int(rng.choice(len(_COLOURS), p=shares / shares.sum()))]
    two = rng.random() < 0.25
    lines: Sequence[str] = (_characters(rng, str(rng.choice(_ONE))),)
    if two:
        lines = [_characters(rng, part) for part in _TWO[int(rng.integers(len(_TWO)))]]
    aspect = float(rng.uniform(1.2, 1.6)) if two else float(rng.choice([rng.uniform(1.9, 2.2), rng.uniform(4.0, 4.9)]))
    height = 180 if two else 100
    width = round(height * aspect)
    jitter = rng.integers(-18, 19, 3)
    picture = Pillow.new(
        "RGB", (width, height), tuple(int(np.clip(b + j, 0, 255)) for b, j in zip(back, jitter, strict=True))
    )
    draw = ImageDraw.Draw(picture)
    left, top, bottom = 0.05 * width, 0.1 * height, 0.1 * height
    wide = aspect < 2.5 and not two
    if wide:  # North American: a name above, often a slogan below, sometimes a picture behind
        if rng.random() < 0.5:
            centre = rng.uniform(0.2, 0.8) * width, rng.uniform(0.3, 0.8) * height
            radius = rng.uniform(0.2, 0.5) * height
            tint = tuple(int(v) for v in rng.integers(120, 240, 3))
            draw.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=tint)
        if rng.random() < 0.4:
            draw.rectangle([0, 0, width, 0.22 * height], fill=tuple(int(v) for v in rng.integers(0, 200, 3)))
        small = tuple(int(v) for v in rng.integers(0, 180, 3))
        _fit(draw, _word(rng), (0.2 * width, 0.03 * height, 0.8 * width, 0.2 * height), small, rng)
        if rng.random() < 0.6:
            _fit(draw, _word(rng), (0.2 * width, 0.83 * height, 0.8 * width, 0.96 * height), small, rng)
        top = bottom = 0.24 * height
    elif not two and rng.random() < 0.55:  # country strip
        strip = 0.1 * width
        draw.rectangle([0, 0, strip, height], fill=(20, 50, 150))
        _fit(draw, _characters(rng, "A"), (0.2 * strip, 0.6 * height, 0.8 * strip, 0.9 * height), (240, 240, 240), rng)
        if rng.random() < 0.3:
            draw.rectangle([width - strip, 0, width, height], fill=(20, 50, 150))
        left = 1.3 * strip
    each = (height - top - bottom) / len(lines)
    for index, line in enumerate(lines):
        inset = 0.1 * width * (len(lines) > 1) * rng.uniform(0, 1.5)
        box = (left + inset, top + index * each, width - 0.05 * width - inset, top + (index + 0.92) * each)
        _fit(draw, line, box, ink, rng)
    if rng.random() < 0.6:
        draw.rounded_rectangle([1, 1, width - 2, height - 2], radius=8, outline=ink, width=int(rng.integers(2, 6)))
    return np.asarray(picture, np.uint8)


def _word(rng: np.random.Generator) -> str:
    return "".join(str(rng.choice(list(string.ascii_uppercase))) for _ in range(int(rng.integers(4, 12))))


def _fit(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: tuple[float, float, float, float],
    ink: tuple[int, ...],
    rng: np.random.Generator,
) -> None:
    """Text stretched into a box, as plates are set."""
    font = _font(72, rng)
    left, top, right, bottom = font.getbbox(text)
    glyphs = Pillow.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(glyphs).text((-left, -top), text, 255, font)
    size = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    draw.bitmap((round(box[0]), round(box[1])), glyphs.resize(size, Pillow.Resampling.BILINEAR), tuple(ink))


def sign(rng: np.random.Generator) -> Image:
    """What is not a plate: a notice of several lines, a page, a price tag, bars, tiles, a bare board."""
    height = int(rng.integers(60, 200))
    width = round(height * rng.uniform(0.5, 5))
    back = tuple(int(v) for v in rng.integers(0, 256, 3))
    picture = Pillow.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(picture)
    ink = tuple(int(v) for v in rng.integers(0, 256, 3))
    kind = rng.random()
    if kind < 0.45:
        count = int(rng.integers(2, 8)) if width < 3 * height else int(rng.integers(2, 4))
        for index in range(count):
            words = " ".join(_word(rng).capitalize() for _ in range(int(rng.integers(1, 5))))
            row = (
                0.05 * width,
                (index + 0.1) / count * height,
                rng.uniform(0.5, 0.95) * width,
                (index + 0.8) / count * height,
            )
            _fit(draw, words, row, ink, rng)
    elif kind < 0.6:
        _fit(draw, _word(rng).lower(), (0.05 * width, 0.1 * height, 0.95 * width, 0.9 * height), ink, rng)
    elif kind < 0.75:
        x = 0.0
        while x < width:
            step = rng.uniform(2, 16)
            draw.rectangle([x, 0, x + step, height], fill=ink)
            x += step + rng.uniform(2, 16)
    elif kind < 0.88:
        step = int(rng.integers(12, 50))
        for line in range(0, max(width, height), step):
            draw.line([line, 0, line, height], fill=ink, width=3)
            draw.line([0, line, width, line], fill=ink, width=3)
    return np.asarray(picture, np.uint8)


def _paste(
    canvas: Image, patch: Image, width: float, rng: np.random.Generator
) -> tuple[float, float, float, float] | None:
    """Put ``patch`` onto ``canvas`` in perspective; returns its box, or ``None`` where it does not fit."""
    height = width * patch.shape[0] / patch.shape[1]
    turn = np.deg2rad(rng.normal(0, 6))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    corners[:, 0] *= rng.uniform(0.65, 1.0)  # seen from the side
    corners += rng.normal(0, 0.02, (4, 2)) * width
    corners[:, 1] += corners[:, 0] * rng.normal(0, 0.08)
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    low, high = corners.min(0), corners.max(0)
    room = CANVAS - 4 - (high - low)
    if room.min() <= 0:
        return None
    corners += rng.uniform(2, 2 + room) - low
    low, high = corners.min(0), corners.max(0)
    shade = rng.uniform(0.35, 1.1) * np.linspace(rng.uniform(0.75, 1), rng.uniform(0.75, 1), patch.shape[1])
    lit = np.clip(patch * shade[None, :, None] + rng.uniform(-10, 25), 0, 255).astype(np.float32)
    reduce = min(1.0, 2 * width / patch.shape[1])  # before warping, or small plates would alias
    if reduce < 1:
        lit = np.asarray(cv2.resize(lit, None, fx=reduce, fy=reduce, interpolation=cv2.INTER_AREA), np.float32)
    h, w = lit.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    warped = cv2.warpPerspective(lit, matrix, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR)
    alpha = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR)[
        ..., None
    ]
    canvas[:] = (canvas * (1 - alpha) + warped * alpha).astype(np.uint8)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


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
    """A training picture on a part of ``background`` (H×W×3, any size): up to two plates, up to three signs."""
    scale = CANVAS / min(background.shape[:2]) * rng.uniform(1.0, 2.5)
    scaled = cv2.resize(background, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    y, x = (int(rng.integers(s - CANVAS + 1)) for s in scaled.shape[:2])
    canvas = np.ascontiguousarray(scaled[y : y + CANVAS, x : x + CANVAS], np.uint8)
    if rng.random() < 0.6:
        _body(canvas, rng)
    for _ in range(int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))):
        _paste(canvas, sign(rng), float(np.exp(rng.uniform(*np.log(WIDTHS)))), rng)
    boxes: list[tuple[float, float, float, float]] = []
    for _ in range(int(rng.choice(3, p=[0.2, 0.65, 0.15]))):
        before = canvas.copy()
        box = _paste(canvas, plate(rng), float(np.exp(rng.uniform(*np.log(WIDTHS)))), rng)
        if box is None or any(_touch(box, other) for other in boxes):
            canvas = before
            continue
        boxes.append(box)
    return Sample(_seen(canvas, rng), tuple(boxes))


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
