"""Licence plates in a picture: the network at one or two scales, boxes in pixels of the picture.

The network takes grilles, lamps and stickers for plates. Where a box is large enough to be read, reading it tells: a
plate bears letters and digits, a grille does not.
"""

from __future__ import annotations

import numpy as np

from veriscope.inference.networks import plate_detector as net
from veriscope.perception.ocr import Reader
from veriscope.types import Image, Infer

# probability; below the 0.42 of one false box in ten drawn pictures: better a sign covered than a plate missed
THRESHOLD = 0.3
SCALES = (net.LONGEST, net.LONGEST // 2)  # px, longer side: a plate that fills a close-up is found when it is reduced
READABLE = (60, 16)  # px, width and height of a box from which letters can be read
CERTAIN = 0.8  # probability that needs no reading
UNREADABLE = 0.5  # probability that a box too small to be read must have
CHARACTERS = 4  # letters and digits on a plate, at the least
LEGIBLE = 0.5  # confidence of a line that counts


def find_plates(
    image: Image,
    infer: Infer,
    threshold: float = THRESHOLD,
    scales: tuple[int, ...] = SCALES,
    reader: Reader | None = None,
) -> list[tuple[net.Box, float]]:
    """Boxes and probabilities, the surest first; a plate found at several scales is given once.

    Args:
        image: H×W×3 uint8 RGB.
        infer: where the network runs.
        threshold: least probability.
        scales: longer sides of the picture at which the network looks.
        reader: reads what the network is not certain of; ``None``: everything it sees counts.
    """
    found: list[tuple[net.Box, float]] = []
    for longest in scales:
        feed, scale = net.prepare(image, longest)
        found += net.read(infer.run(net.NAME, feed), scale, threshold)
    found.sort(key=lambda pair: -pair[1])
    kept: list[tuple[net.Box, float]] = []
    for box, probability in found:
        if all(net.overlap(box, other) < net.OVERLAP for other, _ in kept):
            kept.append((box, probability))
    if reader is None:
        return kept
    return [(box, probability) for box, probability in kept if _holds(image, box, probability, reader)]


def _holds(image: Image, box: net.Box, probability: float, reader: Reader) -> bool:
    """Whether the network is certain, or the place reads like a plate, or is too small to tell and likely enough."""
    if probability >= CERTAIN:
        return True
    x, y, w, h = box
    if w < READABLE[0] or h < READABLE[1]:
        return probability >= UNREADABLE
    left, top = max(0, int(x - 0.15 * w)), max(0, int(y - 0.25 * h))
    part = np.ascontiguousarray(image[top : int(y + 1.25 * h) + 1, left : int(x + 1.15 * w) + 1])
    text = "".join(line.text for line in reader.read(part) if line.confidence >= LEGIBLE)
    return sum(c.isalnum() for c in text) >= CHARACTERS and any(c.isdigit() for c in text)
