"""``plate-detector``: licence plates on photographs, learned from plates drawn in code (X. Zhou et al., 2019)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from veriscope.inference.networks.plate_detector import NAME, STRIDE, UNIT, normalise, overlap, read
from veriscope.train.plates import CANVAS, sample
from veriscope.train.precision import half
from veriscope.train.recipe import Batch
from veriscope.train.synthesis.chains import decoded
from veriscope.train.synthesis.store import photographs

STORED, HELD_OUT = 8000, 400  # pictures
MOST = 2  # plates on one of them
GRID = CANVAS // STRIDE


def _unit(before: int, after: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _unit(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(self.first(x)))


class PlateNet(nn.Module):
    """N×3×H×W → N×5×H/4×W/4: centre logit, log width, log height, centre's column and row."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_unit(3, 16, 2), _unit(16, 24, 2))
        widths = (24, 40, 64, 96, 128)  # at strides 4, 8, 16, 32, 64
        self.down = nn.ModuleList(nn.Sequential(_unit(a, b, 2), Residual(b)) for a, b in pairwise(widths))
        self.side = nn.ModuleList(nn.Conv2d(w, 32, 1) for w in widths)
        self.smooth = nn.ModuleList(_unit(32, 32) for _ in widths[:-1])
        self.head = nn.Sequential(_unit(32, 48), nn.Conv2d(48, 5, 1))
        nn.init.constant_(self.head[-1].bias[:1], -4.6)  # plates are rare

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = self.side[-1](levels[-1])
        for index in range(len(levels) - 2, -1, -1):
            # the output's own size, not a factor: a side of 32·odd pixels has an odd level
            up = nn.functional.interpolate(y, size=levels[index].shape[2:], mode="nearest")
            y = self.smooth[index](up + self.side[index](levels[index]))
        return self.head(y)


class PlateDetector:
    """Recipe. Pictures are drawn once, into ``VERISCOPE_CACHE``."""

    name = NAME
    inputs: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...] = ("planes",)
    dynamic: Mapping[str, Mapping[int, str]] = {
        "image": {0: "n", 2: "h", 3: "w"},
        "planes": {0: "n", 2: "h4", 3: "w4"},
    }
    rate = 2e-3
    decay = 1e-2
    steps = 2400
    batch = 16

    def module(self) -> nn.Module:
        return PlateNet()

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        pictures, boxes = drawn(data, "train", STORED)
        rng = np.random.default_rng(seed)
        while True:
            chosen = rng.integers(len(pictures), size=self.batch)
            made = [_varied(pictures[i], boxes[i], rng) for i in chosen]
            targets = [target(found) for _, found in made]
            yield {
                "image": torch.from_numpy(normalise(np.stack([picture for picture, _ in made]))).contiguous(
                    memory_format=torch.channels_last
                ),
                "target": torch.from_numpy(np.stack(targets)),
            }

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        planes, wanted = module(batch["image"]).float(), batch["target"]
        heat, inside = wanted[:, 0], wanted[:, 5]
        logit = planes[:, 0]
        probability = torch.sigmoid(logit).clamp(1e-4, 1 - 1e-4)
        positive = heat == 1
        # penalty-reduced focal loss: cells near a centre count less as errors
        hit = -((1 - probability) ** 2) * nn.functional.logsigmoid(logit) * positive
        miss = -((1 - heat) ** 4) * probability**2 * nn.functional.logsigmoid(-logit) * ~positive
        count = positive.sum().clamp(min=1)
        size = nn.functional.smooth_l1_loss(planes[:, 1:5], wanted[:, 1:5], reduction="none", beta=0.1).sum(1)
        return (hit + miss).sum() / count + (size * inside).sum() / inside.sum().clamp(min=1)

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        pictures, boxes = drawn(data, "validation", HELD_OUT)
        found: list[tuple[float, bool]] = []
        total = 0
        for start in range(0, len(pictures), 16):
            x = torch.from_numpy(normalise(pictures[start : start + 16]))
            with half("cpu"):
                planes = module(x).float().numpy()
            for index, plane in enumerate(planes):
                truth = [b for b in boxes[start + index] if b[2] > 0]
                total += len(truth)
                for box, probability in read({"planes": plane[None]}, 1.0, 0.05):
                    match = max(truth, key=lambda b: overlap(b, box), default=None)
                    right = match is not None and overlap(match, box) >= 0.5
                    if right:
                        truth = [b for b in truth if b is not match]
                    found.append((probability, right))
        found.sort(reverse=True)
        hits = np.cumsum([r for _, r in found])
        wrong = np.cumsum([not r for _, r in found])
        few = wrong <= 0.1 * len(pictures)  # one false box in ten pictures
        recall = float(hits[few][-1] / total) if few.any() else 0.0
        at = found[int(few.sum()) - 1][0] if few.any() else 1.0
        return {"score": recall, "threshold": at, "most": float(hits[-1] / total) if found else 0.0}

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(1, 3, CANVAS, CANVAS),)


