"""Prepared inputs of ``forgery-classifier`` on disk: pictures at 256×256, the first stage's map as fourth channel.

Made once from any source of labelled pictures, or from folders of videos, then read by every configuration of
the ablation, so that they all see the same pixels.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import BadRequest
from veriscope.inference.networks.forgery_classifier import SIZE, shrink
from veriscope.types import Image, Plane

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture (H×W×3 uint8 RGB), its label (1 = fake), and the source that must not span two splits."""

    image: Image
    label: int
    group: str
    item: str  # frames of one video share it
    split: Split | None = None  # None: by the hash of the group


@dataclass(frozen=True, slots=True)
class Stacks:
    """``pixels`` N×256×256×4 uint8, memory-mapped; the other columns have N entries."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    items: NDArray[np.str_]
    splits: NDArray[np.str_]

    def rows(self, split: Split) -> NDArray[np.int64]:
        return np.flatnonzero(self.splits == split)


def split_of(group: str) -> Split:
    """Three fifths train, one fifth dev, one fifth test, by the SHA-256 of the group."""
    bucket = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 5
    return "test" if bucket == 0 else "dev" if bucket == 1 else "train"


def build(source: Iterable[Labelled], heat: Callable[[Image], Plane], folder: Path) -> int:
    """Write ``pixels.raw`` and ``rows.csv``; returns how many pictures there are.

    Args:
        source: labelled pictures.
        heat: the first stage, image → map in [0, 1].
        folder: made when absent; what was in it is replaced.

    Raises:
        BadRequest: the source holds no picture, or only one class.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[int, str, str, str]] = []
    with (folder / "pixels.part").open("wb") as out:
        for found in source:
            out.write(shrink(found.image, heat(found.image)).tobytes())
            rows.append((found.label, found.group, found.item, found.split or split_of(found.group)))
    if len({row[0] for row in rows}) < 2:
        (folder / "pixels.part").unlink()
        raise BadRequest("The data hold no picture, or pictures of one class only.")
    (folder / "pixels.part").replace(folder / "pixels.raw")
    with (folder / "rows.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["label", "group", "item", "split"])
        writer.writerows(rows)
    return len(rows)


def load(folder: Path) -> Stacks:
    """What ``build`` wrote.

    Raises:
        BadRequest: the folder holds no stacks.
    """
    try:
        with (folder / "rows.csv").open(newline="") as handle:
            rows = list(csv.DictReader(handle))
        pixels = np.memmap(folder / "pixels.raw", np.uint8, "r", shape=(len(rows), SIZE, SIZE, 4))
    except (OSError, ValueError) as exc:
        raise BadRequest(f"{folder} holds no prepared pictures.", hint="Prepare them first.") from exc
    return Stacks(
        pixels,
        np.array([int(row["label"]) for row in rows]),
        np.array([row["item"] for row in rows]),
        np.array([row["split"] for row in rows]),
    )


def balanced(stacks: Stacks, batch: int, seed: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Endless batches of the training rows, half of each class, half of them mirrored."""
    rng = np.random.default_rng(seed)
    rows = stacks.rows("train")
    classes = [rows[stacks.labels[rows] == label] for label in (0, 1)]
    while True:
        chosen = np.concatenate([rng.choice(found, batch // 2) for found in classes])
        rng.shuffle(chosen)
        pixels = stacks.pixels[chosen]
        mirrored = rng.random(batch) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        yield pixels, stacks.labels[chosen]
