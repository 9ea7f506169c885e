"""Ways to take a voice apart and rebuild it, as synthesisers do in their last step, without anything learned.

Sound is 16 kHz mono, float32. The learned ones are in ``veriscope.train.speech_vocoders``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.linalg import solve_toeplitz

Sound = NDArray[np.float32]
RATE = 16000
SIZE, HOP = 1024, 256


def _stft(sound: NDArray[np.floating], size: int = SIZE, hop: int = HOP) -> NDArray[np.complexfloating]:
    return signal.stft(sound, RATE, nperseg=size, noverlap=size - hop)[2]


def _istft(
    spectrum: NDArray[np.complexfloating], length: int, size: int = SIZE, hop: int = HOP
) -> NDArray[np.floating]:
    sound = signal.istft(spectrum, RATE, nperseg=size, noverlap=size - hop)[1]
    return np.pad(sound, (0, max(0, length - len(sound))))[:length]


def _mel(count: int = 80) -> NDArray[np.floating]:
    """``count`` triangles on the mel scale, count × bins."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, count + 2) / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, SIZE // 2 + 1)
    rise = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


MEL = _mel()
BACK = np.linalg.pinv(MEL)


def griffin_lim(sound: Sound, rng: np.random.Generator, mel: bool, rounds: int) -> Sound:
    """Phases made up so that the magnitudes fit (Griffin & Lim 1984, with the momentum of Perraudin et al. 2013)."""
    size = np.abs(_stft(sound))
    if mel:
        size = np.maximum(BACK @ (MEL @ size), 1e-5)
    spectrum = size * np.exp(2j * np.pi * rng.random(size.shape))
    last = np.zeros_like(spectrum)
    for _ in range(rounds):
        new = _stft(_istft(spectrum, len(sound)))[:, : size.shape[1]]
        spectrum = size * np.exp(1j * np.angle(new + 0.5 * (new - last)))
        last = new
    return _istft(spectrum, len(sound)).astype(np.float32)


def mel_phase(sound: Sound, rng: np.random.Generator) -> Sound:
    """What a good neural vocoder leaves: mel resolution in the magnitudes, phases right below and freer above."""
    original = _stft(sound)
    size = np.abs(original)
    coarse = np.maximum(BACK @ (MEL @ size), 1e-5)
    mix, spread = rng.uniform(0.5, 1.0), rng.uniform(0.2, 1.0) * np.pi * np.linspace(0, 1, len(size))[:, None]
    size = np.exp(mix * np.log(coarse + 1e-6) + (1 - mix) * np.log(size + 1e-6))
    first = _istft(size * np.exp(1j * (np.angle(original) + spread * rng.normal(size=size.shape))), len(sound))
    again = _stft(first)[:, : size.shape[1]]
    return _istft(size * np.exp(1j * np.angle(again)), len(sound)).astype(np.float32)


def _pitch(sound: Sound) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Pitch (Hz) and voicing (0–1) every 10 ms, by autocorrelation."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 512), 1024)[::160] * np.hanning(1024)
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(1024), 2048)) ** 2)[:320]
    auto = np.fft.irfft(np.abs(np.fft.rfft(frames, 2048, axis=1)) ** 2, axis=1)[:, :320] / taper
    auto /= auto[:, :1] + 1e-9
    lag = auto[:, 45:230].argmax(axis=1) + 45
    return signal.medfilt(RATE / lag, 5), auto[np.arange(len(auto)), lag]


