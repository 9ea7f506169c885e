"""Forged pictures with their masks and their untouched twins, made once and read many times from a memory map.

Photographs come from ``images/pristine``; those kept for tests (SHA-256 of the name divisible by five) never enter, and
a tenth of the rest is held out for validation. Host and donor of a picture are of the same part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.train.synthesis import chains, outlines
from veriscope.train.synthesis.forgeries import KINDS, Forgery, Photo, forge
from veriscope.types import Image

Part = Literal["train", "validation"]
HEIGHT, WIDTH = 256, 384  # px of every stored picture; upright photographs lie on their side
SHARES = {"splice": 0.5, "copy_move": 0.28, "removal": 0.1, "retouch": 0.07, "blend": 0.05}
OWN_SIZE = 0.25  # of the canvases: a window of the photograph as it is stored, on its own JPEG grid
_SUFFIXES = {".jpg", ".jpeg", ".png"}


def photographs(data: Path, part: Part) -> list[Path]:
    """Files of one part, sorted by source and name."""

    def belongs(path: Path) -> bool:
        number = int(hashlib.sha256(path.name.encode()).hexdigest(), 16)
        return number % 5 != 0 and (number // 5 % 10 == 0) == (part == "validation")

    files = sorted(p for p in (data / "images/pristine").glob("*/*") if p.suffix.lower() in _SUFFIXES)
    return [path for path in files if belongs(path)]


@dataclass(frozen=True, slots=True)
class Store:
    """``forged`` and ``untouched`` are N×HEIGHT×WIDTH×3 uint8, ``masks`` N×HEIGHT×WIDTH uint8 (1 = manipulated)."""

    forged: NDArray[np.uint8]
    untouched: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    kinds: NDArray[np.uint8]  # N, index into ``KINDS``

    def __len__(self) -> int:
        return len(self.kinds)


_ARRAYS = ("forged", "untouched", "masks", "kinds")


def opened(folder: Path, data: Path, part: Part, count: int, seed: int = 0) -> Store:
    """The store of ``part`` in ``folder``, made first where it is not there or smaller than ``count``."""
    path = folder / f"{part}-{count}-{seed}"
    if not (path / "kinds.npy").exists():
        _make(path, data, part, count, seed)
    return Store(*(np.load(path / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))


def _make(path: Path, data: Path, part: Part, count: int, seed: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, part == "validation"])
    shapes = {
        "forged": (count, HEIGHT, WIDTH, 3),
        "untouched": (count, HEIGHT, WIDTH, 3),
        "masks": (count, HEIGHT, WIDTH),
    }
    arrays = {
        name: np.lib.format.open_memmap(path / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape)
        for name, shape in shapes.items()
    }
    kinds = np.zeros(count, np.uint8)
    sources = Sources(photographs(data, part))
    for index in range(count):
        host, forgery = sources.forgery(rng)
        arrays["forged"][index], arrays["untouched"][index] = forgery.image, host
        arrays["masks"][index], kinds[index] = forgery.mask, KINDS.index(forgery.kind)
    for array in arrays.values():
        array.flush()
    np.save(path / "kinds.npy", kinds)  # last: its presence says that the store is whole


class Sources:
    """Photographs as hosts and donors; each one's central object is searched for once."""

    def __init__(self, paths: list[Path]) -> None:
        folders = sorted({path.parent for path in paths})
        self._groups = [[p for p in paths if p.parent == folder] for folder in folders]
        self._objects: dict[Path, outlines.Mask | None] = {}

    def forgery(self, rng: np.random.Generator) -> tuple[Image, Forgery]:
        """An untouched canvas and the forgery made from it."""
        names, shares = list(SHARES), np.array(list(SHARES.values()))
        while True:
            host, donor = self.canvas(rng), self.canvas(rng)
            made = forge(names[int(rng.choice(len(names), p=shares / shares.sum()))], host, donor, rng)
            if made is not None:
                return host.image, made

    def canvas(self, rng: np.random.Generator) -> Photo:
        """A part of a random photograph at HEIGHT×WIDTH, reduced by at most what its size allows, then mostly saved.

        Some are not reduced, and half of those not saved either: so do photographs come that nobody prepared.
        """
        group = self._groups[int(rng.integers(len(self._groups)))]  # every source alike, however many files it has
        path = group[int(rng.integers(len(group)))]
        image = chains.decoded(path.read_bytes())
        if path not in self._objects:
            self._objects[path] = outlines.central_object(image, rng)
        found = self._objects[path]
        mask = np.zeros(image.shape[:2], np.uint8) if found is None else found.astype(np.uint8)
        if image.shape[0] > image.shape[1]:
            image, mask = np.ascontiguousarray(image.transpose(1, 0, 2)), np.ascontiguousarray(mask.T)
        least = max(HEIGHT / image.shape[0], WIDTH / image.shape[1])
        # whole pictures as often as closer looks: what is marked must not depend on how much is seen
        drawn = rng.random()
        own = drawn < OWN_SIZE and least <= 1.0
        factor = 1.0 if own else least if drawn < 0.55 else float(rng.uniform(least, max(least, 1.0)))
        size = max(WIDTH, round(image.shape[1] * factor)), max(HEIGHT, round(image.shape[0] * factor))
        y, x = int(rng.integers(size[1] - HEIGHT + 1)), int(rng.integers(size[0] - WIDTH + 1))
        if own:
            y, x = y - y % 8, x - x % 8
        window = np.s_[y : y + HEIGHT, x : x + WIDTH]
        image = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)[window], np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)[window], np.uint8)
        kind = rng.random()
        plain, maker, none = (0.5, 0.75, 1.0) if own else (0.0, 0.4, 0.7)  # from where on: a save, a maker's, none
        if plain <= kind < maker:
            image = chains.saved(image, rng, 60, 98)
        elif maker <= kind < none:
            image = chains.camera_jpeg(image, rng)
        whole = found is not None and mask.sum() > 0.7 * factor**2 * found.sum()
        return Photo(image, mask > 0 if whole else None)
