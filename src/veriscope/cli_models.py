"""``veriscope models``: which networks there are, where they come from, and which version answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from veriscope import config

if TYPE_CHECKING:
    from veriscope.inference.folders import Folder
    from veriscope.inference.manifest import Manifest
    from veriscope.inference.registry import Registry, VersionState

_LOWER_IS_BETTER = {"eer"}


@click.group()
def models() -> None:
    """The networks: list, install, import your own, try out, swap."""


@models.command("export-triton")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("names", nargs=-1)
@click.option("--backend", type=click.Choice(["onnxruntime", "python"]), default="onnxruntime", show_default=True)
@click.option("--gpu", "gpus", type=int, multiple=True, help="GPU to run on; may be given several times. None: CPU.")
@click.option("--instances", type=click.IntRange(1), default=1, show_default=True, help="On each GPU, or on the CPU.")
@click.option("--delay-us", type=click.IntRange(0), help="Longest a request waits for others, in microseconds.")
@click.option("--half", is_flag=True, help="FP16 through TensorRT, on GPUs.")
def export_triton(
    folder: Path,
    names: tuple[str, ...],
    backend: str,
    gpus: tuple[int, ...],
    instances: int,
    delay_us: int | None,
    half: bool,
) -> None:
    """Write a model repository for NVIDIA Triton: every network that is ready, or those named."""
    from veriscope.inference.triton_repository import DELAY_US, Serving, export

    delay = DELAY_US if delay_us is None else delay_us
    serving = Serving(backend, gpus, instances, delay, half)  # type: ignore[arg-type]
    for name in export(_registry(), folder, serving, names):
        click.echo(name)


def _registry() -> Registry:
    from veriscope.jobs.networks import registry

    return registry(config.load())


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def list_command(as_json: bool) -> None:
    """Every version of every network, who answers, and its state."""
    from veriscope.inference.folders import folders

    registry = _registry()
    rows = [
        {
            "name": s.manifest.name,
            "version": s.manifest.version,
            "answers": _part(s),
            "state": s.state,
            "task": s.manifest.task,
            "licence": s.manifest.licence,
            "detail": s.detail,
        }
        for s in registry.states()
    ]
    rows += [_folder_row(folder, registry.own) for folder in folders().values() if registry.own]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in rows[0]:
        if name != "detail":
            table.add_column(name, no_wrap=True, max_width=10 if name == "licence" else None)
    for row in rows:
        table.add_row(*(value for name, value in row.items() if name != "detail"))
    console = Console()
    console.print(table)
    for row in rows:
        if row["detail"]:
            console.print(row["detail"], markup=False)


def _folder_row(folder: Folder, own: Path) -> dict[str, str]:
    state, detail = folder.state(own)
    return {
        "name": folder.name,
        "version": folder.version,
        "answers": "100 %" if state == "ready" and not detail else "–",
        "state": "optional" if state == "missing" else state,
        "task": folder.task,
        "licence": folder.licence,
        "detail": detail,
    }


def _part(state: VersionState) -> str:
    said = [f"{100 * state.share:g} %"] if state.share else []
    return ", ".join([*said, *(["in shadow"] if state.shadow else [])]) or "–"


@models.command()
@click.argument("names", nargs=-1)
def pull(names: tuple[str, ...]) -> None:
    """Install the files that are missing or damaged; every one is checked against its SHA-256.

    With NAMES only these. The recogniser of speech, whisper-base (133 MB), is installed only when it is named.
    """
    from veriscope.inference.folders import folders
    from veriscope.inference.pull import pull as install

    done = install(_registry(), names)
    what = "every network" if not names else ", ".join(names)
    click.echo(f"installed: {', '.join(done)}" if done else f"{what} is in place")
    for name in names:
        if name in folders() and folders()[name].hint:
            click.echo(folders()[name].hint)


@models.command()
@click.argument("name", metavar="NAME[@VERSION]")
@click.argument("bucket", metavar="s3://BUCKET[/PREFIX]")
@click.option("--endpoint", help="Address of the store, if it is not Amazon's.")
def push(name: str, bucket: str, endpoint: str | None) -> None:
    """Store a network with its manifest in an S3-compatible bucket, for other installations to import."""
    from veriscope.inference.push import push as store

    registry = _registry()
    click.echo(f"manifest: {store(registry, *_version(registry, name), bucket, endpoint)}")


@models.command("import")
@click.argument("onnx", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--manifest", required=True, metavar="FILE|s3://…", help="What the network says of itself, a YAML file.")
@click.option("--task", help="image-forgery, face-forgery, synthetic-image, audio or text.")
@click.option("--endpoint", help="Address of the store that s3:// means, if it is not Amazon's.")
def import_command(onnx: Path | None, manifest: str, task: str | None, endpoint: str | None) -> None:
    """Bring your own network, an ONNX file; without one it is fetched from the manifest's source.

    It is tried out before it is let in. The first version of a name becomes active; later ones wait for 'activate'.
    """
    from veriscope.detectors.registry import DETECTORS
    from veriscope.inference.importing import take_in
    from veriscope.inference.push import manifest_at

    registry = _registry()
    reserved = {detector.name for detector in DETECTORS}
    with manifest_at(manifest, endpoint) as file:
        taken = take_in(registry, file, onnx, task, reserved)
    active = registry.catalogue().active(taken.name) == taken.version
    click.echo(f"{taken.label} is in place and {'active' if active else 'not active yet'}")
    if not taken.calibration:
        click.echo("its manifest has no calibration: it will show what it measures, and give no score")


@models.command()
@click.argument("name")
@click.argument("version", metavar="VERSION|off")
@click.option("--share", type=click.FloatRange(0, 1), help="Only for this part of all media, 0–1; 0 ends that.")
@click.option("--shadow/--no-shadow", default=None, help="Run it beside the active version, recorded and not counted.")
def activate(name: str, version: str, share: float | None, shadow: bool | None) -> None:
    """Have a version answer from now on; running services follow with their next examination."""
    if share is not None and shadow is not None:
        raise click.UsageError("--share and --shadow exclude each other.")
    registry = _registry()
    if version != "off":
        registry.manifest(name, version)
    if share is not None:
        registry.reroute(name, lambda route: route.shared(version, share))
    elif shadow is not None:
        registry.reroute(name, lambda route: route.shadowed(version, shadow))
    else:
        registry.reroute(name, lambda route: route.activated(version))
    for state in registry.states():
        if state.manifest.name == name:
            click.echo(f"{state.manifest.label}: {_part(state)}")


@models.command()
@click.argument("a", metavar="NAME[@VERSION]")
@click.argument("b", metavar="NAME[@VERSION]")
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def compare(a: str, b: str, data: Path, as_json: bool) -> None:
    """How much better A is than B on labelled media (labels.csv, or real/ and fake/)."""
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.train.compare import compare as measure
    from veriscope.train.labelled import read

    found = measure(OnnxInfer(_registry()), a, b, read(data))
    if as_json:
        click.echo(json.dumps({"names": {"a": a, "b": b}, **found}))
        return
    table = Table("", a, b, "difference (95 %)", "")
    for name, difference in found["difference"].items():
        sure = _verdict(name, difference)
        table.add_row(name, _figure(found["a"][name]), _figure(found["b"][name]), _figure(difference, sign="+"), sure)
    Console().print(table)
    count = found["items"]
    click.echo(f"{count['all']} media; {count['both']} of which both spoke ({a}: {count['a']}, {b}: {count['b']})")


def _figure(value: dict[str, float | None], sign: str = "") -> str:
    if any(v is None for v in value.values()):
        return "undefined"
    return f"{value['value']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"


def _verdict(name: str, difference: dict[str, float | None]) -> str:
    low, high = difference["low"], difference["high"]
    if low is None or high is None or low <= 0 <= high:
        return "not settled"
    return "better" if (low > 0) != (name in _LOWER_IS_BETTER) else "worse"


@models.command()
@click.argument("name", metavar="NAME[@VERSION]")
def card(name: str) -> None:
    """What a network is, in Markdown: from its manifest."""
    from veriscope.inference.folders import folders

    if name in folders():
        click.echo(_folder_card(folders()[name]))
        return
    registry = _registry()
    manifest = registry.manifest(*_version(registry, name))
    click.echo(_card(manifest, shipped=registry.catalogue().packaged(manifest)))


def _version(registry: Registry, label: str) -> tuple[str, str]:
    name, _, version = label.partition("@")
    found = registry.catalogue().versions.get(name, {})
    if not version and len(found) == 1:
        version = next(iter(found))  # also one that is switched off
    return name, registry.manifest(name, version or None).version


def _card(m: Manifest, *, shipped: bool) -> str:
    rows: list[tuple[str, Any]] = [
        ("Task", m.task),
        ("Input", m.input),
        ("Preprocessing", m.preprocessing),
        ("Output", m.output),
        ("Calibration", m.calibration or ("" if shipped else "none: it shows what it measures, and gives no score")),
        ("Threshold of its makers", m.threshold),
        ("Trained on", m.trained_on or "not stated"),
        ("Licence", m.licence),
        ("Reference", m.reference),
        ("Source", m.source),
        ("SHA-256", m.sha256),
    ]
    lines = [f"# {m.name}, version {m.version}", ""]
    lines += [f"- **{name}**: {_inline(value)}" for name, value in rows if value not in ("", None, {})]
    if m.metrics:
        lines += ["", "## Figures, as its manifest states them", ""]
        lines += [f"- {name}: {_inline(value)}" for name, value in m.metrics.items()]
    return "\n".join(lines)


def _folder_card(folder: Folder) -> str:
    rows = [
        ("Task", folder.task),
        ("Trained on", folder.trained_on),
        ("Licence", folder.licence),
        ("Reference", folder.reference),
        *((name, f"SHA-256 {file.sha256}") for name, file in folder.files.items()),
    ]
    return "\n".join([f"# {folder.name}, version {folder.version}", "", *(f"- **{a}**: {b}" for a, b in rows)])


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
