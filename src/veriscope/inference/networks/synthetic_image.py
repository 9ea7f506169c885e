"""Statistics of the finest detail of a picture, as the ``synthetic-image`` network takes them.

Generators build a picture by up-sampling, which leaves grid peaks and a wrong fall-off in the spectrum of the noise
residual (Zhang et al., "Detecting and simulating artifacts in GAN fake images", WIFS 2019; Durall et al., CVPR 2020),
and unusual relations between neighbouring pixels (Nataraj et al., "Detecting GAN generated fake images using
co-occurrence matrices", EI 2019; Tan et al., NPR, CVPR 2024). All are measured on patches at native resolution:
resizing would both erase and imitate them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from veriscope.types import Image

Floats = NDArray[np.float32]

NAME = "synthetic-image"
PATCH = 224  # pixels; a multiple of 16, so that grid frequencies fall on whole bins
SMALLEST = PATCH  # pixels of the shorter side
GRID = 3  # patches a side, at most
WINDOW = 64  # of the Fourier transform
RINGS = 24
REACH = 2  # residuals beyond ±2 steps count as 2
HALF = (PATCH // 2, PATCH // 2)
COUNT = 662  # statistics
EPSILON = 0.05  # grey levels squared: below, there is nothing but rounding

# Residual filters of the co-occurrences, and the size of one step in grey levels.
FIRST: Floats = np.array([[-1, 1]], np.float32)
SECOND: Floats = np.array([[0.5, -1, 0.5]], np.float32)
CROSS: Floats = np.array([[-0.25, 0.5, -0.25], [0.5, -1, 0.5], [-0.25, 0.5, -0.25]], np.float32)


def positions(height: int, width: int) -> list[tuple[int, int]]:
    """Top left corners of the patches: a regular grid over the whole picture, snapped to multiples of eight."""
    rows = min(-(-height // PATCH), GRID)
    columns = min(-(-width // PATCH), GRID)
    tops = np.unique(np.linspace(0, height - PATCH, rows).astype(int) // 8 * 8)
    lefts = np.unique(np.linspace(0, width - PATCH, columns).astype(int) // 8 * 8)
    return [(int(y), int(x)) for y in tops for x in lefts]


@cache
def _rings() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    v, u = np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.rfftfreq(WINDOW), indexing="ij")
    index = np.minimum((np.hypot(u, v) / 0.5 * (RINGS - 4)).astype(np.intp), RINGS - 1)
    return index, np.maximum(np.bincount(index.ravel(), minlength=RINGS), 1).astype(np.float64)


def _power(planes: Floats) -> Floats:
    spectrum = fft.rfft2(planes)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def _log_spectrum(planes: Floats) -> tuple[Floats, Floats]:
    """Mean log power and log mean power over Hann windows: N×224×224 → twice 64×33."""
    hann = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    window = np.outer(hann, hann)
    step = WINDOW // 2
    starts = range(0, PATCH - WINDOW + 1, step)
    cuts = np.concatenate([planes[:, y : y + WINDOW, x : x + WINDOW] for y in starts for x in starts])
    cuts = (cuts - cuts.mean(axis=(1, 2), keepdims=True)) * window
    power = _power(cuts) / np.float32(window.size)
    mean_log = np.log(power + EPSILON).mean(axis=0)
    return mean_log.astype(np.float32), np.log(power.mean(axis=0) + EPSILON).astype(np.float32)


def _radial(spectrum: Floats) -> Floats:
    index, count = _rings()
    return (np.bincount(index.ravel(), spectrum.ravel(), minlength=RINGS) / count).astype(np.float32)


def _peaks(residual: Floats) -> Floats:
    """Log power at the frequencies k/16 over its surroundings, coherent over a whole patch: 44 values.

    Strong edges are clipped away first, so that the faint pattern that repeats everywhere adds up.
    """
    clipped = np.clip(residual, -3.0, 3.0)
    hann = np.hanning(PATCH + 2)[1:-1].astype(np.float32)
    power = _power(clipped * np.outer(hann, hann)).mean(axis=0) / hann.sum() + 1e-4
    rows, columns, ring = _around()
    blocks = np.log(power)[rows, columns]
    height = blocks[:, 5:8, 5:8].max(axis=(1, 2)) - np.median(blocks[:, ring], axis=1)
    high: Floats = height.reshape(9, 9, 2).mean(axis=2).astype(np.float32)
    return ((high + high.T) / 2)[np.triu_indices(9)][1:].astype(np.float32)


@cache
def _around() -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Places in a half spectrum of the 13×13 bins around each frequency (a, ±b)/16, and which are surroundings."""
    step, half = PATCH // 16, PATCH // 2
    near = np.arange(-6, 7)
    places = []
    for a, b, sign in product(range(9), range(9), (1, -1)):
        rows, columns = np.meshgrid((sign * a * step + near) % PATCH, b * step + near, indexing="ij")
        flip = (columns < 0) | (columns > half)  # the other half mirrors this one
        folded = np.where(columns > half, PATCH - columns, np.abs(columns))
        places.append((np.where(flip, -rows % PATCH, rows), folded))
    ring = np.maximum(np.abs(near)[:, None], np.abs(near)[None]) >= 3
    return np.stack([place[0] for place in places]), np.stack([place[1] for place in places]), ring


