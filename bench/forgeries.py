"""Local forgeries made from pristine photographs, for the benches and for calibration.

Every forgery is a patch pasted into a host, then saved once more as a JPEG. The kinds differ in what gives the patch
away. All of it follows from the host, the donor and the random generator: the same seed makes the same bytes.

    from forgeries import KINDS, forge, encode
    forgery = forge("shifted", host, donor, np.random.default_rng(7))
    data = encode(forgery.image, quality=95)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Pixels = NDArray[np.uint8]  # H×W×3 RGB
Mask = NDArray[np.bool_]  # H×W, True where forged

SHARES = (0.04, 0.2)  # of the host's area that the patch covers
RESAVE = (90, 98)  # JPEG quality, both ends included, of the forger's last save


@dataclass(frozen=True, slots=True)
class Forgery:
    image: Pixels
    mask: Mask
    kind: str
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)


def encode(image: Pixels, quality: int, subsampling: int = 2) -> bytes:
    """JPEG bytes with the standard tables; ``subsampling`` 0 is 4:4:4, 2 is 4:2:0."""
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=int(quality), subsampling=subsampling)
    return buffer.getvalue()


def decode(data: bytes) -> Pixels:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))


def resave_quality(rng: np.random.Generator) -> int:
    return int(rng.integers(RESAVE[0], RESAVE[1] + 1))


def blob(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A smooth closed outline that fills most of a height×width box."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = 1 + sum(
        rng.uniform(0, 0.25 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi)) for order in (2, 3, 4, 5)
    )
    radius = radius / radius.max()
    outline = np.stack([(radius * np.cos(angle) + 1) * width / 2, (radius * np.sin(angle) + 1) * height / 2], axis=1)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask > 0


def _box(host: Pixels, donor: Pixels, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a patch that fits into both pictures."""
    share = rng.uniform(*SHARES) / 0.7  # the outline leaves about 30 % of its box empty
    aspect = np.exp(rng.uniform(-0.4, 0.4))
    side = np.sqrt(share * host.shape[0] * host.shape[1])
    room_y, room_x = (min(host.shape[axis], donor.shape[axis]) - 16 for axis in (0, 1))
    return int(np.clip(side * aspect, 48, room_y)), int(np.clip(side / aspect, 48, room_x))


def _place(room: int, rng: np.random.Generator) -> int:
    return int(rng.integers(0, max(room, 0) + 1))


def _paste(host: Pixels, patch: Pixels, outline: Mask, y: int, x: int, soft: bool) -> tuple[Pixels, Mask]:
    height, width = outline.shape
    mask = np.zeros(host.shape[:2], np.bool_)
    mask[y : y + height, x : x + width] = outline
    alpha = outline.astype(np.float32)
    if soft:
        alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0) * outline
    image = host.copy()
    under = image[y : y + height, x : x + width].astype(np.float32)
    mixed = under + alpha[..., None] * (patch.astype(np.float32) - under)
    image[y : y + height, x : x + width] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return image, mask


def _cut(host: Pixels, donor: Pixels, rng: np.random.Generator, aligned: bool | None) -> tuple[Pixels, Mask, int, int]:
    """A patch of the donor and where it goes; ``aligned`` says whether its 8×8 grid meets the host's."""
    height, width = _box(host, donor, rng)
    outline = blob(height, width, rng)
    y, x = _place(host.shape[0] - height, rng), _place(host.shape[1] - width, rng)
    sy, sx = _place(donor.shape[0] - height - 8, rng), _place(donor.shape[1] - width - 8, rng)
    if aligned is not None:
        shift = (0, 0) if aligned else divmod(int(rng.integers(1, 64)), 8)
        sy += (y - sy + shift[0]) % 8
        sx += (x - sx + shift[1]) % 8
    return donor[sy : sy + height, sx : sx + width], outline, y, x


