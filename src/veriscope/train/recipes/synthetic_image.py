"""``synthetic-image``: statistics of the finest detail → log-odds of a generated picture.

A small head over hand-made statistics: there are a few hundred generated pictures to learn from, and a network over
pixels remembers what they show. Learnt from simulated generators (``train/resynthesis.py``), from half of the faces and
from some generators of cnndetection; ``synthetic-image:without-NAME`` leaves one out, to measure what is new to it.
What ships is the mean of ``SEEDS`` trainings (``--seed 0``, 1, 2; ``python -m veriscope.train average``).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from veriscope.inference.networks import synthetic_image as network
from veriscope.train.metrics import auc
from veriscope.train.recipe import Batch
from veriscope.train.recipes import _synthetic_image_data as pictures
from veriscope.train.recipes._synthetic_image_data import FAMILIES, LEARNT, UNSEEN, Samples

SHARDS = 3  # of simulated twins
SEEDS = 3  # trainings whose mean is the network
WIDTH = 32
SHARES = {"made": 0.45, "photographs": 0.1, "faces": 0.15, "cnndetection": 0.3}  # of a batch
LIMIT = 4.0  # spreads beyond which a statistic counts no more


def cache() -> Path:
    """Where statistics are kept between runs: they cost more than the training."""
    default = Path(tempfile.gettempdir()) / "veriscope-synthetic-image"
    return Path(os.environ.get("VERISCOPE_TRAINING_CACHE", default))


class Head(nn.Module):
    """Standardised and clipped statistics → linear part plus one hidden layer → logit. N×F → N."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))
        self.middle: torch.Tensor
        self.spread: torch.Tensor
        self.drop = nn.Dropout(0.3)
        self.direct = nn.Linear(count, 1)
        self.hidden = nn.Sequential(nn.Linear(count, WIDTH), nn.GELU(), nn.Dropout(0.3), nn.Linear(WIDTH, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        x = ((features - self.middle) / self.spread).clamp(-LIMIT, LIMIT)
        x = self.drop(x)
        return (self.direct(x) + self.hidden(x)).squeeze(1)


class SyntheticImage:
    """The recipe; ``generators`` of cnndetection and the development ``faces`` join the simulated ones."""

    inputs = ("features",)
    outputs = ("logit",)
    dynamic: Mapping[str, Mapping[int, str]] = {"features": {0: "pictures"}, "logit": {0: "pictures"}}
    rate = 1e-3
    decay = 0.1
    steps = 600
    batch = 256

    def __init__(self, name: str, generators: tuple[str, ...], *, faces: bool) -> None:
        self.name = name
        self.generators = generators
        self.faces = faces
        self.folder = cache()
        self._parts: tuple[Samples, Samples] | None = None

    def samples(self, data: Path) -> tuple[Samples, Samples]:
        """For learning and for choosing the checkpoint, split by the files that pictures come from."""
        if self._parts is None:
            parts = [pictures.simulated(data, self.folder, seed) for seed in range(SHARDS)]
            parts.append(pictures.genuine(data, self.folder))
            parts += [pictures.generated(data, self.folder, name) for name in self.generators]
            if self.faces:
                parts.append(pictures.development_faces(data, self.folder))
            whole = Samples.joined(parts)
            held = np.array([pictures.digest(f"held {name}") % 5 == 0 for name in whole.sources])
            self._parts = whole.where(~held), whole.where(held)
        return self._parts

    def module(self) -> nn.Module:
        return Head(network.COUNT)

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        samples, _ = self.samples(data)
        rng = np.random.default_rng(seed)
        chance = weights(samples)
        features, labels = torch.from_numpy(samples.features), torch.from_numpy(samples.labels.astype(np.float32))
        yield {"features": features, "labels": labels, "first": torch.ones(1)}
        while True:
            chosen = torch.from_numpy(rng.choice(len(chance), self.batch, p=chance))
            yield {"features": features[chosen], "labels": labels[chosen], "first": torch.zeros(1)}

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        assert isinstance(module, Head)
        if bool(batch["first"]) and not bool((module.spread != 1).any()):
            module.middle.copy_(batch["features"].median(dim=0).values)
            module.spread.copy_(batch["features"].std(dim=0) + 1e-3)
        smoothed = batch["labels"] * 0.9 + 0.05
        with torch.autocast(batch["features"].device.type, enabled=False):  # statistics span six decades
            return nn.functional.binary_cross_entropy_with_logits(module(batch["features"]), smoothed)

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        _, held = self.samples(data)
        logits = module(torch.from_numpy(held.features)).numpy()
        found: dict[str, float] = {}
        for group in sorted({name.split("/")[0] for name in held.groups}):
            where = np.array([name.split("/")[0] == group for name in held.groups])
            if len(set(held.labels[where])) == 2:
                found[group] = auc(logits[where & (held.labels == 1)], logits[where & (held.labels == 0)])
        return {**found, "score": float(np.mean(list(found.values())))}

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(2, network.COUNT),)


def weights(samples: Samples) -> NDArray[np.float64]:
    """Chance of each sample in a batch: kinds of data by ``SHARES``, in each its groups and both classes alike."""
    chance = np.zeros(len(samples.labels))
    kinds = np.array([name.split("/")[0] for name in samples.groups])
    for kind in np.unique(kinds):
        groups = np.unique(samples.groups[kinds == kind])
        for group in groups:
            for label in (0, 1):
                where = (samples.groups == group) & (samples.labels == label)
                chance[where] = SHARES[kind] / len(groups) / max(1, int(where.sum()))
    return chance / chance.sum()


def without(name: str) -> tuple[str, ...]:
    """All generators but one and its family."""
    family = next((f for f in FAMILIES if name in f), (name,))
    return tuple(other for other in (*LEARNT, *UNSEEN) if other not in family)


RECIPES = {
    "synthetic-image": SyntheticImage("synthetic-image", LEARNT, faces=True),
    "simulated": SyntheticImage("synthetic-image", (), faces=False),
    "without-faces": SyntheticImage("synthetic-image", LEARNT, faces=False),
} | {f"without-{name}": SyntheticImage("synthetic-image", without(name), faces=True) for name in (*LEARNT, *UNSEEN)}
