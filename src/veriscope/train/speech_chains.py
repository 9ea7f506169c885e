"""What happens to a recording on its way to us: other rates, codecs, rooms, noise. Both classes go through it alike."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import av
import numpy as np
from scipy import signal

from veriscope.train.speech_resynthesis import RATE, Sound

# name: container, encoder, its rate, bit rates (bit/s)
CODECS: Mapping[str, tuple[str, str, int, tuple[int, int]]] = {
    "mp3": ("mp3", "libmp3lame", 16000, (24_000, 96_000)),
    "mp3_wide": ("mp3", "libmp3lame", 44100, (48_000, 128_000)),
    "aac": ("adts", "aac", 16000, (24_000, 64_000)),
    "aac_wide": ("adts", "aac", 44100, (48_000, 128_000)),
    "opus": ("ogg", "libopus", 48000, (12_000, 48_000)),
}
TRIPS = (22050, 24000, 44100, 48000)  # rates that sound is often stored at


def read(source: str | io.BytesIO, rate: int = RATE) -> Sound:
    """The sound of a file or file object, mono, at ``rate``."""
    with av.open(source, "r") as container:
        resampler = av.AudioResampler("fltp", "mono", rate)
        parts = [g.to_ndarray()[0] for f in container.decode(audio=0) for g in resampler.resample(f)]
        parts += [g.to_ndarray()[0] for g in resampler.resample(None)]
    return np.concatenate(parts).astype(np.float32)


def coded(sound: Sound, codec: str, bits: int) -> Sound:
    """``sound`` (16 kHz) after one round through a codec, aligned again, same length."""
    form, encoder, rate, _ = CODECS[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream: Any = container.add_stream(encoder, rate=rate)
        stream.bit_rate, stream.layout = bits, "mono"
        stream.codec_context.open()
        context = stream.codec_context
        resampler = av.AudioResampler(context.format.name, "mono", rate, frame_size=context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    buffer.seek(0)
    back = read(buffer)
    shift = _delay(sound, back)
    back = back[shift:] if shift >= 0 else np.pad(back, (-shift, 0))
    return np.pad(back, (0, max(0, len(sound) - len(back))))[: len(sound)]


def _delay(sound: Sound, other: Sound, reach: int = 4096) -> int:
    """Samples by which ``other`` comes later."""
    n = min(len(sound), len(other), 4 * RATE)
    size = 1 << (2 * n - 1).bit_length()
    cross = np.fft.irfft(np.fft.rfft(other[:n], size) * np.conj(np.fft.rfft(sound[:n], size)))
    lags = np.concatenate([np.arange(reach), np.arange(-reach, 0)])
    return int(lags[np.argmax(cross[lags])])


def coded_at_random(sound: Sound, rng: np.random.Generator) -> Sound:
    codec = str(rng.choice(list(CODECS)))
    low, high = CODECS[codec][3]
    return coded(sound, codec, int(np.exp(rng.uniform(np.log(low), np.log(high)))) // 1000 * 1000)


def resampled(sound: Sound, rng: np.random.Generator) -> Sound:
    """To another usual rate and back, as most files have been."""
    rate = int(rng.choice(TRIPS))
    common = int(np.gcd(rate, RATE))
    there = signal.resample_poly(sound, rate // common, RATE // common)
    back: Sound = signal.resample_poly(there, RATE // common, rate // common)[: len(sound)].astype(np.float32)
    return back


def room(sound: Sound, rng: np.random.Generator) -> Sound:
    """A short decaying tail of echoes, direct sound first."""
    decay = rng.uniform(0.05, 0.3)
    tail = rng.normal(size=int(decay * RATE)) * np.exp(-6.9 * np.arange(int(decay * RATE)) / (decay * RATE))
    tail *= rng.uniform(0.05, 0.4) / (np.sqrt((tail**2).sum()) + 1e-9)
    tail[0] = 1.0
    heard: Sound = signal.fftconvolve(sound, tail)[: len(sound)].astype(np.float32)
    return heard


def equalised(sound: Sound, rng: np.random.Generator) -> Sound:
    """Another microphone: a smooth random response within ±8 dB, sometimes the band of a telephone."""
    knots = np.concatenate([[0], np.geomspace(100, 7000, 6), [RATE / 2]])
    gain = 10 ** (rng.uniform(-8, 8, len(knots)) / 20)
    if rng.random() < 0.08:
        gain[knots > 3600] = 1e-3
    taps = signal.firwin2(129, knots, gain, fs=RATE)
    out: Sound = signal.fftconvolve(sound, taps, "same").astype(np.float32)
    return out


def noisy(sound: Sound, rng: np.random.Generator) -> Sound:
    """Coloured noise 15–60 dB below the voice: no silence is digital."""
    white = np.fft.rfft(rng.normal(size=len(sound)))
    slope = rng.uniform(0, 1.2)
    noise = np.fft.irfft(white / np.maximum(np.arange(len(white)), 20) ** (slope / 2), len(sound))
    level = 10 ** (-rng.uniform(15, 60) / 20) * np.sqrt((sound**2).mean() / ((noise**2).mean() + 1e-20))
    return (sound + level * noise).astype(np.float32)


LIGHT: tuple[tuple[float, Callable[[Sound, np.random.Generator], Sound]], ...] = (
    (0.5, equalised),
    (0.15, room),
    (0.6, noisy),
)


def lightly_changed(pair: Sequence[Sound], seed: int) -> list[Sound]:
    """Cheap changes for training crops: the same ones, with the same dice, for every member of ``pair``."""
    out = []
    for sound in pair:
        rng = np.random.default_rng(seed)
        changed = sound
        for chance, change in LIGHT:
            if rng.random() < chance:
                changed = change(changed, rng)
        out.append(changed)
    return out
