"""The network ``forgery-heatmap``: a small U-Net on the cells of the JPEG grid, trained on own forgeries.

Half of every batch is forged, the other half its untouched twins; both go through the same saves, so that nothing but
the forgery tells them apart. The reliability plane learns the probability that the first plane gave to the truth
(C. Corbière et al., "Addressing failure prediction by learning model confidence", NeurIPS 2019).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as f

from veriscope.inference.networks import forgery_heatmap as network
from veriscope.train.precision import half
from veriscope.train.recipe import Batch
from veriscope.train.synthesis import chains
from veriscope.train.synthesis.forgeries import KINDS
from veriscope.train.synthesis.store import HEIGHT, WIDTH, Part, Store, opened
from veriscope.types import Image

WIDTHS = (64, 96, 128)  # channels at 1/8, 1/16 and 1/32 of the picture's size
BLOCK_WIDTH, OUT_WIDTH = 24, 48  # channels of the DCT branch, and before the answer
POSITIVE = 3.0  # weight of a manipulated pixel: they are few
_LEAST = 4  # values of a map that a manipulated area fills at least, to call the picture forged
STORED, HELD_OUT = 8000, 200  # forgeries made for training, and from photographs held out
VARIANTS = 1  # chains of saves that each of them and its twin go through


def _unit(inside: int, outside: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (size - 1) // 2
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = _unit(width, width)
        self.two = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return f.relu(x + self.two(self.one(x)))


class _Wide(nn.Module):
    """A bottleneck with a dilated convolution: context at little cost."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        half = width // 2
        self.path = nn.Sequential(
            _unit(width, half, 1),
            _unit(half, half, 3, dilation=dilation),
            nn.Conv2d(half, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return f.relu(x + self.path(x))


class HeatmapNet(nn.Module):
    """``features`` B×PLANES×h×w and ``dct`` B×112×h×w of cells → ``maps`` B×3×2h×2w, ``score`` B×1.

    All are logits. The maps say: changed; the network is right; on the border of a changed area. The last one only
    helps training, as a seam is what can be seen first (C. Dong et al., "MVSS-Net", IEEE TPAMI 45(3), 2023).
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c = WIDTHS
        self.scale = nn.BatchNorm2d(network.PLANES, affine=False)
        self.blocks = _unit(network.DCT_PLANES, BLOCK_WIDTH, 1)
        self.first = nn.Sequential(_unit(network.PLANES + BLOCK_WIDTH, a, 1), _unit(a, a), _Residual(a))
        self.second = nn.Sequential(_unit(a, b, stride=2), _Residual(b))
        self.third = nn.Sequential(_unit(b, c, stride=2), *(_Wide(c, dilation) for dilation in (1, 2, 4)))
        self.whole = nn.Linear(c, c)
        self.last = _Wide(c, 2)
        self.up_second = nn.Sequential(_unit(c + b, b, 1), _unit(b, b))
        self.up_first = nn.Sequential(_unit(b + a, a, 1), _unit(a, a), _unit(a, OUT_WIDTH))
        self.maps = nn.Sequential(nn.Conv2d(OUT_WIDTH, 3 * 4, 1), nn.PixelShuffle(2))
        self.score = nn.Sequential(nn.Linear(2 * c + 2, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))

    def forward(self, features: Tensor, dct: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(torch.cat([self.scale(features), self.blocks(dct)], dim=1))
        second = self.second(first)
        third = self.third(second)
        # what the whole picture is like, so that each place can be compared with it
        third = self.last(third + self.whole(third.mean(dim=(2, 3)))[:, :, None, None])
        x = self.up_second(torch.cat([_doubled(third), second], dim=1))
        maps = self.maps(self.up_first(torch.cat([_doubled(x), first], dim=1)))
        heat = maps[:, :1]
        peak = -f.max_pool2d(-f.avg_pool2d(heat, 3, 1, 1), 3, 1, 1)  # an opening: single places do not count
        summary = [third.mean(dim=(2, 3)), third.amax(dim=(2, 3)), peak.amax(dim=(2, 3)), heat.mean(dim=(2, 3))]
        return maps, self.score(torch.cat(summary, dim=1))


def _doubled(x: Tensor) -> Tensor:
    return f.interpolate(x, scale_factor=2.0, mode="nearest")


class ForgeryHeatmap:
    name = "forgery-heatmap"
    inputs = ("features", "dct")
    outputs = ("maps", "score")
    dynamic: ClassVar[Mapping[str, Mapping[int, str]]] = {
        "features": {0: "batch", 2: "rows", 3: "columns"},
        "dct": {0: "batch", 2: "rows", 3: "columns"},
        "maps": {0: "batch", 2: "map_rows", 3: "map_columns"},
        "score": {0: "batch"},
    }
    rate = 2e-3
    decay = 1e-2
    steps = 4000
    batch = 24

    def module(self) -> nn.Module:
        return HeatmapNet()

    def example(self) -> tuple[Tensor, ...]:
        return torch.zeros(1, network.PLANES, 8, 12), torch.zeros(1, network.DCT_PLANES, 8, 12)

    def samples(self, data: Path, part: Part) -> Samples:
        """Made in ``VERISCOPE_CACHE`` (the system's temporary folder by default) the first time, about 80 ms each."""
        return samples(cache_folder(), data, part, how_many(part), VARIANTS if part == "train" else 1)

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        made, rng = self.samples(data, "train"), np.random.default_rng(seed)
        while True:
            pairs = rng.integers(0, len(made.labels) // 2, self.batch // 2)
            turns = rng.integers(0, 2, (len(pairs), 2)).astype(bool)
            indexes = np.repeat(pairs * 2, 2) + np.tile([0, 1], len(pairs))
            yield collated(made, indexes, np.repeat(turns, 2, axis=0), bool(rng.integers(2)))

    def loss(self, module: nn.Module, batch: Batch) -> Tensor:
        maps, score = module(batch["features"], batch["dct"])
        maps, score = maps.float(), score.float()
        heat, target = maps[:, 0], batch["mask"]
        pixel = f.binary_cross_entropy_with_logits(heat, target, 1 + (POSITIVE - 1) * target)
        chance = heat.sigmoid()
        forged = batch["label"]
        both = (chance * target).sum(dim=(1, 2))
        dice = 1 - (2 * both + 1) / ((chance + target).sum(dim=(1, 2)) + 1)
        dice = (dice * forged).sum() / forged.sum().clamp(min=1.0)
        right = (chance * target + (1 - chance) * (1 - target)).detach()
        sure = f.binary_cross_entropy_with_logits(maps[:, 1], right)
        seam = f.max_pool2d(target[:, None], 3, 1, 1)[:, 0] + f.max_pool2d(-target[:, None], 3, 1, 1)[:, 0]
        border = f.binary_cross_entropy_with_logits(maps[:, 2], seam, 1 + (POSITIVE - 1) * seam)
        picture = f.binary_cross_entropy_with_logits(score[:, 0], forged)
        return pixel + 0.5 * dice + 0.3 * picture + 0.1 * sure + 0.5 * border

    def validate(self, module: nn.Module, data: Path) -> dict[str, float]:
        """Pixel F1 at 0.5 (mean over forged pictures) and image AUC, on held-out photographs after the same saves."""
        made = self.samples(data, "validation")
        scores: tuple[list[float], list[float]] = ([], [])
        f1: dict[int, list[float]] = {}
        device = next(module.parameters()).device
        for start in range(0, len(made.labels), 16):
            indexes = np.arange(start, min(start + 16, len(made.labels)))
            batch = collated(made, indexes)
            with half(device):
                maps, score = module(batch["features"].to(device), batch["dct"].to(device))
            marked, truth = maps[:, 0].float().cpu() > 0, batch["mask"] > 0.5
            each = 2 * (marked & truth).sum(dim=(1, 2)) / (marked.sum(dim=(1, 2)) + truth.sum(dim=(1, 2)) + 1e-6)
            for at, index in enumerate(indexes):
                scores[int(made.labels[index])].append(float(score[at, 0]))
                if made.labels[index]:
                    f1.setdefault(int(made.kinds[index]), []).append(float(each[at]))
        genuine, forgeries = np.sort(scores[0]), np.array(scores[1])
        below = np.searchsorted(genuine, forgeries, "left") + np.searchsorted(genuine, forgeries, "right")
        auc = float(below.mean() / (2 * len(genuine)))
        pixel = float(np.mean([value for values in f1.values() for value in values]))
        by_kind = {f"f1_{KINDS[kind]}": float(np.mean(values)) for kind, values in sorted(f1.items())}
        return {"score": 0.5 * (auc + pixel), "auc": auc, "pixel_f1": pixel, **by_kind}


def how_many(part: Part) -> int:
    """Forgeries of one part of the photographs."""
    return STORED if part == "train" else HELD_OUT


def cache_folder() -> Path:
    """Where what is made for training is kept."""
    return Path(os.environ.get("VERISCOPE_CACHE", tempfile.gettempdir())) / network.NAME


@dataclass(frozen=True, slots=True)
class Samples:
    """Twins side by side: even indexes are forged, the odd one after each is the same picture untouched."""

    features: NDArray[np.float16]  # N×planes×h×w, as they are
    levels: NDArray[np.uint8]  # N×frequencies×h×w
    targets: NDArray[np.uint8]  # N×2h×2w, share of the place that was changed, 0 to 255
    kinds: NDArray[np.uint8]  # N
    labels: NDArray[np.uint8]  # N


_ARRAYS = ("features", "levels", "targets", "kinds", "labels")


def samples(folder: Path, data: Path, part: Part, count: int, variants: int) -> Samples:
    """What the network is fed of ``count`` forgeries and their twins, ``variants`` times; kept in ``folder``."""
    path = folder / f"samples-{part}-{count}-{variants}"
    if not (path / "labels.npy").exists():
        _prepare(path, opened(folder, data, part, count), variants)
    return Samples(*(np.load(path / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))


def _prepare(path: Path, store: Store, variants: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    total, h, w = 2 * variants * len(store), HEIGHT // network.CELL, WIDTH // network.CELL
    shapes = {
        "features": ((total, len(network.NAMES), h, w), np.float16),
        "levels": ((total, network.FREQUENCIES, h, w), np.uint8),
        "targets": ((total, 2 * h, 2 * w), np.uint8),
        "kinds": ((total,), np.uint8),
        "labels": ((total,), np.uint8),
    }
    arrays = {
        name: np.lib.format.open_memmap(path / f"{name}.part.npy", mode="w+", dtype=dtype, shape=shape)
        for name, (shape, dtype) in shapes.items()
    }
    for index in range(total):
        forged, source = index % 2 == 0, index // 2 % len(store)
        rng = np.random.default_rng([index // 2, 7])  # twins go through the very same saves: only the forgery differs
        image, levels, mask = saved(store, source, forged, rng)
        arrays["features"][index] = network.features(image)
        arrays["levels"][index] = 255 if levels is None else levels
        if forged:
            arrays["targets"][index] = cv2.resize(255 * mask, (2 * w, 2 * h), interpolation=cv2.INTER_AREA)
        arrays["kinds"][index] = store.kinds[source]
        arrays["labels"][index] = forged and np.count_nonzero(arrays["targets"][index] > 127) >= _LEAST
    for name, array in arrays.items():
        array.flush()
        (path / f"{name}.part.npy").replace(path / f"{name}.npy")  # labels last: their presence says that all is there


def saved(
    store: Store, index: int, forged: bool, rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8] | None, NDArray[np.uint8]]:
    """One stored picture after saves drawn at random: pixels, DCT levels where a JPEG is the last of them, mask."""
    image, data, mask = sent(store, index, forged, rng)
    if data is None:
        return image, None, mask
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    levels = None
    if luma is not None and rng.random() < 0.85:  # the rest teaches it to do without
        levels = network.dct_levels(np.asarray(luma, np.uint8), chains.luma_table(data))
    return image, levels, mask


def sent(
    store: Store, index: int, forged: bool, rng: np.random.Generator
) -> tuple[Image, bytes | None, NDArray[np.uint8]]:
    """One stored picture after saves drawn at random: pixels, the JPEG where one is the last of them, mask."""
    image: Image = np.asarray(store.forged[index] if forged else store.untouched[index])
    mask: NDArray[np.uint8] = np.asarray(store.masks[index])
    if rng.random() < 0.25:  # a closer look at a part, as if the picture were larger
        factor = rng.uniform(0.7, 0.95)
        h, w = int(factor * HEIGHT), int(factor * WIDTH)
        y, x = int(rng.integers(HEIGHT - h + 1)), int(rng.integers(WIDTH - w + 1))
        window, size = np.s_[y : y + h, x : x + w], (WIDTH, HEIGHT)
        image = np.asarray(cv2.resize(image[window], size, interpolation=cv2.INTER_CUBIC), np.uint8)
        mask = np.asarray(cv2.resize(mask[window], size, interpolation=cv2.INTER_NEAREST), np.uint8)
    if rng.random() < 0.5:
        image = chains.resave(image, rng, resize=False)
    if rng.random() > 0.88:
        return image, None, mask
    if rng.random() < 0.4:
        data = chains.camera_bytes(image, rng)
    else:
        data = chains.jpeg(image, int(98 - 43 * rng.random() ** 1.3))
    return chains.decoded(data), data, mask


def _mirrors() -> dict[bool, NDArray[np.intp]]:
    """Where each feature plane comes from when a picture is mirrored left to right, and (True) top to bottom."""
    other = {"0": "1", "1": "0"}

    def source(name: str, vertical: bool) -> str:
        if name.startswith("phase") and name.endswith("y" if vertical else "x"):
            return f"phase{7 - int(name[5])}{name[6:]}"
        if name.startswith("fine"):
            row, column = name[-2], name[-1]
            return name[:-2] + (other[row] + column if vertical else row + other[column])
        return name

    return {v: np.array([network.NAMES.index(source(name, v)) for name in network.NAMES]) for v in (False, True)}


_ORDER = _mirrors()


def _transposed() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each feature plane and each DCT frequency comes from when rows and columns change places."""

    def source(name: str) -> str:
        if name.endswith(("_x", "_y")):
            return name[:-1] + ("y" if name.endswith("x") else "x")
        return name[:-2] + name[-1] + name[-2] if name.startswith("fine") else name

    planes = [network.NAMES.index(source(name)) for name in network.NAMES]
    frequencies = [network.ZIGZAG.index((v, u)) for u, v in network.ZIGZAG]
    return np.array(planes), np.array(frequencies)


_SWAPPED_PLANES, _SWAPPED_FREQUENCIES = _transposed()


def collated(
    made: Samples, indexes: NDArray[np.intp], turns: NDArray[np.bool_] | None = None, upright: bool = False
) -> Batch:
    """Tensors of the samples; ``turns`` N×2 says which are mirrored left to right, and which top to bottom.

    With ``upright`` rows and columns change places: pictures are stored lying.
    """
    features, levels, targets = [], [], []
    for at, index in enumerate(indexes):
        planes, level, target = made.features[index], made.levels[index], made.targets[index]
        for vertical in (False, True):
            if turns is not None and turns[at, int(vertical)]:
                axis = -2 if vertical else -1
                planes = np.flip(planes, axis)[_ORDER[vertical]]
                level, target = np.flip(level, axis), np.flip(target, axis)
        if upright:
            planes, level = planes[_SWAPPED_PLANES].swapaxes(1, 2), level[_SWAPPED_FREQUENCIES].swapaxes(1, 2)
            target = target.T
        features.append(network.relative(planes.astype(np.float32)))
        levels.append(network.indicators(np.ascontiguousarray(level)))
        targets.append(np.ascontiguousarray(target, np.float32) / 255.0)
    return {
        "features": torch.from_numpy(np.stack(features)).contiguous(memory_format=torch.channels_last),
        "dct": torch.from_numpy(np.stack(levels)).contiguous(memory_format=torch.channels_last),
        "mask": torch.from_numpy(np.stack(targets)),
        "label": torch.from_numpy(made.labels[indexes].astype(np.float32)),
    }


RECIPES = {"forgery-heatmap": ForgeryHeatmap()}
