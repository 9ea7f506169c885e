"""The training loop: AdamW, cosine schedule, averaged weights, half precision, checkpoints it goes on from by itself.

Started by ``torchrun --nproc-per-node N``, the processes share one training: each sees batches of its own, gradients
are averaged, and the first one validates and saves.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from veriscope.errors import BadRequest
from veriscope.train.drawing import training_curve
from veriscope.train.precision import half
from veriscope.train.recipe import Batch, Recipe

WARM_UP = 0.05  # of all steps
AVERAGE = 0.998  # of the exponential moving average of the weights, which is what is validated and exported
CLIP = 1.0  # norm of the gradient


class _Stream(IterableDataset[Batch]):
    """A recipe's batches, another sequence in each worker and after each resumption."""

    def __init__(self, recipe: Recipe, data: Path, seed: int) -> None:
        self._recipe, self._data, self._seed = recipe, data, seed

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        return iter(self._recipe.batches(self._data, self._seed + (info.id if info else 0)))


def fit(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    threads: int = 1,
    workers: int = 0,
    device: str = "cpu",
    validate_every: int = 500,
    progress: Callable[[str], None] = print,
) -> Path:
    """Train until ``steps``, or until ``minutes`` are over, and go on from there when called again.

    ``run`` receives ``last.pt`` (everything that is needed to go on), ``best.pt`` (averaged weights of the best
    validation), ``log.jsonl`` (one line a validation) and ``curve.svg``.

    Returns:
        The best checkpoint: a ``state_dict`` for ``recipe.module()``.

    Raises:
        BadRequest: ``run`` holds the training of another network or another length.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        if device.startswith("cuda"):
            device = f"cuda:{os.environ['LOCAL_RANK']}"
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    run.mkdir(parents=True, exist_ok=True)
    total = steps or recipe.steps
    module: nn.Module = recipe.module().to(device)
    if any(p.dim() == 4 for p in module.parameters()):
        module = module.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, total))
    average = _copy(module)
    done, best = 0, -math.inf
    last = run / "last.pt"
    if last.exists():
        state = torch.load(last, map_location=device, weights_only=True)
        if (state["name"], state["total"]) != (recipe.name, total):
            raise BadRequest(f"{run} holds a training of {state['name']} over {state['total']} steps.")
        module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        average, done, best = state["average"], state["done"], state["best"]
    shared: nn.Module = DistributedDataParallel(module) if world > 1 else module
    own = seed * 1_000_003 + done + rank * 7919  # other batches in every process and after every resumption
    loader = DataLoader(_Stream(recipe, data, own), batch_size=None, num_workers=workers)
    source = iter(loader)
    started, losses = time.monotonic(), [0.0, 0.0]
    while done < total:
        loss = _step(recipe, shared, next(source), optimiser, device)
        schedule.step()
        _follow(average, module, min(AVERAGE, done / (done + 10)))
        done += 1
        losses = [losses[0] + loss, losses[1] + 1]
        over = _agree(minutes is not None and time.monotonic() - started > minutes * 60, world, device)
        if rank == 0 and (done % validate_every == 0 or done == total or over):
            figures = _validate(recipe, average, data, device)
            line = {
                "step": done,
                "loss": round(losses[0] / losses[1], 5),
                "rate": schedule.get_last_lr()[0],
                "seconds": round(time.monotonic() - started, 1),
                **{key: round(float(value), 5) for key, value in figures.items()},
            }
            losses = [0.0, 0.0]
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            progress(json.dumps(line))
            (run / "curve.svg").write_text(training_curve(_lines(run)), "utf-8")
            if figures["score"] > best or not (run / "best.pt").exists():
                best = figures["score"]
                _save(run / "best.pt", average)
            _save(
                last,
                {
                    "name": recipe.name,
                    "total": total,
                    "done": done,
                    "best": best,
                    "module": module.state_dict(),
                    "average": average,
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                },
            )
        if over:
            break
    if world > 1:
        distributed.barrier()  # the file of the best is there for all
        distributed.destroy_process_group()
    return run / "best.pt"


def _agree(over: bool, world: int, device: str) -> bool:
    """What the first process thinks: one that stops alone would leave the others waiting for its gradients."""
    if world == 1:
        return over
    word = torch.tensor(float(over), device=device)
    distributed.broadcast(word, 0)
    return bool(word.item())


def _lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def _rate(step: int, total: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth."""
    warm = max(1, int(total * WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm))))


def _step(recipe: Recipe, module: nn.Module, batch: Batch, optimiser: torch.optim.Optimizer, device: str) -> float:
    module.train()
    moved = {key: value.to(device, non_blocking=True) for key, value in batch.items()}
    with half(device):
        loss = recipe.loss(module, moved)
    if not torch.isfinite(loss):
        raise FloatingPointError("the loss is not finite: lower the rate")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), CLIP)
    optimiser.step()
    return float(loss.detach())


def _copy(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}


def _follow(average: dict[str, torch.Tensor], module: nn.Module, keep: float) -> None:
    with torch.no_grad():
        for key, value in module.state_dict().items():
            if value.dtype.is_floating_point:
                average[key].lerp_(value, 1 - keep)
            else:
                average[key].copy_(value)


def _validate(recipe: Recipe, average: dict[str, torch.Tensor], data: Path, device: str) -> dict[str, float]:
    module = recipe.module().to(device)
    module.load_state_dict(average)
    module.eval()
    with torch.no_grad():
        return dict(recipe.validate(module, data))


def _save(path: Path, state: Any) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)  # whole or not at all: a run may be stopped at any time