@cache
def _windows(step: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places in a whole spectrum of the bins around each frequency (±a, b) × ``step``."""
    reach, count = step // 2 - 1, WINDOW // 2 // step + 1
    near = np.arange(-reach, reach + 1)
    places = [
        np.meshgrid((sign * a * step + near) % WINDOW, (b * step + near) % WINDOW, indexing="ij")
        for a, b, sign in product(range(count), range(count), (1, -1))
    ]
    return np.stack([place[0] for place in places]), np.stack([place[1] for place in places])


def _bumps(spectrum: Floats, step: int = 8) -> Floats:
    """Height of a 64×33 mean log spectrum at multiples of ``step`` bins over its surroundings, folded to a triangle."""
    whole = np.concatenate([spectrum, spectrum[np.r_[0, WINDOW - 1 : 0 : -1], WINDOW // 2 - 1 : 0 : -1]], axis=1)
    rows, columns = _windows(step)
    blocks = whole[rows, columns]
    middle, count = step // 2 - 1, WINDOW // 2 // step + 1
    height = (blocks[:, middle, middle] - np.median(blocks, axis=(1, 2))) / 2
    high: Floats = height.reshape(count, count, 2).sum(axis=2).astype(np.float32)
    return ((high + high.T) / 2)[np.triu_indices(count)][1:].astype(np.float32)


@cache
def _classes() -> NDArray[np.intp]:
    """Triples of quantised residuals that are equal up to sign and direction get one number (SRM's symmetry)."""
    base = 2 * REACH + 1
    numbers: dict[tuple[int, ...], int] = {}
    table = np.zeros(base**3, np.intp)
    for triple in product(range(-REACH, REACH + 1), repeat=3):
        back, minus = triple[::-1], tuple(-t for t in triple)
        key = min(triple, back, minus, minus[::-1])
        a, b, c = (t + REACH for t in triple)
        table[(a * base + b) * base + c] = numbers.setdefault(key, len(numbers))
    return table


def _co_occurrence(residual: Floats, step: float) -> Floats:
    """Frequencies of triples of neighbouring quantised residuals, both directions: N×H×W → 63 values, square-rooted."""
    levels = (np.clip(np.rint(residual / step), -REACH, REACH) + REACH).astype(np.int16)
    base, table = 2 * REACH + 1, _classes()
    across = (levels[:, :, :-2] * base + levels[:, :, 1:-1]) * base + levels[:, :, 2:]
    down = (levels[:, :-2] * base + levels[:, 1:-1]) * base + levels[:, 2:]
    counts = np.bincount(across.ravel(), minlength=base**3) + np.bincount(down.ravel(), minlength=base**3)
    shares = np.bincount(table, counts) / counts.sum()
    return np.asarray(np.sqrt(shares), np.float32)


def _filtered(planes: Floats, kernel: Floats) -> Floats:
    return np.stack([cv2.filter2D(plane, -1, kernel)[2:-2, 2:-2] for plane in planes])


def _periodicity(planes: Floats) -> Floats:
    """Periods 8, 4, 8/3 and 2 in the strength of the second difference (Gallagher 2005), by rows and columns."""
    found = []
    for axis in (1, 2):
        second = np.abs(np.diff(planes, 2, axis=axis))
        profile = np.log(second.mean(axis=3 - axis) + 0.5)[:, : PATCH - 8]
        profile = profile - profile.mean(axis=1, keepdims=True)
        level = np.log((np.abs(fft.rfft(profile, axis=1)) ** 2).mean(axis=0) + 1e-3)
        middle = np.median(level)
        found.append([level[k] - middle for k in (27, 54, 81, 108)])
    return np.asarray(np.mean(found, axis=0), np.float32)


@cache
def _cosines() -> Floats:
    k = np.arange(8)
    basis = np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16) * 0.5
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


def _dct(planes: Floats, shift: int) -> Floats:
    """Log mean size of the 63 block DCT coefficients, on the 8×8 grid or off it, folded to 35, minus their mean."""
    size = PATCH - 8
    basis = _cosines()
    rows = basis @ planes[:, shift : shift + size, shift : shift + size].reshape(-1, 8, size)
    level = np.log(np.abs(rows.reshape(-1, 8, size // 8, 8) @ basis.T).mean(axis=(0, 2)) + 0.1)
    folded = ((level + level.T) / 2)[np.triu_indices(8)][1:]
    return np.asarray(folded - folded.mean(), np.float32)


def _spectral(luma: Floats, red: Floats, blue: Floats, residual: Floats) -> list[Any]:
    """Fall-off of the spectra and what stands out at the frequencies of up-sampling grids."""
    mean_log, log_mean = _log_spectrum(luma)
    radial = _radial(mean_log)
    rest_log, rest_mean = _log_spectrum(residual)
    rest = _radial(rest_log)
    parts: list[Any] = [radial - radial.mean(), [radial.mean()], _radial(log_mean) - radial]
    parts += [rest - rest.mean(), _radial(rest_mean) - rest, _peaks(residual)]
    parts.append(_bumps(rest_log))
    for plane in (red, blue):
        spectrum = _log_spectrum(plane)[0]
        smooth = np.stack([cv2.blur(p, (5, 5)) for p in plane])
        parts += [(_radial(spectrum) - radial)[::3], _peaks(plane - smooth)]
    return parts


def _relations(luma: Floats, red: Floats, blue: Floats) -> list[Any]:
    """Relations between neighbouring pixels, and between the colours of one pixel."""
    parts: list[Any] = []
    for kernel in (FIRST, SECOND, CROSS):
        filtered = _filtered(luma, kernel)
        parts += [_co_occurrence(filtered, step) for step in (1.0, 3.0)]
        strength = float(np.mean(np.abs(filtered)))
        kurtosis = float(np.log(np.mean(filtered**2) + 0.1) - 2 * np.log(strength + 0.1))
        parts.append([np.log(strength + 0.1), kurtosis])
    # most files keep colour at half the size
    halved = [np.stack([cv2.resize(p, HALF, interpolation=cv2.INTER_AREA) for p in q]) for q in (luma, red, blue)]
    for plane in halved[1:]:
        parts.append(_co_occurrence(_filtered(plane, FIRST), 1.0))
    return parts


def features(image: Image) -> Floats:
    """All statistics of one picture, H×W×3 uint8 RGB with both sides ≥ ``SMALLEST`` → vector of ``COUNT``."""
    patches = np.stack([image[y : y + PATCH, x : x + PATCH] for y, x in positions(*image.shape[:2])])
    ycc = np.stack([cv2.cvtColor(patch, cv2.COLOR_RGB2YCrCb) for patch in patches]).astype(np.float32)
    luma, red, blue = (np.ascontiguousarray(ycc[..., k]) for k in range(3))
    residual = np.stack([p - cv2.medianBlur(p.astype(np.uint8), 3).astype(np.float32) for p in luma])
    parts = _spectral(luma, red, blue, residual) + _relations(luma, red, blue)
    parts += [_periodicity(plane) for plane in (luma, red, blue)]
    on, off = _dct(luma, 0), _dct(luma, 4)
    parts += [on, on - off]
    high = [_filtered(np.ascontiguousarray(patches[..., k], np.float32), CROSS).ravel() for k in range(3)]
    for a, b in ((high[0], high[1]), (high[1], high[2]), (high[0], high[2])):
        parts.append([float((a * b).mean() / (a.std() * b.std() + 0.1))])
    return np.concatenate([np.asarray(part, np.float32).ravel() for part in parts])


def prepare(image: Image) -> dict[str, Floats]:
    return {"features": features(image)[None]}


def read(outputs: Mapping[str, NDArray[Any]]) -> float:
    """Log-odds of a generated picture."""
    return float(np.asarray(outputs["logit"]).reshape(-1)[0])
