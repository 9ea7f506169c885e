"""Where could a copy come from? Hypotheses (maps of the plane) for the copy-move detector.

Two complementary sources, both blind to what the area shows:

* key points: SIFT with a very low contrast threshold, k-nearest neighbours in descriptor space with the
  neighbourhood of the point itself left out, then similarity transforms found by local consensus (Amerini,
  Ballan, Caldelli, Del Bimbo, Serra 2011; Christlein, Riess, Jordan, Riess, Angelopoulou 2012). Mirror
  images are found by permuting the descriptors, without a second detection.
* dense: every tile of the spectrally whitened picture is correlated with the whole picture. Whitening flattens the
  spectral lines of periodic textures, so a lattice no longer matches itself everywhere, while a copied
  texture, however smooth or small, still matches its source at one offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from veriscope.detectors._copy_move_geometry import Map, as_map, fit_similarity
from veriscope.types import Plane

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # indexes of matched key points
_EXCLUSION = 16.0  # px: nothing is compared with its own surroundings
_NEIGHBOURS = 5  # descriptors looked at for each key point
_RATIO = 0.85  # largest distance of a match relative to that of the last of these
_SIMILARITY = 0.85  # least cosine of two RootSIFT descriptors


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A map under which some part of the picture may repeat; ``support`` counts points or tiles."""

    map: Map
    support: int
    source: str  # "points" or "dense"
    strength: float  # matched points, or the summed excess of the correlation peaks over the noise


@dataclass(frozen=True, slots=True)
class Points:
    """SIFT key points: ``xy`` as complex x + iy, ``frame`` = scale·exp(i·angle), RootSIFT ``descriptors``."""

    xy: NDArray[np.complex128]
    frame: NDArray[np.complex128]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.xy)


def key_points(grey: NDArray[np.uint8], limit: int, zoom: float = 1.0) -> Points:
    """The ``limit`` strongest SIFT points of a picture that is ``zoom`` times as large as the coordinates wanted."""
    # The stubs of OpenCV leave SIFT out.
    sift = cv2.SIFT_create(nfeatures=limit, contrastThreshold=0.006, edgeThreshold=20.0)  # type: ignore[attr-defined]
    found, raw = sift.detectAndCompute(grey, None)
    if raw is None or not len(found):
        none = np.zeros(0, np.complex128)
        return Points(none, none, np.zeros((0, 128), np.float32))
    at = np.array([k.pt for k in found])
    # Centres of pixels lie at whole coordinates: the corner, −½, stays where it is.
    xy = np.asarray((at[:, 0] + 0.5) / zoom - 0.5 + 1j * ((at[:, 1] + 0.5) / zoom - 0.5), np.complex128)
    angle = np.deg2rad([k.angle for k in found])
    frame = np.asarray(np.array([k.size for k in found]) / zoom * np.exp(1j * angle), np.complex128)
    root = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-6))
    return Points(xy, frame, root.astype(np.float32))


