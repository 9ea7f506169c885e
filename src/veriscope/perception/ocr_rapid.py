"""Text in pictures by the networks of PaddleOCR (Y. Du et al., "PP-OCR: A Practical Ultra Lightweight OCR System",
arXiv:2009.09941).

``text-detector`` (differentiable binarisation: M. Liao et al., AAAI 2020) says of every pixel whether it lies in the
kernel of a line; kernels are grown back to lines. ``text-recogniser`` reads a line of 48 pixels' height; its answer is
decoded greedily (connectionist temporal classification), which also tells where on the line each character stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.perception.ocr import LONGEST, Line
from veriscope.types import Image, Infer

DETECTOR, RECOGNISER = "text-detector", "text-recogniser"
VOCABULARY = "vocabulary"
MULTIPLE = 32
LEAST_SIDE = 736  # px: smaller pictures are enlarged, for small letters are lost otherwise
MOST_ENLARGED = 2.0
KERNEL = 0.3  # probability from which a pixel belongs to a line
LINE = 0.5  # mean probability over a line from which it counts
GROWTH = 1.6  # area times this over perimeter is how far a kernel is grown
MOST_LINES = 400
HEIGHT = 48  # px of a line that is read
WIDEST = 48 * 40
BATCH = 6
UNSURE = 0.85  # a line read worse is read again upside down

cv2.setNumThreads(1)

FloatArray = NDArray[np.float32]


class RapidOcr:
    name = "rapidocr"

    def __init__(self, infer: Infer) -> None:
        infer.version(DETECTOR), infer.version(RECOGNISER)  # unknown networks are told before any work
        self._infer = infer

    def read(self, image: Image, longest: int = LONGEST) -> list[Line]:
        places = self._places(image, longest)
        cuts = [_cut(image, corners) for corners, _ in places]
        read = self._read(cuts)
        again = [i for i, (_, _, sure) in enumerate(read) if sure < UNSURE]
        turned = dict(zip(again, self._read([cuts[i][::-1, ::-1] for i in again]), strict=True))
        lines = []
        for i, (corners, score) in enumerate(places):
            text, edges, sure = read[i]
            upright = i not in turned or turned[i][2] <= sure
            text, edges, sure = (text, edges, sure) if upright else turned[i]
            lines.append(Line(text, corners if upright else np.roll(corners, 2, axis=0), sure, edges, score))
        return lines

    # where

    def _places(self, image: Image, longest: int) -> list[tuple[FloatArray, float]]:
        height, width = image.shape[:2]
        factor = min(max(1.0, min(MOST_ENLARGED, LEAST_SIDE / min(height, width))), longest / max(height, width))
        size = [max(MULTIPLE, round(side * factor / MULTIPLE) * MULTIPLE) for side in (width, height)]
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        out = self._infer.run(DETECTOR, {"x": _fed(np.asarray(small, np.uint8))[None]})
        kernel = np.asarray(next(iter(out.values())), np.float32)[0, 0]
        scale = np.array([width / size[0], height / size[1]], np.float32)
        found = [(corners * scale, score) for corners, score in _lines(kernel)]
        return sorted(found, key=lambda f: (float(f[0][:, 1].min()), float(f[0][:, 0].min())))

    # what

    @cached_property
    def _characters(self) -> list[str]:
        known = self._infer.asset(RECOGNISER, VOCABULARY).decode("utf-8").split("\n")
        return ["", *known, " "]  # 0 is the blank

    def _read(self, cuts: Sequence[Image]) -> list[tuple[str, tuple[float, ...], float]]:
        """Text, edges and confidence of each; lines of like width are read together."""
        fed = [_line_input(cut) for cut in cuts]
        found: list[tuple[str, tuple[float, ...], float]] = [("", (0.0,), 0.0)] * len(fed)
        order = sorted(range(len(fed)), key=lambda i: fed[i].shape[2])
        for start in range(0, len(order), BATCH):
            group = order[start : start + BATCH]
            widest = max(fed[i].shape[2] for i in group)
            batch = np.zeros((len(group), 3, HEIGHT, widest), np.float32)
            for row, i in enumerate(group):
                batch[row, :, :, : fed[i].shape[2]] = fed[i]
            out = self._infer.run(RECOGNISER, {"x": batch})
            steps = np.asarray(next(iter(out.values())), np.float32)
            for row, i in enumerate(group):
                found[i] = _decoded(steps[row], self._characters, fed[i].shape[2] / widest)
        return found


def _fed(pixels: Image) -> FloatArray:
    """H×W×3 RGB to 3×H×W in [-1, 1], blue first."""
    return np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1), np.float32) / 127.5 - 1.0


def _lines(kernel: FloatArray) -> list[tuple[FloatArray, float]]:
    """Corners (4×2, clockwise from where the line begins) and score of the lines in a map of kernels."""
    mask = cv2.dilate((kernel > KERNEL).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:MOST_LINES]:
        centre, (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) < 3:
            continue
        score = _mean_inside(kernel, _corners(centre, wide, high, angle))
        if score < LINE:
            continue
        growth = 2 * wide * high * GROWTH / (2 * (wide + high))
        found.append((_ordered(_corners(centre, wide + growth, high + growth, angle)), score))
    return found


def _corners(centre: Sequence[float], wide: float, high: float, angle: float) -> FloatArray:
    return np.asarray(cv2.boxPoints(((centre[0], centre[1]), (wide, high), angle)), np.float32)


def _mean_inside(kernel: FloatArray, corners: FloatArray) -> float:
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    part = kernel[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(part[mask > 0].mean()) if mask.any() else 0.0


def _ordered(corners: FloatArray) -> FloatArray:
    """Clockwise from the top left; a line half again as high as wide runs downwards, and begins at the top right."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    ordered = np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
    wide, high = np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_left - top_left)
    return np.roll(ordered, -1, axis=0) if high >= 1.5 * wide else ordered


def _cut(image: Image, corners: FloatArray) -> Image:
    """The line by itself, upright."""
    wide = max(2, round(float(max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3])))))
    high = max(2, round(float(max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1])))))
    target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    cut = cv2.warpPerspective(image, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _line_input(cut: Image) -> FloatArray:
    wide = min(WIDEST, max(8, int(np.ceil(HEIGHT * cut.shape[1] / cut.shape[0]))))
    return _fed(np.asarray(cv2.resize(np.ascontiguousarray(cut), (wide, HEIGHT)), np.uint8))


def _decoded(steps: FloatArray, characters: Sequence[str], share: float) -> tuple[str, tuple[float, ...], float]:
    """Text, edges and mean probability. ``share`` is how much of the steps the line fills; the rest is padding."""
    best, sure = steps.argmax(axis=1), steps.max(axis=1)
    first = np.ones(len(best), bool)
    first[1:] = best[1:] != best[:-1]
    at = np.flatnonzero(first & (best != 0))
    if not len(at):
        return "", (0.0,), 0.0
    text = "".join(characters[best[i]] for i in at)
    centres = np.minimum(1.0, (at + 0.5) / (len(best) * share))
    between = (centres[1:] + centres[:-1]) / 2
    half = 0.5 / max(len(at), 1)
    edges = (max(0.0, float(centres[0]) - half), *between.tolist(), min(1.0, float(centres[-1]) + half))
    return text, edges, float(sure[at].mean())
