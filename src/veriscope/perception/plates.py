"""Licence plates in a picture: a detector at two scales, then a second network that looks closely at each place.

The detector sees everything that may be a plate, and takes grilles, lamps, lettering and prints for plates. The
verifier looks at each of its places at the same size, with what is around it; both together decide. Where there is a
reader as well, what they are not certain of and what is large enough to be read must bear letters and digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from veriscope.inference.networks import plate_detector as net
from veriscope.inference.networks import plate_verifier as close
from veriscope.perception.ocr import Reader
from veriscope.types import Image, Infer

# probability that is enough: of those with the best F1 on drawn cars, most of them blurred, the one with the fewest
# false boxes (bench/plates.py --drawn)
THRESHOLD = 0.7
SEEN = 0.1  # the detector's probability from which a place is looked at closely
MOST = 64  # places of a picture that are looked at closely
SCALES = (net.LONGEST, net.LONGEST // 2)  # px, longer side: a plate that fills a close-up is found when it is reduced
WITHIN = 0.8  # share of a box that lies in a surer one, from which it is the same plate
VEHICLE = (2.2, 1.6)  # plate widths, across and up or down, within which another plate would be on the same vehicle
SURER = 2.0  # log-odds by which a plate exceeds what else on its vehicle is taken for one
READABLE = (60, 16)  # px, width and height of a box from which letters can be read
CERTAIN = 0.8  # probability that needs no reading
CHARACTERS = 4  # letters and digits on a plate, at the least
LEGIBLE = 0.5  # confidence of a line that counts

Found = list[tuple[net.Box, float]]


def find_plates(
    image: Image,
    infer: Infer,
    threshold: float = THRESHOLD,
    scales: tuple[int, ...] = SCALES,
    reader: Reader | None = None,
) -> Found:
    """Boxes and probabilities, the surest first; a plate found at several scales is given once.

    Args:
        image: H×W×3 uint8 RGB.
        infer: where the networks run.
        threshold: least probability, 0-1.
        scales: longer sides of the picture at which the detector looks.
        reader: reads what the networks are not certain of; ``None``: everything that is likely enough counts.

    Raises:
        ModelUnavailable: one of the networks is missing or damaged.
    """
    kept = single(
        [pair for pair in verified(image, infer, candidates(image, infer, SEEN, scales)) if pair[1] >= threshold]
    )
    if reader is None:
        return kept
    return [(box, probability) for box, probability in kept if _holds(image, box, probability, reader)]


def candidates(image: Image, infer: Infer, threshold: float, scales: tuple[int, ...] = SCALES) -> Found:
    """What the detector alone takes for plates: boxes and its probabilities, the surest first, each place once."""
    found: Found = []
    for longest in scales:
        feed, scale = net.prepare(image, longest)
        found += net.read(infer.run(net.NAME, feed), scale, threshold)
    found.sort(key=lambda pair: -pair[1])
    kept: Found = []
    for box, probability in found:
        if all(net.overlap(box, other) < net.OVERLAP for other, _ in kept):
            kept.append((box, probability))
    return kept


def verified(image: Image, infer: Infer, found: Sequence[tuple[net.Box, float]]) -> Found:
    """The same boxes with the probabilities of both networks together, the surest first; at most ``MOST``."""
    if not found:
        return []
    boxes, detected = zip(*found[:MOST], strict=True)
    probabilities = close.read(infer.run(close.NAME, close.prepare(image, boxes)), detected)
    return sorted(zip(boxes, (float(p) for p in probabilities), strict=True), key=lambda pair: -pair[1])


def single(found: Found) -> Found:
    """Each plate once, and one on each vehicle.

    What lies in a surer box, or around it, is a part of that plate or a plate with its frame. What is far less likely
    than a box close by is a lamp, a grille or a name on the same vehicle: two vehicles' plates are further apart.
    """
    kept: Found = []
    for box, probability in found:
        same = any(_shared(box, other) >= WITHIN for other, _ in kept)
        if not same and not any(_near(box, other) and _odds(p) - _odds(probability) >= SURER for other, p in kept):
            kept.append((box, probability))
    return kept


def _near(box: net.Box, plate: net.Box) -> bool:
    """Whether the centre of ``box`` is where a vehicle of ``plate`` has its front or back."""
    width = max(plate[2], 2 * plate[3])
    across = abs(box[0] + box[2] / 2 - plate[0] - plate[2] / 2)
    down = abs(box[1] + box[3] / 2 - plate[1] - plate[3] / 2)
    return across < VEHICLE[0] * width and down < VEHICLE[1] * width


def _odds(probability: float) -> float:
    """Natural logarithm of the odds."""
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


def _shared(a: net.Box, b: net.Box) -> float:
    """Which part of the smaller of two boxes lies in the other, 0-1."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, w) * max(0.0, h) / max(min(a[2] * a[3], b[2] * b[3]), 1e-9)


def _holds(image: Image, box: net.Box, probability: float, reader: Reader) -> bool:
    """Whether the networks are certain, or the place reads like a plate, or is too small to be read."""
    if probability >= CERTAIN:
        return True
    x, y, w, h = box
    if w < READABLE[0] or h < READABLE[1]:
        return True
    left, top = max(0, int(x - 0.15 * w)), max(0, int(y - 0.25 * h))
    part = np.ascontiguousarray(image[top : int(y + 1.25 * h) + 1, left : int(x + 1.15 * w) + 1])
    text = "".join(line.text for line in reader.read(part) if line.confidence >= LEGIBLE)
    return sum(c.isalnum() for c in text) >= CHARACTERS and any(c.isdigit() for c in text)
