"""Genuine and generated pictures to learn ``synthetic-image`` and ``edge-image`` from, development files only.

Both classes go through the same saving; what tells them apart must not be the history of the file. Every generated
picture that is made here has a twin: the same photograph, perhaps resized, blurred or sharpened, saved the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.inference.networks import synthetic_image as network
from veriscope.train.resynthesis import Floats, Linear, cascade, doctored, linear
from veriscope.train.synthesis import chains
from veriscope.types import Image

SIDE = 256  # pixels of a photograph that a generator's twin is made from
CUT = 228  # pixels that are left after a shift of the grid
BORDER = 64  # pixels of cnndetection that are cut off each side: a coloured border bleeds in
TWINS = 800  # pairs in one shard of simulated pictures
VARIANTS = 5  # of every face
BANK = 60  # closed-form autoencoders kept at a time
LEARNT = ("biggan", "crn", "cyclegan", "imle", "stylegan")  # generators that the shipped network may learn from
UNSEEN = ("deepfake", "gaugan", "san", "seeingdark", "stargan")  # and those it never sees
FAMILIES = (("crn", "imle"),)  # one architecture on one set of scenes: left out together


@dataclass(frozen=True, slots=True)
class Picture:
    pixels: Image
    label: int  # 1 = generated
    group: str  # "made", "cnndetection/biggan", "faces"
    source: str  # name of the file that it comes from


def digest(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)


def load(path: Path) -> Image:
    return chains.decoded(path.read_bytes())


def photographs(data: Path) -> list[Path]:
    """The development four fifths of the pristine photographs."""
    return [path for path in sorted(data.glob("images/pristine/*/*.jpg")) if digest(path.name) % 5]


def cnndetection(data: Path, generators: Sequence[str]) -> Iterator[Picture]:
    """Pictures of the named generators and their genuine counterparts, without the coloured border."""
    for path in sorted((data / "images" / "cnndetection").glob("*_*_*.jpg")):
        _, generator, label = path.stem.split("_")
        if generator in generators:
            inner = np.ascontiguousarray(load(path)[BORDER:-BORDER, BORDER:-BORDER])
            yield Picture(inner, int(label == "fake"), f"cnndetection/{generator}", path.name)


def faces(data: Path, *, test: bool) -> Iterator[Picture]:
    """StyleGAN2 and FFHQ faces as stored; the half whose digest is odd is for development."""
    for label, folder in enumerate(("ffhq-real", "stylegan2")):
        for path in sorted((data / "images" / "faces" / folder).glob("*.jpg")):
            if (digest(path.name) % 2 == 0) == test:
                yield Picture(load(path), label, "faces", f"{folder}/{path.name}")


def resized(image: Image, size: int) -> Image:
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def face_variant(image: Image, rng: np.random.Generator) -> Image:
    """A face of 1024 pixels reduced and saved at random, the same for both classes.

    Never near its own size: FFHQ and StyleGAN2 came saved with different tables, which reducing washes out.
    """
    return posted(resized(image, int(rng.choice([256, 320, 384, 448, 512, 576]))), rng)


class Maker:
    """An endless supply of twins: a photograph as it is or doctored, and the same one made anew by a generator."""

    def __init__(self, data: Path, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        paths = photographs(data)
        self._fine = [p for p in paths if p.parent.name == "bsds500"]  # saved at a higher quality
        self._rest = [p for p in paths if p.parent.name != "bsds500"]
        self._bank: list[Linear] = []

    def _photograph(self) -> tuple[str, Floats]:
        pool = self._fine if self.rng.random() < 0.4 else self._rest
        path = pool[int(self.rng.integers(len(pool)))]
        image = load(path)
        shorter = min(image.shape[:2])
        factor = float(self.rng.uniform(min(1.0, (SIDE + 2) / shorter), 1.0)) if self.rng.random() < 0.7 else 1.0
        factor = max(factor, (SIDE + 2) / shorter)
        if factor != 1:  # reducing takes away what the first compression left
            image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        y, x = (int(self.rng.integers(0, side - SIDE + 1)) for side in image.shape[:2])
        crop = image[y : y + SIDE, x : x + SIDE].astype(np.float32)
        return path.name, np.ascontiguousarray(crop[:, ::-1] if self.rng.random() < 0.5 else crop)

    def _autoencoder(self) -> Linear:
        if len(self._bank) < BANK:
            self._bank.append(linear([self._photograph()[1] for _ in range(12)], self.rng))
        elif self.rng.random() < 0.05:
            self._bank[int(self.rng.integers(BANK))] = linear([self._photograph()[1] for _ in range(12)], self.rng)
        return self._bank[int(self.rng.integers(len(self._bank)))]

    def twins(self) -> tuple[Picture, Picture]:
        """A genuine and a generated picture of the same content and history, each at least ``CUT`` pixels wide."""
        while True:
            name, image = self._photograph()
            made = self._autoencoder()(image, self.rng) if self.rng.random() < 0.5 else cascade(image, self.rng)
            seed, (y, x) = int(self.rng.integers(1 << 31)), self.rng.integers(0, 8, 2)
            pair = []
            for pixels in (doctored(image, self.rng), made):
                whole = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
                shifted = np.ascontiguousarray(whole[y : y + SIDE - 8, x : x + SIDE - 8])
                pair.append(posted(shifted, np.random.default_rng(seed)))
            if min(pair[0].shape[:2]) >= CUT:
                return Picture(pair[0], 0, "made", name), Picture(pair[1], 1, "made", name)


def posted(image: Image, rng: np.random.Generator) -> Image:
    """Saved as pictures on the web are: half the time one JPEG of quality 75, else another quality, a chain, or not."""
    kind = rng.random()
    if kind < 0.5:
        return chains.decoded(chains.jpeg(image, 75))
    if kind < 0.75:
        return chains.saved(image, rng, 60, 95)
    return chains.resave(image, rng) if kind < 0.95 else image


@dataclass(frozen=True, slots=True)
class Samples:
    """Statistics of pictures (N×F float32), labels, groups and the files that they come from."""

    features: Floats
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    sources: NDArray[np.str_]

    def where(self, chosen: NDArray[np.bool_]) -> Samples:
        return Samples(self.features[chosen], self.labels[chosen], self.groups[chosen], self.sources[chosen])

    @staticmethod
    def of(pictures: Iterable[Picture]) -> Samples:
        rows = [(network.features(p.pixels), p.label, p.group, p.source) for p in pictures]
        features, labels, groups, sources = zip(*rows, strict=True)
        return Samples(np.stack(features), np.array(labels, np.int64), np.array(groups), np.array(sources))

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__slots__))


def made(data: Path, seed: int) -> Iterator[Picture]:
    """One shard of twins, genuine and generated in turn."""
    maker = Maker(data, seed)
    for _ in range(TWINS):
        yield from maker.twins()


def whole(data: Path) -> Iterator[Picture]:
    """Every fourth development photograph after a chain of saving, as it comes in from the web."""
    for path in photographs(data)[::4]:
        image = chains.resave(load(path), np.random.default_rng(digest(path.name) % (1 << 32)))
        if min(image.shape[:2]) >= network.SMALLEST:
            yield Picture(image, 0, "photographs", path.name)


def face_variants(data: Path) -> Iterator[Picture]:
    """The development half of the faces, each in ``VARIANTS`` sizes and saves."""
    for face in faces(data, test=False):
        for variant in range(VARIANTS):
            rng = np.random.default_rng([digest(face.source.split("/")[1]) % (1 << 32), variant])
            image = face_variant(face.pixels, rng)
            if min(image.shape[:2]) >= network.SMALLEST:
                yield Picture(image, face.label, face.group, face.source)


def kept(folder: Path, name: str, made: Iterable[Picture]) -> Samples:
    """The samples stored under a name, made at the first call: a picture's statistics cost as much as the picture."""
    path = folder / f"{name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        samples = Samples.of(made)
        part = path.with_suffix(".part.npz")
        np.savez(part, allow_pickle=False, **{slot: getattr(samples, slot) for slot in Samples.__slots__})
        part.replace(path)
    with np.load(path) as stored:
        return Samples(*(stored[slot] for slot in Samples.__slots__))


def simulated(data: Path, folder: Path, seed: int) -> Samples:
    return kept(folder, f"made-{seed}", made(data, seed))


def genuine(data: Path, folder: Path) -> Samples:
    return kept(folder, "photographs", whole(data))


def generated(data: Path, folder: Path, generator: str) -> Samples:
    """One generator of cnndetection and its genuine counterparts, as stored."""
    return kept(folder, f"cnndetection-{generator}", cnndetection(data, [generator]))


def development_faces(data: Path, folder: Path) -> Samples:
    return kept(folder, "faces", face_variants(data))
