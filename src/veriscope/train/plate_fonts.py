"""Letters as plates and cars bear them, from the sans-serif fonts of this machine."""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

_FONTS = (
    "DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "DejaVuSansMono-Bold", "NimbusSansNarrow-Bold", "NimbusSans-Bold",
    "NimbusSans-Regular", "NotoSans-Bold", "NotoSans-CondensedBold", "NotoSansMono-Regular", "LiberationSans-Bold",
    "LiberationSansNarrow-Bold", "RobotoCondensed-Bold", "OSP-DIN", "RG2014B", "RG2014C", "RG2014D", "RG2014E",
)  # fmt: skip


@cache
def fonts() -> tuple[Path, ...]:
    """Files of sans-serif fonts on this machine; may be empty."""
    found = {p.stem: p for p in Path("/usr/share/fonts").rglob("*") if p.suffix in {".ttf", ".otf"}}
    return tuple(found[name] for name in _FONTS if name in found)


@cache
def _loaded(path: Path | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def characters(rng: np.random.Generator, pattern: str) -> str:
    """``A`` a letter, ``9`` a digit, anything else itself."""
    letters = {"A": string.ascii_uppercase, "9": string.digits}
    return "".join(letters[c][int(rng.integers(len(letters[c])))] if c in letters else c for c in pattern)


def word(rng: np.random.Generator) -> str:
    """Four to eleven capitals."""
    return "".join(str(rng.choice(list(string.ascii_uppercase))) for _ in range(int(rng.integers(4, 12))))


def fitted(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: tuple[float, float, float, float],
    ink: tuple[int, ...],
    rng: np.random.Generator,
) -> None:
    """Text in a random font stretched into a box (left, top, right, bottom in pixels), as plates are set."""
    files = fonts()
    font = _loaded(files[int(rng.integers(len(files)))] if files else None, 72)
    left, top, right, bottom = font.getbbox(text)
    glyphs = Pillow.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(glyphs).text((-left, -top), text, 255, font)
    size = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    draw.bitmap((round(box[0]), round(box[1])), glyphs.resize(size, Pillow.Resampling.BILINEAR), tuple(ink))