def target(boxes: np.ndarray) -> np.ndarray:
    """6×GRID×GRID: heat, log width, log height, column, row, and where the last four are to be learned."""
    out = np.zeros((6, GRID, GRID), np.float32)
    rows, columns = np.mgrid[:GRID, :GRID].astype(np.float32)
    for x, y, w, h in boxes[boxes[:, 2] > 0]:
        column, row = (x + w / 2) / STRIDE, (y + h / 2) / STRIDE
        spread = np.maximum(np.array([w, h]) / STRIDE * 0.18, 0.7)
        bell = np.exp(-(((columns + 0.5 - column) / spread[0]) ** 2 + ((rows + 0.5 - row) / spread[1]) ** 2) / 2)
        at = min(GRID - 1, max(0, int(row))), min(GRID - 1, max(0, int(column)))
        bell[at] = 1.0
        near = bell > 0.6
        out[0] = np.maximum(out[0], np.minimum(bell, 0.999))
        out[0][at] = 1.0
        values = np.log(w / UNIT), np.log(h / UNIT), column - columns, row - rows
        for plane, value in zip(out[1:5], values, strict=True):
            plane[near] = value[near] if isinstance(value, np.ndarray) else value
        out[5][near] = 1.0
    return out


def _varied(picture: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Another light, and half the time another size."""
    gain, lift = rng.uniform(0.75, 1.25, 3) * rng.uniform(0.8, 1.1), rng.uniform(-15, 15)
    varied = np.clip(picture * gain + lift, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        factor = rng.uniform(0.5, 1.0)
        side = int(CANVAS * factor)
        small = cv2.resize(varied, (side, side), interpolation=cv2.INTER_AREA)
        y, x = (int(v) for v in rng.integers(CANVAS - side + 1, size=2))
        varied = np.roll(varied, (int(rng.integers(CANVAS)), 0), (0, 1))[::-1]  # some picture around it, upside down
        varied = np.where(rng.random() < 0.5, varied, 127).astype(np.uint8)
        if (varied != 127).any():
            varied[:] = np.asarray(cv2.GaussianBlur(varied, (0, 0), 12))  # blurred, so that no plate is left in it
        varied[y : y + side, x : x + side] = small
        boxes = boxes * factor
        boxes[:, :2] += (x, y)
    return varied, boxes


def drawn(data: Path, part: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` pictures (N×CANVAS×CANVAS×3) and their plates (N×MOST×4, width 0 where there is none)."""
    folder = Path(os.environ.get("VERISCOPE_CACHE") or tempfile.gettempdir()) / NAME / f"{part}-{count}"
    if not (folder / "boxes.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0 if part == "train" else 1)
        backgrounds = photographs(data, part)
        shape = (count, CANVAS, CANVAS, 3)
        pictures = np.lib.format.open_memmap(folder / "pictures.npy", mode="w+", dtype=np.uint8, shape=shape)
        boxes = np.zeros((count, MOST, 4), np.float32)
        for index in range(count):
            path = backgrounds[int(rng.integers(len(backgrounds)))]
            made = sample(decoded(path.read_bytes()), rng)
            pictures[index] = made.image
            for position, box in enumerate(made.boxes):
                boxes[index, position] = box
        pictures.flush()
        np.save(folder / "boxes.npy", boxes)  # last: its presence says that the rest is whole
    return np.load(folder / "pictures.npy", mmap_mode="r"), np.load(folder / "boxes.npy")


RECIPES = {NAME: PlateDetector()}
