"""``plate-verifier``: whether what ``plate-detector`` found is a plate, learned from its own candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from veriscope.inference.networks.plate_detector import normalise
from veriscope.inference.networks.plate_verifier import HEIGHT, NAME, WIDTH
from veriscope.inference.onnx import OnnxInfer
from veriscope.train.plate_candidates import SIZE, stored
from veriscope.train.recipe import Batch
from veriscope.train.recipes.plate_detector import Residual, _unit
from veriscope.types import Image

STORED, HELD_OUT = 3500, 400  # pictures, a dozen places on each
EASY = 0.05  # weight of a place that is plainly no plate, beside 1 for one that is plainly taken for a plate
KEPT = 0.98  # share of the drawn plates that must stay where the false ones are counted


class VerifierNet(nn.Module):
    """N×3×64×128 → N: the logit of a plate."""

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 32, 64, 96)  # at strides 2, 4, 8, 16
        self.stem = _unit(3, widths[0], 2)
        self.down = nn.ModuleList(nn.Sequential(_unit(a, b, 2), Residual(b)) for a, b in pairwise(widths))
        self.mixed = nn.Sequential(nn.Conv2d(widths[-1], 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU(inplace=True))
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(2 * 96, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for down in self.down:
            x = down(x)
        x = self.mixed(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return self.head(self.drop(pooled))[:, 0]


class PlateVerifier:
    """Recipe. The candidates are those of the detector that is shipped, and stored in ``VERISCOPE_CACHE``."""

    name = NAME
    inputs: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...] = ("logit",)
    dynamic: Mapping[str, Mapping[int, str]] = {"image": {0: "n"}, "logit": {0: "n"}}
    rate = 2e-3
    decay = 1e-2
    steps = 3800
    batch = 128

    def module(self) -> nn.Module:
        return VerifierNet()

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        crops, plates = stored(data, "train", STORED, OnnxInfer())
        rng = np.random.default_rng(seed)
        there, not_there = np.flatnonzero(plates), np.flatnonzero(~plates)
        while True:
            quarter = self.batch // 4
            chosen = np.concatenate([rng.choice(there, quarter), rng.choice(not_there, self.batch - quarter)])
            made = np.stack([varied(crops[i], bool(plates[i]), rng) for i in chosen])
            yield {
                "image": torch.from_numpy(normalise(made)).contiguous(memory_format=torch.channels_last),
                "target": torch.from_numpy(plates[chosen].astype(np.float32)),
            }

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        """Plates and the rest count alike; among the rest what is taken for a plate counts up to 20 times as much."""
        target = batch["target"]
        logit = module(batch["image"]).float()
        each = nn.functional.binary_cross_entropy_with_logits(logit, 0.02 + 0.96 * target, reduction="none")
        wrong = torch.sigmoid(torch.where(target > 0.5, -logit, logit)).detach()
        weight = torch.where(target > 0.5, 1 + 2 * wrong, EASY + wrong)
        return sum((each * w).sum() / w.sum() for w in (weight * target, weight * (1 - target))) / 2

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        crops, plates = stored(data, "validation", HELD_OUT, OnnxInfer())
        top, left = (SIZE[0] - HEIGHT) // 2, (SIZE[1] - WIDTH) // 2
        logits = []
        for start in range(0, len(crops), 64):
            part = crops[start : start + 64, top : top + HEIGHT, left : left + WIDTH]
            logits.append(module(torch.from_numpy(normalise(part))).float().numpy())
        logit = np.concatenate(logits)
        at = float(np.quantile(logit[plates], 1 - KEPT))
        cleared = float((logit[~plates] < at).mean())
        return {"score": cleared, "threshold": 1 / (1 + np.exp(-at)), "at_half": float((logit[plates] > 0).mean())}

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(2, 3, HEIGHT, WIDTH),)


def varied(crop: Image, plate: bool, rng: np.random.Generator) -> Image:
    """A place a little beside itself, at another size, in another light; what is no plate may be mirrored."""
    factor = np.exp(rng.normal(0, 0.12))
    shift = rng.normal(0, 4, 2)
    turn = rng.normal(0, 0.05)
    cos, sin = np.cos(turn) * factor, np.sin(turn) * factor
    centre = np.array([SIZE[1] / 2, SIZE[0] / 2]) + shift
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = np.array([WIDTH / 2, HEIGHT / 2]) - matrix[:, :2] @ centre
    out = cv2.warpAffine(crop, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)
    out = np.clip((out.astype(np.float32) - 127) * rng.uniform(0.7, 1.25) + 127 + rng.uniform(-25, 25), 0, 255) * light
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.4, 1.8)))
    if rng.random() < 0.15:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.3:
        out = out + rng.normal(0, rng.uniform(1, 8), out.shape)
    if not plate and rng.random() < 0.5:
        out = out[:, ::-1]
    return np.clip(out, 0, 255).astype(np.uint8)


RECIPES = {NAME: PlateVerifier()}
