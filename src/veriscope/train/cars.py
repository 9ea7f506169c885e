"""Fronts and backs of cars drawn in code, roughly: what stands around a plate, and what is taken for one.

Lamps, grilles, badges, lettering, stickers, vents, windows and wheels; a photograph is mirrored in paint and glass.
Places are fractions of a car's width, from its upper left corner.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from veriscope.train.plate_fonts import characters, fitted, word
from veriscope.types import Image

HEIGHT = 0.85  # of a car, in widths
_NAMES = (
    "TOYOTA", "HONDA", "FORD", "BMW", "AUDI", "VOLVO", "MAZDA", "NISSAN", "OPEL", "FIAT", "SEAT", "SKODA", "KIA",
    "COROLLA", "CIVIC", "Accord", "Golf", "Passat", "Focus", "Clio", "Octavia", "Camry", "SILVERADO", "RAM", "F-150",
    "QUATTRO", "TURBO", "4x4", "AWD", "HYBRID", "XLT", "TDI", "1.9 TDI", "2.0 i", "320d", "C 200", "A4", "S60", "GLX",
    "V6", "GT", "LX", "Auto", "RS", "LIMITED", "SPORT", "JEEP", "MOTORS", "www.autohaus.com", "Autohaus", "dealer.com",
)  # fmt: skip
Points = NDArray[np.float64]
Paint = Callable[[int, int], NDArray[np.float32]]  # height and width in pixels → H×W×3


class Sheet:
    """A car's picture: ``image`` H×W×3 uint8 and ``alpha`` H×W uint8, both empty at first; places in widths."""

    def __init__(self, width: int, ratio: float = HEIGHT) -> None:
        self.width = width
        self.image = np.zeros((max(2, round(width * ratio)), width, 3), np.uint8)
        self.alpha = np.zeros(self.image.shape[:2], np.uint8)

    def fill(self, points: Points, paint: Paint, opacity: float = 1.0) -> None:
        """Paint a polygon (N×2), whose edge is smooth."""
        pixels = points * self.width
        height, width = self.alpha.shape
        x0, y0 = np.clip(np.floor(pixels.min(0)), 0, (width - 1, height - 1)).astype(int)
        x1, y1 = np.clip(np.ceil(pixels.max(0)) + 1, (x0 + 1, y0 + 1), (width, height)).astype(int)
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        shifted = np.round((pixels - (x0, y0)) * 16).astype(np.int32)
        cv2.fillPoly(mask, [shifted], 255, cv2.LINE_AA, shift=4)
        part = np.s_[y0:y1, x0:x1]
        weight = mask[..., None] * np.float32(opacity / 255)
        painted = np.clip(paint(y1 - y0, x1 - x0), 0, 255)
        self.image[part] = (self.image[part] * (1 - weight) + painted * weight).astype(np.uint8)
        self.alpha[part] = np.maximum(self.alpha[part], (mask * opacity).astype(np.uint8))

    def write(
        self, text: str, box: tuple[float, float, float, float], ink: tuple[int, ...], rng: np.random.Generator
    ) -> None:
        """Text stretched into x, y, width, height."""
        height, width = self.alpha.shape
        x, y, w, h = (v * self.width for v in box)
        left, top = (int(np.clip(v, 0, most - 1)) for v, most in ((x, width), (y, height)))
        part = np.s_[top : int(y + h) + 2, left : int(x + w) + 2]
        picture = Pillow.fromarray(self.image[part])
        fitted(ImageDraw.Draw(picture), text, (x - left, y - top, x + w - left, y + h - top), ink, rng)
        self.image[part] = np.asarray(picture)


