"""Splices in sound: the background between the words changes its level or colour, or breaks off into digital zero.

A recording made in one go keeps one room, one microphone and one gain. The background is measured in the pauses of
speech (as in Pan, Zhang & Lyu, "Detecting splicing in digital audios using local noise level estimation", ICASSP 2012),
and every stretch of consecutive pauses is compared with the pauses around it. A muted word leaves a run of exact zeros
where the other pauses carry noise.

What it cannot see: a cut inside one recording (same room, same noise), and the background of sound coded at very low
bit rates, where the coder writes its own silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, minimum_filter1d

from veriscope.detectors._runs import runs_of
from veriscope.detectors.base import Method
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal, Span

FloatArray = NDArray[np.float32]

FRAME, HOP = 512, 128  # samples at 16 kHz: 32 and 8 ms
LOW, HIGH = 4, 230  # bins: 125 Hz – 7.2 kHz, clear of hum, of DC and of the resampler's edge
BANDS = 12
RANGE = 60.0  # dB below loud speech under which background is not told apart: coders leave holes there
FLOOR = 2.0  # dB by which the background of two pauses of one recording differs anyway
FEWEST = 5  # pauses
ZERO = 1.5 / 32768  # within the least step of 16-bit sound
SHORTEST_ZERO = 0.02  # s
MOST_ZERO_RUNS = 8  # more of them: a noise gate, not an edit
# z at which a stretch is shown: above 98 % of 30 LibriSpeech clips (development half), as FLAC and after MP3 48 kbit/s
SHOWN = 6.0
FRAMES_AT_ONCE = 1024  # frames whose spectra are held at a time
_BLOCK = 1 << 20  # samples
LENGTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32)  # pauses in a stretch that is tested
AROUND = 32  # pauses on either side it is compared with


class Pauses(NamedTuple):
    levels: FloatArray  # M×BANDS, dB
    start: NDArray[np.float64]  # M, s
    end: NDArray[np.float64]  # M, s


class Change(NamedTuple):
    z: float
    decibel: float  # level of the stretch over its surroundings
    start: float
    end: float


def background(samples: FloatArray, rate: int, speech: Sequence[tuple[float, float, float]]) -> Pauses:
    """Spectrum of the background in each pause of speech.

    Args:
        samples: N, mono, in [-1, 1].
        rate: 16 000 Hz.
        speech: stretches of speech (start, end, probability), seconds.

    Returns:
        The median level of 12 bands in each quiet stretch of at least 4 frames. Quiet means: outside speech and within
        5 dB of the lowest level within ±0.6 s, or among the quietest 8 % of all frames. Digital silence is left out.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.empty((len(frames), BANDS), np.float32)
    zero = np.empty(len(frames), bool)
    edges = np.geomspace(LOW, HIGH, BANDS + 1).astype(int)
    taper = np.hanning(FRAME).astype(np.float32)
    for first in range(0, len(frames), FRAMES_AT_ONCE):  # ten minutes of spectra at once would be 300 MB
        block = frames[first : first + FRAMES_AT_ONCE]
        spectra = np.abs(np.fft.rfft(block * taper, axis=1)[:, :HIGH]) ** 2
        power[first : first + len(block)] = np.add.reduceat(spectra, edges[:-1], axis=1)
        zero[first : first + len(block)] = ((block <= ZERO) & (block >= -ZERO)).mean(axis=1) > 0.5
    total = 10 * np.log10(power.sum(axis=1) / (HIGH - LOW) + 1e-12)
    bands = 10 * np.log10(power / np.diff(edges) + 1e-12)
    bands = np.maximum(bands, np.percentile(total, 95) - RANGE)
    audible = np.where(zero, np.float32(99), total)
    time = (np.arange(len(frames)) * HOP + FRAME / 2) / rate
    talking = np.zeros(len(frames), bool)
    for start, end, _ in speech:
        talking |= (time >= start) & (time < end)
    lowest = minimum_filter1d(median_filter(audible, 5), int(1.2 * rate / HOP))
    quiet = (((total < lowest + 5) & ~talking) | (total < np.percentile(audible, 8))) & ~zero
    runs = [(a, b) for a, b in runs_of(quiet) if b - a >= 4]
    levels = [np.median(bands[a:b], axis=0) for a, b in runs]
    return Pauses(
        np.array(levels, np.float32).reshape(-1, BANDS),
        np.array([time[a] for a, _ in runs]),
        np.array([time[b - 1] for _, b in runs]),
    )


