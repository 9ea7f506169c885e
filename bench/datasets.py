"""The labelled sets that the benches measure on, as lists of items; each item's bytes are made when asked for.

``pristine`` lists keep the project's own split: names whose SHA-256 is divisible by five are for tests only.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import cv2
import numpy as np
from PIL import Image as Pillow

from common import is_test
from forgeries import KINDS, Mask, decode, encode, forge, resave_quality

Split = Literal["dev", "test"]
T = TypeVar("T")
Bytes = Callable[[], tuple[bytes, Mask | None]]


@dataclass(frozen=True, slots=True)
class Item:
    """One medium: its label (1 = forged), and a call that gives its bytes and, where there is one, its mask."""

    name: str
    label: int
    load: Bytes
    group: str = ""


def seed_of(text: str) -> int:
    return zlib.crc32(text.encode())


def pristine(root: Path, split: Split, source: str = "*") -> list[Path]:
    files = [path for folder in sorted(root.glob(f"images/pristine/{source}")) for path in jpegs(folder)]
    return [path for path in files if is_test(path.name) == (split == "test")]


def jpegs(folder: Path) -> list[Path]:
    """The JPEG files of a folder by name; some cameras and some collectors write ``.JPG``."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg"})


def spread(items: list[T], limit: int | None) -> list[T]:
    """At most ``limit`` items, evenly over the list, so that a small run sees every source."""
    if limit is None or len(items) <= limit:
        return items
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, limit).round()]


def stored(path: Path) -> Bytes:
    return lambda: (path.read_bytes(), None)


def resaved(path: Path, quality: int | None = None, mask: Path | None = None) -> Bytes:
    """The picture as one more JPEG. Without a quality, the distribution of the forgers' last save."""

    def load() -> tuple[bytes, Mask | None]:
        chosen = quality or resave_quality(np.random.default_rng(seed_of("resave" + path.name)))
        pixels = np.asarray(Pillow.open(path).convert("RGB"))
        forged = None
        if mask is not None:
            forged = np.asarray(Pillow.open(mask).convert("L").resize(pixels.shape[1::-1], Pillow.Resampling.NEAREST))
            forged = forged > 127
        return encode(pixels, chosen), forged

    return load


def forged(kind: str, host: Path, donor: Path) -> Bytes:
    def load() -> tuple[bytes, Mask | None]:
        rng = np.random.default_rng(seed_of(kind + host.name))
        made = forge(kind, decode(host.read_bytes()), decode(donor.read_bytes()), rng)
        return encode(made.image, resave_quality(rng)), made.mask

    return load


def untouched(root: Path, split: Split, limit: int | None, lowest: int | None = None) -> list[Item]:
    """Pristine photographs as stored; with ``lowest``, each saved again at a random quality from there to 98."""

    def quality(path: Path) -> int:
        return int(np.random.default_rng(seed_of("quality" + path.name)).integers(lowest or 98, 99))

    paths = photos(root, split, limit)
    return [Item(p.name, 0, stored(p) if lowest is None else resaved(p, quality(p))) for p in paths]


