"""What the ``synthetic-speech`` network sees of a voice: short-time magnitudes, and how the phases bend.

A vocoder gets the magnitudes nearly right and makes the phases up (Wang & Yamagishi, "Spoofed training data for speech
spoofing countermeasure can be efficiently created using neural vocoders", ICASSP 2023, train on such re-synthesis). So
the picture holds, beside log magnitudes, the second differences of the phase over time (0 for a steady tone), over
frequency (0 for a pulse) and over both; none depends on level, delay or where the windows start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]

RATE = 16000  # Hz, mono
SIZE, HOP = 512, 160  # of the short-time Fourier transform: 32 and 10 ms
LOW, HIGH = 4, 244  # bins: 125 Hz – 7.6 kHz
FRAMES = 384  # of one window
WINDOW = SIZE + HOP * (FRAMES + 1)  # samples, 3.9 s; the differences over time cost a frame on either side
LEAST = 1.2  # seconds: below, a clip is not judged
RANGE = 9.2  # natural log of power: 40 dB below a bin's own mean is as good as silence
STEP = 0.5  # of a window, between the starts of two
MOST = 96  # windows in one medium, evenly spread
TALKING = 0.35  # share of a window that must be speech
CHANNELS = 4

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(SIZE) + 0.5) / SIZE)).astype(np.float32)


class Reading(NamedTuple):
    """Log odds of the windows (N), and of stretches of 0.16 s within them (N×24)."""

    windows: Floats
    stretches: Floats


def windows(samples: int, speech: Sequence[tuple[float, float, float]]) -> list[tuple[int, int]]:
    """First and last (exclusive) sample of the windows that are judged; none where too little is said.

    Silence before the first and after the last word is left out, and so are windows with little speech.

    Args:
        samples: length of the sound at 16 kHz.
        speech: stretches of speech (start, end, probability), seconds.
    """
    if sum(end - start for start, end, _ in speech) < LEAST:
        return []
    first, last = int(speech[0][0] * RATE), min(samples, int(speech[-1][1] * RATE))
    if last - first <= WINDOW:
        return [(first, last)]
    talking = np.zeros(samples // HOP + 2, np.float32)
    for start, end, _ in speech:
        talking[int(start * RATE) // HOP : int(end * RATE) // HOP + 1] = 1
    spoken = np.concatenate([[0], np.cumsum(talking)])
    count = 1 + round((last - first - WINDOW) / (STEP * WINDOW))
    starts = np.unique(np.linspace(first, last - WINDOW, max(2, count)).astype(int))
    share = (spoken[(starts + WINDOW) // HOP] - spoken[starts // HOP]) * HOP / WINDOW
    kept = starts[share >= min(TALKING, float(share.max()))]
    chosen = kept[np.unique(np.linspace(0, len(kept) - 1, min(MOST, len(kept))).astype(int))]
    return [(int(start), int(start) + WINDOW) for start in chosen]


def filled(piece: Floats, length: int = WINDOW) -> Floats:
    """``piece``, repeated back and forth to ``length`` samples where it is shorter."""
    return np.pad(piece, (0, length - len(piece)), "reflect") if len(piece) < length else piece[:length]


def prepare(pieces: Floats) -> dict[str, NDArray[Any]]:
    """The network's input for N windows of sound.

    Args:
        pieces: N×``WINDOW`` (or another length, for other numbers of frames), mono, 16 kHz, any level.

    Returns:
        ``picture``: N×4×384×240 float32 (time, then frequency): log magnitude over the bin's mean, and the cosines of
        the second differences of the phase over time, over frequency and over both.
    """
    count = 1 + (pieces.shape[1] - SIZE) // HOP
    out = np.empty((len(pieces), CHANNELS, count - 2, HIGH - LOW), np.float32)
    for picture, piece in zip(out, pieces, strict=True):
        frames = np.lib.stride_tricks.sliding_window_view(piece, SIZE)[::HOP] * _HANN
        spectrum = fft.rfft(frames, axis=1)[:, LOW - 1 : HIGH + 1]
        power = spectrum.real**2 + spectrum.imag**2 + np.float32(1e-20)
        unit = spectrum / np.sqrt(power)
        log = np.log(power[1:-1, 1:-1] + np.float32(1e-9) * power.max())
        picture[0] = np.clip(log - log.mean(axis=0), -RANGE, RANGE) / 3
        forward = unit[1:] * np.conj(unit[:-1])  # phase advance over time
        upward = unit[:, 1:] * np.conj(unit[:, :-1])  # over frequency
        picture[1] = _cosine(forward[1:, 1:-1], forward[:-1, 1:-1])
        picture[2] = _cosine(upward[1:-1, 1:], upward[1:-1, :-1])
        picture[3] = _cosine(upward[2:, 1:], upward[1:-1, 1:])
    return {"picture": out}


def _cosine(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> Floats:
    product: Floats = a.real * b.real + a.imag * b.imag
    return product


def read(outputs: Mapping[str, NDArray[Any]]) -> Reading:
    """The network's outputs ``logit`` (N) and ``activation`` (N×24) as they are."""
    return Reading(np.asarray(outputs["logit"], np.float32), np.asarray(outputs["activation"], np.float32))