def background_change(pauses: Pauses) -> Change:
    """The stretch of pauses whose background differs most from the pauses around it.

    z is the difference of medians over the pooled spread (median absolute deviation, at least ``FLOOR`` dB), times the
    root of the effective count, over all bands (root mean square) or for the overall level, whichever is larger.
    """
    best = Change(0.0, 0.0, 0.0, 0.0)
    levels, m = pauses.levels, len(pauses.levels)
    if m < FEWEST:
        return best
    overall = levels.mean(axis=1, keepdims=True)
    both = np.concatenate([levels, overall], axis=1)
    for i in range(m - 1):
        for length in sorted({n for n in (*LENGTHS, m - i) if i + n <= m and m - n >= 2}):
            j = i + length
            inside = both[i:j]
            outside = np.concatenate([both[max(0, i - AROUND) : i], both[j : j + AROUND]])
            if len(outside) < 2 or len(inside) < 2:
                continue
            other = np.median(outside, axis=0)
            middle = _middle(inside, other)
            spread = 1.4826 * np.median(np.abs(np.concatenate([inside - middle, outside - other])), axis=0)
            # Few pauses give a poor spread for one band: share it among the bands, half and half.
            spread[:BANDS] = np.sqrt(0.5 * spread[:BANDS].mean() ** 2 + 0.5 * spread[:BANDS] ** 2)
            t = (middle - other) / np.sqrt(spread**2 + FLOOR**2)
            # Pauses are not independent samples: six of them say no more than that.
            count = np.sqrt(min(len(inside) * len(outside) / (len(inside) + len(outside)), 6.0))
            z = float(max(np.sqrt(np.mean(t[:BANDS] ** 2)), abs(t[BANDS])) * count)
            if z > best.z:
                # Pauses at the rim that look like the rest came in because the median does not mind them.
                near_rest = np.abs(inside - other).mean(axis=1) < np.abs(inside - middle).mean(axis=1)
                own = np.flatnonzero(~near_rest)
                first, last = (i + int(own[0]), i + int(own[-1]) + 1) if len(own) else (i, j)
                end = pauses.start[last] if last < m else pauses.end[m - 1]
                best = Change(z, float((middle - other)[BANDS]), float(pauses.start[first]), float(end))
    return best


def _middle(inside: FloatArray, other: FloatArray) -> FloatArray:
    """Median over pauses; of two, the one nearer to the rest, so that a cough in a single pause is no change."""
    if len(inside) > 2:
        middle: FloatArray = np.median(inside, axis=0)
        return middle
    nearer = np.abs(inside - other).argmin(axis=0)
    chosen: FloatArray = inside[nearer, np.arange(inside.shape[1])]
    return chosen


def zero_runs(samples: NDArray[np.float32], rate: int) -> list[tuple[float, float]]:
    """Runs of digital silence (start, end; seconds) of at least 20 ms, not counting the first and last 0.1 s."""
    edge, least = rate // 10, int(SHORTEST_ZERO * rate)
    found: list[tuple[int, int]] = []
    reaching: int | None = None  # start of a run that lasts to the end of the block before
    for first in range(0, len(samples), _BLOCK):  # ten minutes at 48 kHz at once would need 250 MB for flags
        block = samples[first : first + _BLOCK]
        edges = np.flatnonzero(np.diff((block <= ZERO) & (block >= -ZERO), prepend=False, append=False)) + first
        starts, ends = edges[::2], edges[1::2]
        if reaching is not None:
            if len(starts) and starts[0] == first:
                starts[0] = reaching
            else:
                found.append((reaching, first))
        reaching = None
        if len(ends) and ends[-1] == first + len(block):
            reaching, starts, ends = int(starts[-1]), starts[:-1], ends[:-1]
        long = ends - starts >= least  # every zero crossing is a run of a sample or two: millions in ten minutes
        found += zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    if reaching is not None:
        found.append((reaching, len(samples)))
    return [(a / rate, b / rate) for a, b in found if b - a >= least and a > edge and b < len(samples) - edge]


