"""What a network brings to be trained: a recipe is one file under ``train/recipes`` with a dictionary ``RECIPES``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

Batch = Mapping[str, torch.Tensor]


class Recipe(Protocol):
    """One network. Files of the test sets never reach ``batches`` or ``validate``."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: Mapping[str, Mapping[int, str]]  # input or output → free axis → its name
    rate: float  # the largest learning rate
    decay: float  # of the weights, decoupled (AdamW)
    steps: int  # that a full training takes
    batch: int

    def module(self) -> nn.Module: ...

    def batches(self, data: Path, seed: int) -> Iterator[Batch]:
        """Endless, and another sequence for another seed."""
        ...

    def loss(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        """A scalar."""
        ...

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        """Figures on a held-out part of the development data; ``score``, higher is better, picks the checkpoint."""
        ...

    def example(self) -> tuple[torch.Tensor, ...]:
        """Inputs of the right shapes, for the export."""
        ...
