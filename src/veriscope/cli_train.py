"""``veriscope train`` and ``veriscope evaluate``."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from veriscope import config
from veriscope.errors import BadRequest
from veriscope.types import Policy

_DATA = "VERISCOPE_DATA"


@click.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), help="Checkpoints and log; runs/NAME.")
@click.option("--minutes", type=float, help="Stop then; the same command goes on.")
@click.option("--steps", type=int, help="Length of the whole training.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="That prepare batches.")
def train(
    name: str,
    data: Path,
    run: Path | None,
    minutes: float | None,
    steps: int | None,
    seed: int,
    device: str,
    threads: int,
    workers: int,
) -> None:
    """Train the network NAME, or go on where its run was left. Needs PyTorch."""
    if importlib.util.find_spec("torch") is None:
        raise BadRequest("Training needs PyTorch, which is not installed.", hint="pip install 'veriscope[train]'")
    from veriscope.train.__main__ import fit_command

    best = fit_command(name, data, run or Path("runs") / name, minutes, steps, seed, device, threads, workers)
    click.echo(f"best checkpoint: {best}")


@click.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A labelled folder.")
@click.option("--set", "set_", help="A public collection by name, e.g. casia1@90; --data or VERISCOPE_DATA holds it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--card", is_flag=True, help="Add the figures to the model card in docs/models.")
@click.option("--robust", is_flag=True, help="Also after compression, scaling, noise and the like.")
@click.option("--attack", is_flag=True, help="Also against an adversary.")
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="For --attack: PGD.")
@click.option("--limit", type=click.IntRange(min=2), help="Items of each class.")
@click.option("--robust-limit", type=click.IntRange(min=2), default=60, show_default=True, help="Of each class.")
@click.option("--attack-limit", type=click.IntRange(min=2), default=10, show_default=True, help="Of each class.")
@click.option("--without", multiple=True, help="Leave a subset out (a generator that was trained on).")
@click.option(
    "--policy", type=click.Choice([p.value for p in Policy if p is not Policy.AUTO]), default=Policy.STANDARD.value
)
@click.option("--pictures", is_flag=True, help="With --card: show the worst failures; only where their licence allows.")
@click.option("--reference", is_flag=True, help="Also store the scores as the reference of the drift alarm.")
def evaluate(
    name: str,
    data: Path | None,
    set_: str | None,
    as_json: bool,
    card: bool,
    robust: bool,
    attack: bool,
    checkpoint: Path | None,
    limit: int | None,
    robust_limit: int,
    attack_limit: int,
    without: tuple[str, ...],
    policy: str,
    pictures: bool,
    reference: bool,
) -> None:
    """Grade the network (or detector) NAME on labelled media, the way it is used."""
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.jobs.networks import registry
    from veriscope.train import labelled, sets
    from veriscope.train.evaluate import evaluate as grade
    from veriscope.train.evaluate import unread
    from veriscope.train.examination import subject

    if set_ is None and data is None:
        raise BadRequest("Give --data with a labelled folder, or --set with a collection.")
    where = data or Path(os.environ.get(_DATA, "../shared/data"))
    items = labelled.read(where) if set_ is None else sets.load(set_, where)
    items = labelled.limited([i for i in items if i.subset not in without], limit)
    on, chosen = set_ or where.resolve().name, Policy(policy)
    networks = registry(config.load())
    detector, infer = subject(name, registry=networks), OnnxInfer(networks)
    with _progress(quiet=as_json) as tell:
        result, answers = grade(detector, items, chosen, tell, infer)
        result = {**result, "set": {"name": on, "folder": set_ is None, "limit": limit, "without": list(without)}}
        if robust:
            from veriscope.train.robustness import curves

            result["robustness"] = curves(labelled.limited(items, robust_limit), detector, chosen, tell, infer)
        if attack:
            from veriscope.train.attack import black_box, white_box

            few = labelled.limited(items, attack_limit)
            result["attack"] = {"square": black_box(few, detector, chosen, tell, infer)}
            if checkpoint is not None:
                result["attack"]["pgd"] = white_box(few, detector, name, checkpoint, chosen, tell, infer)
    if reference:
        from veriscope.train.references import store

        store(detector, answers, on)
    if card:
        from veriscope.train.cards import add, folder, stem

        if pictures:
            from veriscope.train.failures import draw

            result["failures"] = draw(result["failures"], items, folder() / stem(name, on))
        click.echo(f"written: {add(name, on, result)}", err=True)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        _print(result)
        if failed := unread(result):
            Console(stderr=True).print(f"{failed} items failed or could not be read; they count as abstentions.")


def _print(result: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    about, items = result["subject"], result["items"]
    console.print(
        f"{about['detector']}@{about['version']} on {result['set']['name']}: {items['genuine']} genuine, "
        f"{items['fake']} fake, {items['groups']} groups",
        style="bold",
        markup=False,
    )
    table = Table("figure", "value", "95 %", "tables and metadata only", box=None, header_style="dim")
    baseline = result["baseline"]
    for key, value in result.items():
        if isinstance(value, Mapping) and {"value", "low", "high"} == set(value):
            other = baseline.get(key)
            table.add_row(key, *_shown(value), " ".join(_shown(other)) if isinstance(other, Mapping) else "")
    console.print(table)
    if gain := baseline.get("auc_gain"):
        console.print(f"AUC above the baseline: {' '.join(_shown(gain))}", markup=False)
    speed = result["speed"]
    if "cpu_ms" in speed:
        spent = " ".join(_shown(speed["cpu_ms"], 1))
        console.print(f"CPU {spent} ms an item, {speed['peak_memory_mb']} MB", markup=False)
    for family, points in result.get("robustness", {}).items():
        line = ", ".join(f"{p['level']}: {_shown(p['auc'], 2)[0]}" for p in points)
        console.print(f"AUC after {family}: {line}", markup=False)


def _shown(figure: Mapping[str, float | None], digits: int = 3) -> tuple[str, str]:
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None:
        return "–", ""
    return f"{value:.{digits}f}", "" if low is None or high is None else f"[{low:.{digits}f}, {high:.{digits}f}]"


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("examining", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
