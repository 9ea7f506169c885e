"""How spans of sound are made inaudible: sample by sample, in arrays or frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FADE: Final = 0.010  # seconds; inside the span, so that all outside stays bit-exact
_TONE: Final = 1000.0  # Hz
_TONE_LEVEL: Final = 0.1
_LOUDNESS: Final = 0.2  # seconds over which the mask follows the loudness: no syllable survives
_AT_ONCE: Final = 30.0  # seconds of a span that are held before they are handed on


class SoundOperator(StrEnum):
    SILENCE = "silence"
    TONE = "tone"
    MASK = "mask"  # noise as loud as the voice was, over a fifth of a second; the voice itself is gone


def covered(
    part: NDArray[np.float32], rate: int, first: int, span: tuple[int, int], operator: SoundOperator
) -> NDArray[np.float32]:
    """What stands in place of ``part``.

    Args:
        part: N×channels float32, all of it inside the span.
        rate: Hz.
        first: number of the first sample.
        span: numbers of the first sample of the span, and of the first one after it.
        operator: what to put.
    """
    gain = _fades(np.arange(first, first + len(part)), span, rate)[:, None]
    return part * gain + _filling(part, rate, first, 1 - gain, operator)


def _fades(at: NDArray[np.int64], span: tuple[int, int], rate: int) -> NDArray[np.float32]:
    """1 at both ends of the span, 0 from ten milliseconds on."""
    length = min((span[1] - span[0]) // 2, max(1, round(FADE * rate)))
    inward = np.minimum(at - span[0], span[1] - 1 - at)
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.minimum(inward, length) / max(length, 1))
    return np.where(inward < length, ramp, 0.0).astype(np.float32)


def _filling(
    part: NDArray[np.float32], rate: int, first: int, shape: NDArray[np.float32], operator: SoundOperator
) -> NDArray[np.float32]:
    count = len(part)
    if operator is SoundOperator.SILENCE:
        return np.zeros_like(part)
    if operator is SoundOperator.TONE:
        wave = _TONE_LEVEL * np.sin(2 * np.pi * _TONE * (first + np.arange(count)) / rate)
        return (shape * wave[:, None].astype(np.float32)).repeat(part.shape[1], 1)
    block = max(1, round(_LOUDNESS * rate))
    loud = np.sqrt([np.mean(np.square(part[i : i + block], dtype=np.float64)) for i in range(0, count, block)])
    envelope = np.interp(np.arange(count), np.arange(len(loud)) * block + block / 2, loud)
    noise = np.random.default_rng(first).standard_normal(count)
    noise = np.convolve(noise, np.hanning(max(3, rate // 4000)), "same")  # fewer high tones: softer to the ear
    noise *= envelope / max(1e-9, float(noise.std()))
    mask = np.clip(noise, -1, 1).astype(np.float32)[:, None]
    return (shape * mask).repeat(part.shape[1], 1)


class Coverer:
    """Frames in, frames out; those that a span touches are held until the span, or half a minute of it, is complete.

    Frames that no span touches come out as they went in, the very same samples; of the others only those inside.
    """

    def __init__(self, rate: int, spans: Sequence[tuple[float, float]], operator: SoundOperator) -> None:
        self._rate = rate
        self._spans = [(max(0, int(a * rate)), int(np.ceil(b * rate))) for a, b in sorted(spans) if b > a]
        self._operator = operator
        self._at = 0  # number of the next sample
        self._held: list[tuple[int, Any]] = []

    def feed(self, frame: Any) -> list[Any]:
        first, end = self._at, self._at + frame.samples
        self._at = end
        if not self._held and not self._touching(first, end):
            return [frame]
        self._held.append((first, frame))
        unfinished = any(a < end < b for a, b in self._spans)
        return [] if unfinished and end - self._held[0][0] < _AT_ONCE * self._rate else self.flush()

    def flush(self) -> list[Any]:
        held, self._held = self._held, []
        if not held:
            return []
        start = held[0][0]
        values = np.concatenate([_values(frame) for _, frame in held])
        for span in self._touching(start, start + len(values)):
            a, b = max(span[0] - start, 0), min(span[1] - start, len(values))
            put = covered(_as_float(values[a:b]), self._rate, start + a, span, self._operator)
            values[a:b] = _as_kind(put, values.dtype)
        return [_framed(values[n - start : n - start + frame.samples], frame) for n, frame in held]

    def _touching(self, first: int, end: int) -> list[tuple[int, int]]:
        return [span for span in self._spans if span[0] < end and span[1] > first]


def _values(frame: Any) -> NDArray[Any]:
    """N×channels, in the frame's own kind of number."""
    values = frame.to_ndarray()
    shaped: NDArray[Any] = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    return shaped.copy()


def _framed(values: NDArray[Any], like: Any) -> Any:
    shaped = values.T if like.format.is_planar else values.reshape(1, -1)
    frame = type(like).from_ndarray(np.ascontiguousarray(shaped), format=like.format.name, layout=like.layout.name)
    frame.sample_rate, frame.pts, frame.time_base = like.sample_rate, like.pts, like.time_base
    return frame


def _as_float(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    scale = 2.0 ** (8 * values.dtype.itemsize - 1)
    return ((values.astype(np.float64) - (scale if values.dtype.kind == "u" else 0)) / scale).astype(np.float32)


def _as_kind(values: NDArray[np.float32], kind: np.dtype[Any]) -> NDArray[Any]:
    if kind.kind == "f":
        return values.astype(kind)
    scale = 2.0 ** (8 * kind.itemsize - 1)
    shifted = np.rint(values.astype(np.float64) * scale) + (scale if kind.kind == "u" else 0)
    info = np.iinfo(kind)
    clipped: NDArray[Any] = np.clip(shifted, info.min, info.max).astype(kind)
    return clipped