def rounded(x: float, y: float, w: float, h: float, power: float = 4.0, taper: float = 0.0) -> Points:
    """A rounded box from an ellipse (2) to nearly a rectangle (10), narrower above (taper > 0) or below (< 0)."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    u, v = np.sign(c) * np.abs(c) ** (2 / power), np.sign(s) * np.abs(s) ** (2 / power)
    u = u * (1 + taper * v)
    return np.stack([x + w / 2 + u * w / 2, y + h / 2 + v * h / 2], 1)


def flat(colour: NDArray[np.float64] | tuple[float, ...]) -> Paint:
    """One colour, 0-255."""
    return lambda h, w: np.broadcast_to(np.asarray(colour, np.float32), (h, w, 3))


def shaded(colour: NDArray[np.float64], rng: np.random.Generator, strength: float = 0.35) -> Paint:
    """A curved surface: lighter and darker from above to below, with a soft band of light."""
    knots = 1 + rng.normal(0, strength, int(rng.integers(2, 6)))
    band, wide, bright = rng.uniform(0, 1), rng.uniform(0.03, 0.2), rng.uniform(0, 90)
    lean = rng.normal(0, 0.15)

    def paint(h: int, w: int) -> NDArray[np.float32]:
        y = np.linspace(0, 1, h)
        light = np.interp(y, np.linspace(0, 1, len(knots)), knots)[:, None] + lean * np.linspace(-1, 1, w)
        gleam = bright * np.exp(-(((y - band) / wide) ** 2))[:, None, None]
        return light[..., None].astype(np.float32) * colour.astype(np.float32) + gleam.astype(np.float32)

    return paint


def chrome(rng: np.random.Generator) -> Paint:
    """Bright metal, in which sky and ground are seen."""
    return shaded(np.full(3, rng.uniform(110, 190)) + rng.normal(0, 6, 3), rng, 0.5)


def mirrored(photo: Image, tone: NDArray[np.float64], share: float, rng: np.random.Generator) -> Paint:
    """``share`` of a part of a photograph over a tone."""
    side = int(rng.integers(8, max(9, min(photo.shape[:2]) // 2)))
    y, x = (int(rng.integers(s - side + 1)) for s in photo.shape[:2])
    piece = photo[y : y + side, x : x + side]
    under = ((1 - share) * tone).astype(np.float32)
    return lambda h, w: np.float32(share) * cv2.resize(piece, (w, h)).astype(np.float32) + under


def grille(sheet: Sheet, shape: Points, rng: np.random.Generator) -> None:
    """An opening with bars, slats or a mesh, often in a frame of chrome and with a badge."""
    dark = np.full(3, rng.uniform(5, 60))
    frame = rng.random() < 0.6
    bars = chrome(rng) if rng.random() < 0.5 else shaded(np.full(3, rng.uniform(15, 110)), rng)
    sheet.fill(shape, chrome(rng) if frame else flat(dark))
    low, high = shape.min(0), shape.max(0)
    centre, size = (low + high) / 2, high - low
    inner = centre + (shape - centre) * (rng.uniform(0.85, 0.96) if frame else 0.97)
    sheet.fill(inner, shaded(dark, rng))
    low, high = inner.min(0) + 0.02 * size, inner.max(0) - 0.02 * size
    kind, step = rng.random(), rng.uniform(0.12, 0.4) * size[1]
    thick = step * rng.uniform(0.15, 0.6)
    if kind < 0.5:  # slats
        for y in np.arange(low[1] + step / 2, high[1], step):
            sheet.fill(rounded(low[0], y, high[0] - low[0], thick, 8), bars)
    elif kind < 0.75:  # bars
        for x in np.arange(low[0], high[0], step):
            sheet.fill(rounded(x, low[1], thick, high[1] - low[1], 8), bars)
    else:  # a mesh
        step, thick = step * 0.6, step * 0.2
        for y in np.arange(low[1], high[1], step):
            sheet.fill(rounded(low[0], y, high[0] - low[0], thick, 8), bars)
        for x in np.arange(low[0], high[0], step * rng.uniform(0.8, 2)):
            sheet.fill(rounded(x, low[1], thick, high[1] - low[1], 8), bars)
    if rng.random() < 0.6:
        badge(sheet, centre[0], centre[1], rng.uniform(0.3, 0.9) * size[1], rng)


def badge(sheet: Sheet, x: float, y: float, size: float, rng: np.random.Generator) -> None:
    """A maker's sign: a ring, disc or shield, with something in it."""
    wide = size * rng.uniform(0.9, 1.8)
    power, taper = rng.choice([2.0, 2.0, 3.0, 6.0]), rng.choice([0.0, 0.0, -0.3])
    sheet.fill(rounded(x - wide / 2, y - size / 2, wide, size, power, taper), chrome(rng))
    tone = rng.integers(0, 256, 3).astype(np.float64)
    sheet.fill(rounded(x - 0.4 * wide, y - 0.4 * size, 0.8 * wide, 0.8 * size, power, taper), shaded(tone, rng))
    if rng.random() < 0.5:
        sheet.fill(rounded(x - 0.4 * wide, y - 0.08 * size, 0.8 * wide, 0.16 * size, 4), chrome(rng))
        sheet.fill(rounded(x - 0.08 * wide, y - 0.4 * size, 0.16 * wide, 0.8 * size, 4), chrome(rng))
    elif rng.random() < 0.7:
        ink = tuple(int(v) for v in rng.integers(150, 256, 3))
        sheet.write(
            characters(rng, "AAA")[: int(rng.integers(1, 4))],
            (x - 0.28 * wide, y - 0.2 * size, 0.56 * wide, 0.4 * size),
            ink,
            rng,
        )


