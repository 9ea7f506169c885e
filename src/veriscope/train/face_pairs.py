"""Crops of genuine faces beside the forgeries made from them, kept on disk: making one costs as much as learning it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from veriscope.inference.networks.face_manipulation import GRID, NAME, SIZE
from veriscope.train.portraits import HALF, ciplab, crop, development, held_out, portraits
from veriscope.train.synthesis_faces import Portrait, exchanged, self_blended, yaw

SHARD = 1000  # pairs a file
SHARDS = int(os.environ.get("VERISCOPE_FACE_SHARDS", "4"))
HELD_OUT = 400  # pairs that validate
BLENDED = "blended"
EXCHANGED = "exchanged"
RETOUCHED = "retouched"
CANDIDATES = 12  # donors of which the one with the most similar pose gives its features


@dataclass(frozen=True, slots=True)
class Pairs:
    """``crops`` N×2×SIZE×SIZE×3 (genuine, forged), ``cells`` N×GRID×GRID of the forged, ``kinds`` N names."""

    crops: NDArray[np.uint8]
    cells: NDArray[np.uint8]
    kinds: NDArray[np.str_]


def folder() -> Path:
    """Where the pairs are kept between runs."""
    return Path(tempfile.gettempdir()) / "veriscope-train" / NAME


def made(faces: Sequence[Portrait], count: int, seed: int) -> Pairs:
    """Half self-blended, half exchanged features; both crops of a pair went through the same stations."""
    rng = np.random.default_rng(seed)
    crops = np.empty((count, 2, SIZE, SIZE, 3), np.uint8)
    cells = np.empty((count, GRID, GRID), np.uint8)
    kinds = np.where(np.arange(count) % 2 == 0, BLENDED, EXCHANGED)
    # A set with many faces must not drown the others: sets are drawn by the root of their size.
    sets = np.array([face.source.rpartition("/")[0] for face in faces])
    share = np.array([1 / np.sqrt((sets == name).sum()) for name in sets])
    for i in range(count):
        face = faces[int(rng.choice(len(faces), p=share / share.sum()))]
        if kinds[i] == BLENDED:
            blend = self_blended(face, rng)
        else:
            others = [faces[int(k)] for k in rng.integers(0, len(faces), CANDIDATES)]
            others = [other for other in others if other.source != face.source] or list(faces)
            turned = yaw(face.landmarks)
            # mirrored donors count too, so only the size of the turn matters
            blend = exchanged(face, min(others, key=lambda o: abs(abs(yaw(o.landmarks)) - abs(turned))), rng)
        state = int(rng.integers(1 << 31))
        crops[i, 0], _ = crop(blend.genuine, None, face.landmarks, np.random.default_rng(state))
        crops[i, 1], cells[i] = crop(blend.forged, blend.mask, face.landmarks, np.random.default_rng(state))
    return Pairs(crops, cells, kinds)


def drawn(genuine: Sequence[Portrait], forged: Sequence[Portrait], count: int, seed: int) -> Pairs:
    """Genuine and retouched faces of ciplab, each through the chain; the two of a row have nothing else in common."""
    rng = np.random.default_rng(seed)
    crops = np.empty((count, 2, SIZE, SIZE, 3), np.uint8)
    for i in range(count):
        for side, faces in enumerate((genuine, forged)):
            face = faces[int(rng.integers(len(faces)))]
            crops[i, side], _ = crop(face.image, None, face.landmarks, rng)
    return Pairs(crops, np.zeros((count, GRID, GRID), np.uint8), np.full(count, RETOUCHED))


def _saved(path: Path, pairs: Pairs) -> None:
    for name, part in (("cells", pairs.cells), ("kinds", pairs.kinds), ("crops", pairs.crops)):
        half = path.with_name(f"{path.name}.{name}.part.npy")
        np.save(half, part)
        half.replace(path.with_name(f"{path.name}.{name}.npy"))


def _opened(path: Path) -> Pairs:
    read = {name: path.with_name(f"{path.name}.{name}.npy") for name in ("crops", "cells", "kinds")}
    return Pairs(np.load(read["crops"], mmap_mode="r"), np.load(read["cells"]), np.load(read["kinds"]))


def _joined(parts: Sequence[Pairs]) -> Pairs:
    if len(parts) == 1:
        return parts[0]
    return Pairs(
        np.concatenate([p.crops for p in parts]),
        np.concatenate([p.cells for p in parts]),
        np.concatenate([p.kinds for p in parts]),
    )


def cached(data: Path, place: Path, *, validating: bool, retouched: bool = False) -> Pairs:
    """The pairs of one part, made where they are not yet on disk.

    Args:
        data: the data folder; only its development part is read.
        place: where the pairs are kept.
        validating: the part that validates instead of the one that trains.
        retouched: ciplab's own forgeries instead of those made here.
    """
    part = ("held-out" if validating else "train") + ("-retouched" if retouched else "")
    count = HELD_OUT if validating else SHARD
    shards = 1 if validating else max(1, SHARDS // 2) if retouched else SHARDS
    names = [place / f"{part}-{index}" for index in range(shards)]
    missing = [(i, name) for i, name in enumerate(names) if not name.with_name(name.name + ".crops.npy").exists()]
    if missing:
        place.mkdir(parents=True, exist_ok=True)
        genuine, forged = _faces(data, validating, retouched)
        for index, name in missing:
            seed = 7919 * index + 2 * validating + retouched
            _saved(name, drawn(genuine, forged, count, seed) if retouched else made(genuine, count, seed))
    return _joined([_opened(name) for name in names])


def _faces(data: Path, part: bool, only: bool) -> tuple[list[Portrait], list[Portrait]]:
    files = ciplab(data, "real", below=HALF) if only else development(data)
    forged = ciplab(data, "fake", below=HALF) if only else []
    chosen = [
        [p for p in group if held_out(p.relative_to(data / "images").as_posix()) == part] for group in (files, forged)
    ]
    threshold = 0.3 if only else 0.6
    found = [list(portraits(data, group, threshold)) for group in chosen]
    return found[0], found[1]
