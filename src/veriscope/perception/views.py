"""Pictures for the analyst: the same image through other eyes. None of them is a score.

Each is computed at full resolution, because resampling would wipe out what it shows, and then reduced to at most
``LONGEST`` pixels a side; its caption says by how much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.media.pictures import upright
from veriscope.types import Image, Kind, Plane, Scene, View

LONGEST = 1600
RESAVE_QUALITY = 90
_RESAVE = [cv2.IMWRITE_JPEG_QUALITY, RESAVE_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
_SPECTRUM_SIDE = 1024
_PROFILE_HEIGHT = 200
_LEAST = 16  # pixels a side below which there is nothing to see

Group = Literal["compression", "noise", "cloning", "spectrum", "metadata"]
Picture: TypeAlias = NDArray[np.uint8]
Drawn: TypeAlias = tuple[Picture, dict[str, Any]]  # the view, and the fields of its caption


@dataclass(frozen=True, slots=True)
class Subject:
    """What views look at: the upright picture, and its luma plane as the file stores it where there is one."""

    image: Image
    luma: Plane
    thumbnail: Image | None = None


def grey(image: Image) -> Plane:
    """H×W×3 RGB → luma (ITU-R BT.601), float32 in [0, 255]."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def reduced(image: NDArray[Any], interpolation: int = cv2.INTER_AREA) -> tuple[NDArray[Any], float]:
    """At most ``LONGEST`` pixels a side, and the factor by which it was made smaller."""
    height, width = image.shape[:2]
    factor = min(1.0, LONGEST / max(height, width))
    if factor == 1.0:
        return image, 1.0
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(image, size, interpolation=interpolation), factor


def stretched(values: NDArray[Any], percentile: float = 99.5) -> tuple[Picture, float]:
    """Non-negative values as grey levels, the given percentile at white; and the gain."""
    top = float(np.percentile(values[::2, ::2], percentile))
    gain = 255.0 / max(top, 1e-6)
    return np.asarray(cv2.convertScaleAbs(values, alpha=gain), np.uint8), gain


def error_level(subject: Subject) -> Drawn:
    """How much each part changes when the picture is saved once more (N. Krawetz, 2007).

    Parts that were saved less often, edges and saturated colours change more: a map to look at, not to judge by.
    """
    _, data = cv2.imencode(".jpg", cv2.cvtColor(subject.image, cv2.COLOR_RGB2BGR), _RESAVE)
    again = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB))
    small, scale = reduced(cv2.absdiff(subject.image, again))
    drawn, gain = stretched(small)
    return drawn, {"quality": RESAVE_QUALITY, "gain": gain, "scale": scale}


