"""Half precision where it is the faster one.

A processor without instructions for bfloat16 converts every number to and fro: a step of training takes
several times as long there as in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def half(device: str | torch.device) -> AbstractContextManager[None]:
    """bfloat16 for what runs inside on ``device``, or nothing on a processor that does not know it."""
    kind = torch.device(device).type
    if kind == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return nullcontext()
    return torch.autocast(kind, dtype=torch.bfloat16)