def lamp(sheet: Sheet, shape: Points, photo: Image, rng: np.random.Generator, front: bool) -> None:
    """A head or tail lamp: glass over reflectors and bulbs, with sparks of light."""
    tone = np.array([rng.uniform(140, 235)] * 3) if front else np.array([rng.uniform(90, 220), *rng.uniform(0, 60, 2)])
    sheet.fill(shape, flat(tone * rng.uniform(0.2, 0.6)))
    low, high = shape.min(0), shape.max(0)
    centre, size = (low + high) / 2, high - low
    sheet.fill(centre + (shape - centre) * 0.94, shaded(tone, rng, 0.5))
    if not front:
        for _ in range(int(rng.integers(0, 4))):  # white and amber fields
            field = np.array([[240, 240, 240], [240, 150, 30], [120, 0, 10]][int(rng.integers(3))], np.float64)
            y, h = low[1] + rng.uniform(0, 0.7) * size[1], rng.uniform(0.12, 0.4) * size[1]
            sheet.fill(rounded(low[0] + 0.05 * size[0], y, 0.9 * size[0], min(h, high[1] - y), 8), shaded(field, rng))
    for _ in range(int(rng.integers(1, 4)) if front else int(rng.integers(0, 3))):
        d = rng.uniform(0.4, 0.9) * size[1]
        x, y = low[0] + rng.uniform(0, 1) * max(0.0, size[0] - d), low[1] + rng.uniform(0, 1) * max(0.0, size[1] - d)
        sheet.fill(rounded(x, y, d, d, 2), chrome(rng))
        sheet.fill(
            rounded(x + 0.15 * d, y + 0.15 * d, 0.7 * d, 0.7 * d, 2),
            mirrored(photo, tone * rng.uniform(0.2, 1), 0.4, rng),
        )
        sheet.fill(
            rounded(x + 0.35 * d, y + 0.3 * d, 0.25 * d, 0.25 * d, 2), flat((255, 255, 250)), rng.uniform(0.3, 1)
        )
    if rng.random() < 0.5:
        sheet.fill(centre + (shape - centre) * 0.94, mirrored(photo, tone, 0.6, rng), rng.uniform(0.1, 0.35))


