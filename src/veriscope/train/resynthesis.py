"""Pictures as generators make them, made from photographs: coded to a small grid and built up again from it.

What betrays a generated picture at this level is not what it shows but how it was put together: features on a coarse
grid, up-sampled in steps of two, convolved (Zhang et al., "Detecting and simulating artifacts in GAN fake images",
WIFS 2019; Odena et al., "Deconvolution and checkerboard artifacts", 2016). Two families do the same to photographs:

* ``Linear``: an autoencoder between random patch features and pixels, fitted in closed form; any stride, any width
* ``cascade``: reduced 2–8 times, then zero-insertion, sub-pixel or nearest up-sampling with random kernels, noise at
  every level, random convolutions in between

All take and give H×W×3 float32 in [0, 255], sides multiples of 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STRIDES = (2, 4, 8)
EXAMPLES = 6000  # patches that a closed-form autoencoder is fitted to
RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Linear:
    """Patches of 2s×2s pixels every s pixels → ``encoder`` → tanh → 3×3 neighbourhood → ``decoder`` → s×s pixels."""

    stride: int
    encoder: Floats  # 12s² × width
    scale: Floats  # width
    decoder: Floats  # (9·width + 1) × 3s²

    def __call__(self, image: Floats, rng: np.random.Generator) -> Floats:
        code = self.code(image)
        if rng.random() < 0.7:  # a generator's code is not a photograph's
            code = code + rng.normal(0, rng.uniform(0.0, 0.06), code.shape).astype(np.float32)
        return self.build(code)

    def code(self, image: Floats) -> Floats:
        s = self.stride
        padded = cv2.copyMakeBorder(image, s // 2, s - s // 2, s // 2, s - s // 2, cv2.BORDER_REFLECT_101)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * s, 2 * s), axis=(0, 1))[::s, ::s]
        rows, columns = windows.shape[:2]
        flat = windows.reshape(rows * columns, -1) / 127.5 - 1.0
        found: Floats = np.tanh(flat @ self.encoder / self.scale).reshape(rows, columns, -1).astype(np.float32)
        return found

    def build(self, code: Floats) -> Floats:
        s = self.stride
        around = _neighbours(code)
        rows, columns = code.shape[:2]
        pixels = (around @ self.decoder).reshape(rows, columns, s, s, 3).transpose(0, 2, 1, 3, 4)
        out: Floats = np.clip((pixels.reshape(rows * s, columns * s, 3) + 1.0) * 127.5, 0, 255).astype(np.float32)
        return out


def _neighbours(code: Floats) -> Floats:
    padded = np.pad(code, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = code.shape[:2]
    shifted = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    ones = np.ones((rows, columns, 1), np.float32)
    return np.concatenate([*shifted, ones], axis=2).reshape(rows * columns, -1)


def linear(photographs: Sequence[Floats], rng: np.random.Generator) -> Linear:
    """Fit one autoencoder of a random stride, width and nonlinearity to some photographs."""
    s = int(rng.choice(STRIDES, p=[0.4, 0.4, 0.2]))
    width = max(3, min(96, round(3 * s * s * float(rng.uniform(0.25, 0.9)))))
    windows = []
    for image in photographs:
        height, length = image.shape[:2]
        for _ in range(40):
            y, x = int(rng.integers(0, height - 2 * s + 1)), int(rng.integers(0, length - 2 * s + 1))
            windows.append(image[y : y + 2 * s, x : x + 2 * s].transpose(2, 0, 1).ravel() / 127.5 - 1.0)
    flat = np.stack(windows).astype(np.float64)
    _, vectors = np.linalg.eigh(flat.T @ flat)
    base = vectors[:, ::-1][:, :width]
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0] if rng.random() < 0.7 else np.eye(width)
    encoder = (base @ turn).astype(np.float32)
    scale = (flat @ encoder).std(axis=0) * rng.uniform(1.0, 3.0) + 1e-3
    model = Linear(s, encoder, scale.astype(np.float32), np.zeros((9 * width + 1, 3 * s * s), np.float32))
    inputs, targets = [], []
    for image in photographs:
        around = _neighbours(model.code(image))
        h, w = image.shape[0] // s, image.shape[1] // s
        blocks = image[: h * s, : w * s].reshape(h, s, w, s, 3).transpose(0, 2, 1, 3, 4).reshape(h * w, -1)
        chosen = rng.choice(len(blocks), min(len(blocks), 1 + EXAMPLES // len(photographs)), replace=False)
        inputs.append(around[chosen])
        targets.append(blocks[chosen] / 127.5 - 1.0)
    a, b = np.concatenate(inputs).astype(np.float64), np.concatenate(targets).astype(np.float64)
    gram = a.T @ a
    solved = np.linalg.solve(gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), a.T @ b)
    return Linear(s, model.encoder, model.scale, solved.astype(np.float32))


def _kernel(rng: np.random.Generator, size: int, strength: float) -> Floats:
    taps = np.array([1.0])
    while taps.size < size:
        taps = np.convolve(taps, [1.0, 1.0])
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    kernel *= 1.0 + strength * rng.normal(size=kernel.shape)
    return (kernel / kernel.sum()).astype(np.float32)


def doubled(image: Floats, rng: np.random.Generator) -> Floats:
    """Twice as large, by one of the layers that generators use, with untrained weights near an interpolation's."""
    height, width = image.shape[:2]
    strength = float(np.exp(rng.uniform(np.log(0.02), np.log(0.4))))
    kind = rng.choice(["transposed", "sub-pixel", "nearest", "bilinear"], p=[0.35, 0.25, 0.25, 0.15])
    if kind == "transposed":
        sparse = np.zeros((2 * height, 2 * width, 3), np.float32)
        sparse[::2, ::2] = image
        return np.asarray(cv2.filter2D(sparse, -1, 4.0 * _kernel(rng, int(rng.integers(3, 6)), strength)), np.float32)
    if kind == "sub-pixel":
        out = np.empty((2 * height, 2 * width, 3), np.float32)
        for y in range(2):
            for x in range(2):
                out[y::2, x::2] = cv2.filter2D(image, -1, _kernel(rng, 3, 1.5 * strength))
        return out
    method = cv2.INTER_NEAREST if kind == "nearest" else cv2.INTER_LINEAR
    large = cv2.resize(image, (2 * width, 2 * height), interpolation=method)
    kernel = _kernel(rng, 3, strength)
    mixed = cv2.filter2D(large, -1, kernel)
    return np.asarray(mixed if rng.random() < 0.7 else 0.5 * (mixed + large), np.float32)


