"""Where somebody speaks: the Silero voice activity detector (Silero Team, 2021–2026), in its sequence form.

The sequence form runs the same network over many windows in one call and carries the recurrent state between calls, so
that an hour of sound needs 220 calls instead of 112 500.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from veriscope.types import Audio, Infer

MODEL = "silero_vad"
RATE = 16000
WINDOW = 512  # samples: 32 ms
CONTEXT = 64  # samples of the window before that the network wants to see again
STATE = (1, 1, 128)
BLOCK = 512  # windows in a call: 16.4 s

FloatArray = NDArray[np.float32]


def windows(samples: FloatArray) -> FloatArray:
    """Cut sound into N×576 windows of 32 ms, each led by the last 4 ms of the one before; the end is padded with 0."""
    count = -(-len(samples) // WINDOW)
    padded = np.zeros(CONTEXT + count * WINDOW, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples
    return np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + WINDOW)[::WINDOW] if count else padded[:0, None]


def speech_probability(audio: Audio, infer: Infer) -> FloatArray:
    """Probability of speech (0–1) in each window of 32 ms of ``audio`` (mono, 16 kHz)."""
    if audio.rate != RATE:
        raise ValueError(f"speech is found at {RATE} Hz, not {audio.rate}")
    hidden = cell = np.zeros(STATE, np.float32)
    cut = windows(audio.samples)
    parts: list[FloatArray] = []
    for start in range(0, len(cut), BLOCK):
        block = np.ascontiguousarray(cut[start : start + BLOCK])
        out = infer.run(MODEL, {"input": block, "h": hidden, "c": cell})
        parts.append(np.asarray(out["speech_probs"], np.float32).reshape(-1))
        hidden, cell = out["hn"], out["cn"]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def spans(
    probability: FloatArray,
    duration: float,
    threshold: float = 0.5,
    *,
    shortest: float = 0.25,
    pause: float = 0.1,
    pad: float = 0.03,
) -> list[tuple[float, float, float]]:
    """Probabilities per window to stretches of speech.

    Speech starts where ``threshold`` is reached and ends where it stays ``0.15`` below it for ``pause`` seconds;
    stretches below ``shortest`` seconds are dropped, and ``pad`` seconds are kept on either side.

    Returns:
        (start, end, mean probability), seconds, in order and without overlap.
    """
    step = WINDOW / RATE
    gap = max(1, round(pause / step))
    found: list[tuple[int, int]] = []
    start: int | None = None
    last = 0  # window after the last one that still counts as speech
    for i, p in enumerate(probability.tolist()):
        if p >= threshold:
            start = i if start is None else start
            last = i + 1
        elif start is not None:
            if p >= threshold - 0.15:
                last = i + 1
            elif i + 1 - last >= gap:
                found.append((start, last))
                start = None
    if start is not None:
        found.append((start, last))
    result: list[tuple[float, float, float]] = []
    for first, end in found:
        if (end - first) * step < shortest:
            continue
        low = max(0.0, first * step - pad, result[-1][1] if result else 0.0)
        result.append((low, min(duration, end * step + pad), float(probability[first:end].mean())))
    return result


def find_speech(audio: Audio, infer: Infer, threshold: float = 0.5) -> list[tuple[float, float, float]]:
    """Stretches of speech in ``audio`` (mono, 16 kHz): (start, end, mean probability), seconds."""
    return spans(speech_probability(audio, infer), len(audio.samples) / audio.rate, threshold)