def mirror_descriptors(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The SIFT descriptors (N×128) that the mirrored patches would have.

    A mirror along the point's own direction reverses the rows of the 4×4 grid and the sense of the 8 angles.
    """
    grid = descriptors.reshape(-1, 4, 4, 8)
    return np.ascontiguousarray(grid[:, ::-1][..., (-np.arange(8)) % 8]).reshape(-1, 128)


def match(points: Points, mirrored: bool = False, limit: int = 400) -> Pairs:
    """Pairs (i, j) of points that look alike and lie apart, the most distinctive first.

    As in g2NN, a match is worth its distance relative to that of a further neighbour, here the fifth: a point of a
    repeated pattern has many equally good matches and is dropped, up to three pasted copies survive.
    """
    n = len(points)
    if n <= 2 * _NEIGHBOURS:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    other = mirror_descriptors(points.descriptors) if mirrored else points.descriptors
    rows, columns, ratios = [], [], []
    x, y = points.xy.real.astype(np.float32), points.xy.imag.astype(np.float32)
    for start in range(0, n, 512):  # in slices: the full matrix of 4000 points would take 64 MB
        part = slice(start, min(start + 512, n))
        cosine = other[part] @ points.descriptors.T
        cosine[np.abs(x[part, None] - x[None]) + np.abs(y[part, None] - y[None]) < _EXCLUSION] = -1.0
        best = np.argpartition(cosine, n - _NEIGHBOURS, axis=1)[:, n - _NEIGHBOURS :]
        value = np.take_along_axis(cosine, best, axis=1)
        distance = np.sqrt(np.maximum(2.0 - 2.0 * value, 0.0))
        ratio = distance / np.maximum(distance.max(axis=1, keepdims=True), 1e-6)
        keep = (ratio < _RATIO) & (value > _SIMILARITY)
        rows.append(np.nonzero(keep)[0] + start)
        columns.append(best[keep])
        ratios.append(ratio[keep])
    order = np.argsort(np.concatenate(ratios), kind="stable")[:limit]
    return np.concatenate(rows)[order], np.concatenate(columns)[order]


def consensus(
    points: Points,
    pairs: Pairs,
    reach: float,
    limit: int,
    mirrored: bool = False,
) -> list[Hypothesis]:
    """Similarity transforms on which several neighbouring matches agree, best supported first.

    Every match proposes the transform of its own key-point frames, and those it spans with the nearest other
    matches; the matches within ``reach`` pixels that it carries to the right place vote for it.
    """
    i, j = pairs
    found: list[Hypothesis] = []
    alive = np.ones(len(i), bool)
    while len(found) < limit and alive.sum() >= 3:
        index = np.nonzero(alive)[0]
        p, q = points.xy[i[index]], points.xy[j[index]]
        fp, fq = points.frame[i[index]], points.frame[j[index]]
        if mirrored:
            p, fp = np.conj(p), np.conj(fp)
        dp, dq = p[None] - p[:, None], q[None] - q[:, None]  # [seed, other]
        distance = np.abs(dp)
        local = distance < reach
        best_votes, best = 2.0, None
        own = fq / fp
        spanning = np.where(distance > 6.0, distance, np.inf)
        proposals = [own]
        for nth in range(2):
            if len(index) > nth + 2:
                nearest = np.argpartition(spanning, nth, axis=1)[:, nth]
                rows = np.arange(len(index))
                with np.errstate(divide="ignore", invalid="ignore"):
                    proposals.append(np.where(distance[rows, nearest] > 0, dq[rows, nearest] / dp[rows, nearest], 1))
        for factor in proposals:
            size = np.abs(factor)
            sane = (size > 0.4) & (size < 2.5) & np.isfinite(size)
            error = np.abs(dq - factor[:, None] * dp)
            agree = (error < 2.0 + 0.04 * distance) & local & sane[:, None]
            # A match counts by its similarity to the proposal's own frame, too: random pairs disagree in it.
            agree &= np.abs(np.log(np.maximum(np.abs(own), 1e-3))[None] - np.log(np.maximum(size, 1e-3))[:, None]) < 0.5
            votes = agree.sum(axis=1)
            top = int(np.argmax(votes))
            if votes[top] > best_votes:
                best_votes, best = float(votes[top]), agree[top]
        if best is None:
            break
        chosen = index[best]
        for _ in range(3):
            cp, cq = points.xy[i[chosen]], points.xy[j[chosen]]
            cp = np.conj(cp) if mirrored else cp
            a, b = fit_similarity(cp, cq)
            every_p = np.conj(points.xy[i]) if mirrored else points.xy[i]
            close = alive & (np.abs(a * every_p + b - points.xy[j]) < 3.0)
            close &= np.abs(every_p - cp.mean()) < 2.0 * reach
            if close.sum() < 3:
                break
            chosen = np.nonzero(close)[0]
        alive[chosen] = False
        alive[index[best]] = False
        # The same pairs also exist the other way round; they would only repeat the inverse transform.
        taken = set(zip(j[chosen].tolist(), i[chosen].tolist(), strict=True))
        alive &= np.array([(u, v) not in taken for u, v in zip(i.tolist(), j.tolist(), strict=True)])
        distinct = len({(round(z.real / 2), round(z.imag / 2)) for z in points.xy[i[chosen]]})
        if distinct >= 3:
            found.append(Hypothesis(as_map(a, b, mirrored), distinct, "points", float(distinct)))
    return found


def whiten(luma: Plane) -> Plane:
    """Local contrast removed, spectrum flattened below ~0.35 cycles a pixel, H×W, zero in flat areas."""
    mean = cv2.GaussianBlur(luma, (0, 0), 4.0)
    residual = luma - mean
    deviation = np.sqrt(cv2.GaussianBlur(residual * residual, (0, 0), 6.0))
    # + 2: quantisation noise in flat areas must not be blown up to look like texture.
    even = residual / (deviation + 2.0)
    height, width = luma.shape
    window = np.outer(np.hanning(height + 2)[1:-1] ** 0.25, np.hanning(width + 2)[1:-1] ** 0.25).astype(np.float32)
    spectrum = scipy.fft.rfft2(even * window)
    amplitude = np.abs(spectrum)
    smooth = cv2.blur(amplitude, (3, 3))
    fy = scipy.fft.fftfreq(height)[:, None]
    fx = scipy.fft.rfftfreq(width)[None]
    radius = np.hypot(fy, fx)
    band = np.exp(-((radius / 0.30) ** 4))
    floor = 0.15 * float(np.sqrt(np.mean(smooth**2))) + 1e-6
    white = scipy.fft.irfft2(spectrum / (smooth + floor) * band, s=luma.shape).astype(np.float32)
    return np.asarray(white * (deviation / (deviation + 2.0)), np.float32)


def dense_offsets(white: Plane, tile: int, step: int, limit: int) -> list[Hypothesis]:
    """Translations under which tiles of the whitened picture find themselves again, strongest first.

    Each tile's correlation map is divided by its own standard deviation, so a peak is measured in deviations of
    what this tile does elsewhere; a tile of a natural repetition finds many similar peaks.
    """
    height, width = white.shape
    if height < 2 * tile or width < 2 * tile:
        return []
    padded = np.zeros((cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)), np.float32)
    padded[:height, :width] = white
    whole = cv2.dft(padded)
    rows, columns = height - tile + 1, width - tile + 1
    energy = cv2.boxFilter(
        white * white, -1, (tile, tile), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT
    )[:rows, :columns]
    typical = float(np.median(energy)) + 1e-6
    scale = 1.0 / np.sqrt(np.maximum(energy, 0.25 * typical))
    r = int(_EXCLUSION)
    votes: dict[tuple[int, int], tuple[float, int]] = {}
    for y in _positions(height, tile, step):
        for x in _positions(width, tile, step):
            if energy[y, x] < 0.2 * typical:
                continue
            padded[:] = 0.0
            padded[:tile, :tile] = white[y : y + tile, x : x + tile]
            spectrum = cv2.mulSpectrums(whole, cv2.dft(padded, nonzeroRows=tile), 0, conjB=True)
            # Only the first ``rows`` of the result are wanted: there the tile lies inside the picture.
            product = cv2.dft(spectrum, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT, nonzeroRows=rows)
            ncc = cv2.multiply(product[:rows, :columns], scale)
            ncc[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1] = 0.0
            deviation = float(cv2.norm(ncc)) / np.sqrt(ncc.size) + 1e-6
            for _ in range(3):
                _, top, _, (px, py) = cv2.minMaxLoc(ncc)
                excess = top / deviation - 5.0
                if excess <= 0.0:
                    break
                dy, dx = py - y, px - x
                key = (dy, dx) if (dy, dx) > (0, 0) else (-dy, -dx)
                weight, count = votes.get(key, (0.0, 0))
                votes[key] = (weight + excess, count + 1)
                ncc[max(0, py - 3) : py + 4, max(0, px - 3) : px + 4] = 0.0
    return _gather(votes, limit)


def _positions(length: int, tile: int, step: int) -> Sequence[int]:
    return [*range(0, length - tile, step), length - tile]


def _gather(votes: dict[tuple[int, int], tuple[float, int]], limit: int) -> list[Hypothesis]:
    """Peaks of the offset histogram, each with its neighbours within a pixel."""
    ranked = sorted(votes, key=lambda key: (-votes[key][0], key))
    used: set[tuple[int, int]] = set()
    found: list[Hypothesis] = []
    for key in ranked:
        if key in used:
            continue
        near = [(key[0] + v, key[1] + u) for v in (-1, 0, 1) for u in (-1, 0, 1)]
        near = [other for other in near if other in votes and other not in used]
        used.update(near)
        weight = sum(votes[other][0] for other in near)
        count = sum(votes[other][1] for other in near)
        found.append(Hypothesis(np.array([[1.0, 0.0, key[1]], [0.0, 1.0, key[0]]]), count, "dense", weight))
    found.sort(key=lambda h: -h.strength)
    return found[:limit]