def convolved(image: Floats, rng: np.random.Generator) -> Floats:
    """A residual block with random weights: a few channels of rectified 3×3 filters, added back lightly."""
    amount = float(rng.uniform(0.05, 0.35))
    out = image.copy()
    for _ in range(int(rng.integers(1, 4))):
        weights = rng.normal(size=(3, 3)).astype(np.float32)
        weights -= weights.mean()
        rectified = np.maximum(cv2.filter2D(image @ _mix(rng), -1, weights), 0)
        out += (
            amount
            * cv2.filter2D(rectified, -1, _kernel(rng, 3, 0.5))[..., None]
            * rng.normal(0, 0.5, 3).astype(np.float32)
        )
    return out


def _mix(rng: np.random.Generator) -> Floats:
    weights = np.abs(rng.normal(size=3)) + 0.1
    return (weights / weights.sum()).astype(np.float32)


def cascade(image: Floats, rng: np.random.Generator) -> Floats:
    """Reduced, then built up in steps of two; lost detail comes back as noise shaped like it, as in a generator."""
    levels = int(rng.integers(1, 4))
    height, width = image.shape[:2]
    size = (width >> levels, height >> levels)
    now: Floats = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    detail_share, noise_share = rng.uniform(0.0, 1.0), rng.uniform(0.0, 1.0)
    for level in range(levels - 1, -1, -1):
        wanted = cv2.resize(image, (width >> level, height >> level), interpolation=cv2.INTER_AREA).astype(np.float32)
        now = doubled(now, rng)
        lost = wanted - cv2.GaussianBlur(wanted, (0, 0), 1.0)
        strength = cv2.GaussianBlur(np.abs(lost), (0, 0), 2.0)
        noise = rng.normal(size=(wanted.shape[0], wanted.shape[1], 1 if rng.random() < 0.7 else 3)).astype(np.float32)
        now = now + detail_share * lost + noise_share * strength * noise
        if rng.random() < 0.6:
            now = convolved(now, rng)
        kernel = _kernel(rng, 3, 0.2)
        kernel *= 0.3 * rng.random()
        kernel[1, 1] += 1.0 - kernel.sum()
        now = np.asarray(cv2.filter2D(now, -1, kernel), np.float32)
    return np.clip(now, 0, 255)


def doctored(image: Floats, rng: np.random.Generator) -> Floats:
    """What people and programs do to genuine pictures: resized (also enlarged), smoothed, sharpened, noisy, or nothing.

    Same size out as in. A resize is not a generator: these are the negatives that say so.
    """
    height, width = image.shape[:2]
    kind = rng.choice(
        ["as it is", "resized", "blurred", "sharpened", "noisy", "smoothed"], p=[0.3, 0.4, 0.08, 0.08, 0.08, 0.06]
    )
    if kind == "resized":
        factor = float(rng.choice([0.25, 0.5, 0.5, 2 / 3, 0.75, rng.uniform(0.3, 1.0)]))
        method = int(
            rng.choice(
                [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST], p=[0.4, 0.35, 0.2, 0.05]
            )
        )
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return np.clip(np.asarray(cv2.resize(small, (width, height), interpolation=method), np.float32), 0, 255)
    if kind == "blurred":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.5))), np.float32)
    if kind == "sharpened":
        soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.5)))
        return np.clip(np.asarray(image + rng.uniform(0.2, 1.5) * (image - soft), np.float32), 0, 255)
    if kind == "noisy":
        return np.clip(image + rng.normal(0, rng.uniform(1, 8), image.shape).astype(np.float32), 0, 255)
    if kind == "smoothed":
        return np.asarray(cv2.bilateralFilter(image, 5, float(rng.uniform(10, 40)), 3.0), np.float32)
    return image
