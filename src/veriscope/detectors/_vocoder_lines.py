"""Lines that learned up-sampling leaves in a spectrum, at the multiples of the vocoder's frame rate.

A neural vocoder turns frames into samples by transposed convolutions or repetition. Whatever in it does not depend on
the voice repeats with every frame, and stands in the spectrum as thin lines at multiples of sampling rate over hop
(Pons et al., "Upsampling artifacts in neural audio synthesis", ICASSP 2021; Afchar et al., "A Fourier explanation of
AI-music artifacts", ISMIR 2025): 86.13 Hz for the usual 22 050 Hz and 256 samples. They are far below the voice. Here
the sound is whitened, so that quiet parts count as much as loud ones, and all lines are added up over whole blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal
from scipy.ndimage import uniform_filter1d
from scipy.special import log_ndtr, ndtri_exp

Floats = NDArray[np.float32]

RATE = 16000  # Hz, of the sound that is looked at
BLOCK = 8.0  # seconds: lines are followed in phase over this long
MOST = 8  # blocks, evenly spread
SIZE, HOP = 512, 128  # of the whitening
SMOOTH = 15  # bins of 31 Hz over which the envelope is smoothed
LOW, HIGH = 200.0, 7600.0  # Hz
MEAN, SPREAD = 0.05, 1.1  # of ``line_strength`` over 60 LibriSpeech clips and five spacings
LIMIT = 3.0  # spreads that one line may add
# Frame rates of usual vocoders (rate / hop) by the rate of the file. Testing fewer raises fewer false alarms, and a
# file at 22 050 Hz was seldom made at 24 000. Frame rates of 50 and 100 Hz, which mains hum would imitate, are not
# looked for.
SINGLE = 22050 / 256
OTHERS = (24000 / 256, 24000 / 300, 24000 / 320)
EXPECTED = {
    11025: (SINGLE,),
    22050: (SINGLE,),
    44100: (SINGLE,),
    24000: (*OTHERS, SINGLE),
    48000: (*OTHERS, SINGLE),
    8000: (62.5, 80.0, SINGLE),
    16000: (62.5, 80.0, SINGLE),
    32000: (62.5, 80.0, SINGLE),
}
# Lines of other origin are not counted: USB sound cards whistle at multiples of 1000 Hz, and the 32 bands of MP3 leave
# lines at multiples of rate / 32. LibriSpeech, cut from MP3 at 44.1 kHz, shows them at 1378, 4134, 5513 and 6891 Hz.
FOREIGN = (44100 / 64, 48000 / 64, 32000 / 64)  # Hz
CLEAR = 3.0  # Hz around those
EVERY = (SINGLE, *OTHERS, 62.5)


def frame_rates(rate: int) -> tuple[float, ...]:
    """The frame rates (Hz) to look for in a file of ``rate`` samples a second."""
    return EXPECTED.get(rate, EVERY)


def _white(samples: Floats) -> Floats:
    spectrum = signal.stft(samples, nperseg=SIZE, noverlap=SIZE - HOP)[2]
    level = np.abs(spectrum)
    envelope = np.exp(
        uniform_filter1d(np.log(level + np.float32(1e-6) * level.max() + np.float32(1e-12)), SMOOTH, axis=0)
    )
    white: Floats = signal.istft(spectrum / envelope, nperseg=SIZE, noverlap=SIZE - HOP)[1].astype(np.float32)
    return white[: len(samples)]


def line_spectrum(samples: Floats) -> tuple[Floats, float]:
    """Log power over its surroundings in each bin, averaged over blocks, and the width of a bin (Hz).

    Args:
        samples: N ≥ 8000, mono, 16 kHz.
    """
    count = max(1, round(len(samples) / (BLOCK * RATE)))
    length = min(len(samples) // count, int(1.5 * BLOCK * RATE))
    size = fft.next_fast_len(2 * length, real=True)
    starts = np.unique(np.linspace(0, len(samples) - length, min(count, MOST)).astype(int))
    taper = np.hanning(length).astype(np.float32)
    total = np.zeros(size // 2 + 1, np.float32)
    for start in starts:
        power = np.abs(fft.rfft(_white(samples[start : start + length]) * taper, size)) ** 2
        log = np.log(power + np.float32(1e-12) * power.max() + np.float32(1e-20))
        total += log - uniform_filter1d(log, 101)
    return total / np.float32(len(starts)), RATE / size


def line_strength(spectrum: Floats, width: float, spacing: float) -> float:
    """z of the mean height at the multiples of ``spacing`` Hz: about normal where there are none."""
    high = np.maximum(spectrum, np.maximum(np.roll(spectrum, 1), np.roll(spectrum, -1)))
    inner = high[int(LOW / width) : int(HIGH / width)]
    middle, spread = float(inner.mean()), float(inner.std()) + 1e-6
    hertz = spacing * np.arange(1, int(HIGH / spacing) + 1)
    hertz = hertz[hertz > LOW]
    for other in FOREIGN:
        hertz = hertz[np.abs((hertz + other / 2) % other - other / 2) > CLEAR]
    z = (high[np.rint(hertz / width).astype(int)] - middle) / spread
    return float(np.clip(z, -LIMIT, LIMIT).mean() * np.sqrt(len(hertz)))


def strongest_lines(samples: Floats, rates: Sequence[float]) -> tuple[float, float]:
    """z of the strongest of the combs, corrected for how many were looked for (Šidák), and its spacing in Hz."""
    spectrum, width = line_spectrum(samples)
    z, spacing = max((line_strength(spectrum, width, rate), rate) for rate in rates)
    return float(ndtri_exp(len(rates) * log_ndtr((z - MEAN) / SPREAD))), spacing