def linear_prediction(sound: Sound, rng: np.random.Generator) -> Sound:
    """Pulses or noise through an all-pole filter of order 22, every 10 ms."""
    pitch, voicing = _pitch(sound)
    time = np.arange(len(sound)) / 160
    hertz, voiced = (np.interp(time, np.arange(len(x)), x) for x in (pitch, voicing))
    beats = np.floor(np.cumsum(hertz / RATE))
    pulses = np.concatenate([[0], np.diff(beats) > 0]) * np.sqrt(RATE / hertz)
    noise = rng.normal(size=len(sound))
    source = np.where(voiced > 0.55, pulses + 0.15 * noise, noise)
    out, taper = np.zeros(len(sound) + 1024), np.hanning(640)
    for start in range(0, len(sound) - 640, 160):
        part = sound[start : start + 640] * taper
        auto = np.correlate(part, part, "full")[639:662]
        auto[0] = auto[0] * 1.0001 + 1e-9
        weights = solve_toeplitz(auto[:22], auto[1:23])
        gain = np.sqrt(max(auto[0] - weights @ auto[1:23], 1e-12) / (taper**2).sum())
        filtered = signal.lfilter([gain], np.concatenate([[1], -weights]), source[start : start + 640])
        out[start : start + 640] += 0.5 * filtered * taper
    return out[: len(sound)].astype(np.float32)


def harmonics_and_noise(sound: Sound, rng: np.random.Generator) -> Sound:
    """Sine waves at the multiples of the pitch and noise, both through the cepstrally smoothed envelope."""
    pitch, voicing = _pitch(sound)
    n = len(sound)
    log = np.log(np.abs(_stft(sound, 512, 160)) + 1e-6)
    cepstrum = np.fft.irfft(log, axis=0)
    cepstrum[30:-30] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real)
    time = np.arange(n) / 160
    hertz, voiced = (np.interp(time, np.arange(len(x)), x) for x in (pitch, voicing))
    phase, column = 2 * np.pi * np.cumsum(hertz / RATE), np.clip(np.round(time).astype(int), 0, envelope.shape[1] - 1)
    tone = np.zeros(n)
    for k in range(1, 60):
        at = k * hertz
        level = envelope[np.clip((at / 31.25).astype(int), 0, 256), column]
        tone += np.where(at < 7600, level * np.cos(k * phase), 0)
    white = _stft(rng.normal(size=n), 512, 160)
    width = min(white.shape[1], envelope.shape[1])
    noise = _istft(white[:, :width] * envelope[:, :width], n, 512, 160)
    noise *= np.sqrt((tone**2).mean() / ((noise**2).mean() + 1e-12))
    return np.where(voiced > 0.5, 0.95 * tone + 0.1 * noise, noise).astype(np.float32)


def world(sound: Sound, rng: np.random.Generator) -> Sound:
    """Pulses and noise through smooth envelopes (Morise et al., WORLD, IEICE Trans. 2016); needs ``pyworld``.

    Half of the time pitch and envelope are smoothed over time, as statistical synthesis does.
    """
    pyworld = import_module("pyworld")  # not among the requirements: wheels exist for few systems
    wave = sound.astype(np.float64)
    rough, time = pyworld.dio(wave, RATE, f0_floor=65, f0_ceil=500)
    pitch = pyworld.stonemask(wave, rough, time, RATE)
    envelope = pyworld.cheaptrick(wave, pitch, time, RATE)
    breath = pyworld.d4c(wave, pitch, time, RATE)
    if rng.random() < 0.5:
        kernel = np.hanning(7) / np.hanning(7).sum()
        envelope = np.exp(signal.convolve2d(np.log(envelope), kernel[:, None], mode="same", boundary="symm"))
    out = pyworld.synthesize(pitch, envelope, breath, RATE)
    return np.pad(out, (0, max(0, len(sound) - len(out))))[: len(sound)].astype(np.float32)


VOCODERS: Mapping[str, Callable[[Sound, np.random.Generator], Sound]] = {
    "griffin_lim_mel": lambda sound, rng: griffin_lim(sound, rng, mel=True, rounds=30),
    "griffin_lim": lambda sound, rng: griffin_lim(sound, rng, mel=False, rounds=12),
    "mel_phase": mel_phase,
    "linear_prediction": linear_prediction,
    "harmonics_and_noise": harmonics_and_noise,
}
