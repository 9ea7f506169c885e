"""What ``plate-detector`` takes for plates on drawn pictures and on photographs: the material of ``plate-verifier``.

Made once, into ``VERISCOPE_CACHE``. On a development photograph every box counts as false: hardly a plate is there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from veriscope.inference.networks import plate_verifier as net
from veriscope.inference.networks.plate_detector import Box, overlap
from veriscope.perception.plates import SCALES, candidates
from veriscope.train.plates import Sample, sample, scene
from veriscope.train.synthesis.chains import decoded
from veriscope.train.synthesis.store import Part, photographs
from veriscope.types import Image, Infer

LOOSE = 0.05  # the detector's probability from which a box is a candidate
MOST = 12  # candidates of a picture: the likeliest, and some of the rest
SAME, OTHER = 0.35, 0.15  # overlap from which a candidate is a plate, and up to which it is none
CONTEXT, SIZE = 2.0, (80, 160)  # more than the network sees, so that it can be moved


def picture(photo: Image, rng: np.random.Generator) -> Sample:
    """A drawn car or plates in three cases of five, else the photograph itself or a part of it."""
    kind = rng.random()
    if kind < 0.45:
        size = int(rng.integers(240, 560)), int(rng.integers(320, 640))
        return scene(photo, rng, size)
    if kind < 0.6:
        return sample(photo, rng)
    factor = min(1.0, 768 / max(photo.shape[:2])) * rng.uniform(0.4, 1.2)
    image = np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    return Sample(image, ())


def crops(made: Sample, infer: Infer, rng: np.random.Generator) -> tuple[list[Image], list[bool]]:
    """Places of one picture, and whether a plate is there: the detector's, and each plate a little beside itself."""
    found = candidates(made.image, infer, LOOSE, SCALES)
    chosen = found[: MOST - 4]
    rest = found[MOST - 4 :]
    chosen += [rest[i] for i in rng.permutation(len(rest))[:4]]
    out: list[Image] = []
    plates: list[bool] = []
    for box, _ in chosen:
        match = max((overlap(box, truth) for truth in made.boxes), default=0.0)
        if match >= SAME or match <= OTHER:
            out.append(net.crop(made.image, box, CONTEXT, SIZE))
            plates.append(match >= SAME)
    near = beside(made, rng)
    return out + near, plates + [True] * len(near)


def beside(made: Sample, rng: np.random.Generator) -> list[Image]:
    """The place of each plate of one picture, found as roughly as a detector does."""
    out: list[Image] = []
    for x, y, w, h in made.boxes:
        shift, stretch = rng.normal(0, 0.08, 2), np.exp(rng.normal(0, 0.15, 2))
        wide, high = w * stretch[0], h * stretch[1]
        moved: Box = (x + w / 2 + shift[0] * w - wide / 2, y + h / 2 + shift[1] * h - high / 2, wide, high)
        out.append(net.crop(made.image, moved, CONTEXT, SIZE))
    return out


def stored(data: Path, part: Part, count: int, infer: Infer) -> tuple[np.ndarray, np.ndarray]:
    """Places on ``count`` pictures, and plates of as many more: N×80×160×3 uint8, and N bool, whether it is a plate."""
    folder = Path(os.environ.get("VERISCOPE_CACHE") or tempfile.gettempdir()) / net.NAME / f"{part}-{count}"
    if not (folder / "plates.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        seed = 2 if part == "train" else 3
        rng, another = np.random.default_rng(seed), np.random.default_rng([seed, 1])
        paths: Sequence[Path] = photographs(data, part)
        images: list[Image] = []
        plates: list[bool] = []
        for _ in range(count):
            photo = decoded(paths[int(rng.integers(len(paths)))].read_bytes())
            found, truth = crops(picture(photo, rng), infer, rng)
            images += found
            plates += truth
        for _ in range(count):
            photo = decoded(paths[int(another.integers(len(paths)))].read_bytes())
            found = beside(sample(photo, another), another)
            images += found
            plates += [True] * len(found)
        np.save(folder / "crops.npy", np.stack(images))
        np.save(folder / "plates.npy", np.array(plates))  # last: its presence says that the rest is whole
    return np.load(folder / "crops.npy", mmap_mode="r"), np.load(folder / "plates.npy")
