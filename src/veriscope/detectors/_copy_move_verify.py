"""Is it really a copy? Dense verification of one hypothesis of the copy-move detector.

The picture is laid over itself under the hypothesis and compared pixel by pixel with the zero-normalised
cross-correlation of a small window. A copy agrees down to the finest detail the compression left, over one compact
area with a sharp edge, and nowhere else; a natural repetition agrees in its coarse pattern, fades out gradually,
overlaps itself (a lattice) and agrees with many places. ``FEATURES`` are these differences as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from veriscope.detectors._copy_move_geometry import Map, Mask, carried, departure, exact, largest_area
from veriscope.detectors._copy_move_match import Hypothesis
from veriscope.types import Plane

FEATURES = (
    "log_share",  # ln of its share in the picture
    "fine",  # correlation of the detail below ~3 px
    "middle",  # … of ~3 to 10 px
    "difference",  # ln of the rms difference ÷ standard deviation of the area
    "bias",  # ln of the difference of the mean brightness, grey levels
    "overlap",  # share of the area that is source and copy at once
    "edge",  # mean local correlation inside minus just outside
    "peak",  # ln of the correlation peak of the whole area ÷ deviation of the background
    "rival",  # second best place ÷ best place
    "crowd",  # ln(1 + how many other proposals repeat this area elsewhere): a lattice has many
    "points",  # ln(1 + matched key points that agree)
    "tiles",  # ln(1 + summed excess of the tiles' correlation peaks)
    "texture",  # ln of the local standard deviation, grey levels
    "fill",  # area ÷ its convex hull
    "mirror",  # 1 for a mirror image
    "bend",  # ln of the px by which the best affine map strays from an exact shift (or quarter turn, mirror)
    "fraction",  # px by which its shift strays from whole pixels
)

Places = NDArray[np.complex128]  # x + iy
Turned = tuple[NDArray[np.complex64], NDArray[np.float64]]  # spectrum, integral image of the squares

_WINDOW = 13  # px, of the local correlation
_AGREE = 0.6  # local correlation from which a pixel belongs to the area
_SMALLEST = 160  # px: least area worth a word
_SELF = 0.3  # share of an area that may be source and copy at once: in a copy there is none, in a lattice much


@dataclass(frozen=True, slots=True)
class Evidence:
    """One verified hypothesis. ``mask`` is the area (H×W), ``other`` where ``map`` carries it."""

    hypothesis: Hypothesis
    map: Map
    mask: Mask
    other: Mask
    correlation: Plane
    features: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Draft:
    """A hypothesis with the area that agrees under it; ``valid`` is where the correlation is defined."""

    hypothesis: Hypothesis
    map: Map
    mask: Mask
    other: Mask
    correlation: Plane
    valid: Mask


class Comparison:
    """Everything about one picture (luma, H×W float32) that all its hypotheses share."""

    def __init__(self, luma: Plane, white: Plane, matches: tuple[Places, Places]) -> None:
        self.luma = luma
        self.matches = matches  # where the matched key points are, and their counterparts
        self.white = white
        self.detail = _detail(luma)
        self.middle = _local(self.detail)
        height, width = luma.shape
        self.shape = (scipy.fft.next_fast_len(height, True), scipy.fft.next_fast_len(width, True))
        self._plain: Turned | None = None
        self.grid = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))

    def warp(self, image: Plane, map_: Map) -> Plane:
        """``image`` read at ``map_``(x) for every x; 0 outside."""
        height, width = self.luma.shape
        whole = np.array_equal(map_, np.round(map_))
        how = cv2.INTER_NEAREST if whole else cv2.INTER_CUBIC
        return np.asarray(cv2.warpAffine(image, map_, (width, height), flags=how | cv2.WARP_INVERSE_MAP), np.float32)

    def correlate(self, map_: Map) -> tuple[Plane, Mask]:
        """Local correlation of the picture with itself under ``map_``, and where it is defined."""
        x, y = self.grid
        u = map_[0, 0] * x + map_[0, 1] * y + map_[0, 2]
        v = map_[1, 0] * x + map_[1, 1] * y + map_[1, 2]
        height, width = self.luma.shape
        apart = (u - x) ** 2 + (v - y) ** 2 >= 100.0
        valid = (u >= 1) & (v >= 1) & (u <= width - 2) & (v <= height - 2) & apart
        # Outside, the picture itself, so that no edge appears to the filters; the correlation is cut there anyway.
        b = _detail(np.where(valid, self.warp(self.luma, map_), self.luma))
        mean_b, var_b = _local(b)
        local = _correlation(self.detail, b, *self.middle, mean_b, var_b)
        inner = cv2.erode(valid.astype(np.uint8), np.ones((_WINDOW // 2, _WINDOW // 2), np.uint8)) > 0
        local[~inner] = 0.0
        return local, inner

    def correlate_shifted(self, dx: int, dy: int) -> tuple[Plane, Mask]:
        """``correlate`` for a shift by whole pixels: nothing has to be resampled or filtered again."""
        height, width = self.luma.shape
        here = np.s_[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        there = np.s_[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
        mean, var = self.middle
        local, inner = np.zeros((height, width), np.float32), np.zeros((height, width), np.bool_)
        if abs(dx) > width - 2 * _WINDOW or abs(dy) > height - 2 * _WINDOW:
            return local, inner
        a, b = self.detail[here], self.detail[there]
        local[here] = _correlation(a, b, mean[here], var[here], mean[there], var[there])
        inner[here] = True
        return local, inner

    def examine(self, hypotheses: Sequence[Hypothesis]) -> list[Evidence]:
        """Areas and features of all hypotheses under which an area repeats elsewhere."""
        drafts = [draft for draft in map(self._draft, hypotheses) if draft is not None]
        return [
            Evidence(d.hypothesis, d.map, d.mask, d.other, d.correlation, self._features(d, crowd(d, drafts)))
            for d in drafts
            if np.count_nonzero(d.mask & d.other) <= _SELF * np.count_nonzero(d.mask)
        ]

    def _draft(self, hypothesis: Hypothesis) -> Draft | None:
        """The area that agrees under one hypothesis, if there is one; the map of key points is refined first."""
        map_ = hypothesis.map
        if hypothesis.source == "dense":
            local, valid = self.correlate_shifted(int(map_[0, 2]), int(map_[1, 2]))
        else:
            local, valid = self.correlate(map_)
            rough = largest_area(local, 0.4, 80)
            if rough is None:
                return None
            fitted = self.refine(map_, rough)
            for better in (fitted, None if fitted is None else exact(fitted, rough)):
                if better is not None:
                    again = self.correlate(better)
                    if again[0][rough].mean() > local[rough].mean():
                        map_, (local, valid) = better, again
        mask = largest_area(local, _AGREE, _SMALLEST)
        return None if mask is None else Draft(hypothesis, map_, mask, carried(mask, map_), local, valid)

    def refine(self, map_: Map, area: Mask) -> Map | None:
        """``map_`` as an affine map fitted to the grey values in ``area`` (ECC: Evangelidis and Psarakis 2008)."""
        x, y, w, h = cv2.boundingRect(area.astype(np.uint8))
        pad = 4
        x0, y0 = max(0, x - pad), max(0, y - pad)
        x1, y1 = min(area.shape[1], x + w + pad), min(area.shape[0], y + h + pad)
        template = self.luma[y0:y1, x0:x1]
        start = map_.copy()
        start[:, 2] += map_[:, :2] @ np.array([x0, y0], np.float64)
        inside = carried(cv2.dilate(area.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0, map_).astype(np.uint8)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-4)
        try:
            _, fitted = cv2.findTransformECC(
                template, self.luma, start.astype(np.float32), cv2.MOTION_AFFINE, criteria, inside, 3
            )
        except cv2.error:  # it says so when it does not converge
            return None
        better = fitted.astype(np.float64)
        better[:, 2] -= better[:, :2] @ np.array([x0, y0], np.float64)
        if abs(np.linalg.det(better[:, :2])) < 0.1:
            return None
        return np.asarray(better)

    def rivals(self, map_: Map, mask: Mask) -> tuple[float, float]:
        """How the area's correlation peak stands out: peak ÷ background deviation, second best place ÷ best.

        The whitened area is searched for in the whole picture, turned and scaled as the hypothesis says.
        """
        height, width = mask.shape
        linear, centre = map_[:, :2], np.array([width / 2, height / 2])
        offset = centre - linear @ centre
        expected = np.linalg.solve(linear, map_[:, 2] - offset)
        spectrum, energy = self._turned(linear, offset)
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        middle = np.array([x + w / 2, y + h / 2])
        itself = np.linalg.solve(linear, middle - offset) - middle
        area = np.where(mask, self.white, 0).astype(np.float32)
        found = scipy.fft.irfft2(np.conj(scipy.fft.rfft2(area, s=self.shape)) * spectrum, s=self.shape)
        # found[p] is the area moved by p. Rolled so that [0, 0] has the area's box in the picture's corner; only
        # places where the box lies inside the picture count, so nothing wraps around.
        placed = np.roll(found, (y, x), axis=(0, 1))[: height - h + 1, : width - w + 1]
        own = float((area * area).sum()) + 1e-9
        local = energy[h:, w:] - energy[:-h, w:] - energy[h:, :-w] + energy[:-h, :-w]
        scale = np.sqrt(own * np.maximum(local * (float(mask.sum()) / (w * h)), 0.3 * own))
        ncc: NDArray[np.float64] = placed / scale

        def around(at: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
            row, column = round(float(at[1])) + y, round(float(at[0])) + x
            return ncc[
                max(0, row - radius) : max(0, row + radius + 1), max(0, column - radius) : max(0, column + radius + 1)
            ]

        at_peak = around(expected, 2)
        peak = float(at_peak.max()) if at_peak.size else 0.0
        around(expected, 5)[...] = 0.0
        around(itself, 8)[...] = 0.0
        deviation = float(ncc.std()) + 1e-6
        return peak / deviation, min(2.0, float(ncc.max()) / max(peak, 1e-3))

    def _turned(self, linear: NDArray[np.float64], offset: NDArray[np.float64]) -> Turned:
        """Spectrum and summed energy of the whitened picture under a linear map; the unturned ones are kept."""
        plain = np.array_equal(linear, np.eye(2))
        if plain and self._plain is not None:
            return self._plain
        turned = self.white if plain else self.warp(self.white, np.hstack([linear, offset[:, None]]))
        result = scipy.fft.rfft2(turned, s=self.shape), np.asarray(cv2.integral(turned * turned), np.float64)
        if plain:
            self._plain = result
        return result

    def _features(self, draft: Draft, crowd_: float) -> NDArray[np.float64]:
        hypothesis, map_, mask, local = draft.hypothesis, draft.map, draft.mask, draft.correlation
        area = int(mask.sum())
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        box = np.s_[max(0, y - 16) : y + h + 16, max(0, x - 16) : x + w + 16]
        here, there, within = _bands(self.luma[box]), _bands(self.warp(self.luma, map_)[box]), mask[box]
        fine, middle = (_zncc(here[k][within], there[k][within]) for k in range(2))
        a, b = here[2][within], there[2][within]
        difference = a - b
        spread = float(a.std()) + 1.0
        near = cv2.dilate(mask.astype(np.uint8), np.ones((_WINDOW, _WINDOW), np.uint8)) > 0
        far = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _WINDOW + 1, 2 * _WINDOW + 1), np.uint8)) > 0
        ring = far & ~near & draft.valid
        inside = float(local[mask].mean())
        outside = float(local[ring].mean()) if ring.sum() > 50 else 0.3
        peak, rival = self.rivals(map_, mask)
        fitted = self.refine(map_, mask)
        bend, fraction = (1.0, 0.35) if fitted is None else departure(fitted, mask)
        p, q = self.matches
        inlying = mask[p.imag.astype(int), p.real.astype(int)]
        reached = map_ @ np.stack([p.real, p.imag, np.ones(len(p))])
        agreeing = int(np.count_nonzero(inlying & (np.abs(reached[0] + 1j * reached[1] - q) < 2.0)))
        contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        hull = cv2.contourArea(cv2.convexHull(np.vstack(contours))) + 1.0
        determinant = float(np.linalg.det(map_[:, :2]))
        return np.array(
            [
                np.log(area / mask.size),
                fine,
                middle,
                np.log(float(np.sqrt(np.mean(difference**2))) / spread + 0.01),
                np.log(abs(float(difference.mean())) + 0.5),
                float((mask & draft.other).sum()) / area,
                inside - outside,
                np.log(max(peak, 0.5)),
                rival,
                np.log1p(crowd_),
                np.log1p(agreeing),
                np.log1p(hypothesis.strength) if hypothesis.source == "dense" else 0.0,
                np.log(float(np.sqrt(self.middle[1][mask].mean())) + 0.5),
                min(1.0, area / hull),
                float(determinant < 0),
                np.log(min(bend, 8.0) + 0.05),
                fraction,
            ]
        )


def crowd(draft: Draft, drafts: Sequence[Draft]) -> float:
    """Summed share of the area of ``draft`` that other drafts find somewhere else."""
    ys, xs = np.nonzero(draft.mask)
    centre = np.array([xs.mean(), ys.mean(), 1.0])
    target = draft.map @ centre
    total = 0.0
    for rival in drafts:
        back = np.linalg.solve(rival.map[:, :2], centre[:2] - rival.map[:, 2])
        for place, area in ((rival.map @ centre, rival.mask), (back, rival.other)):
            if np.hypot(*(place - target)) > 5.0:
                total += float(np.count_nonzero(area[ys, xs])) / len(xs)
    return total


def grown(evidence: Evidence) -> Mask:
    """The area with its faintly agreeing rim, for display: as far as the correlation stays above half ``_AGREE``."""
    faint = (evidence.correlation > _AGREE / 2).astype(np.uint8)
    opened = cv2.morphologyEx(faint, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    _, labels = cv2.connectedComponents(opened, connectivity=4)
    touched = np.unique(labels[evidence.mask])
    area = (np.isin(labels, touched[touched > 0]) | evidence.mask).astype(np.uint8)
    return cv2.morphologyEx(area, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))) > 0


def _correlation(a: Plane, b: Plane, mean_a: Plane, var_a: Plane, mean_b: Plane, var_b: Plane) -> Plane:
    covariance = cv2.boxFilter(a * b, -1, (_WINDOW, _WINDOW)) - mean_a * mean_b
    # + 2: agreement within the noise of flat areas says nothing.
    return np.asarray(covariance / (np.sqrt(var_a * var_b) + 2.0))


def _detail(luma: Plane) -> Plane:
    """Detail of ~2 to 10 px: what is compared locally."""
    return cv2.GaussianBlur(luma, (0, 0), 0.6) - cv2.GaussianBlur(luma, (0, 0), 3.0)


def _bands(luma: Plane) -> tuple[Plane, Plane, Plane]:
    """Fine and middle detail, and the picture without its noise."""
    g = [np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma), np.float32) for sigma in (0.6, 1.2, 3.0)]
    return luma - g[1], g[1] - g[2], g[0]


def _local(plane: Plane) -> tuple[Plane, Plane]:
    """Mean and variance in the window around every pixel."""
    mean = np.asarray(cv2.boxFilter(plane, -1, (_WINDOW, _WINDOW)), np.float32)
    square = np.asarray(cv2.boxFilter(plane * plane, -1, (_WINDOW, _WINDOW)), np.float32)
    return mean, np.maximum(square - mean * mean, 0.0)


def _zncc(a: Plane, b: Plane) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (np.sqrt(float((a * a).sum()) * float((b * b).sum())) + 1e-6))
