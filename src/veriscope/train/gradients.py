"""Projected gradient descent on a network's inputs, with the module and checkpoint that it was exported from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from veriscope.errors import BadRequest
from veriscope.train.recipes import recipe

_NAMES = ("score", "logit", "logits", "probabilities")  # outputs that judge the whole item, the best first


class Descent:
    """Pushes the score of whatever the network is given down, within a box around it."""

    def __init__(self, name: str, checkpoint: Path) -> None:
        chosen = recipe(name)
        named = [output for output in _NAMES if output in chosen.outputs]
        if not named:
            raise BadRequest(f"The recipe {name} has no output called {', '.join(_NAMES)} that could be attacked.")
        self.input = chosen.inputs[0]
        self._inputs = tuple(chosen.inputs)
        self._at = tuple(chosen.outputs).index(named[0])
        self._module = chosen.module()
        self._module.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        self._module.eval().requires_grad_(requires_grad=False)

    def attacked(self, call: Mapping[str, NDArray[Any]], epsilon: int, steps: int) -> dict[str, NDArray[Any]]:
        """The same inputs, the first of them changed by at most ``epsilon`` 255ths of its range."""
        start = torch.from_numpy(np.array(call[self.input], np.float32))
        low, high = start.min(), start.max()
        size = epsilon / 255 * (high - low)
        rest = [torch.from_numpy(np.array(call[key])) for key in self._inputs[1:]]
        # a random start within the box: gradients may vanish at the very input
        noise = torch.rand(start.shape, generator=torch.Generator().manual_seed(epsilon)) * 2 - 1
        x = (start + size * noise).clamp(low, high)
        for _ in range(steps):
            x.requires_grad_(requires_grad=True)
            self._score(self._module(x, *rest)).sum().backward()
            with torch.no_grad():
                assert x.grad is not None
                x = x.detach() - 2.5 * size / steps * x.grad.sign()
                x = torch.minimum(torch.maximum(x, start - size), start + size).clamp(low, high)
        return {**call, self.input: x.detach().numpy().astype(call[self.input].dtype)}

    def _score(self, outputs: Any) -> torch.Tensor:
        """One number an item, higher for fake; of two columns, the second is the fakes'."""
        chosen = outputs if isinstance(outputs, torch.Tensor) else outputs[self._at]
        found: torch.Tensor = chosen.reshape(chosen.shape[0], -1)
        return found[:, 1] - found[:, 0] if found.shape[1] == 2 else found[:, 0]
