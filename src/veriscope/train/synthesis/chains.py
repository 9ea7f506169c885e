"""What happens to a picture on its way through the web: saved, sent, scaled, shown on a screen and captured.

``resave`` takes the pixels of any picture, forged or not, through one to three such stations. Training pictures of both
classes must go through it alike, or a network learns the history of the files instead of the forgery.

W. Wu et al., "Robust image forgery detection over online social network shared images", CVPR 2022, measured what the
networks do: they reduce to a longest side, some sharpen, and all save as JPEG at qualities between about 70 and 95.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from veriscope.types import Image

QUALITIES = (50, 95)  # of JPEG and WebP stations, both ends included
SMALLEST = 64  # px, shorter side: no station reduces a picture below this
_SUBSAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
)
_REDUCERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
_LUMA = np.array(  # ITU-T T.81, table K.1
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float64,
)


def jpeg(image: Image, quality: int, subsampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420) -> bytes:
    """JPEG bytes with the standard tables; ``subsampling`` is one of OpenCV's ``IMWRITE_JPEG_SAMPLING_FACTOR_*``."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, subsampling]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1].tobytes()


def decoded(data: bytes) -> Image:
    """RGB pixels of an encoded picture."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("these bytes are no picture")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def luma_table(data: bytes) -> NDArray[np.uint16]:
    """The luma table of a JPEG, natural order."""
    with Pillow.open(io.BytesIO(data)) as picture:
        tables: Mapping[int, list[int]] = picture.quantization  # type: ignore[attr-defined]
        return np.array(tables[0], np.uint16).reshape(8, 8)


def camera_bytes(image: Image, rng: np.random.Generator) -> bytes:
    """JPEG bytes with tables of a maker's own, as cameras and editors have: the standard one tilted over frequency."""
    strength, tilt = rng.uniform(0.05, 0.9), rng.uniform(-0.6, 0.6)
    frequency = np.add.outer(np.arange(8), np.arange(8)) / 14.0
    tables = []
    for channel in range(2):
        base = _LUMA * (1.0 + 0.4 * channel)
        table = np.clip(np.rint(base * strength * np.exp(tilt * (frequency - 0.3))), 1, 255)
        tables.append([int(v) for v in table.ravel()])
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", qtables=tables, subsampling=int(rng.choice([0, 1, 2, 2])))
    return buffer.getvalue()


def camera_jpeg(image: Image, rng: np.random.Generator) -> Image:
    """Saved once with such tables."""
    return decoded(camera_bytes(image, rng))


def saved(image: Image, rng: np.random.Generator, lowest: int = QUALITIES[0], highest: int = QUALITIES[1]) -> Image:
    """One JPEG save, standard tables, at a quality drawn between the two."""
    return decoded(jpeg(image, int(rng.integers(lowest, highest + 1)), int(rng.choice(_SUBSAMPLINGS))))


def webp(image: Image, rng: np.random.Generator) -> Image:
    """One lossy WebP save."""
    settings = [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))]
    return decoded(cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)[1].tobytes())


def scaled(image: Image, factor: float, rng: np.random.Generator) -> Image:
    """Resampled by ``factor`` with one of the usual filters, never below ``SMALLEST``."""
    factor = max(factor, SMALLEST / min(image.shape[:2])) if factor < 1 else factor
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    if size == (image.shape[1], image.shape[0]):
        return image
    method = int(rng.choice(_REDUCERS)) if factor < 1 else int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def sharpened(image: Image, rng: np.random.Generator) -> Image:
    """A light unsharp mask, as some networks apply after reducing."""
    blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.2)))
    amount = float(rng.uniform(0.15, 0.6))
    return np.asarray(cv2.addWeighted(image, 1.0 + amount, blurred, -amount, 0.0), np.uint8)


def screenshot(image: Image, rng: np.random.Generator, resize: bool = True) -> Image:
    """Shown on a screen and captured: scaled to the window, a trace of another transfer curve, no compression."""
    shown = scaled(image, float(rng.uniform(0.7, 1.3)), rng) if resize else image
    ramp = np.linspace(0.0, 1.0, 256)
    curve = np.rint(255.0 * np.clip(ramp ** rng.uniform(0.94, 1.06) * rng.uniform(0.97, 1.02), 0, 1)).astype(np.uint8)
    return np.asarray(cv2.LUT(shown, curve), np.uint8)


def _messenger(image: Image, rng: np.random.Generator, resize: bool) -> Image:
    return saved(scaled(image, float(rng.uniform(0.5, 1.0)), rng) if resize else image, rng, 50, 85)


def _feed(image: Image, rng: np.random.Generator, resize: bool) -> Image:
    small = scaled(image, float(rng.uniform(0.6, 1.0)), rng) if resize else image
    return saved(sharpened(small, rng) if rng.random() < 0.5 else small, rng, 70, 92)


_STATIONS: tuple[tuple[float, Callable[[Image, np.random.Generator, bool], Image]], ...] = (
    (0.35, lambda image, rng, _resize: saved(image, rng, 60, 95)),
    (0.15, lambda image, rng, _resize: camera_jpeg(image, rng)),
    (0.15, _messenger),
    (0.15, _feed),
    (0.10, lambda image, rng, _resize: webp(image, rng)),
    (0.10, screenshot),
)
_SHARES = np.array([share for share, _ in _STATIONS])


def resave(image: Image, rng: np.random.Generator, *, resize: bool = True) -> Image:
    """The picture after one to three stations (half the time one), H×W×3 uint8 RGB in and out.

    Nothing is cropped, turned or mirrored, so a mask follows by scaling it to the new size. With ``resize=False`` the
    size stays as it is.
    """
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
        station = _STATIONS[int(rng.choice(len(_STATIONS), p=_SHARES))][1]
        image = station(image, rng, resize)
    return image
