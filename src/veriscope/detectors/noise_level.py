"""Noise-level inconsistency: a part whose fine grain differs from that of equally bright, equally textured parts.

Noise is measured in the middle DCT frequencies of 8×8 blocks, as the level that the calmer blocks of a neighbourhood
keep to. A camera's noise depends on brightness, and texture leaks into any estimate, so both dependences are fitted on
the picture itself and taken out; what remains is the local deviation. JPEG quality changes all parts alike and drops
out too.

B. Mahdian, S. Saic, "Using noise inconsistencies for blind image forensics", Image and Vision Computing 27, 2009;
M. Gardella, P. Musé, J.-M. Morel, M. Colom, "Noisesniffer: a fully automatic image forgery detector based on noise
analysis", IWBF 2021 (for the noise curve by intensity).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors._blocks import (
    block_dct,
    conditional_centre,
    regions_of,
    resistant_line,
    robust_scale,
    stored_luma,
)
from veriscope.detectors.base import Method
from veriscope.media.pictures import upright
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

TEXTURE = tuple((v, u) for v in range(8) for u in range(8) if 1 <= v + u <= 2)
GRAIN = tuple((v, u) for v in range(8) for u in range(8) if 4 <= v + u <= 6)
WINDOW = 7  # blocks: noise is judged over 56×56 pixels …
STRIDE = 2  # … every 16
CALM = 0.3  # the quantile of the blocks in a window that stands for its noise
SMOOTHING = 5  # windows
QUANTILE = 0.99  # the deviation that 1 % of the windows exceed is the statistic: one odd window does not decide
OFFSET = 1.0  # grey levels added before the logarithm: noise far below one level is all the same
USABLE = (8.0, 247.0)  # mean grey level; darker and lighter blocks are clipped
MOST_BLOCKS = 48_000  # larger pictures are sampled on every second (third, …) block each way
TONES = 5  # classes of brightness, equally populated
LEAST_WINDOWS = 60


def noise_floor(
    values: NDArray[np.float32], usable: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The ``CALM`` quantile of the usable blocks in each window.

    Args:
        values: h×w over blocks.
        usable: h×w.

    Returns:
        The floor over windows, ceil(h/STRIDE)×ceil(w/STRIDE), and where more than half of a window was usable.
    """
    margin = WINDOW // 2
    padded = np.pad(np.where(usable, values, np.inf), margin, constant_values=np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (WINDOW, WINDOW))[::STRIDE, ::STRIDE]
    ordered = np.sort(windows.reshape(*windows.shape[:2], -1), axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    index = np.minimum((CALM * count).astype(np.intp), WINDOW * WINDOW - 1)
    floor = np.take_along_axis(ordered, index[..., None], axis=-1)[..., 0]
    good = count > WINDOW * WINDOW / 2
    return np.where(good, floor, 0.0).astype(np.float32), good


def deviation_map(luma: Plane) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Natural logarithm of each window's noise against that of like windows of the same picture, smoothed.

    Args:
        luma: H×W in [0, 255].

    Returns:
        h×w: 0 is as expected, 0.7 twice as noisy; and where it could be measured.
    """
    step = int(np.ceil(np.sqrt(luma.size / 64 / MOST_BLOCKS)))
    coefficients = block_dct(luma, ((0, 0), *TEXTURE, *GRAIN), step)
    brightness = coefficients[0] / 8
    magnitudes = np.abs(coefficients[1:], out=coefficients[1:])
    usable = (brightness > USABLE[0]) & (brightness < USABLE[1])
    middle = len(GRAIN) // 2
    grain = np.partition(magnitudes[len(TEXTURE) :], middle, axis=0)[middle]
    floor, good = noise_floor(grain, usable)
    calmest, _ = noise_floor(magnitudes[: len(TEXTURE)].mean(axis=0), usable)
    tone = cv2.boxFilter(brightness, cv2.CV_32F, (WINDOW, WINDOW))[::STRIDE, ::STRIDE]
    deviation = np.zeros_like(floor)
    if np.count_nonzero(good) < LEAST_WINDOWS:
        return deviation, good
    rest = np.log(floor[good] + OFFSET)
    texture, light = np.log(calmest[good] + 1.0), np.asarray(tone[good], np.float32)
    # Texture by a straight line: noise counts as texture too, and a curve would bend to a noisy part.
    for _ in range(2):  # texture and brightness go together, so each is fitted on what the other leaves
        rest = rest - resistant_line(rest, texture)
        rest = rest - conditional_centre(rest, light, TONES)
    deviation[good] = rest
    return np.asarray(cv2.boxFilter(deviation, cv2.CV_32F, (SMOOTHING, SMOOTHING)), np.float32), good


def statistic(luma: Plane) -> tuple[float | None, Plane]:
    """How far the noise of the most deviating part lies from the rest.

    Args:
        luma: H×W in [0, 255]; a picture's or a video frame's.

    Returns:
        The largest absolute log-ratio but for the top 1 % of windows (``None`` when too little is measurable), and a
        heatmap in [0, 1] where 1 is a factor of e² or more.
    """
    deviation, good = deviation_map(luma)
    if np.count_nonzero(good) < LEAST_WINDOWS:
        return None, np.zeros(deviation.shape, np.float32)
    centre, _ = robust_scale(deviation[good])
    distance = np.where(good, np.abs(deviation - centre), 0.0).astype(np.float32)
    return float(np.quantile(distance[good], QUANTILE)), np.clip(distance / 2.0, 0.0, 1.0)


class NoiseLevel(Method):
    """Raw: absolute natural log-ratio of noise between the most deviating part and like parts of the picture."""

    name = "noise_level"
    title = {"en": "Noise level", "vi": "Mức nhiễu"}
    signal = Signal.NOISE
    kinds = frozenset({Kind.IMAGE})
    reference = "Mahdian & Saic, Image and Vision Computing 27, 2009; Gardella et al., IWBF 2021"
    libraries = ("numpy", "opencv-python-headless")
    sentences = {
        "measured": {
            "en": "Between parts that are equally bright and textured, the fine grain differs by up to {factor} times.",
            "vi": "Giữa những vùng sáng và có kết cấu như nhau, độ hạt mịn chênh nhau đến {factor} lần.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        stored = stored_luma(scene)
        luma = stored.plane
        if min(luma.shape) < 8 * WINDOW:
            return self.abstain(Reason.TOO_SMALL)
        raw, heat = statistic(luma)
        if raw is None:
            return self.abstain(Reason.TOO_SMALL if luma.size < 64 * STRIDE**2 * LEAST_WINDOWS else Reason.NO_TEXTURE)
        heat = upright(heat, stored.orientation)
        height, width = scene.image().shape[:2]
        parameters: dict[str, Scalar] = {
            "windowBlocks": WINDOW,
            "calmQuantile": CALM,
            "quantile": QUANTILE,
            "blockStep": int(np.ceil(np.sqrt(luma.size / 64 / MOST_BLOCKS))),
            "scale": 1.0,
        }
        return self.found(
            raw,
            scene.media.kind,
            self.say("measured", factor=f"{np.exp(raw):.1f}"),
            heatmap=heat,
            # A factor of two, and at least four windows, before a box is drawn.
            regions=regions_of(heat > np.log(2) / 2, heat, width, height, least=4),
            parameters=parameters,
            measurements={"logRatio": raw},
        )