def sticker(sheet: Sheet, box: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    """A bumper sticker, a dealer's name or an empty board."""
    x, y, w, h = box
    back = rng.integers(0, 256, 3).astype(np.float64)
    sheet.fill(rounded(x, y, w, h, rng.choice([2.0, 8.0, 10.0])), flat(back))
    ink = tuple(int(v) for v in (back + rng.integers(90, 166, 3)) % 256)
    lines = int(rng.integers(0, 4))
    for line in range(lines):
        text = (
            name(rng)
            if rng.random() < 0.5
            else " ".join(word(rng).capitalize() for _ in range(int(rng.integers(1, 4))))
        )
        sheet.write(text, (x + 0.08 * w, y + h * (0.1 + 0.8 * line / lines), 0.84 * w, 0.64 * h / lines), ink, rng)


def name(rng: np.random.Generator) -> str:
    """What is written on cars: makers, models, engines, dealers; one in five means nothing."""
    return str(rng.choice(_NAMES)) if rng.random() < 0.8 else word(rng)


def part(rng: np.random.Generator, photo: Image) -> Image:
    """One part of a car by itself on paint, about 200 pixels wide."""
    ratio = rng.uniform(0.2, 0.8)
    sheet = Sheet(int(rng.integers(120, 260)), ratio)
    tone = paint_of(rng)
    sheet.fill(np.array([[0, 0], [1, 0], [1, ratio], [0, ratio]]), shaded(tone, rng))
    shape = rounded(0.04, 0.06 * ratio, 0.92, 0.88 * ratio, rng.choice([2.0, 3.0, 5.0, 10.0]), rng.normal(0, 0.08))
    kind = rng.random()
    if kind < 0.3:
        grille(sheet, shape, rng)
    elif kind < 0.55:
        lamp(sheet, shape, photo, rng, rng.random() < 0.6)
    elif kind < 0.65:
        badge(sheet, 0.5, ratio / 2, 0.6 * ratio, rng)
    elif kind < 0.8:
        _lettering(sheet, (0.08, 0.2 * ratio, 0.84, 0.6 * ratio), rng)
    elif kind < 0.92:
        sticker(sheet, (0.04, 0.06 * ratio, 0.92, 0.88 * ratio), rng)
    else:
        sheet.fill(shape, mirrored(photo, np.full(3, rng.uniform(10, 80)), rng.uniform(0.2, 0.7), rng))
    return sheet.image


def _lettering(sheet: Sheet, box: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    tone = int(rng.integers(170, 256)) if rng.random() < 0.7 else int(rng.integers(0, 80))
    text, (x, y, w, h) = name(rng), box
    if rng.random() < 0.6:  # raised letters have a shadow
        off = 0.06 * h
        sheet.write(text, (x + off, y + off, w, h), (15, 15, 15), rng)
    sheet.write(text, box, (tone, tone, tone), rng)


def paint_of(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour of cars, 0-255; most are black, grey or white."""
    grey = rng.random() < 0.6
    return np.full(3, rng.uniform(10, 235)) + rng.normal(0, 5, 3) if grey else rng.uniform(5, 220, 3)


def car(rng: np.random.Generator, width: int, photo: Image) -> tuple[Sheet, tuple[float, float, float]]:
    """A front or a back, and its plate's place: centre's column and row, and the width of a European plate."""
    sheet, tone, front = Sheet(width), paint_of(rng), rng.random() < 0.55
    glass = np.full(3, rng.uniform(10, 90))
    hood, belt = rng.uniform(0.36, 0.46), rng.uniform(0.28, 0.36)
    for x in (0.06, 0.76):  # wheels, and the shadow between them
        sheet.fill(rounded(x, 0.5, 0.18, 0.33, 3), shaded(np.full(3, rng.uniform(10, 50)), rng))
    sheet.fill(rounded(0.08, 0.68, 0.84, 0.13, 6), flat((10, 10, 12)))
    sheet.fill(rounded(rng.uniform(0.12, 0.18), 0.02, 0.68, 0.5, 3, 0.12), shaded(tone, rng))
    sheet.fill(rounded(0.19, 0.06, 0.62, belt - 0.05, 5, 0.12), mirrored(photo, glass, rng.uniform(0.1, 0.6), rng))
    sheet.fill(rounded(0.03, belt, 0.94, 0.8 - belt - rng.uniform(0.02, 0.08), 5), shaded(tone, rng))
    sheet.fill(rounded(0.03, belt, 0.94, 0.4, 5), mirrored(photo, tone, 0.5, rng), rng.uniform(0, 0.35))
    bumper = rng.uniform(0.55, 0.6)
    tone = tone if rng.random() < 0.7 else np.full(3, rng.uniform(20, 90))
    sheet.fill(rounded(0.02, bumper, 0.96, 0.76 - bumper, 6), shaded(tone, rng))
    for y in (hood, bumper):  # seams
        sheet.fill(rounded(0.06, y, 0.88, 0.006, 8), flat((15, 15, 15)), rng.uniform(0.3, 1))
    wide, high = rng.uniform(0.14, 0.27), rng.uniform(0.07, 0.14) if front else rng.uniform(0.08, 0.2)
    power, taper = rng.choice([2.0, 2.5, 4.0, 8.0]), rng.normal(0, 0.1)
    at = hood + rng.uniform(-0.01, 0.03)
    lamps = rng.integers(1 << 30)
    for x in (0.05, 0.95 - wide):
        lamp(sheet, rounded(x, at, wide, high, power, taper), photo, np.random.default_rng(lamps), front)
    if front:
        x = 0.05 + wide + 0.02
        shape = rounded(
            x,
            at + rng.uniform(0, 0.03),
            1 - 2 * x,
            rng.uniform(0.06, 0.14),
            rng.choice([3.0, 5.0, 8.0]),
            rng.normal(0, 0.08),
        )
        grille(sheet, shape, rng)
        if rng.random() < 0.8:
            low = rng.uniform(0.2, 0.35)
            grille(sheet, rounded(low, rng.uniform(0.64, 0.68), 1 - 2 * low, rng.uniform(0.03, 0.07), 6), rng)
        row = rng.uniform(0.58, 0.66)
    else:
        if rng.random() < 0.7:
            badge(sheet, 0.5, hood + rng.uniform(0.01, 0.04), rng.uniform(0.03, 0.06), rng)
        for x in (0.09, 0.68):
            if rng.random() < 0.7:
                w, h = rng.uniform(0.08, 0.22), rng.uniform(0.02, 0.045)
                _lettering(sheet, (x, rng.uniform(hood, bumper - h), w, h), rng)
        row = rng.uniform(hood + 0.06, 0.56) if rng.random() < 0.6 else rng.uniform(0.63, 0.69)
    for _ in range(int(rng.integers(0, 3))):
        if rng.random() < 0.5:
            sticker(
                sheet,
                (rng.uniform(0.08, 0.75), rng.uniform(0.3, 0.72), rng.uniform(0.05, 0.2), rng.uniform(0.02, 0.06)),
                rng,
            )
    for x in (0.1, 0.78):  # fog lamps or reflectors
        if rng.random() < 0.6:
            lamp(
                sheet,
                rounded(x, rng.uniform(0.63, 0.68), rng.uniform(0.05, 0.12), rng.uniform(0.03, 0.06), power),
                photo,
                rng,
                front,
            )
    plate = rng.uniform(0.24, 0.34)
    if rng.random() < 0.5:  # the place for the plate, lit or in the shade
        w, h = plate * rng.uniform(1.05, 1.5), plate * rng.uniform(0.26, 0.6)
        sheet.fill(
            rounded(0.5 - w / 2, row - h / 2, w, h, rng.choice([6.0, 10.0]), rng.normal(0, 0.06)),
            shaded(tone * rng.uniform(0.1, 0.9), rng),
        )
    return sheet, (0.5 + rng.normal(0, 0.02), row, plate)
