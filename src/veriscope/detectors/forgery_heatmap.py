"""Where a picture was changed: a network's map, joined by the areas that are copies of each other.

The network (``inference.networks.forgery_heatmap``) judges every place by its colours, its noise and its compression.
A search for copies finds what matches itself however well it was pasted. The map that is shown joins both; of two
equal areas, the one that seems to be the original is toned down.
The score is the network's alone: the copies have a detector, and a score, of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.detectors._copy_extent import extent
from veriscope.detectors._copy_move_geometry import carried
from veriscope.detectors._copy_move_once import once
from veriscope.detectors._copy_move_verify import grown
from veriscope.detectors._pasted_side import pasted
from veriscope.detectors.base import Method
from veriscope.detectors.copy_move import CONVINCING, EFFORTS, Result, search
from veriscope.inference.networks import forgery_heatmap as network
from veriscope.types import Finding, Image, Infer, Kind, Plane, Policy, Reason, Region, Scene, Signal

SHORTEST = 64  # px: least side of a picture
PIXELS = {Policy.QUICK: 500_000, Policy.STANDARD: 1_000_000, Policy.THOROUGH: 2_000_000}  # larger ones are reduced
# Log-odds added to the network's, so that 0.5 is where its map fits held-out development forgeries best (mean F1 0.47
# against 0.46 without): it learned from pictures half of which are untouched, and it is asked where, not whether.
SHIFT = 0.5
NAMED = 3.4  # log-odds of the whole picture from which areas are named; 2 % of held-out genuine photographs exceed it
SHOWN = 0.5  # probability from which an area is named
LEAST_AREA = 0.002  # share of the picture below which an area is not named
MOST_REGIONS = 6
LIKELY = 0.0  # log-odds of a copy from which the map shows it; areas are named from ``CONVINCING``
# Log-odds added to the network's map beside a likely copy: that explains the picture, and what else is marked must be
# plain. 66 copies found in development photographs: F1 0.73, 0.75, 0.76, 0.78, 0.78 with 0, −0.5, −1, −2, −3.
BESIDE = -2.0
PREFERENCE = 0.5  # log-odds from which one of two equal areas is taken for the original
ORIGINAL = 0.45  # most that is shown on it


@dataclass(frozen=True, slots=True)
class Examined:
    """``heat`` and ``reliability`` are in [0, 1], ``logits`` and ``seams`` log-odds, at the size the network saw
    (``shape``)."""

    heat: Plane
    reliability: Plane
    logits: Plane
    seams: Plane | None
    logit: float
    shape: tuple[int, int]
    traced: bool  # whether the compression of the file could be read


def examine(image: Image, scene: Scene | None, infer: Infer, pixels: int) -> Examined:
    """The network's answer on ``image``, reduced to at most ``pixels``."""
    factor = min(1.0, float(np.sqrt(pixels / (image.shape[0] * image.shape[1]))))
    levels = None
    if factor < 1.0:
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    elif scene is not None and (jpeg := scene.jpeg()) is not None and jpeg.orientation == 1 and jpeg.tables:
        levels = network.dct_levels(jpeg.luma, jpeg.tables[0])
    shape = (image.shape[0], image.shape[1])
    answer = network.read(infer.run(network.NAME, network.prepare(image, levels)), shape)

    def sized(plane: Plane) -> Plane:
        return np.asarray(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    logits, seams = sized(answer.logits), None if answer.seams is None else sized(answer.seams)
    heat = _probability(logits + np.float32(SHIFT))
    return Examined(heat, sized(answer.reliability), logits, seams, answer.logit, shape, levels is not None)


def with_copies(examined: Examined, copies: Result, image: Image) -> Plane:
    """The map joined with the most convincing copied area of ``image``, and its original, toned down if it is known.

    A likely copy explains the picture: the network's map then counts with ``BESIDE`` instead of ``SHIFT``.
    """
    if not copies.logits or copies.logits[0] <= LIKELY:
        return examined.heat
    best, size = copies.evidence[0], examined.shape
    work = np.asarray(cv2.resize(image, copies.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    area = extent(work, grown(best), best.map)
    pair = [_at(mask, size) for mask in (area, carried(area, best.map))]
    if not all(mask.any() for mask in pair):
        return examined.heat
    heat = _probability(examined.logits + np.float32(BESIDE))
    weight = float(1.0 / (1.0 + np.exp(-copies.logits[0])))
    sized = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    first = pasted(sized, pair[0], pair[1], examined.seams, examined.logits)
    values = [weight, weight]
    if abs(first) > PREFERENCE:
        values[1 if first > 0 else 0] = min(weight, ORIGINAL)
    for mask, value in zip(pair, values, strict=True):
        heat[mask] = np.maximum(heat[mask], np.float32(value))
    return heat


def _probability(logits: Plane) -> Plane:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)


def _at(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)


class ForgeryHeatmap(Method):
    """Raw: the network's log-odds that the picture was changed somewhere."""

    name = "forgery_heatmap"
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE})
    models = (network.NAME,)
    libraries = ("numpy", "opencv-python-headless", "onnxruntime")
    reference = (
        "Kwon, Yu, Nam, Lee, CAT-Net: compression artifact tracing network, WACV 2021; "
        "Wu, Zhou, Tian, Liu, Qiao, Robust image forgery detection over online social network shared images, CVPR 2022"
    )
    title = {"en": "Map of changed areas", "vi": "Bản đồ vùng bị sửa"}
    sentences = {
        "found": {
            "en": "A network trained on forged photographs marks {share:.1f} % of the picture as changed "
            "({regions} area(s)).",
            "vi": "Mạng nơ-ron học trên ảnh giả đánh dấu {share:.1f} % diện tích ảnh là đã bị sửa ({regions} vùng).",
        },
        "nothing": {
            "en": "A network trained on forged photographs finds no area that stands out enough to call it changed; "
            "its map shows where one would be, if there were one.",
            "vi": "Mạng nơ-ron học trên ảnh giả không thấy vùng nào nổi bật đến mức có thể coi là đã bị sửa; bản đồ "
            "cho biết vùng đó sẽ ở đâu nếu có.",
        },
        "area": {
            "en": "Colours, noise or edges here do not fit the rest of the picture.",
            "vi": "Màu sắc, nhiễu hoặc viền ở đây không khớp với phần còn lại của ảnh.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image()
        if min(image.shape[:2]) < SHORTEST:
            return self.abstain(Reason.TOO_SMALL)
        examined = examine(image, scene, infer, PIXELS[scene.options.policy])
        copies = once(image, EFFORTS[scene.options.policy], search)
        heat = with_copies(examined, copies, image)
        copied = bool(copies.logits and copies.logits[0] > CONVINCING)
        named = copied or examined.logit > NAMED  # the map says where, if anywhere; whether is another question
        regions = self._regions(heat, image.shape[1] / examined.shape[1]) if named else ()
        share = float(np.mean(heat >= SHOWN)) if regions else 0.0
        return self.found(
            examined.logit,
            scene.media.kind,
            self.say("found", share=100.0 * share, regions=len(regions)) if regions else self.say("nothing"),
            heatmap=heat,
            regions=regions,
            parameters={
                "width": examined.shape[1],
                "height": examined.shape[0],
                "compression_read": examined.traced,
                "copied_areas": copied,
            },
            measurements={
                "marked_share": share,
                "largest_probability": float(examined.heat.max()),
                "network_share": float(np.mean(examined.heat >= SHOWN)),
                "mean_reliability": float(examined.reliability.mean()),
            },
        )

    def _regions(self, heat: Plane, scale: float) -> tuple[Region, ...]:
        """Boxes of the connected areas above ``SHOWN``, largest first, in pixels of the picture."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats((heat >= SHOWN).astype(np.uint8))
        order = sorted(range(1, count), key=lambda i: -int(stats[i, cv2.CC_STAT_AREA]))[:MOST_REGIONS]
        found = []
        for index in order:
            x, y, width, height, area = (int(v) for v in stats[index])
            if area < LEAST_AREA * heat.size:
                break
            score = float(heat[y : y + height, x : x + width][labels[y : y + height, x : x + width] == index].mean())
            box = (x * scale, y * scale, width * scale, height * scale)
            found.append(Region(*box, score=score, note=self.say("area")))
        return tuple(found)