def photos(root: Path, split: Split, limit: int | None) -> list[Path]:
    """Pristine photographs, of each source at most half of ``limit``."""
    found: list[Path] = []
    for source in sorted({path.parent.name for path in pristine(root, split)}):
        found += spread(pristine(root, split, source), None if limit is None else max(1, limit // 2))
    return found


def synthetic(root: Path, split: Split, limit: int | None, kinds: tuple[str, ...] = KINDS) -> list[Item]:
    """Half untouched photographs saved again, half forgeries of every kind in turn, from the same hosts' pool."""
    items = []
    pool = photos(root, split, limit)
    for index, path in enumerate(pool):
        items.append(Item(f"resaved/{path.name}", 0, resaved(path), "resaved"))
        kind = kinds[index % len(kinds)]
        mates = [p for p in pool if p.parent == path.parent]
        donor = mates[(mates.index(path) + 1 + seed_of(path.name) % max(1, len(mates) - 1)) % len(mates)]
        items.append(Item(f"{kind}/{path.name}", 1, forged(kind, path, donor), kind))
    return items


def casia1(root: Path, quality: int | None, limit: int | None) -> list[Item]:
    """Test only. With a quality both classes are saved alike; without, the bytes as they are (the tables tell)."""
    folder = root / "images" / "casia1"
    with (folder / "pairs.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    forgeries = [(folder / row["image"], folder / row["mask"]) for row in spread(rows, limit)]
    authentic = spread(jpegs(folder / "pristine"), limit)

    def load(path: Path, mask: Path | None) -> Bytes:
        if quality:
            return resaved(path, quality, mask)
        again = resaved(path, 95, mask)
        return lambda: (path.read_bytes(), again()[1])

    return [Item(p.name, 1, load(p, m)) for p, m in forgeries] + [Item(p.name, 0, load(p, None)) for p in authentic]


def folders(root: Path, fake: str, real: str, quality: int | None, limit: int | None) -> list[Item]:
    """Two folders of pictures, re-encoded alike when a quality is given."""
    items = []
    for label, folder in ((1, fake), (0, real)):
        paths = sorted(p for p in (root / folder).glob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
        items += [Item(p.name, label, resaved(p, quality) if quality else stored(p)) for p in spread(paths, limit)]
    return items


def cnndetection(root: Path, quality: int | None, limit: int | None) -> list[Item]:
    """Eleven generators. The coloured border bleeds inwards and names the class: 64 pixels are cut off each side."""

    def load(path: Path) -> Bytes:
        def bytes_of() -> tuple[bytes, Mask | None]:
            pixels = np.ascontiguousarray(np.asarray(Pillow.open(path).convert("RGB"))[64:-64, 64:-64])
            return encode(pixels, quality or 95), None

        return bytes_of

    # Names are number_generator_label; the ten without a label are the generators' sample sheets.
    paths = sorted((root / "images" / "cnndetection").glob("*_*_*.jpg"))
    fake = spread([p for p in paths if p.stem.endswith("_fake")], limit)
    real = spread([p for p in paths if p.stem.endswith("_real")], limit)
    return [Item(p.name, int(p.stem.endswith("_fake")), load(p), p.stem.split("_")[1]) for p in fake + real]


def enlarged(root: Path, split: Split, limit: int | None) -> list[Item]:
    """Whole photographs enlarged 1.15 to 1.9 times, against the same ones as they are: a trace, not a forgery."""

    def load(path: Path) -> Bytes:
        def bytes_of() -> tuple[bytes, Mask | None]:
            rng = np.random.default_rng(seed_of("enlarge" + path.name))
            scale, method = rng.uniform(1.15, 1.9), [cv2.INTER_LINEAR, cv2.INTER_CUBIC][int(rng.integers(2))]
            large = cv2.resize(decode(path.read_bytes()), None, fx=scale, fy=scale, interpolation=method)
            return encode(np.asarray(large, np.uint8), resave_quality(rng)), None

        return bytes_of

    paths = photos(root, split, limit)
    return [Item(p.name, 0, resaved(p)) for p in paths] + [Item(f"enlarged/{p.name}", 1, load(p)) for p in paths]


def image_sets(root: Path, quality: int | None, limit: int | None) -> dict[str, Callable[[], list[Item]]]:
    """Every set of pictures by name. ``synthetic_<kind>`` holds one kind of forgery."""
    sets: dict[str, Callable[[], list[Item]]] = {
        "casia1": lambda: casia1(root, quality, limit),
        "ciplab": lambda: folders(root, "images/faces/ciplab/fake", "images/faces/ciplab/real", quality, limit),
        "stylegan2": lambda: folders(root, "images/faces/stylegan2", "images/faces/ffhq-real", quality, limit),
        "cnndetection": lambda: cnndetection(root, quality, limit),
        "enlarged": lambda: enlarged(root, "test", limit),
        "synthetic": lambda: synthetic(root, "test", limit),
    }
    for kind in KINDS:
        sets[f"synthetic_{kind}"] = lambda kind=kind: synthetic(root, "test", limit, (kind,))  # type: ignore[misc]
    return sets
