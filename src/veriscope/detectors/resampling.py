"""Resampling and up-sampling: interpolation leaves periodic correlations, which stand out as peaks in a spectrum.

Three measurements on tiles of a linear-prediction residual: a peak, off the JPEG harmonics, in the whole picture's
spectrum (it was enlarged or turned); such a peak in one tile only (a part was); and power on the diagonal lattice of
multiples of 1/8, 1/4 and 1/2 cycles a pixel, which a generator's stacked ×2 up-sampling leaves and a JPEG hardly does.

A. C. Popescu, H. Farid, "Exposing digital forgeries by detecting traces of resampling", IEEE TSP 53(2), 2005;
M. Kirchner, "Fast and reliable resampling detection by spectral analysis of fixed linear predictor residue", MM&Sec
2008; X. Zhang, S. Karaman, S.-F. Chang, "Detecting and simulating artifacts in GAN fake images", WIFS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from veriscope.detectors._blocks import regions_of, stored_luma
from veriscope.detectors.base import Method
from veriscope.media.pictures import upright
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

TILE = 128
MOST_TILES = 72
LEAST_TILES = 6
CLIP = 4.0  # grey levels: edges must not drown the grain in which the correlation lives
LEAST_SPREAD = 0.02  # of the probability map inside a tile; flatter ones say nothing
NEIGHBOURHOOD = 9  # frequencies each way whose median is a peak's background
# Median and upper spread of the three measurements on the development four fifths of the pristine photographs
# as stored and saved again at quality 90–98: they bring them to one scale, so that the largest can speak.
SCALES = {"global": (0.91, 0.38), "local": (0.54, 0.27), "lattice": (0.00, 0.07)}
USUAL = 3.5  # spreads; one pristine photograph in fifty shows more. Below it, the strength follows compression

_PREDICTOR = np.array([[-0.25, 0.5, -0.25], [0.5, 0.0, 0.5], [-0.25, 0.5, -0.25]], np.float32)

Spectrum = NDArray[np.float32]  # TILE×(TILE//2+1), as rfft2 lays it out


def _masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Frequencies that no JPEG harmonic touches, and the diagonal lattice of multiples of 1/8."""
    bins = TILE // 8
    v = np.rint(np.fft.fftfreq(TILE) * TILE)[:, None]
    u = np.arange(TILE // 2 + 1)[None, :]
    off_v, off_u = np.abs(v - bins * np.rint(v / bins)), np.abs(u - bins * np.rint(u / bins))
    harmonic = (off_v < 2) & (off_u < 2) | (off_v < 2) & (u < 3) | (off_u < 2) & (np.abs(v) < 3)
    # Below a tenth of a cycle a pixel the picture's own content decides.
    free = ~harmonic & (np.maximum(np.abs(v), u) > TILE / 10)
    return free, (off_v == 0) & (off_u == 0) & (v != 0) & (u != 0)


_FREE, _LATTICE = _masks()


@dataclass(frozen=True, slots=True)
class Traces:
    """The three measurements in natural logarithms of power over background, and the map of the local one."""

    overall: float
    local: float
    lattice: float
    frequency: tuple[float, float]  # of the overall peak, cycles a pixel, vertical and horizontal
    tiles: Plane  # rows×columns over tiles, the strongest own peak of each

    @property
    def scaled(self) -> dict[str, float]:
        values = {"global": self.overall, "local": self.local, "lattice": self.lattice}
        return {name: (value - SCALES[name][0]) / SCALES[name][1] for name, value in values.items()}


def cut_tiles(luma: Plane) -> NDArray[np.float32]:
    """At most ``MOST_TILES`` tiles spread evenly over the plane, rows×columns×TILE×TILE of the residual.

    Neighbouring tiles overlap by half where the plane is small enough.
    """
    height, width = luma.shape
    residual_size = TILE + 2
    counts = [max(1, 1 + 2 * (side - residual_size) // TILE) for side in (height, width)]
    shrink = np.sqrt(min(1.0, MOST_TILES / (counts[0] * counts[1])))
    rows, columns = (max(1, int(count * shrink)) for count in counts)
    tops = np.linspace(0, height - residual_size, rows).astype(int)
    lefts = np.linspace(0, width - residual_size, columns).astype(int)
    out = np.empty((rows, columns, TILE, TILE), np.float32)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            piece = luma[top : top + residual_size, left : left + residual_size]
            out[i, j] = (piece - cv2.filter2D(piece, cv2.CV_32F, _PREDICTOR))[1:-1, 1:-1]
    return out


def power(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power spectra of tiles, each brought to mean zero and unit spread: …×TILE×(TILE//2+1)."""
    centred = tiles - tiles.mean(axis=(-2, -1), keepdims=True)
    centred /= centred.std(axis=(-2, -1), keepdims=True) + 0.05
    window = np.hanning(TILE).astype(np.float32)
    spectrum = fft.rfft2(centred * (window[:, None] * window[None, :]))
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def over_background(spectrum: Spectrum) -> Spectrum:
    """Natural logarithm of each frequency's power over the median around it."""
    logarithm = np.log(spectrum + 1e-9).astype(np.float32)
    half = NEIGHBOURHOOD // 2
    padded = np.pad(np.pad(logarithm, ((half, half), (0, 0)), mode="wrap"), ((0, 0), (half, half)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, (NEIGHBOURHOOD, NEIGHBOURHOOD))
    background = np.median(around.reshape(*logarithm.shape, -1), axis=-1)
    return np.asarray(logarithm - background, np.float32)


def find_traces(luma: Plane) -> Traces | None:
    """Measure all three; ``None`` where fewer than ``LEAST_TILES`` tiles have any texture.

    Args:
        luma: H×W in [0, 255], each side at least TILE + 2.
    """
    residual = cut_tiles(luma)
    # Kirchner's probability map: 1 where a pixel is what its neighbours predict.
    probability = np.exp(-0.5 * np.abs(residual))
    good = probability.std(axis=(-2, -1)) > LEAST_SPREAD
    if np.count_nonzero(good) < LEAST_TILES:
        return None
    spectra = power(probability)
    excess = over_background(spectra[good].mean(axis=0))
    peak = np.where(_FREE, excess, -np.inf)
    v, u = np.unravel_index(int(peak.argmax()), peak.shape)
    lattice = over_background(power(np.clip(residual[good], -CLIP, CLIP)).mean(axis=0))[_LATTICE]
    # A tile's own peaks: against its own level, then against the other tiles at the same frequency.
    own = np.log(spectra[:, :, _FREE] + 1e-9)
    own -= np.median(own, axis=-1, keepdims=True)
    own -= np.median(own[good], axis=0)
    strongest = np.where(good, own.max(axis=-1), 0.0)
    centre = float(np.median(strongest[good]))
    tiles = np.where(good, strongest - centre, 0.0).astype(np.float32)
    return Traces(
        overall=float(peak[v, u]),
        local=float(tiles.max()),
        lattice=float(lattice.mean()),
        frequency=(float(np.fft.fftfreq(TILE)[v]), float(u / TILE)),
        tiles=tiles,
    )


def statistic(luma: Plane) -> tuple[float | None, Plane]:
    """The strongest of the three measurements, as far as it exceeds what pristine photographs show.

    Args:
        luma: H×W in [0, 255]; a picture's or a video frame's.

    Returns:
        The excess over ``USUAL`` in spreads, at least 0 (``None`` when the plane is too small or flat), and a heatmap
        over tiles in [0, 1].
    """
    if min(luma.shape) < TILE + 2:
        return None, np.zeros((1, 1), np.float32)
    traces = find_traces(luma)
    if traces is None:
        return None, np.zeros((1, 1), np.float32)
    return max(0.0, max(traces.scaled.values()) - USUAL), heat_of(traces)


def heat_of(traces: Traces) -> Plane:
    centre, spread = SCALES["local"]
    return np.asarray(np.clip((traces.tiles - centre) / (8 * spread), 0.0, 1.0), np.float32)


class Resampling(Method):
    """Raw: by how many spreads the largest of the three measurements exceeds ``USUAL``."""

    name = "resampling"
    title = {"en": "Resampling traces", "vi": "Dấu vết nội suy lại"}
    signal = Signal.FREQUENCY
    kinds = frozenset({Kind.IMAGE})
    reference = "Popescu & Farid, IEEE TSP 53(2), 2005; Kirchner, MM&Sec 2008; Zhang et al., WIFS 2019"
    libraries = ("numpy", "scipy", "opencv-python-headless")
    sentences = {
        "none": {
            "en": "The spectrum shows no more periodic traces of enlarging or turning than ordinary photographs do.",
            "vi": "Phổ không cho thấy dấu vết tuần hoàn của việc phóng to hay xoay nhiều hơn ảnh chụp thông thường.",
        },
        "global": {
            "en": "The whole picture carries a periodic trace, as enlarging or turning leaves it.",
            "vi": "Toàn bộ ảnh mang dấu vết tuần hoàn như việc phóng to hoặc xoay để lại.",
        },
        "local": {
            "en": "One part of the picture carries a periodic trace that the rest lacks, as enlarging or turning "
            "leaves it.",
            "vi": "Một vùng của ảnh mang dấu vết tuần hoàn mà phần còn lại không có, như khi phóng to hoặc xoay.",
        },
        "lattice": {
            "en": "The spectrum has more power at 1/2, 1/4 and 1/8 cycles a pixel than photographs have; repeated "
            "doubling of the size inside a generator leaves this.",
            "vi": "Phổ có năng lượng ở 1/2, 1/4 và 1/8 chu kỳ mỗi điểm ảnh cao hơn ảnh chụp; việc nhân đôi kích thước "
            "lặp lại trong bộ sinh ảnh để lại dấu vết này.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        stored = stored_luma(scene)
        if min(stored.plane.shape) < TILE + 2:
            return self.abstain(Reason.TOO_SMALL)
        traces = find_traces(stored.plane)
        if traces is None:
            return self.abstain(Reason.NO_TEXTURE)
        scaled = traces.scaled
        strongest = max(scaled, key=lambda name: scaled[name])
        raw = max(0.0, scaled[strongest] - USUAL)
        heat = upright(heat_of(traces), stored.orientation)
        height, width = scene.image().shape[:2]
        parameters: dict[str, Scalar] = {
            "tile": TILE,
            "tiles": int(traces.tiles.size),
            "covered": min(1.0, traces.tiles.size * TILE**2 / stored.plane.size),
            "scale": 1.0,
        }
        said = strongest if raw > 0 else "none"
        return self.found(
            raw,
            scene.media.kind,
            self.say(said),
            heatmap=heat,
            regions=regions_of(heat > 0.5, heat, width, height) if said == "local" else (),
            parameters=parameters,
            measurements={
                "overallPeak": traces.overall,
                "peakFrequency": list(traces.frequency),
                "localPeak": traces.local,
                "lattice": traces.lattice,
            },
        )
