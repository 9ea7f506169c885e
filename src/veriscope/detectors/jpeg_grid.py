"""JPEG-grid inconsistency with a bounded number of false alarms (the method ZERO).

A JPEG block has many DCT coefficients that are exactly zero. Every pixel votes for the one of the 64 possible 8×8
grids on which the block around it has the most zeros. One grid that wins far more votes than chance allows is the
picture's own; a part that votes for another grid, or that alone fails to vote for it, was pasted.

T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a local JPEG grid origin detector based on
the number of DCT zeros and its applications in image forensics", IPOL 11, 2021; CVPR Workshops 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors._blocks import dct_matrix, regions_of, stored_luma
from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.media.pictures import upright
from veriscope.types import Finding, Infer, Kind, Plane, Reason, Scalar, Scene, Signal

NO_VOTE = 255
GRIDS = 64
CELL = 8  # votes are gathered in cells of one block
SMOOTHING = 5  # cells: the neighbourhood in which votes must be dense for a region to grow
DENSITY = 3.0  # times as dense as by chance; whether that means anything is for the NFA to say
RECOMPRESSION = 95  # JPEG quality that shows where a grid could have been seen; at 99, as published, hardly anywhere
LEAST_SIDE = 64

Votes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GridRegion:
    """A part with another grid than the main one, or (``grid`` = main) without it; ``cells`` is a mask of blocks."""

    grid: int
    log_nfa: float
    cells: NDArray[np.bool_]


def zero_counts(luma: Plane) -> NDArray[np.uint8]:
    """How many of the 63 AC coefficients vanish in the 8×8 block that starts at each pixel.

    Args:
        luma: H×W float32, whole levels.

    Returns:
        (H-7)×(W-7), 0–63. A coefficient vanishes when it rounds to zero.
    """
    matrix = dct_matrix()
    height, width = luma.shape[0] - 7, luma.shape[1] - 7
    strip = 8  # output rows at a time: the working set stays in the second-level cache
    # All 8 vertical frequencies of 8 consecutive rows as one banded matrix product.
    band = np.zeros((8, strip, strip + 7), np.float32)
    for row in range(strip):
        band[:, row, row : row + 8] = matrix
    vertical = band.reshape(8 * strip, strip + 7)
    out = np.empty((height, width), np.uint8)
    horizontal = np.empty((8, strip + 7, width), np.float32)
    coefficients = np.empty((8 * strip, width), np.float32)
    vanishing = np.empty((8 * strip, width), np.bool_)
    for start in range(0, height, strip):
        top = min(start, height - strip)
        rows = luma[top : top + strip + 7]
        left = [rows[:, k : k + width] for k in range(4)]
        right = [rows[:, 7 - k : 7 - k + width] for k in range(4)]
        # Even cosines are symmetric and odd ones antisymmetric: half the products.
        even = np.stack([a + b for a, b in zip(left, right, strict=True)]).reshape(4, -1)
        odd = np.stack([a - b for a, b in zip(left, right, strict=True)]).reshape(4, -1)
        horizontal[0::2] = (matrix[0::2, :4] @ even).reshape(4, strip + 7, width)
        horizontal[1::2] = (matrix[1::2, :4] @ odd).reshape(4, strip + 7, width)
        count = np.zeros((strip, width), np.uint8)
        for u in range(8):
            np.matmul(vertical, horizontal[u], out=coefficients)
            np.abs(coefficients, out=coefficients)
            np.less(coefficients, 0.5, out=vanishing)
            planes = vanishing.view(np.uint8).reshape(8, strip, width)
            count += planes[1 if u == 0 else 0 :].sum(axis=0, dtype=np.uint8)  # the DC coefficient does not count
        out[top : top + strip] = count
    return out


def constant_blocks(plane: Plane) -> NDArray[np.bool_]:
    """Where the 8×8 block starting at a pixel is constant along its rows or its columns. (H-7)×(W-7)."""
    height, width = plane.shape[0] - 7, plane.shape[1] - 7
    along_row = (plane[:, 1:] == plane[:, :-1]).astype(np.uint8)
    along_column = (plane[1:] == plane[:-1]).astype(np.uint8)
    row = np.asarray(cv2.erode(along_row, np.ones((8, 7), np.uint8), anchor=(0, 0)), np.bool_)
    column = np.asarray(cv2.erode(along_column, np.ones((7, 8), np.uint8), anchor=(0, 0)), np.bool_)
    return row[:height, :width] | column[:height, :width]


def grid_votes(zeros: NDArray[np.uint8], constant: NDArray[np.bool_], without: int | None = None) -> Votes:
    """The grid for which each pixel votes.

    Args:
        zeros: (H-7)×(W-7) from ``zero_counts``.
        constant: same shape, from ``constant_blocks``: such a block has zeros on any grid and wins no vote.
        without: a grid that may not be voted for. Leaving out the grid of the last compression shows an older one
            underneath, which the newer outvotes otherwise.

    Returns:
        H×W: 8·(row origin) + (column origin), each 0–7, or ``NO_VOTE`` where two grids tie and near the border.
    """
    height, width = zeros.shape
    grid = ((np.arange(height) % 8)[:, None] * 8 + (np.arange(width) % 8)[None, :]).astype(np.uint16)
    counts = zeros.astype(np.uint16) << 7
    if without is not None:
        counts[without // 8 :: 8, without % 8 :: 8] = 0
    # Each pixel lies in exactly one block of each grid, so the winner is a sliding maximum over 8×8 block origins.
    # Taken twice, with ties broken upwards and downwards: the two agree exactly where the winner is unique.
    window = np.ones((8, 8), np.uint8)
    highest = np.asarray(cv2.dilate(counts | (grid << 1) | constant, window, anchor=(7, 7)), np.uint16)
    lowest = np.asarray(cv2.dilate(counts | ((63 - grid) << 1), window, anchor=(7, 7)), np.uint16)
    winner = (highest >> 1) & 63
    unique = (winner == 63 - ((lowest >> 1) & 63)) & ((highest & 1) == 0)
    votes = np.full((height + 7, width + 7), NO_VOTE, np.uint8)
    votes[7:height, 7:width] = np.where(unique, winner, NO_VOTE)[7:, 7:]
    return votes


def log_nfa(votes: float, blocks: float, log_tests: float, chance: float = 1.0 / GRIDS) -> float:
    """log10 of the number of false alarms: how often chance alone would give as many agreeing blocks.

    Chernoff's bound on the binomial tail: it errs towards fewer detections and never underflows.

    Args:
        votes: agreeing pixels / 64.
        blocks: pixels / 64.
        log_tests: log10 of the number of tests.
        chance: probability of one vote under the null hypothesis.
    """
    share = min(votes / max(blocks, 1e-9), 1.0)
    if share <= chance:
        return log_tests
    divergence = share * np.log(share / chance)
    if share < 1.0:
        divergence += (1 - share) * np.log((1 - share) / (1 - chance))
    return float(log_tests - blocks * divergence / np.log(10))


def main_grid(votes: Votes) -> tuple[int | None, float]:
    """The grid of the whole picture, ``None`` when chance explains the votes; and its log10 NFA."""
    counts = _tally(votes)
    best = int(counts.argmax())
    value = log_nfa(counts[best] / 64, votes.size / 64, _log_tests(votes.shape))
    return (best if value < 0 else None), value


def _tally(votes: Votes) -> NDArray[np.float32]:
    """Pixels that vote for each of the 64 grids."""
    return np.asarray(cv2.calcHist([votes], [0], None, [GRIDS], [0, GRIDS]), np.float32).ravel()


def _log_tests(shape: tuple[int, ...]) -> float:
    return float(np.log10(GRIDS) + 2 * np.log10(shape[0] * shape[1]))


def find_regions(votes: Votes, grids: list[int]) -> list[GridRegion]:
    """Parts of the picture that agree on one of ``grids`` more than chance allows (NFA < 1).

    A grid that the whole picture slightly favours (texture does that) must beat its own share, not just 1/64.

    Args:
        votes: H×W as from ``grid_votes``.
        grids: the grids to look for.
    """
    rows, columns = votes.shape[0] // CELL, votes.shape[1] // CELL
    shares = _tally(votes) / votes.size
    log_tests = _log_tests(votes.shape)
    # The smallest region that could pass with every vote in it: fewer cells need no look.
    least = int(np.ceil(log_tests / np.log10(GRIDS)))
    per_cell = np.empty((rows, columns, GRIDS + 1), np.uint8)  # the last column gathers NO_VOTE
    first_key = (np.arange(columns * CELL) // CELL) * (GRIDS + 1)
    for row in range(rows):
        band = votes[row * CELL : (row + 1) * CELL, : columns * CELL]
        keys = (first_key + np.minimum(band, GRIDS)).ravel()
        per_cell[row] = np.bincount(keys, minlength=columns * (GRIDS + 1)).reshape(columns, GRIDS + 1)
    found: list[GridRegion] = []
    for grid in grids:
        agreeing = per_cell[:, :, grid].astype(np.float32)
        chance = max(1.0 / GRIDS, float(shares[grid]))
        dense = cv2.blur(agreeing, (SMOOTHING, SMOOTHING)) > DENSITY * chance * CELL**2
        if np.count_nonzero(dense) < least:
            continue
        count, labels, stats, _ = cv2.connectedComponentsWithStats(dense.astype(np.uint8), connectivity=4)
        sums = np.bincount(labels.ravel(), weights=agreeing.ravel(), minlength=count)
        for part in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= least) + 1:
            box = float(stats[part, cv2.CC_STAT_WIDTH]) * float(stats[part, cv2.CC_STAT_HEIGHT])
            value = log_nfa(float(sums[part]) / 64, box, log_tests, chance)
            if value < 0:
                found.append(GridRegion(grid=grid, log_nfa=value, cells=labels == part))
    return found


def missing_grid(luma: Plane, votes: Votes, grid: int) -> list[GridRegion]:
    """Parts that do not vote for the main grid although a weak compression on that grid shows they could."""
    dy, dx = divmod(grid, 8)
    coded = cv2.imencode(".jpg", luma[dy:, dx:].astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, RECOMPRESSION])[1]
    again = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32)
    able = grid_votes(zero_counts(again), constant_blocks(again))
    lacking = np.full(votes.shape, NO_VOTE, np.uint8)
    lacking[dy:, dx:] = np.where((able == 0) & (votes[dy:, dx:] != grid), grid, NO_VOTE)
    # Here agreement means "could vote and does not": its share over the whole picture is no guide to chance.
    lacking_everywhere = np.count_nonzero(lacking == grid) > 0.5 * lacking.size
    return [] if lacking_everywhere else find_regions(lacking, [grid])


class JpegGrid(Method):
    """Raw: log10(1 + significance), significance being the largest -log10 NFA of a region; 0 when none is found."""

    name = "jpeg_grid"
    title = {"en": "JPEG grid", "vi": "Lưới JPEG"}
    signal = Signal.FREQUENCY
    kinds = frozenset({Kind.IMAGE})
    policies = NOT_QUICK
    reference = "Nikoukhah et al., ZERO, IPOL 11, 2021, doi:10.5201/ipol.2021.390"
    libraries = ("numpy", "opencv-python-headless")
    sentences = {
        "none": {
            "en": "The 8×8 compression grid of the picture is the same everywhere it can be seen.",
            "vi": "Lưới nén 8×8 của ảnh đồng nhất ở mọi nơi có thể nhìn thấy.",
        },
        "foreign": {
            "en": "{count} part(s) of the picture carry a compression grid shifted against the rest; by chance this "
            "would happen less than once in 10^{power} pictures.",
            "vi": "{count} vùng của ảnh mang lưới nén lệch so với phần còn lại; ngẫu nhiên thì điều này xảy ra chưa "
            "tới một lần trong 10^{power} ảnh.",
        },
        "missing": {
            "en": "{count} part(s) of the picture lack the compression grid that the rest carries; by chance this "
            "would happen less than once in 10^{power} pictures.",
            "vi": "{count} vùng của ảnh thiếu lưới nén mà phần còn lại có; ngẫu nhiên thì điều này xảy ra chưa tới một "
            "lần trong 10^{power} ảnh.",
        },
        "no_grid": {
            "en": "No trace of a compression grid was found anywhere in the picture, so none can be inconsistent.",
            "vi": "Không tìm thấy dấu vết lưới nén nào trong ảnh nên không thể có sự không nhất quán.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        stored = stored_luma(scene)
        luma = np.clip(np.rint(stored.plane), 0, 255).astype(np.float32)
        if min(luma.shape) < LEAST_SIDE:
            return self.abstain(Reason.TOO_SMALL)
        zeros, constant = zero_counts(luma), constant_blocks(luma)
        votes = grid_votes(zeros, constant)
        grid, main_nfa = main_grid(votes)
        others = [g for g in range(GRIDS) if g != grid]
        foreign = find_regions(grid_votes(zeros, constant, without=grid), others)
        # A JPEG's last save lays its own grid over everything: it can only be missing where that is not the main one.
        own = 0 if scene.jpeg() is not None else None
        missing = missing_grid(luma, votes, grid) if grid is not None and grid != own else []
        parameters: dict[str, Scalar] = {
            "blockSize": CELL,
            "neighbourhoodCells": SMOOTHING,
            "density": DENSITY,
            "largestNfa": 1.0,
            "recompressionQuality": RECOMPRESSION,
            "scale": 1.0,
        }
        measurements: dict[str, Scalar] = {
            "mainGrid": None if grid is None else f"{grid % 8},{grid // 8}",
            "mainGridLogNfa": main_nfa,
            "foreignRegions": len(foreign),
            "missingRegions": len(missing),
        }
        both = foreign + missing
        if grid is None and not both:
            return self.abstain(
                Reason.NOT_APPLICABLE, self.say("no_grid"), parameters=parameters, measurements=measurements
            )
        heat = np.zeros((votes.shape[0] // CELL, votes.shape[1] // CELL), np.float32)
        for region in both:
            # Ten orders of magnitude below one false alarm is as sure as this method gets.
            heat[region.cells] = np.maximum(heat[region.cells], min(1.0, 0.5 - region.log_nfa / 20))
        strongest = min(both, key=lambda r: r.log_nfa, default=None)
        significance = 0.0 if strongest is None else -strongest.log_nfa
        key, count = "none", 0
        if strongest is not None:
            key, count = ("missing", len(missing)) if strongest.grid == grid else ("foreign", len(foreign))
        heat = upright(heat, stored.orientation)
        height, width = scene.image().shape[:2]
        return self.found(
            float(np.log10(1.0 + significance)),
            scene.media.kind,
            self.say(key, count=count, power=int(significance)),
            heatmap=heat,
            regions=regions_of(heat > 0, heat, width, height),
            parameters=parameters,
            measurements=measurements,
        )