def block_grid(subject: Subject) -> Drawn:
    """Steps at the borders of the 8×8 JPEG blocks, beside the steps inside them, one value a block.

    A part pasted from elsewhere has its steps off the grid and shows dark on a bright picture, or the reverse.
    """
    luma = subject.luma
    height, width = (side // 8 * 8 for side in luma.shape)
    across = _border_excess(luma[:height, :width])
    down = _border_excess(np.ascontiguousarray(luma[:height, :width].T)).T
    excess = cv2.GaussianBlur(np.maximum(across + down, 0.0), (0, 0), 1.5)
    small, scale = reduced(excess)
    drawn, gain = stretched(small)
    return drawn, {"gain": gain, "scale": scale / 8}


def _border_excess(luma: Plane) -> Plane:
    """(H/8)×(W/8): mean step across the right border of each block, less the mean step between its own columns."""
    steps = cv2.absdiff(luma[:, 1:], luma[:, :-1])
    rows = luma.shape[0] // 8
    averaged = cv2.resize(steps, (steps.shape[1], rows), interpolation=cv2.INTER_AREA)
    padded = np.pad(averaged, ((0, 0), (0, 1)), mode="edge").reshape(rows, -1, 8)
    return np.asarray(padded[:, :, 7] - padded[:, :, :7].mean(axis=2), np.float32)


def _residual(luma: Plane) -> Plane:
    """What a smooth picture would not have: the 3×3 difference of Laplacians (J. Immerkær, 1996), noise gain 1."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0
    return np.asarray(cv2.filter2D(luma, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def noise_residual(subject: Subject) -> Drawn:
    """The noise itself, grey where there is none. Reduced by leaving pixels out: averaging would remove it."""
    small, scale = reduced(_residual(subject.luma), cv2.INTER_NEAREST)
    spread = float(np.percentile(np.abs(small[::2, ::2]), 98))
    gain = 100.0 / max(spread, 0.5)
    return cv2.addWeighted(small, gain, small, 0.0, 128.0).clip(0, 255).astype(np.uint8), {"gain": gain, "scale": scale}


def noise_level(subject: Subject) -> Drawn:
    """Strength of the noise in blocks of 8×8 pixels, in decibels over 40 dB."""
    energy = cv2.pow(_residual(subject.luma), 2.0)
    height, width = energy.shape
    blocks = cv2.resize(energy, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    decibels = 10.0 * np.log10(blocks + 1e-2)
    top = float(np.percentile(decibels, 99))
    small, scale = reduced(((decibels - top) * (255.0 / 40.0) + 255.0).clip(0, 255).astype(np.uint8))
    return small, {"scale": scale / 8, "top": top}


def spectrum(subject: Subject) -> Drawn:
    """Log magnitude of the Fourier transform of the middle of the picture, low frequencies in the centre.

    Below it the mean over all directions, from the centre to the highest frequency. Regular peaks come from enlarging
    (A. C. Popescu & H. Farid, 2005) or from the up-sampling of a generator (R. Durall et al., 2020).
    """
    luma = subject.luma
    side = min(*luma.shape, _SPECTRUM_SIDE) // 2 * 2
    top, left = (luma.shape[0] - side) // 2, (luma.shape[1] - side) // 2
    window = np.hanning(side).astype(np.float32)
    middle = luma[top : top + side, left : left + side]
    transform = np.fft.fftshift(np.fft.fft2((middle - middle.mean()) * window[:, None] * window[None, :]))
    magnitude = np.log10(np.abs(transform) + 1.0).astype(np.float32)
    low, high = np.percentile(magnitude, [1.0, 99.9])
    drawn = ((magnitude - low) * (255.0 / max(high - low, 1e-6))).clip(0, 255).astype(np.uint8)
    return np.vstack([drawn, _profile(magnitude)]), {"side": side}


def _profile(magnitude: Plane) -> Picture:
    """Mean log magnitude against distance from the centre, as a white curve on black."""
    side = magnitude.shape[0]
    centre = np.arange(side) - side // 2
    radius = np.hypot(centre[:, None], centre[None, :]).astype(np.int64)
    bins = side // 2
    inside = radius < bins
    curve = np.bincount(radius[inside], magnitude[inside], bins) / np.maximum(
        np.bincount(radius[inside], None, bins), 1
    )
    low, high = float(curve.min()), float(curve.max())
    heights = (_PROFILE_HEIGHT - 1) * (1 - (curve - low) / max(high - low, 1e-6))
    points = np.stack([np.linspace(0, side - 1, bins), heights], axis=1).round().astype(np.int32)
    strip = np.zeros((_PROFILE_HEIGHT, side), np.uint8)
    cv2.polylines(strip, [points], False, 255, 1)
    return strip


def embedded_thumbnail(subject: Subject) -> Drawn:
    """The small picture stored beside the large one, enlarged to a size that can be seen."""
    thumbnail = subject.thumbnail
    if thumbnail is None:
        raise ValueError("no thumbnail")
    factor = max(1, 480 // max(thumbnail.shape[:2]))
    larger = np.repeat(np.repeat(thumbnail, factor, axis=0), factor, axis=1)
    small, _ = reduced(larger)
    return small, {"width": thumbnail.shape[1], "height": thumbnail.shape[0]}


VIEWS: tuple[tuple[str, Group, Callable[[Subject], Drawn], dict[str, str]], ...] = (
    (
        "error_level",
        "compression",
        error_level,
        {
            "en": "Error level: change after saving again as JPEG {quality}, {gain:.0f} times amplified; "
            "shown at {scale:.0%} of full size. Edges and strong colours are bright in any picture.",
            "vi": "Mức sai số: thay đổi sau khi lưu lại dạng JPEG {quality}, khuếch đại {gain:.0f} lần; "
            "hiển thị ở {scale:.0%} kích thước gốc. Cạnh và màu mạnh luôn sáng ở mọi ảnh.",
        },
    ),
    (
        "block_grid",
        "compression",
        block_grid,
        {
            "en": "JPEG block grid: steps at the borders of 8×8 blocks, {gain:.0f} times amplified; "
            "shown at {scale:.1%} of full size.",
            "vi": "Lưới khối JPEG: bước nhảy ở biên các khối 8×8, khuếch đại {gain:.0f} lần; "
            "hiển thị ở {scale:.1%} kích thước gốc.",
        },
    ),
    (
        "noise_residual",
        "noise",
        noise_residual,
        {
            "en": "Noise: the finest detail, {gain:.1f} times amplified around grey; "
            "shown at {scale:.0%} of full size by leaving pixels out.",
            "vi": "Nhiễu: chi tiết mịn nhất, khuếch đại {gain:.1f} lần quanh màu xám; "
            "hiển thị ở {scale:.0%} kích thước gốc bằng cách bỏ bớt điểm ảnh.",
        },
    ),
    (
        "noise_level",
        "noise",
        noise_level,
        {
            "en": "Strength of the noise in 8×8 blocks over a range of 40 dB; shown at {scale:.1%} of full size.",
            "vi": "Cường độ nhiễu theo khối 8×8 trong dải 40 dB; hiển thị ở {scale:.1%} kích thước gốc.",
        },
    ),
    (
        "spectrum",
        "spectrum",
        spectrum,
        {
            "en": "Spectrum of the middle {side}×{side} pixels (logarithmic), and below it the mean over all "
            "directions from low to high frequency.",
            "vi": "Phổ của {side}×{side} điểm ảnh ở giữa (thang logarit), bên dưới là trung bình theo mọi hướng "
            "từ tần số thấp đến cao.",
        },
    ),
    (
        "embedded_thumbnail",
        "metadata",
        embedded_thumbnail,
        {
            "en": "The thumbnail stored inside the file, {width}×{height} pixels: compare it with the picture.",
            "vi": "Ảnh thu nhỏ lưu trong tệp, {width}×{height} điểm ảnh: hãy so sánh với bức ảnh.",
        },
    ),
)


def views(scene: Scene) -> list[View]:
    """Every view that applies to the picture of a scene; none for other media and for pictures a few pixels small."""
    if scene.media.kind is not Kind.IMAGE:
        return []
    image, jpeg = scene.image(), scene.jpeg()
    if min(image.shape[:2]) < _LEAST:
        return []
    luma = grey(image) if jpeg is None else upright(jpeg.luma, jpeg.orientation)
    subject = Subject(image, luma, scene.thumbnail())
    drawn = []
    for name, group, function, caption in VIEWS:
        if function is embedded_thumbnail and subject.thumbnail is None:
            continue
        picture, fields = function(subject)
        drawn.append(View(name, group, picture, {lang: text.format(**fields) for lang, text in caption.items()}))
    return drawn
