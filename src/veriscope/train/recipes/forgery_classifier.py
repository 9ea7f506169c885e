"""``forgery-classifier``: the fusion network of DeepSentry, and the plain networks of its ablation.

The fusion configuration reads RGB and heatmap (four channels) with a ResNet34; the plain ones read RGB alone.
``data`` is a folder of stacks (``veriscope.train.stacks``), not of pictures: all configurations see the same pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from veriscope.inference.networks.forgery_classifier import NAME, SIZE, normalise
from veriscope.train.backbones import BACKBONES, backbone, initialise
from veriscope.train.metrics import auc
from veriscope.train.precision import half
from veriscope.train.recipe import Batch
from veriscope.train.stacks import Split, balanced, load


class Classifier(nn.Module):
    """Logits for training; ``probabilities`` (softmax) and ``logits`` in the exported file."""

    def __init__(self, name: str, channels: int, spare: bool) -> None:
        super().__init__()
        self.net = backbone(name, channels, 2, spare)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        logits = self.net(x)
        if torch.onnx.is_in_onnx_export():
            return torch.softmax(logits, 1), logits
        return logits


class ForgeryClassifier:
    """One configuration. ``VERISCOPE_IMAGENET`` names a ``state_dict`` to start from; without it, from scratch."""

    inputs: tuple[str, ...] = ("input",)
    outputs: tuple[str, ...] = ("probabilities", "logits")
    dynamic: Mapping[str, Mapping[int, str]] = {"input": {0: "n"}, "probabilities": {0: "n"}, "logits": {0: "n"}}
    rate = 1e-3
    decay = 1e-2
    steps = 2000
    batch = 16

    def __init__(self, name: str, net: str, channels: int) -> None:
        self.name = name
        self.net = net
        self.channels = channels

    def module(self) -> nn.Module:
        module = Classifier(self.net, self.channels, spare=os.environ.get("VERISCOPE_SPARE_MEMORY") == "1")
        if weights := os.environ.get("VERISCOPE_IMAGENET"):
            initialise(module.net, torch.load(weights, map_location="cpu", weights_only=True))
        return module

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        for pixels, labels in balanced(load(data), self.batch, seed):
            yield {"input": self._tensor(pixels), "label": torch.from_numpy(labels)}

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(module(batch["input"]).float(), batch["label"])

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        scores, labels = self.scores(module, data, "dev")
        return {"score": auc(scores[labels == 1], scores[labels == 0]), "items": float(len(labels))}

    def scores(self, module: nn.Module, data: Path, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Mean logit difference and label of every item of a split; the frames of one video are one item."""
        stacks = load(data)
        rows = stacks.rows(split)
        device = next(module.parameters()).device
        found = []
        for start in range(0, len(rows), 32):
            x = self._tensor(stacks.pixels[rows[start : start + 32]]).to(device)
            with torch.no_grad(), half(device):
                logits = module(x).float()
            found.append((logits[:, 1] - logits[:, 0]).cpu().numpy())
        raw = np.concatenate(found)
        items, inverse = np.unique(stacks.items[rows], return_inverse=True)
        counts = np.bincount(inverse)
        labels = np.zeros(len(items), np.int64)
        labels[inverse] = stacks.labels[rows]
        return np.bincount(inverse, raw) / counts, labels

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(1, self.channels, SIZE, SIZE),)

    def _tensor(self, pixels: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(normalise(pixels[..., : self.channels]))
        return x.contiguous(memory_format=torch.channels_last)


RECIPES = {NAME: ForgeryClassifier(NAME, "resnet34", 4)} | {
    f"plain-{net}": ForgeryClassifier(f"plain-{net}", net, 3) for net in BACKBONES
}
