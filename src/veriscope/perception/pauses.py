"""Edges of words, set right by the pauses between them: Whisper counts a pause to either of its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from veriscope.perception.speech import RATE
from veriscope.perception.word import Word

FRAME: Final = 0.01  # seconds
QUIET: Final = 0.05  # of the loudness of speech (its ninth tenth) below which it is a pause: -26 dB
LEAST: Final = 0.06  # seconds of quiet that are a pause; stops inside words are mostly shorter
NEAR: Final = 0.12  # seconds from the edge that was given in which a pause is taken for the edge
CORE: Final = 0.1  # seconds that are left of a word
LETTER: Final = 0.07  # seconds that one takes, about
_MARKS: Final = ".,;:!?'\"…-"
DOUBT: Final = 0.1  # seconds a length may be further off than another before it is ruled out


def tightened(samples: NDArray[np.float32], words: Sequence[Word]) -> list[Word]:
    """The same words; no edge lies in a pause, or just beside one, or with a pause between it and its word."""
    found = pauses(samples)
    out: list[Word] = []
    for word in words:
        here = [p for p in found if p[0] < word.end + NEAR and p[1] > word.start - NEAR]
        start, end = word.start, word.end
        if inside := [p for p in here if p[0] >= start + NEAR - FRAME and p[1] <= end - NEAR + FRAME]:
            low, high = max(inside, key=lambda p: p[1] - p[0])
            if word.text.strip(_MARKS).isalpha():  # numbers and addresses are said with pauses
                wanted = LETTER * sum(c.isalnum() for c in word.text) + 0.05
                before, after = abs(low - start - wanted), abs(end - high - wanted)
                if after < before + DOUBT and out and out[-1].end >= start - FRAME:
                    out[-1] = replace(out[-1], end=low)  # what stands before the pause was said with the last word
                if after < before:
                    start = high
                else:
                    end = low
        for low, high in here:
            if low < start + NEAR and start - NEAR < high < end - CORE:
                start = high
        for low, high in reversed(here):
            if high > end - NEAR and start + CORE < low < end + NEAR:
                end = low
        out.append(replace(word, start=start, end=max(start, end)))
    return out


def pauses(samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """(start, end) of each stretch of quiet, seconds; what lies before and after the sound counts as quiet."""
    size = round(FRAME * RATE)
    count = len(samples) // size
    if not count:
        return []
    level = np.sqrt(np.mean(np.square(samples[: count * size].reshape(count, size), dtype=np.float64), axis=1))
    quiet = np.concatenate([[False], level < QUIET * np.percentile(level, 90), [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    runs = [(float(a) * FRAME, float(b) * FRAME) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(a, b) for a, b in runs if b - a >= LEAST - FRAME / 2]
