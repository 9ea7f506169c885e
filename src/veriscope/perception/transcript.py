"""Speech to words with times. The result says which recogniser wrote it and how often that one is known to be wrong.

Whisper where its weights were pulled (``veriscope models pull whisper-base``) or are named by a setting; else
``pocketsphinx``, whose model is in its wheel and which is good for key words at best. Sound is read in windows that
overlap by a second, around a pause where there is one, and a word is taken from the window in whose inner part it lies,
so that none is cut at an edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import ModelUnavailable
from veriscope.perception.pauses import tightened
from veriscope.perception.speech import RATE
from veriscope.perception.whisper import Whisper
from veriscope.perception.word import Ways, Word, ways
from veriscope.types import Audio

__all__ = ["PocketSphinx", "Recogniser", "Transcript", "Whisper", "Word", "recogniser", "transcribe"]

OVERLAP: Final = 1.0  # seconds
QUIET: Final = 0.002  # amplitude below which speech cannot be made out (−54 dB of full scale)
_LEVEL: Final = 0.1  # root mean square that quiet windows are raised to
_INT16: Final = 32767
_USUAL: Final = Ways()


@dataclass(frozen=True, slots=True)
class Transcript:
    words: tuple[Word, ...]
    recogniser: str  # name and model
    error_rate: str  # what is known of it, in a sentence

    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def span(self, start: int, end: int) -> tuple[float, float]:
        """Seconds in which characters ``start`` to ``end`` of ``text`` are said."""
        place, times = 0, []
        for word in self.words:
            if place < end and place + len(word.text) > start:
                times += [word.start, word.end]
            place += len(word.text) + 1
        return min(times), max(times)


class Recogniser(Protocol):
    """``hear`` takes mono float32 at 16 kHz and gives the words with times from its start.

    One that wants other windows than the usual, or whose edges are loose, says so in ``ways``.
    """

    name: str
    error_rate: str
    floor: float  # confidence below which a word is as good as not understood

    def hear(self, samples: NDArray[np.float32]) -> Sequence[Word]: ...


class PocketSphinx:
    """CMU Sphinx, US English (D. Huggins-Daines et al., ICASSP 2006)."""

    name = "pocketsphinx en-us"
    error_rate = (
        "About one word in four is wrong on clean read English; other languages and noise are not understood, and much "
        "more is covered than needed. 'veriscope models pull whisper-base' brings a better recogniser."
    )
    floor = 0.5

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # narrower beams than the defaults: twice as fast
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", bestpath=True, maxhmmpf=5000, maxwpf=20, ds=2)

    def hear(self, samples: NDArray[np.float32]) -> list[Word]:
        pcm = (np.clip(samples, -1, 1) * _INT16).astype(np.int16)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()
        out: list[Word] = []
        for part in self._decoder.seg() or ():
            text = part.word.split("(")[0]
            if text.startswith(("<", "[", "+")):
                continue
            out.append(Word(text, part.start_frame / 100, (part.end_frame + 1) / 100, float(min(1.0, part.prob))))
        return out


@cache
def recogniser(weights: Path | None = None, language: str | None = None, threads: int = 1) -> Recogniser:
    """The best recogniser this machine has: Whisper with ``weights``, where there are any.

    Raises:
        ModelUnavailable: there is none, or the weights cannot be used: speech cannot be searched.
    """
    if weights is not None:
        if not find_spec("ctranslate2"):
            raise ModelUnavailable(
                "Whisper needs the package ctranslate2, which is not installed.",
                hint="Install the extra: pip install 'veriscope[speech]'.",
            )
        return Whisper(weights, language, threads)
    if find_spec("pocketsphinx"):
        return PocketSphinx()
    raise ModelUnavailable(
        "No recogniser of speech is installed.", hint="Run pip install pocketsphinx, or cover the whole sound."
    )


def transcribe(
    audio: Audio, stretches: Sequence[tuple[float, float, float]], by: Recogniser | None = None
) -> Transcript:
    """Words in the ``stretches`` (start, end, probability; seconds) of ``audio`` (mono, 16 kHz)."""
    if audio.rate != RATE:
        raise ValueError(f"speech is recognised at {RATE} Hz, not {audio.rate}")
    by = by or recogniser()
    how = ways(by)
    words: list[Word] = []
    for begin, end, last, next_begin in _windows(stretches, how):
        samples = audio.samples[int(begin * RATE) : int(end * RATE)]
        audible = len(samples) and np.abs(samples).max() >= QUIET  # recognisers make up words for silence
        heard = by.hear(_levelled(samples)) if audible else ()
        for word in tightened(samples, heard) if how.loose else heard:
            middle = begin + (word.start + word.end) / 2
            if last <= middle < next_begin:
                words.append(Word(word.text, begin + word.start, begin + word.end, word.confidence))
    return Transcript(tuple(words), by.name, by.error_rate)


def _windows(
    stretches: Sequence[tuple[float, float, float]], how: Ways = _USUAL
) -> list[tuple[float, float, float, float]]:
    """(start, end, inner start, inner end) of each window, seconds; the inner parts lie end to end."""
    joined: list[list[float]] = []
    pauses: list[tuple[float, float]] = []
    for start, end, _ in stretches:  # pauses of a breath stay inside: a number is said with pauses
        if joined and start - joined[-1][1] < how.join:
            pauses.append((joined[-1][1], start))
            joined[-1][1] = end
        else:
            joined.append([start, end])
    out: list[tuple[float, float, float, float]] = []
    for first, last in joined:
        begin = max(0.0, first - 0.2)
        stop = last + 0.2
        inner = begin
        while True:
            end = min(stop, begin + how.window)
            closing = end >= stop - 0.05
            inner_end = stop + 1.0 if closing else _cut(begin, end, pauses)
            end = end if closing else inner_end + OVERLAP / 2
            out.append((begin, end, inner, inner_end))
            if closing:
                break
            inner, begin = inner_end, end - OVERLAP
    return out


def _cut(begin: float, end: float, pauses: Sequence[tuple[float, float]]) -> float:
    """Where one window hands over to the next: in the longest pause of its second half, or at its end."""
    low, high = (begin + end) / 2, end - OVERLAP / 2
    inside = [(b - a, (a + b) / 2) for a, b in pauses if low < (a + b) / 2 < high]
    return max(inside)[1] if inside else high


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    gain = min(30.0, _LEVEL / level) if level > 1e-5 else 1.0
    levelled: NDArray[np.float32] = np.clip(samples * np.float32(gain), -1, 1)
    return levelled