def _low_quality(host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """The patch was once saved at a lower quality, on the host's own grid: a JPEG ghost."""
    quality = int(rng.integers(40, 66))
    patch, outline, y, x = _cut(host, decode(encode(donor, quality)), rng, aligned=True)
    image, mask = _paste(host, patch, outline, y, x, bool(rng.integers(2)))
    return Forgery(image, mask, "low_quality", {"patchQuality": quality})


def _shifted(host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """The patch comes from another JPEG, off the host's grid."""
    quality = int(rng.integers(60, 91))
    patch, outline, y, x = _cut(host, decode(encode(donor, quality)), rng, aligned=False)
    image, mask = _paste(host, patch, outline, y, x, bool(rng.integers(2)))
    return Forgery(image, mask, "shifted", {"patchQuality": quality})


def _fresh(host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """The patch was scaled down, so it carries no JPEG history at all."""
    scale = float(rng.uniform(0.6, 0.85))
    small = cv2.resize(donor, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    patch, outline, y, x = _cut(host, small, rng, aligned=None)
    image, mask = _paste(host, patch, outline, y, x, bool(rng.integers(2)))
    return Forgery(image, mask, "fresh", {"scale": scale})


def _noisy(host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """The patch has sensor-like noise, growing with luminance, that the host has not."""
    sigma = float(rng.uniform(2.0, 6.0))
    patch, outline, y, x = _cut(host, donor, rng, aligned=None)
    strength = sigma * np.sqrt(0.3 + 0.7 * patch.astype(np.float32) / 128)
    noisy = patch + rng.normal(0, 1, patch.shape) * strength
    image, mask = _paste(host, np.clip(np.rint(noisy), 0, 255).astype(np.uint8), outline, y, x, bool(rng.integers(2)))
    return Forgery(image, mask, "noisy", {"sigma": sigma})


def _resampled(host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """The patch was enlarged, and half the time also turned, before it was pasted."""
    scale = float(rng.uniform(1.1, 1.8))
    degrees = float(rng.uniform(-15, 15)) if rng.integers(2) else 0.0
    method = [cv2.INTER_LINEAR, cv2.INTER_CUBIC][int(rng.integers(2))]
    height, width = donor.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    large = cv2.warpAffine(donor, turn, (width, height), flags=method, borderMode=cv2.BORDER_REFLECT)
    patch, outline, y, x = _cut(host, large, rng, aligned=None)
    image, mask = _paste(host, patch, outline, y, x, bool(rng.integers(2)))
    return Forgery(image, mask, "resampled", {"scale": scale, "degrees": degrees})


def _copy_move(host: Pixels, _donor: Pixels, rng: np.random.Generator) -> Forgery:
    """A part of the host itself, moved; half the time slightly scaled and turned. The donor is not used.

    The mask holds the copy and its source, because a detector cannot tell which is which.
    """
    height, width = _box(host, host, rng)
    height, width = min(height, host.shape[0] // 2 - 8), min(width, host.shape[1] // 2 - 8)
    outline = blob(height, width, rng)
    places = [(_place(host.shape[0] - height, rng), _place(host.shape[1] - width, rng)) for _ in range(24)]
    (sy, sx), (y, x) = (
        places[0],
        max(
            places[1:], key=lambda p: min(1.0, max(abs(p[0] - places[0][0]) / height, abs(p[1] - places[0][1]) / width))
        ),
    )
    degrees, scale = (float(rng.uniform(-20, 20)), float(rng.uniform(0.85, 1.2))) if rng.integers(2) else (0.0, 1.0)
    turn = cv2.getRotationMatrix2D((sx + width / 2, sy + height / 2), degrees, scale)
    whole = cv2.warpAffine(host, turn, host.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    image, mask = _paste(host, whole[sy : sy + height, sx : sx + width], outline, y, x, bool(rng.integers(2)))
    source = np.zeros_like(mask)
    source[sy : sy + height, sx : sx + width] = outline
    back = cv2.warpAffine(
        source.astype(np.uint8), turn, host.shape[1::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return Forgery(image, mask | (back > 0), "copy_move", {"scale": scale, "degrees": degrees})


_MAKERS: Mapping[str, Callable[[Pixels, Pixels, np.random.Generator], Forgery]] = {
    "low_quality": _low_quality,
    "shifted": _shifted,
    "fresh": _fresh,
    "noisy": _noisy,
    "resampled": _resampled,
    "copy_move": _copy_move,
}
KINDS = tuple(_MAKERS)


def forge(kind: str, host: Pixels, donor: Pixels, rng: np.random.Generator) -> Forgery:
    """Paste one patch of ``donor`` into ``host``. Both at least 128 pixels on each side."""
    return _MAKERS[kind](host, donor, rng)
