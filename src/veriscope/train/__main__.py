"""``python -m veriscope.train fit|export NAME``: ``veriscope train`` without the rest of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from veriscope.train.recipes import names, recipe

if TYPE_CHECKING:
    from veriscope.train.export import Precision


@click.group()
def main() -> None:
    """Train and export the networks."""


def fit_command(
    name: str,
    data: Path,
    run: Path,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
    workers: int = 0,
    validate_every: int = 500,
) -> Path:
    """Train ``name``, going on from ``run``; returns the best checkpoint."""
    chosen = recipe(name)
    from veriscope.train.fit import fit

    return fit(
        chosen,
        data,
        run,
        steps=steps,
        minutes=minutes,
        seed=seed,
        device=device,
        threads=threads,
        workers=workers,
        validate_every=validate_every,
        progress=click.echo,
    )


@main.command("list")
def list_command() -> None:
    """Print the names of the recipes."""
    for name in names():
        click.echo(name)


@main.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), required=True, help="Checkpoints and log.")
@click.option("--minutes", type=float, help="Stop then; the same command goes on.")
@click.option("--steps", type=int, help="Length of the whole training.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1 …")
@click.option("--threads", type=int, default=1, show_default=True)
@click.option("--workers", type=int, default=0, show_default=True, help="Processes that prepare batches.")
@click.option("--validate-every", type=int, default=500, show_default=True, help="Steps.")
def fit(
    name: str,
    data: Path,
    run: Path,
    minutes: float | None,
    steps: int | None,
    seed: int,
    device: str,
    threads: int,
    workers: int,
    validate_every: int,
) -> None:
    """Train NAME."""
    click.echo(fit_command(name, data, run, minutes, steps, seed, device, threads, workers, validate_every))


@main.command()
@click.argument("name")
@click.option("--run", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--target", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ONNX file.")
@click.option("--precision", type=click.Choice(["float32", "int8", "weights"]), default="float32", show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="int8 takes ranges from it."
)
def export(name: str, run: Path, target: Path, precision: Precision, data: Path | None) -> None:
    """Write the best checkpoint of a run as ONNX; "weights" stores small weights for float32 arithmetic."""
    chosen = recipe(name)
    from veriscope.train.export import export as write

    write(chosen, run / "best.pt", target, precision, data)


@main.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--target", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder.")
def stacks(data: Path, target: Path) -> None:
    """Prepare what forgery-classifier is trained on: forgeries and their twins with the installed heatmap's answer."""
    from veriscope.detectors.forgery_classifier import first_stage
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.train.stacks import build
    from veriscope.train.stills import of_forgeries

    infer = OnnxInfer()
    click.echo(f"{build(of_forgeries(data), lambda image: first_stage(image, infer), target)} pictures")


@main.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--manifest", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--module", default="", metavar="PACKAGE:FACTORY", help="What a state_dict belongs to.")
def convert(source: Path, target: Path, manifest: Path, module: str) -> None:
    """TorchScript, or a state_dict with its --module, to the ONNX file TARGET that the manifest describes."""
    from veriscope.train.convert import convert_described

    convert_described(source, target, manifest, module)


@main.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--target", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ONNX file.")
def average(sources: tuple[Path, ...], target: Path) -> None:
    """One ONNX file that answers with the mean of several."""
    from veriscope.train.average import averaged

    averaged(sources, target)


if __name__ == "__main__":
    main()
