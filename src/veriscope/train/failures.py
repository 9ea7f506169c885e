"""The items a detector got most wrong: by name in every result, as pictures where their licence allows to show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from veriscope.train.examination import Answer
from veriscope.train.labelled import Item
from veriscope.train.robustness import medium, pixels_of
from veriscope.types import Kind

SHOWN = 3  # of each class
_SIDE = 240  # px, longer side of a picture on the card

Failures = Mapping[str, Sequence[Mapping[str, Any]]]


def worst(answers: Sequence[Answer], count: int = SHOWN) -> dict[str, list[dict[str, Any]]]:
    """Genuine items with the highest raw statistic and fakes with the lowest, those beyond the other class's median."""
    spoke = [(a.raw, a) for a in answers if a.raw is not None]
    middle = {y: np.median([raw for raw, a in spoke if a.label == y] or [np.nan]) for y in (0, 1)}
    alarms = sorted((p for p in spoke if p[1].label == 0 and p[0] > middle[1]), key=lambda p: -p[0])
    missed = sorted((p for p in spoke if p[1].label == 1 and p[0] < middle[0]), key=lambda p: p[0])

    def told(pairs: Sequence[tuple[float, Answer]]) -> list[dict[str, Any]]:
        return [
            {"name": a.name, "raw": round(raw, 4), "score": None if a.score is None else round(a.score, 4)}
            for raw, a in pairs[:count]
        ]

    return {"false_alarms": told(alarms), "missed": told(missed)}


def draw(failures: Failures, items: Sequence[Item], stem: Path) -> dict[str, list[dict[str, Any]]]:
    """The same with small JPEGs written beside ``stem``; other media than pictures stay names."""
    known = {item.name: item for item in items}
    drawn: dict[str, list[dict[str, Any]]] = {}
    for kind, entries in failures.items():
        drawn[kind] = []
        for number, entry in enumerate(entries, 1):
            item = known.get(entry["name"])
            if item is None or medium([item]) is not Kind.IMAGE:
                drawn[kind].append(dict(entry))
                continue
            pixels = pixels_of(item.load().content)
            factor = min(1.0, _SIDE / max(pixels.shape[:2]))
            size = [max(1, round(side * factor)) for side in pixels.shape[1::-1]]
            file = stem.with_name(f"{stem.name}.{kind}-{number}.jpg")
            file.parent.mkdir(parents=True, exist_ok=True)
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            Pillow.fromarray(np.asarray(small, np.uint8)).save(file, "JPEG", quality=85)
            drawn[kind].append({**entry, "picture": file.name})
    return drawn
