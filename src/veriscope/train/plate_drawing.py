"""Licence plates drawn in code, seen from the front, and signs that are none.

Layouts: one line (European, North American, Asian), two lines (Vietnamese cars and motorcycles, Singapore, scooters),
dark letters on white, yellow, green or blue and light letters on black, red or blue, with and without a country strip.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from veriscope.train.plate_fonts import characters, fitted, word
from veriscope.types import Image

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


_ONE = ("AA 999 AA", "AA-AA 999", "999 AAA", "AAA 9999", "9AAA999", "AAA-999", "A 999 AA", "99-AA-99", "AA99 AAA",
        "99A-999.99", "SAA 9999 A", "9999 AA", "A99 9AA", "AAA999", "99 A 9999", "AA 9999 AA", "A-AA 999")  # fmt: skip
_TWO = (("99A", "999.99"), ("99-A9", "999.99"), ("99A", "9999"), ("SAA", "9999A"), ("AA 99", "AAA"), ("99 A", "99-99"))


def plate(rng: np.random.Generator) -> Image:
    """One plate seen from the front, about 100 pixels high for each line."""
    shares = np.array([c[0] for c in _COLOURS])
    _, back, ink = _COLOURS[int(rng.choice(len(_COLOURS), p=shares / shares.sum()))]
    two = rng.random() < 0.25
    lines: Sequence[str] = (characters(rng, str(rng.choice(_ONE))),)
    if two:
        lines = [characters(rng, part) for part in _TWO[int(rng.integers(len(_TWO)))]]
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
        fitted(draw, word(rng), (0.2 * width, 0.03 * height, 0.8 * width, 0.2 * height), small, rng)
        if rng.random() < 0.6:
            fitted(draw, word(rng), (0.2 * width, 0.83 * height, 0.8 * width, 0.96 * height), small, rng)
        top = bottom = 0.24 * height
    elif not two and rng.random() < 0.55:  # country strip
        strip = 0.1 * width
        draw.rectangle([0, 0, strip, height], fill=(20, 50, 150))
        fitted(draw, characters(rng, "A"), (0.2 * strip, 0.6 * height, 0.8 * strip, 0.9 * height), (240, 240, 240), rng)
        if rng.random() < 0.3:
            draw.rectangle([width - strip, 0, width, height], fill=(20, 50, 150))
        left = 1.3 * strip
    each = (height - top - bottom) / len(lines)
    for index, line in enumerate(lines):
        inset = 0.1 * width * (len(lines) > 1) * rng.uniform(0, 1.5)
        box = (left + inset, top + index * each, width - 0.05 * width - inset, top + (index + 0.92) * each)
        fitted(draw, line, box, ink, rng)
    if rng.random() < 0.6:
        draw.rounded_rectangle([1, 1, width - 2, height - 2], radius=8, outline=ink, width=int(rng.integers(2, 6)))
    return _worn(np.array(picture, np.uint8), rng)


def _worn(plain: Image, rng: np.random.Generator) -> Image:
    """Pressed letters, screws, stickers, dirt, a shadow from above, a dealer's frame: each on some plates."""
    out = plain.astype(np.float32)
    height, width = plain.shape[:2]
    if rng.random() < 0.35:  # edges of pressed letters catch the light
        grey = out.mean(2)
        out += (rng.uniform(0.1, 0.4) * (grey - np.roll(grey, (2, 2), (0, 1))))[..., None]
    if rng.random() < 0.35:  # a gradient or a landscape behind the letters
        low = cv2.resize(
            (rng.uniform(0.75, 1.05, (3, 4, 1)) * rng.uniform(0.9, 1.05, (3, 4, 3))).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        out *= low
    for x in (0.15, 0.85) if rng.random() < 0.5 else ():
        for y in (0.1, 0.9) if rng.random() < 0.5 else (0.1,):
            tone = float(rng.uniform(20, 230))
            cv2.circle(
                out, (int(x * width), int(y * height)), int(rng.integers(3, 7)), (tone, tone, tone), -1, cv2.LINE_AA
            )
    for x in (0.08, 0.92, 0.28):
        if rng.random() < 0.15:  # stickers of registration and tests
            centre = int(x * width), int(rng.uniform(0.15, 0.85) * height)
            half = int(rng.integers(6, 14))
            tint = tuple(float(v) for v in rng.integers(0, 256, 3))
            if rng.random() < 0.5:
                cv2.circle(out, centre, half, tint, -1, cv2.LINE_AA)
            else:
                corners = (centre[0] - half, centre[1] - half), (centre[0] + half, centre[1] + half)
                cv2.rectangle(out, *corners, tint, -1)
    if rng.random() < 0.35:
        dirt = cv2.resize(rng.random((6, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        share = (rng.uniform(0, 0.7) * np.clip(dirt, 0, 1))[..., None]
        out = out * (1 - share) + rng.uniform(30, 150) * share
    if rng.random() < 0.3:
        out[: int(rng.uniform(0.1, 0.9) * height)] *= rng.uniform(0.35, 0.9)
    worn = np.asarray(np.clip(out, 0, 255), np.uint8)
    return _framed(worn, rng) if rng.random() < 0.25 else worn


def _framed(inner: Image, rng: np.random.Generator) -> Image:
    """In a holder, with or without the dealer's name."""
    height, width = inner.shape[:2]
    side, top, bottom = (int(rng.uniform(0.03, f) * height) for f in (0.08, 0.14, 0.24))
    tone = tuple(float(v) for v in (rng.integers(0, 60) if rng.random() < 0.6 else rng.integers(140, 230)) * np.ones(3))
    out = np.asarray(cv2.copyMakeBorder(inner, top, bottom, side, side, cv2.BORDER_CONSTANT, value=tone), np.uint8)
    if rng.random() < 0.6:
        picture = Pillow.fromarray(out)
        ink = (235, 235, 235) if tone[0] < 100 else (20, 20, 20)
        box = (0.2 * width, height + top + 0.15 * bottom, 0.85 * width, height + top + 0.85 * bottom)
        fitted(ImageDraw.Draw(picture), word(rng), box, ink, rng)
        out = np.array(picture, np.uint8)
    return out


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
            words = " ".join(word(rng).capitalize() for _ in range(int(rng.integers(1, 5))))
            row = (
                0.05 * width,
                (index + 0.1) / count * height,
                rng.uniform(0.5, 0.95) * width,
                (index + 0.8) / count * height,
            )
            fitted(draw, words, row, ink, rng)
    elif kind < 0.6:
        fitted(draw, word(rng).lower(), (0.05 * width, 0.1 * height, 0.95 * width, 0.9 * height), ink, rng)
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
