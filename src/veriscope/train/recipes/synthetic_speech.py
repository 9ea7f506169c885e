"""``synthetic-speech``: windows of genuine voices against the same words re-synthesised, in pairs.

A small residual network over the picture of ``veriscope.inference.networks.synthetic_speech``, with self-attentive
pooling over time (Zhu et al., Interspeech 2018) and a class activation for every 0.16 s. Genuine and forged crops of a
pair come from the same place of the same clip and go through the same changes; the loss asks for the right side and for
the right order within each pair (in the manner of the paired training of Wang & Yamagishi, ICASSP 2023).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from veriscope.inference.networks.synthetic_speech import (
    CHANNELS,
    FRAMES,
    HIGH,
    HOP,
    LOW,
    RATE,
    SIZE,
    WINDOW,
    filled,
    prepare,
)
from veriscope.train import speech_corpus as corpus
from veriscope.train.precision import half
from veriscope.train.recipe import Batch, Recipe
from veriscope.train.speech_chains import lightly_changed
from veriscope.train.speech_corpus import GENUINE, Version

UNSEEN = ("mel_istft", "hybrid_mel_istft", "world")  # left out by the recipe ``synthetic-speech:unseen``
NEURAL = 2  # times as often as each of the classical ones
TRAINED = SIZE + HOP * (FRAMES // 2 + 1)  # samples of a training crop: half a window costs half as much
VALIDATION = 12  # pairs a system


def cache() -> Path:
    """Where the corpus lies: ``VERISCOPE_CACHE`` or the folder for temporary files."""
    return Path(os.environ.get("VERISCOPE_CACHE") or tempfile.gettempdir()) / "synthetic-speech"


def average_auc(forged: NDArray[np.floating], genuine: NDArray[np.floating]) -> float:
    """Probability that a forged item scores above a genuine one."""
    return float((forged[:, None] > genuine).mean() + 0.5 * (forged[:, None] == genuine).mean())


class Block(nn.Module):
    """A strided convolution and a residual one."""

    def __init__(self, inner: int, outer: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
        )
        self.same = nn.Sequential(nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.down(x)
        out: torch.Tensor = functional.relu(x + self.same(x))
        return out


class Net(nn.Module):
    """B×4×384×240 to log odds (B) and to their parts over time (B×24)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(CHANNELS, 24, 5, 2, 2, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)
        )
        self.body = nn.Sequential(
            Block(24, 32, (2, 2)), Block(32, 48, (2, 2)), Block(48, 64, (2, 2)), Block(64, 80, (1, 2))
        )
        self.gather = nn.Sequential(nn.Dropout(0.2), nn.Conv1d(80 * 8, 96, 1), nn.ReLU(inplace=True))
        self.attend = nn.Conv1d(96, 1, 1)
        self.judge = nn.Conv1d(96, 1, 1)

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.body(self.stem(picture))  # B×80×24×8
        x = self.gather(x.transpose(2, 3).flatten(1, 2))
        parts = self.judge(x)[:, 0]
        weight = torch.softmax(self.attend(x)[:, 0], dim=1)
        return (weight * parts).sum(dim=1), parts


def crops(pair: Sequence[Version], rng: np.random.Generator, full: int) -> list[NDArray[np.float32]]:
    """``full`` samples of each, some filled up from less, from the same place where both are versions of one clip."""
    length = full if rng.random() > 0.25 else int(rng.uniform(1.2 * RATE, full))
    together = abs(len(pair[0].sound) - len(pair[1].sound)) < RATE // 10
    starts = [corpus.voiced_start(version.sound, length, rng) for version in pair]
    found: list[NDArray[np.float32]] = []
    for version, start in zip(pair, starts, strict=True):
        at = min(starts[0] if together else start, max(0, len(version.sound) - length))
        found.append(version.sound[at : at + length].astype(np.float32) / np.float32(32768))
    return [filled(sound, full) for sound in lightly_changed(found, int(rng.integers(1 << 30)))]


class SyntheticSpeech:
    """The recipe. ``unseen`` keeps some ways of re-synthesis out, to measure what carries over to others."""

    name = "synthetic-speech"
    inputs: tuple[str, ...] = ("picture",)
    outputs: tuple[str, ...] = ("logit", "activation")
    dynamic: Mapping[str, Mapping[int, str]] = {name: {0: "windows"} for name in ("picture", "logit", "activation")}
    rate = 2e-3
    decay = 0.02
    steps = 1500
    batch = 32

    def __init__(self, unseen: Sequence[str] = ()) -> None:
        self._unseen = tuple(unseen)
        self._versions: list[Version] = []

    def module(self) -> nn.Module:
        return Net()

    def versions(self, data: Path) -> list[Version]:
        """The corpus, made at the first call."""
        if not self._versions:
            corpus.build(data, cache())
            self._versions = corpus.load(cache())
        return self._versions

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        chosen = [v for v in self.versions(data) if not corpus.held_out(v.clip) and v.system not in self._unseen]
        neural = [v for v in chosen if v.system != GENUINE and ("mel_" in v.system or "codec" in v.system)]
        source = corpus.pairs(chosen, seed, {v.system: NEURAL for v in neural})
        rng = np.random.default_rng(seed)
        while True:
            pieces = [crop for _ in range(self.batch // 2) for crop in crops(next(source), rng, TRAINED)]
            picture = prepare(np.stack(pieces))["picture"]
            for item in picture:
                for _ in range(int(rng.integers(3))):  # bands hidden, so that no single one decides
                    first = int(rng.integers(HIGH - LOW))
                    item[:, :, first : first + int(rng.integers(8, 40))] = 0
            yield {"picture": torch.from_numpy(picture)}

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        picture = batch["picture"].to(memory_format=torch.channels_last)
        logit = module(picture)[0].float().reshape(-1, 2)  # genuine, forged
        target = torch.tensor([0.02, 0.98], device=logit.device).expand_as(logit)
        side = functional.binary_cross_entropy_with_logits(logit, target)
        order = functional.softplus(logit[:, 0] - logit[:, 1]).mean()
        return side + 0.5 * order

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        """AUC over crops of held-out speakers, for each way of re-synthesis; ``score`` is the mean."""
        chosen = [v for v in self.versions(data) if corpus.held_out(v.clip)]
        real = [v for v in chosen if v.system == GENUINE]
        figures: dict[str, float] = {}
        for system in sorted({v.system for v in chosen} - {GENUINE}):
            source = corpus.pairs([*real, *(v for v in chosen if v.system == system)], 1)
            rng = np.random.default_rng(1)
            pieces = [crop for _ in range(VALIDATION) for crop in crops(next(source), rng, WINDOW)]
            with half("cpu"):
                logit = module(torch.from_numpy(prepare(np.stack(pieces))["picture"]))[0].float().numpy()
            figures[system] = average_auc(logit[1::2], logit[::2])
        unseen = [figures[system] for system in self._unseen if system in figures]
        figures["score"] = float(np.mean(unseen or list(figures.values())))
        return figures

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(2, CHANNELS, FRAMES, HIGH - LOW),)


RECIPES: Mapping[str, Recipe] = {"synthetic-speech": SyntheticSpeech(), "unseen": SyntheticSpeech(UNSEEN)}
