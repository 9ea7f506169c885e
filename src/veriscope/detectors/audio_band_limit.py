"""Traces of an earlier compression in sound: a hard upper edge of the spectrum, and an edge that comes and goes.

Perceptual coders cut everything above a frequency that depends on the bit rate; the cut survives conversion to a
lossless or richer format (D'Alessandro & Shi, "MP3 bit rate quality detection through frequency spectrum analysis",
MM&Sec 2009). A stretch whose
noise above the voice differs from the rest came from another recording or another coder.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal, Span, Stream

Array = NDArray[np.float32]

FRAME = 1024
FRAMES_AT_ONCE = 1024  # 4 MB of samples
SIDE = 500.0  # Hz on either side of an edge that are compared
SHARPEST = 150.0  # Hz that a coder's filter needs; an edge wider than this is a microphone or a room
LOWEST = 2500.0  # Hz
LOWEST_TOP = 5000.0  # Hz up to which a sound must reach for its noise floor to be compared over time
NEAR_NYQUIST = 0.93  # share of the Nyquist frequency above which every converter cuts
LOSSLESS = ("pcm", "flac", "alac", "wavpack", "ape", "tta")
SEGMENT = 1.0  # s
LEAST = 3.0  # s
SHOWN = 3.0  # z of a stretch, from which it is shown
SHOWN_EDGE = 0.3  # strength of an edge, from which it is named


class Edge(NamedTuple):
    frequency: float  # Hz; 0 when there is none
    drop: float  # dB across the edge


class Change(NamedTuple):
    z: float
    decibel: float
    start: float  # s
    end: float


class Spectrum(NamedTuple):
    """What is kept of the levels (dB) of FRAME samples side by side; ten minutes of them would be 60 MB."""

    loud: Array  # bins: the level that 5 % of the frames exceed
    loudest: float  # the level that 1 % of all levels exceed
    bands: Array  # frames × 3: mean level in three bands above 3.5 kHz; frames × 0 where the rate does not reach


class Percentile:
    """A percentile over the rows of blocks that pass by, for each column: exact, but only the rows above it are kept.

    Args:
        rows: how many there will be.
        percent: 0–100, the higher the cheaper.
    """

    def __init__(self, rows: int, percent: float) -> None:
        self._position = percent / 100 * (rows - 1)
        self._kept = rows - int(self._position)  # from the row below the position upwards
        self._top: Array | None = None

    def add(self, block: Array) -> None:
        top = block if self._top is None else np.concatenate([self._top, block])
        surplus = len(top) - self._kept
        self._top = np.partition(top, surplus, axis=0)[surplus:] if surplus > 0 else top

    def values(self) -> Array:
        assert self._top is not None
        assert len(self._top) == self._kept
        low, high = np.partition(self._top, 1, axis=0)[:2] if self._kept > 1 else self._top[[0, 0]]
        between: Array = low + (high - low) * np.float32(self._position - int(self._position))
        return between


def spectrum(samples: Array, rate: int) -> Spectrum:
    """Levels of a sound of at least FRAME samples, over time and over frequency (at most some 18 minutes are read)."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::FRAME][:50_000]
    # A Blackman window: the side lobes of softer ones (−43 dB and up) would fill the empty band.
    taper = np.blackman(FRAME).astype(np.float32)
    top = NEAR_NYQUIST * rate / 2
    edges = (np.geomspace(3500.0, top, 4) * FRAME / rate).astype(int) if top >= LOWEST_TOP else np.zeros(0, int)
    bands = np.empty((len(frames), max(0, len(edges) - 1)), np.float32)
    bins = FRAME // 2 + 1
    loud, loudest = Percentile(len(frames), 95), Percentile(len(frames) * bins, 99)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        block = frames[first : first + FRAMES_AT_ONCE]
        levels = (np.abs(np.fft.rfft(block * taper, axis=1)) ** 2).astype(np.float32, copy=False)
        levels += np.float32(1e-12)
        np.log10(levels, out=levels)
        levels *= 10
        loud.add(levels)
        loudest.add(levels.reshape(-1, 1))
        for k, (a, b) in enumerate(pairwise(edges)):
            bands[first : first + len(block), k] = levels[:, a:b].mean(axis=1)
    return Spectrum(loud.values(), float(loudest.values()[0]), bands)


def hard_edge(loud: Array, rate: int) -> Edge:
    """The steepest fall of the loud spectrum with nothing above it.

    Args:
        loud: level of each bin, dB.
        rate: Hz.
    """
    hertz = rate / FRAME
    side, gap = max(2, round(SIDE / hertz)), max(1, round(SHARPEST / hertz))
    best = Edge(0.0, 0.0)
    for k in range(round(LOWEST / hertz), int(NEAR_NYQUIST * len(loud))):
        above = loud[k + gap : k + gap + side]
        if len(above) < side // 2:
            break
        drop = float(np.median(loud[max(0, k - gap - side) : k - gap]) - np.median(above))
        rest = float(loud[k + gap :].max() - np.median(above))
        if drop > best.drop and rest < 0.5 * drop:
            best = Edge(k * hertz, drop)
    return best


