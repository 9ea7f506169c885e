"""``veriscope redact``: personal data out of files of any kind, proved by a second look."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from veriscope import config
from veriscope.cli_bar import progress_bar
from veriscope.errors import BadRequest, Internal, VeriscopeError

_SHARES = {"look": (0.0, 0.4), "render": (0.4, 0.4), "verify": (0.8, 0.2)}


@dataclass(frozen=True)
class _Task:
    source: Path
    output: Path | None
    targets: tuple[str, ...] | None
    operators: tuple[str, ...]
    custom: tuple[str, ...]
    plan: Path | None
    plan_only: bool
    keep: tuple[str, ...]
    strip: bool
    crf: int


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IN…")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write; for several inputs a folder.")
@click.option("--targets", help="What goes: faces,plates,text,speech; by default all that the file can hold.")
@click.option(
    "--operator",
    "operators",
    multiple=True,
    metavar="[KIND=]NAME",
    help="solid, blur, pixelate, image:FILE; speech=silence|tone|mask; text=label|pseudonym|mask; faces=blur …",
)
@click.option("--custom", multiple=True, metavar="WORD|FILE", help="Own words; a file: one a line, /…/ for a pattern.")
@click.option("--plan", type=click.Path(path_type=Path), help="Render this plan, made with --plan-only and corrected.")
@click.option("--plan-only", is_flag=True, help="Look only; the plan goes to -o, or to standard output.")
@click.option("--keep", multiple=True, metavar="TRACK", help="A track of the plan that stays visible, by its id.")
@click.option("--keep-metadata", is_flag=True, help="Keep titles, dates, positions; stripped by default.")
@click.option("--crf", type=click.IntRange(0, 51), default=20, show_default=True, help="Quality of videos, 0 best.")
@click.option("--jobs", type=click.IntRange(1), help="Files at a time; by default one for every two cores.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only: one object, or one line for each of several.")
def redact(
    inputs: Sequence[Path],
    output: Path | None,
    targets: str | None,
    operators: Sequence[str],
    custom: Sequence[str],
    plan: Path | None,
    plan_only: bool,
    keep: Sequence[str],
    keep_metadata: bool,
    crf: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Take personal data out of pictures, videos, sound, text, HTML, subtitles and PDF.

    A file appears under its output name only when a second look at the result has found nothing. A folder is gone
    through file by file; outputs that are there already are skipped, so that an interrupted run goes on.
    """
    several = len(inputs) > 1 or inputs[0].is_dir()
    if output is None and not plan_only:
        raise BadRequest("Say where to write with -o.", hint="See 'veriscope redact --help'.")
    if several and (plan is not None or keep):
        raise BadRequest("--plan and --keep belong to one file.")
    if several and output is None:
        raise BadRequest("Several plans need a folder to go to: give it with -o.")
    chosen = None if targets is None else tuple(t.strip() for t in targets.split(",") if t.strip())
    if chosen == ():
        raise BadRequest("--targets names nothing.", hint="For example: --targets faces,text.")
    tasks, failed = [], set[int]()
    for source, target in _pairs(inputs, output, several, plan_only):
        if several and target is not None and target.exists():
            _say(as_json, several, {"source": str(source), "skipped": True}, f"{source.name}: there already")
            continue
        own = tuple(custom)
        tasks.append(
            _Task(source, target, chosen, tuple(operators), own, plan, plan_only, tuple(keep), not keep_metadata, crf)
        )
    for task, result in _run(tasks, jobs or max(1, (os.cpu_count() or 2) // 2), as_json):
        if isinstance(result, VeriscopeError):
            failed.add(result.exit_code)
            words = f"{task.source.name}: {result.message} ({result.code})"
            _say(as_json, several, {"source": str(task.source), "error": result.as_dict()}, words, result.hint)
        elif plan_only and task.output is None:
            click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        elif as_json:
            _say(True, several, result, "")
        else:
            _say(False, several, {}, _words(task, result))
    sys.exit(1 if 1 in failed else 2 if failed else 0)


def _pairs(
    inputs: Sequence[Path], output: Path | None, several: bool, plan_only: bool
) -> Iterator[tuple[Path, Path | None]]:
    """Sources and where each goes; folders keep their shape."""
    for given in inputs:
        if given.is_dir():
            sources = [p for p in sorted(given.rglob("*")) if p.is_file() and not p.name.startswith(".")]
            root = given
        else:
            sources, root = [given], given.parent
        for source in sources:
            if output is None:
                yield source, None
                continue
            if output.resolve() in source.resolve().parents and given.is_dir():
                continue  # the folder of outputs lies inside that of the inputs
            into = several or output.is_dir()
            target = output / source.relative_to(root) if into else output
            yield source, target.with_name(target.name + ".plan.json") if plan_only and into else target


def _run(tasks: Sequence[_Task], jobs: int, quiet: bool) -> Iterator[tuple[_Task, Any]]:
    """Results in the order of the tasks; one alone runs here, with a bar of its own."""
    with progress_bar(Console(stderr=True), quiet=quiet) as bar:
        if len(tasks) <= 1 or jobs == 1:
            for task in tasks:
                shown = bar.add_task(task.source.name, total=1.0)

                def tell(stage: str, fraction: float, shown: Any = shown) -> None:
                    start, share = _SHARES[stage]
                    bar.update(shown, completed=start + share * fraction)

                yield task, _one(task, tell)
                bar.remove_task(shown)
            return
        shown = bar.add_task(f"{len(tasks)} files", total=len(tasks))
        with ProcessPoolExecutor(min(jobs, len(tasks)), get_context("spawn")) as pool:
            futures = {pool.submit(_one, task): task for task in tasks}
            ready: dict[_Task, Any] = {}
            waiting = list(tasks)
            for future in as_completed(futures):
                try:
                    ready[futures[future]] = future.result()
                except BrokenProcessPool:
                    ready[futures[future]] = Internal("The process that worked on it was stopped from outside.")
                bar.advance(shown)
                while waiting and waiting[0] in ready:
                    yield waiting[0], ready.pop(waiting.pop(0))


def _one(task: _Task, tell: Any = None) -> Any:
    """The result as a dict, or the error; nothing else leaves here, so that the next file gets its turn."""
    from veriscope.inference.onnx import OnnxInfer
    from veriscope.jobs.networks import registry
    from veriscope.redaction.outcome import How
    from veriscope.redaction.plan import Plan
    from veriscope.redaction.redact import redact as run
    from veriscope.redaction.targets import own_words
    from veriscope.redaction.writing import write

    try:
        settings = config.load()
        made = None
        if task.plan is not None:
            try:
                made = Plan.from_json(task.plan.read_bytes())
            except OSError as exc:
                raise BadRequest(f"The plan {task.plan.name} cannot be read: {exc.strerror}.") from exc
        how = How(
            operators=task.operators,
            keep=task.keep,
            strip=task.strip,
            crf=task.crf,
            custom=own_words(task.custom),
            senses=settings.senses(),
        )
        result = run(
            task.source,
            None if task.plan_only else task.output,
            task.targets if task.targets is not None else settings.redact_targets or None,
            OnnxInfer(registry(settings), settings.models_memory, keep=True),
            how=how,
            plan=made,
            plan_only=task.plan_only,
            limits=settings.limits(),
            progress=tell,
        )
        if not task.plan_only:
            return result.as_dict()
        if task.output is None:
            return result.plan.as_dict()
        write(task.output, result.plan.as_json().encode())
        return {**result.as_dict(), "plan": str(task.output)}
    except VeriscopeError as exc:
        return exc
    except OSError as exc:
        return BadRequest(f"{exc.filename or task.source} cannot be read or written: {exc.strerror}.")
    except Exception as exc:
        if os.environ.get("VERISCOPE_LOG_LEVEL", "").lower() == "debug":
            Console(stderr=True).print_exception()
        return Internal(f"Unforeseen: {type(exc).__name__}.")


def _words(task: _Task, result: dict[str, Any]) -> str:
    counts = [f"{count} {kind} tracks" for kind, count in result["tracks"].items()]
    counts += [f"{count} {kind} in sound" for kind, count in result["spans"].items()]
    counts += [f"{count} {kind}" for kind, count in result["found"].items()]
    words = f"{task.source.name}: {', '.join(counts) or 'nothing found'}"
    heard = [f"{s['recogniser']}: {s['errorRate']}"] if (s := result["speech"]) and s["recogniser"] else []
    if task.plan_only:
        return "\n  ".join([f"{words}; plan in {task.output}", *heard])
    if result["frames"]["total"]:
        words += f"; {result['frames']['covered']} of {result['frames']['total']} frames covered"
    if result["pages"]:
        words += f"; {result['pages']} pages"
    if speech := result["speech"]:
        words += f"; {speech['coveredSeconds']:.1f} s of sound covered"
    if look := result["secondLook"]:
        words += f"; second look clean at {look['looks']} moments"
    words += f"; {sum(result['timings'].values()) / 1000:.1f} s → {task.output}"
    return "\n  ".join([words, *heard, *result["notes"]])


def _say(as_json: bool, several: bool, value: dict[str, Any], words: str, hint: str = "") -> None:
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=None if several else 2))
        return
    console = Console(highlight=False)
    console.print(words, markup=False)
    if hint:
        console.print(f"  {hint}", style="dim", markup=False)
