"""Aligned double quantisation: parts of a JPEG that were not compressed before, inside a picture that was.

A coefficient quantised twice, with steps q1 then q2, has a histogram with periodic gaps and peaks; in a pasted part
the first quantisation happened on another grid or never, and the histogram is smooth. The smooth histogram is measured
on the same picture cut off its grid, and each block's coefficients are asked under which of the two they are likelier.

Z. Lin, J. He, X. Tang, C.-K. Tang, "Fast, automatic and fine-grained tampered JPEG image detection via DCT coefficient
analysis", Pattern Recognition 42, 2009; T. Bianchi, A. Piva, "Image forgery localization via block-grained analysis of
JPEG artifacts", IEEE TIFS 7(3), 2012.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from veriscope.detectors._blocks import ZIGZAG, block_dct, regions_of
from veriscope.detectors.base import Method
from veriscope.media.pictures import upright
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

FREQUENCIES = ZIGZAG[1:13]  # the AC terms that survive most compressions
REACH = 24  # quantised values -24…24 are modelled; rarer ones say little
LARGEST_STEP = 40  # of the first quantisation
ROUNDING = 0.33  # standard deviation, in DCT units, of the rounding to whole pixels between the two compressions
LEAST_BLOCKS = 256
LEAST_VALUES = 200  # non-zero values a frequency needs before its histogram is believed
LEAST_GAIN = 0.01  # mean log-likelihood ratio per non-zero value that calls a frequency doubly quantised
WINDOW = 5  # blocks: evidence is summed over 40×40 pixels
CHARGE = 0.5  # share of the expected evidence that is subtracted
LARGEST_RATIO = 3.0  # one coefficient may not outvote a whole block

Coefficients = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trace:
    """One frequency's double quantisation: its steps, and what each value -REACH…REACH says for a single one.

    ``gain`` is the mean log-likelihood ratio of double against single over the picture's non-zero values.
    """

    frequency: tuple[int, int]
    first_step: int
    second_step: int
    gain: float
    ratio: NDArray[np.float32]


def histogram(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """How often each value -REACH…REACH occurs, zero left out: how many coefficients vanish depends on texture."""
    inside = np.clip(values, -REACH - 1, REACH + 1).astype(np.int64).ravel() + REACH + 1
    counts = np.bincount(inside, minlength=2 * REACH + 3)[1:-1].astype(np.float64)
    counts[REACH] = 0.0
    return counts


def requantised(fine: NDArray[np.float64], first: int, second: int) -> NDArray[np.float64]:
    """What a histogram becomes under quantisation by ``first``, rounding to pixels, and quantisation by ``second``.

    Args:
        fine: counts of unquantised coefficients at whole values -N…N.
        first, second: the two steps.

    Returns:
        Expected counts at -REACH…REACH, zero at 0.
    """
    extent = len(fine) // 2
    values = np.arange(-extent, extent + 1)
    levels = np.rint(values / first).astype(np.int64)
    mass = np.bincount(levels - levels[0], weights=fine)
    centres = (np.arange(len(mass)) + levels[0]) * first
    edges = (np.arange(-REACH, REACH + 2) - 0.5) * second
    cumulative = ndtr((edges[:, None] - centres[None, :]) / ROUNDING)
    counts: NDArray[np.float64] = np.diff(cumulative, axis=0) @ mass
    counts[REACH] = 0.0
    return counts


def find_trace(
    coefficients: Coefficients, unaligned: Coefficients, frequency: tuple[int, int], second: int
) -> Trace | None:
    """The first quantisation of one frequency, or ``None`` when a single one explains its histogram as well.

    Args:
        coefficients: of the aligned blocks, in units of ``second`` (whole numbers).
        unaligned: of blocks off the grid, in DCT units: how the coefficients were before any quantisation.
        frequency: (v, u).
        second: the step in the file's own table.
    """
    observed = histogram(coefficients)
    total = observed.sum()
    if total < LEAST_VALUES:
        return None
    extent = (REACH + 1) * second + LARGEST_STEP
    clipped = np.clip(np.rint(unaligned), -extent, extent).astype(np.int64).ravel() + extent
    fine = np.bincount(clipped, minlength=2 * extent + 1).astype(np.float64)
    fine = (fine + fine[::-1]) / 2  # the true law is symmetric
    fine[[0, -1]] = 0.0

    def law(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        share = counts / max(counts.sum(), 1e-9) + 1e-4
        share[REACH] = 0.0
        return np.asarray(share / share.sum(), np.float64)

    single = law(requantised(fine, 1, second))
    seen = observed > 0
    baseline = float(observed[seen] @ np.log(single[seen]))
    best: tuple[float, int, NDArray[np.float64]] | None = None
    for first in range(2, LARGEST_STEP + 1):
        if second % first == 0:
            continue  # the second quantisation hides the first
        double = law(requantised(fine, first, second))
        # A pasted part keeps some of the mass smooth; a third is the most that still leaves a trace to speak of.
        for share in (0.95, 0.8, 0.65):
            mixed = share * double + (1 - share) * single
            gain = (float(observed[seen] @ np.log(mixed[seen])) - baseline) / total
            if best is None or gain > best[0]:
                best = (gain, first, double)
    if best is None or best[0] < LEAST_GAIN:
        return None
    ratio = np.zeros(2 * REACH + 1)
    known = np.arange(2 * REACH + 1) != REACH
    ratio[known] = np.clip(np.log(single[known] / best[2][known]), -LARGEST_RATIO, LARGEST_RATIO)
    # A part must look singly quantised, not just less doubly: charge part of what a single one is expected to give.
    ratio[known] -= CHARGE * float(single @ ratio)
    return Trace(frequency, best[1], second, best[0], ratio.astype(np.float32))


def find_traces(luma: Plane, table: NDArray[np.uint16]) -> tuple[list[Trace], NDArray[np.float32]]:
    """All doubly quantised frequencies, and the map of log p(single)/p(double) over blocks, (H//8)×(W//8).

    Args:
        luma: H×W as stored in the file.
        table: 8×8 luma quantisation steps, natural order.
    """
    steps = np.array([table[v, u] for v, u in FREQUENCIES], np.float32)
    aligned = np.rint(block_dct(luma - 128, FREQUENCIES) / steps[:, None, None])
    shifted = block_dct(luma[4:, 4:] - 128, FREQUENCIES)
    evidence = np.zeros(aligned.shape[1:], np.float32)
    traces: list[Trace] = []
    for index, frequency in enumerate(FREQUENCIES):
        trace = find_trace(aligned[index], shifted[index], frequency, int(steps[index]))
        if trace is not None:
            traces.append(trace)
            values = aligned[index].astype(np.int64)
            inside = np.abs(values) <= REACH
            evidence += np.where(inside, trace.ratio[np.clip(values, -REACH, REACH) + REACH], 0.0)
    return traces, evidence


@dataclass(frozen=True, slots=True)
class SingleRegion:
    """The part with the most evidence for a single quantisation."""

    evidence: float  # natural logarithm of the likelihood ratio, summed
    cells: NDArray[np.bool_]


def strongest_region(evidence: NDArray[np.float32]) -> tuple[SingleRegion | None, NDArray[np.float32]]:
    """Find the connected part that speaks most strongly for a single quantisation.

    Args:
        evidence: h×w over blocks, log p(single)/p(double).

    Returns:
        The part (``None`` when there is none), and the evidence summed over ``WINDOW``×``WINDOW`` blocks.
    """
    local = np.asarray(cv2.boxFilter(evidence, cv2.CV_32F, (WINDOW, WINDOW), normalize=False), np.float32)
    mask = local > 0
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if count <= 1:
        return None, local
    sums = np.bincount(np.asarray(labels).ravel(), weights=evidence.ravel(), minlength=count)
    best = int(sums[1:].argmax()) + 1
    return SingleRegion(float(sums[best]), np.asarray(labels == best)), local


class DoubleQuantisation(Method):
    """Raw: log10(1 + significance), significance in decades of likelihood beyond the number of places looked at."""

    name = "double_quantisation"
    title = {"en": "Double JPEG compression", "vi": "Nén JPEG hai lần"}
    signal = Signal.FREQUENCY
    kinds = frozenset({Kind.IMAGE})
    reference = "Lin et al., Pattern Recognition 42, 2009; Bianchi & Piva, IEEE TIFS 7(3), 2012"
    libraries = ("numpy", "scipy", "opencv-python-headless")
    sentences = {
        "none": {
            "en": "The whole picture was compressed twice in the same way; no part of it lacks the first compression.",
            "vi": "Toàn bộ ảnh đã bị nén hai lần theo cùng một cách; không vùng nào thiếu lần nén đầu.",
        },
        "part": {
            "en": "The picture was compressed twice, but about {share} % of it shows only one compression.",
            "vi": "Ảnh đã bị nén hai lần, nhưng khoảng {share} % diện tích chỉ cho thấy một lần nén.",
        },
        "single": {
            "en": "The picture shows no earlier compression, so no part of it can be missing one.",
            "vi": "Ảnh không cho thấy lần nén nào trước đó nên không thể có vùng thiếu lần nén ấy.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        jpeg = scene.jpeg()
        if jpeg is None or not jpeg.tables:
            return self.abstain(Reason.NOT_JPEG)
        height, width = jpeg.luma.shape
        if (height // 8) * (width // 8) < LEAST_BLOCKS:
            return self.abstain(Reason.TOO_SMALL)
        traces, evidence = find_traces(jpeg.luma, jpeg.tables[0])
        parameters: dict[str, Scalar] = {
            "frequencies": len(FREQUENCIES),
            "windowBlocks": WINDOW,
            "leastGain": LEAST_GAIN,
            "charge": CHARGE,
            "scale": 1.0,
        }
        if not traces:
            return self.abstain(Reason.NOT_APPLICABLE, self.say("single"), parameters=parameters)
        region, local = strongest_region(evidence)
        decades = 0.0 if region is None else region.evidence / np.log(10) - np.log10(evidence.size * LARGEST_STEP)
        found = region is not None and decades > 0
        heat = np.zeros_like(local)
        if found:
            # One decade of likelihood for each block of the window saturates the map.
            heat = np.clip(local / (np.log(10) * WINDOW**2), 0.0, 1.0)
        share = 0.0 if region is None or not found else float(np.mean(region.cells))
        heat = upright(heat, jpeg.orientation)
        cells = upright(region.cells.astype(np.float32), jpeg.orientation) > 0 if region is not None and found else None
        rows, columns = scene.image().shape[:2]
        return self.found(
            float(np.log10(1.0 + max(0.0, decades))),
            scene.media.kind,
            self.say("part" if found else "none", share=round(100 * share)),
            heatmap=heat,
            regions=() if cells is None else regions_of(cells, heat, columns, rows),
            parameters=parameters,
            measurements={
                "doublyQuantisedFrequencies": len(traces),
                "firstSteps": [t.first_step for t in traces],
                "secondSteps": [t.second_step for t in traces],
                "evidenceDecades": float(decades),
                "shareSingle": share,
            },
        )
