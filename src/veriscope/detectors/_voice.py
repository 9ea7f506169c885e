"""Statistics of speech that a vocoder disturbs. All are independent of level, of length and of a fixed filter.

Sound is 16 kHz mono; every spectrum is divided by the clip's own average (cepstral mean subtraction), so that the
microphone and the codec's slope drop out, and nothing above 3.8 kHz is read, where recording chains differ most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

FRAME, HOP = 512, 160  # 32 ms, 10 ms
BANDS = ((300, 1000), (1000, 2000), (2000, 3000), (3000, 3800))  # Hz
ORDER = 16  # linear prediction
FRAMES_AT_ONCE = 512  # whose spectra and residuals are held at a time
NAMES = (
    *(f"flatness_{low}" for low, _ in BANDS),
    *(f"flatness_spread_{low}" for low, _ in BANDS),
    "envelope_correlation",
    "envelope_roughness",
    "residual_kurtosis",
    "residual_kurtosis_spread",
    "harmonicity",
    "harmonicity_spread",
    "jitter",
    "phase_300",
    "phase_2000",
    "modulation",
    "spectral_flux",
)


def _cut(samples: Array, rate: int, speech: list[tuple[float, float, float]]) -> Array:
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    time = (np.arange(len(frames)) * HOP + FRAME / 2) / rate
    talking = np.zeros(len(frames), bool)
    for start, end, _ in speech:
        talking |= (time >= start) & (time < end)
    return frames[np.flatnonzero(talking)[:6000]]  # one minute of speech says as much as ten


def _harmonicity(frames: Array, rate: int) -> tuple[Array, Array]:
    """Peak of the normalised autocorrelation between 70 and 350 Hz, and the pitch (Hz) there, for each frame."""
    windowed = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(FRAME).astype(np.float32)
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(FRAME), 2 * FRAME)) ** 2)[:FRAME]
    auto = np.fft.irfft(np.abs(np.fft.rfft(windowed, 2 * FRAME, axis=1)) ** 2, axis=1)[:, :FRAME] / taper
    auto /= np.maximum(auto[:, :1], 1e-12)
    low, high = rate // 350, rate // 70
    part = auto[:, low:high]
    best = part.argmax(axis=1)
    inner = np.clip(best, 1, part.shape[1] - 2)
    rows = np.arange(len(part))
    a, b, c = part[rows, inner - 1], part[rows, inner], part[rows, inner + 1]
    bend = a - 2 * b + c
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (a - c) / np.where(bend == 0, 1, bend), 0)
    pitch = rate / (low + inner + np.clip(shift, -0.5, 0.5))
    return np.clip(part[rows, best], 0, 1).astype(np.float32), pitch.astype(np.float32)


def _residual_kurtosis(frames: Array) -> Array:
    """Log kurtosis of the linear prediction residual of each frame: glottal pulses are sharp, vocoders smear them."""
    windowed = frames * np.hanning(FRAME).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(windowed, 2 * FRAME, axis=1)) ** 2
    auto = np.fft.irfft(spectrum, axis=1)[:, : ORDER + 1].astype(np.float64)
    auto[:, 0] = auto[:, 0] * 1.0001 + 1e-12
    index = np.abs(np.arange(ORDER)[:, None] - np.arange(ORDER)[None])
    weights = np.linalg.solve(auto[:, index], auto[:, 1:, None])[:, :, 0]
    whitening = np.concatenate([np.ones((len(frames), 1)), -weights], axis=1)
    residual = np.fft.irfft(np.fft.rfft(windowed, 1024, axis=1) * np.fft.rfft(whitening, 1024, axis=1), axis=1)[
        :, :FRAME
    ]
    power = (residual**2).mean(axis=1)
    kurtosis: Array = np.log((residual**4).mean(axis=1) / np.maximum(power**2, 1e-20) + 1e-6).astype(np.float32)
    return kurtosis


def voice_statistics(
    samples: Array, rate: int, speech: list[tuple[float, float, float]]
) -> tuple[NDArray[np.float64], int] | None:
    """``len(NAMES)`` statistics of the spoken frames, and how many frames there were; ``None`` below one second.

    Args:
        samples: N, mono, in [-1, 1].
        rate: 16 000.
        speech: stretches of speech (start, end, probability), seconds.
    """
    frames = _cut(samples, rate, speech)
    loud = np.sqrt((frames**2).mean(axis=1)) if len(frames) else np.zeros(0)
    frames = frames[loud > 0.05 * np.percentile(loud, 95)] if len(frames) else frames
    if len(frames) < 100:
        return None
    blocks = [frames[first : first + FRAMES_AT_ONCE] for first in range(0, len(frames), FRAMES_AT_ONCE)]
    taper, top = np.hanning(FRAME).astype(np.float32), round(BANDS[-1][1] * FRAME / rate)
    spectra = np.concatenate([np.fft.rfft(block * taper, axis=1)[:, :top] for block in blocks])
    log = np.log(np.abs(spectra) ** 2 + 1e-10 * np.square(loud.max() * FRAME))
    log -= log.mean(axis=0)
    values: list[float] = []
    flat, energy = [], []
    for low, high in BANDS:
        part = log[:, round(low * FRAME / rate) : round(high * FRAME / rate)]
        flat.append(part.mean(axis=1) - np.log(np.exp(part).mean(axis=1)))
        energy.append(np.log(np.exp(part).mean(axis=1)))
    values += [float(np.median(f)) for f in flat]
    values += [float(np.subtract(*np.percentile(f, [75, 25]))) for f in flat]
    values.append(float(np.corrcoef(energy[0], energy[3])[0, 1]))
    rough = [float(np.median(np.abs(np.diff(e, 2)))) for e in energy]
    values.append(float(np.log((rough[3] + 1e-3) / (rough[0] + 1e-3))))
    harmonic, pitch = map(np.concatenate, zip(*(_harmonicity(block, rate) for block in blocks), strict=True))
    voiced = harmonic > 0.6
    kurtosis = np.concatenate([_residual_kurtosis(block) for block in blocks])
    use = kurtosis[voiced] if voiced.sum() >= 20 else kurtosis
    values += [float(np.median(use)), float(np.subtract(*np.percentile(use, [75, 25])))]
    values += [float(np.median(harmonic)), float(np.subtract(*np.percentile(harmonic, [75, 25])))]
    pairs = voiced[1:] & voiced[:-1]
    steps = np.abs(np.diff(np.log(pitch)))[pairs]
    steps = steps[steps < 0.2]  # beyond: an octave error, or a new word
    values.append(float(np.log(np.median(steps) + 1e-4)) if len(steps) >= 20 else float(np.log(0.01)))
    # Phase: how far the second difference over time departs from a steady tone, weighted to where the energy is.
    for low, high in ((300, 1000), (2000, 3800)):
        bins = spectra[:, round(low * FRAME / rate) : round(high * FRAME / rate)]
        part = bins[2:] * np.conj(bins[1:-1]) ** 2 * bins[:-2]
        weight = np.abs(part) ** 0.25
        unit = part / np.maximum(np.abs(part), 1e-20)
        values.append(float((np.abs((unit * weight).sum(axis=1)) / np.maximum(weight.sum(axis=1), 1e-20)).mean()))
    total = np.logaddexp.reduce(np.array(energy), axis=0)
    modulation = np.abs(np.fft.rfft((total - total.mean()) * np.hanning(len(total)))) ** 2
    hertz = np.fft.rfftfreq(len(total), HOP / rate)
    slow, fast = modulation[(hertz >= 2) & (hertz < 8)].sum(), modulation[(hertz >= 8) & (hertz < 25)].sum()
    values.append(float(np.log(fast / max(slow, 1e-12) + 1e-6)))
    band = log[:, round(300 * FRAME / rate) : round(3800 * FRAME / rate)]
    values.append(float(np.median(np.abs(np.diff(band, axis=0)).mean(axis=1))))
    return np.array(values), len(frames)
