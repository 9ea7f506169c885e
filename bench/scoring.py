"""Put labelled pictures before detectors, through the real scene, and keep what a bench needs of the answers."""

from __future__ import annotations

import io
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from datasets import Item
from veriscope.detectors.registry import DETECTORS
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import OpenScene, open_scene
from veriscope.types import Detector, Finding, Kind, Options, Policy, Signal

THRESHOLDS = np.round(np.arange(0.1, 1.0, 0.1), 1)  # of the heatmap, for pixel F1
FIXED = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """``raw`` is ``None`` where the detector abstained. Counts are of pixels over each of ``THRESHOLDS``."""

    label: int
    group: str
    raw: float | None
    table: int  # sum of the luma quantisation table, 0 for other formats
    hits: NDArray[np.float64] | None = None  # forged and marked
    marked: NDArray[np.float64] | None = None
    forged: float = 0.0
    pixels: float = 0.0


@dataclass
class Answers:
    """All answers about one set, by detector, and the facts that need no pixels."""

    by_detector: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    facts: list[list[float]] = field(default_factory=list)  # table sums, size, bytes, EXIF
    labels: list[int] = field(default_factory=list)


def pixel_detectors(names: Sequence[str] | None = None) -> list[Detector]:
    """Registered detectors that judge a picture by its pixels, or those named."""
    chosen = [d for d in DETECTORS if Kind.IMAGE in d.kinds]
    if names is not None:
        return [d for d in chosen if d.name in names]
    return [d for d in chosen if d.signal not in {Signal.METADATA, Signal.PROVENANCE} and not d.models]


def facts_of(data: bytes) -> list[float]:
    """What a file tells without its pixels: sums of its quantisation tables, size, bytes, whether it has EXIF."""
    with Pillow.open(io.BytesIO(data)) as picture:
        tables: Mapping[int, Sequence[int]] = getattr(picture, "quantization", None) or {}
        sums = [float(sum(tables[key])) if key in tables else 0.0 for key in (0, 1)]
        return [*sums, float(picture.width), float(picture.height), float(len(data)), float(len(picture.getexif()) > 0)]


def scenes(
    items: Sequence[Item], answers: Answers, policy: Policy = Policy.STANDARD
) -> Iterator[tuple[Item, NDArray[np.bool_] | None, list[float], OpenScene, OnnxInfer]]:
    """Every item as detectors see it, with its mask and the facts of its file; ``answers`` collects what needs no
    pixels."""
    child, infer = DecodeChild(Limits()), OnnxInfer()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "item"
        try:
            for item in items:
                data, mask = item.load()
                path.write_bytes(data)
                facts = facts_of(data)
                answers.facts.append(facts)
                answers.labels.append(item.label)
                with open_scene(path, Options(policy=policy), child=child, infer=infer) as scene:
                    yield item, mask, facts, scene, infer
        finally:
            child.close()


def score(items: Sequence[Item], detectors: Sequence[Detector], policy: Policy = Policy.STANDARD) -> Answers:
    """Every detector's answer about every item. A detector that fails is a bug and stops the bench."""
    answers = Answers()
    for item, mask, facts, scene, infer in scenes(items, answers, policy):
        for detector in detectors:
            finding = detector.inspect(scene, infer)
            answers.by_detector[detector.name].append(_answer(item, finding, mask, int(facts[0])))
    return answers


def _answer(item: Item, finding: Finding, mask: NDArray[np.bool_] | None, table: int) -> Answer:
    if mask is None or not mask.any():
        return Answer(item.label, item.group, finding.raw, table)
    heat = np.zeros(mask.shape, np.float32)
    if finding.heatmap is not None:
        heat = cv2.resize(finding.heatmap, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    over = [heat >= threshold for threshold in THRESHOLDS]
    return Answer(
        item.label,
        item.group,
        finding.raw,
        table,
        hits=np.array([np.count_nonzero(o & mask) for o in over], float),
        marked=np.array([np.count_nonzero(o) for o in over], float),
        forged=float(np.count_nonzero(mask)),
        pixels=float(mask.size),
    )