def floor_change(spectrum: Spectrum, rate: int) -> Change:
    """The stretch of one second or more whose noise floor above the voice differs most from the rest.

    The floor is the 20th percentile over time of the level in three bands above 3.5 kHz, as far as the rate reaches.
    """
    size = round(SEGMENT * rate / FRAME)
    count = len(spectrum.bands) // size
    if count < 4 or not spectrum.bands.shape[1]:
        return Change(0.0, 0.0, 0.0, 0.0)
    table = np.percentile(spectrum.bands[: count * size].reshape(count, size, -1), 20, axis=1)
    table = np.maximum(table, spectrum.loudest - 90)  # deeper than that is rounding, not sound
    middle = np.median(table, axis=0)
    spread = 1.4826 * np.median(np.abs(table - middle), axis=0) + 3.0
    deviation = (table - middle) / spread
    # Two neighbouring seconds must agree; a breath or a cough fills one.
    smooth = uniform_filter1d(deviation, 2, axis=0, mode="nearest")
    strength = np.sqrt((smooth**2).mean(axis=1))
    peak = int(strength.argmax())
    inside = median_filter(strength, 3, mode="nearest") > 0.5 * strength[peak]
    first = last = peak
    while first > 0 and inside[first - 1]:
        first -= 1
    while last < count - 1 and inside[last + 1]:
        last += 1
    decibel = float((table[peak] - middle).mean())
    return Change(float(strength[peak]), decibel, first * SEGMENT, (last + 1) * SEGMENT)


def expected_edge(stream: Stream) -> float:
    """Hz up to which the file's own coding should reach: all of it when lossless, else by bits a second and channel."""
    audio = stream.audio or {}
    codec, rate = str(audio.get("codec") or ""), float(audio.get("rate") or 0)
    if codec.startswith(LOSSLESS) or not audio.get("bit_rate"):
        return rate / 2
    bits = float(audio["bit_rate"] or 0) / max(1.0, float(audio.get("channels") or 1))
    # MP3 and AAC encoders cut near 11 kHz at 32, 16 kHz at 64 and 20 kHz at 128 kbit/s a channel; newer codecs higher.
    return float(min(rate / 2, np.interp(bits, [16e3, 32e3, 64e3, 128e3], [6e3, 11e3, 16e3, 20e3])))


def edge_strength(edge: Edge, expected: float) -> float:
    """0–1: half an octave or more missing below ``expected`` (Hz), with a drop of 32 dB or more, is 1."""
    missing = math.log2(expected / edge.frequency) if edge.frequency and expected > edge.frequency else 0.0
    return min(1.0, 2 * missing) * min(1.0, max(0.0, (edge.drop - 12) / 20))


def statistic(edge: Edge, expected: float, change: Change) -> float:
    """The z of a local change, or, where larger, that of a hard edge, which counts for 1.5 at most.

    An earlier compression alone is no forgery: most sound that is passed on went through one.
    """
    return max(1.5 * edge_strength(edge, expected), change.z)


class AudioBandLimit(Method):
    """Raw: strength of an upper edge that comes and goes, or that the format does not explain."""

    name = "audio_band_limit"
    title = {"en": "Band limit of the sound", "vi": "Giới hạn băng tần của âm thanh"}
    signal = Signal.AUDIO
    kinds = frozenset({Kind.AUDIO, Kind.VIDEO})
    libraries = ("numpy", "scipy")
    reference = (
        "B. D'Alessandro, Y. Q. Shi, MP3 bit rate quality detection through frequency spectrum analysis, MM&Sec 2009"
    )
    sentences = {
        "edge": {
            "en": "The sound stops abruptly at {khz:.1f} kHz (a drop of {drop:.0f} dB), although the file could hold "
            "{expected:.1f} kHz: it was compressed more strongly before.",
            "vi": "Âm thanh dừng đột ngột ở {khz:.1f} kHz (giảm {drop:.0f} dB) dù tệp có thể chứa tới "
            "{expected:.1f} kHz: trước đó nó đã bị nén mạnh hơn.",
        },
        "change": {
            "en": "From {start:.0f} s to {end:.0f} s the noise above the voice differs by {decibel:+.0f} dB from "
            "the rest ({z:.1f} times its usual variation).",
            "vi": "Từ {start:.0f} giây đến {end:.0f} giây, nhiễu phía trên giọng nói chênh {decibel:+.0f} dB so với "
            "phần còn lại ({z:.1f} lần mức dao động thường gặp).",
        },
        "even": {
            "en": "The spectrum reaches as far as the format lets it, evenly over time.",
            "vi": "Phổ âm thanh trải tới giới hạn của định dạng và đều theo thời gian.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        sound = scene.waveform()
        if not len(sound.samples):
            return self.abstain(Reason.NO_AUDIO)
        if len(sound.samples) < LEAST * sound.rate:
            return self.abstain(Reason.TOO_SHORT)
        levels = spectrum(sound.samples, sound.rate)
        if levels.loudest < -60:  # silence
            return self.abstain(Reason.NO_TEXTURE)
        edge, change = hard_edge(levels.loud, sound.rate), floor_change(levels, sound.rate)
        expected = expected_edge(scene.stream())
        raw = statistic(edge, expected, change)
        spans: tuple[Span, ...] = ()
        if change.z >= SHOWN and raw <= change.z:
            summary = self.say("change", **change._asdict())
            spans = (Span(change.start, change.end, note=summary),)
        elif edge_strength(edge, expected) > SHOWN_EDGE:
            summary = self.say("edge", khz=edge.frequency / 1000, drop=edge.drop, expected=expected / 1000)
        else:
            summary = self.say("even")
        return self.found(
            raw,
            scene.media.kind,
            summary,
            spans=spans,
            parameters={"frame": FRAME, "segment_s": SEGMENT},
            measurements={
                "edge_hz": edge.frequency,
                "edge_drop_db": edge.drop,
                "expected_hz": expected,
                "change_z": change.z,
                "change_db": change.decibel,
            },
        )