def muted(runs: Sequence[tuple[float, float]], pauses: int) -> float:
    """0, or 4–12 by length where digital silence is the exception: few runs, while other pauses carry noise."""
    if not runs or len(runs) > MOST_ZERO_RUNS or pauses < max(3, len(runs)):
        return 0.0
    longest = max(end - start for start, end in runs)
    return float(4 + 8 * min(1.0, longest / 0.2))


class AudioSplice(Method):
    """Raw: robust z of the most deviating stretch of background, or of a run of digital silence."""

    name = "audio_splice"
    title = {"en": "Splices in the sound", "vi": "Chỗ ghép âm thanh"}
    signal = Signal.AUDIO
    kinds = frozenset({Kind.AUDIO, Kind.VIDEO})
    libraries = ("numpy", "scipy")
    reference = (
        "X. Pan, X. Zhang, S. Lyu, Detecting splicing in digital audios using local noise level estimation, ICASSP 2012"
    )
    sentences = {
        "change": {
            "en": "Between {start:.1f} s and {end:.1f} s the background between the words differs by {decibel:+.0f} dB "
            "or in colour from the rest ({z:.1f} times its usual variation).",
            "vi": "Từ {start:.1f} giây đến {end:.1f} giây, âm nền giữa các từ chênh {decibel:+.0f} dB hoặc khác âm sắc "
            "so với phần còn lại ({z:.1f} lần mức dao động thường gặp).",
        },
        "muted": {
            "en": "The sound breaks off into exact digital silence {count} time(s), for up to {longest:.2f} s, while "
            "the other pauses carry background noise.",
            "vi": "Âm thanh ngắt thành khoảng lặng số tuyệt đối {count} lần, dài nhất {longest:.2f} giây, trong khi "
            "các quãng nghỉ khác vẫn có tiếng nền.",
        },
        "steady": {
            "en": "The background stays the same over {pauses} pauses of speech (largest change {z:.1f} times its "
            "usual variation).",
            "vi": "Âm nền giữ nguyên qua {pauses} quãng nghỉ của lời nói (thay đổi lớn nhất {z:.1f} lần mức dao động "
            "thường gặp).",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        audio = scene.audio()
        if not len(audio.samples):
            return self.abstain(Reason.NO_AUDIO)
        if len(audio.samples) < 3 * audio.rate:
            return self.abstain(Reason.TOO_SHORT)
        speech = scene.speech()
        if not speech:
            return self.abstain(Reason.NO_SPEECH)
        own = scene.waveform()
        pauses = background(audio.samples, audio.rate, speech)
        runs = zero_runs(own.samples, own.rate)
        silence = muted(runs, len(pauses.levels))
        if len(pauses.levels) < FEWEST and not silence:
            return self.abstain(Reason.TOO_SHORT)
        change = background_change(pauses)
        spans: tuple[Span, ...] = ()
        if silence >= change.z and silence:
            longest = max(end - start for start, end in runs)
            summary = self.say("muted", count=len(runs), longest=longest)
            spans = tuple(Span(start, end, note=summary) for start, end in runs)
        elif change.z >= SHOWN:
            summary = self.say("change", **change._asdict())
            spans = (Span(change.start, change.end, note=summary),)
        else:
            summary = self.say("steady", pauses=len(pauses.levels), z=change.z)
        return self.found(
            max(change.z, silence),
            scene.media.kind,
            summary,
            spans=spans,
            parameters={"bands": BANDS, "frame_ms": 32, "shortest_silence_s": SHORTEST_ZERO},
            measurements={
                "pauses": len(pauses.levels),
                "background_z": change.z,
                "background_db": change.decibel,
                "digital_silences": len(runs),
            },
        )
