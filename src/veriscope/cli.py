"""The command line. Exit codes: 1 if any fault, else 2 if any bad input or usage, else 0."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from veriscope import __version__, config
from veriscope.cli_bar import progress_bar
from veriscope.config import Settings
from veriscope.errors import BadRequest, Internal, UnreachableUrl, UnsupportedKind, VeriscopeError
from veriscope.types import Label, Media, Options, Policy, Report

_MARKS = {Label.AUTHENTIC: "✓", Label.INCONCLUSIVE: "?", Label.SUSPICIOUS: "!", Label.MANIPULATED: "‼"}


class _Usage(BadRequest):
    """A wrong command line, in the shape of every other error."""


_ELSEWHERE = {  # commands with files of their own, loaded when they are asked for
    "models": "veriscope.cli_models",
    "redact": "veriscope.cli_redact",
    "train": "veriscope.cli_train",
    "evaluate": "veriscope.cli_train",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_ELSEWHERE[cmd_name]), cmd_name)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["standalone_mode"] = False
        try:
            return super().main(*args, **kwargs)
        except click.exceptions.Exit as exc:
            sys.exit(exc.exit_code)
        except click.Abort:
            sys.exit(130)
        except click.ClickException as exc:
            _complain(_Usage(exc.format_message().rstrip(".") + ".", hint="See 'veriscope --help'."))
            sys.exit(2)
        except VeriscopeError as exc:
            _complain(exc)
            sys.exit(exc.exit_code)


def _complain(error: VeriscopeError) -> None:
    console = Console(stderr=True, highlight=False)
    console.print(f"{error.message} ({error.code})", markup=False)
    if error.hint:
        console.print(error.hint, style="dim", markup=False)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="veriscope")
def main() -> None:
    """Verify media: was it manipulated or synthesised? With evidence, and with honest doubt."""


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="PATH…|URL|-")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only: one object, or one line for each of several.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report to FILE.html or FILE.pdf.")
@click.option("--evidence", type=click.Path(path_type=Path, file_okay=False), help="Write report and maps to DIR.")
@click.option("--policy", type=click.Choice([p.value for p in Policy]), help="How thorough to be.")
@click.option("--region", help="X,Y,WIDTH,HEIGHT in pixels.")
@click.option("--start", type=float, help="First second to examine.")
@click.option("--end", type=float, help="Second to stop at.")
@click.option("--rate", type=float, help="Frames a second to look at.")
@click.option("--caption", help="A text that goes with the picture.")
@click.option("--lang", type=click.Choice(["en", "vi"]), default="en", help="Language of the report.")
def analyze(
    inputs: Sequence[str],
    as_json: bool,
    report: Path | None,
    evidence: Path | None,
    policy: str | None,
    region: str | None,
    start: float | None,
    end: float | None,
    rate: float | None,
    caption: str | None,
    lang: str,
) -> None:
    """Examine files, folders, a link, or a text on standard input (-)."""
    settings = config.load(policy=policy)
    options = Options(Policy(settings.policy), _region(region), start, end, rate, caption)
    sources = list(_expand(inputs))
    if report is not None:
        if len(sources) != 1:
            raise _Usage("--report takes one input; use --evidence for several.")
        if report.suffix.lower() not in {".html", ".pdf"}:
            raise _Usage("--report takes a name that ends in .html or .pdf.")
    lines = as_json and (len(sources) > 1 or any(Path(i).is_dir() for i in inputs if i != "-"))
    worst: set[int] = set()
    with ExitStack() as stack:
        bar = stack.enter_context(progress_bar(Console(stderr=as_json), quiet=as_json))
        spool = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veriscope-")))
        examiner = stack.enter_context(_examiner(settings))
        for source in sources:
            task = bar.add_task(Path(source).name or source, total=1.0)
            try:
                result = _one(source, settings, examiner, options, spool, _Teller(bar, task))
                _write(result, report, evidence, lang, several=len(sources) > 1)
            except VeriscopeError as exc:
                error = exc
            except OSError as exc:
                error = BadRequest(f"{exc.filename or source} cannot be written: {exc.strerror}.")
            except Exception as exc:  # whatever it was, the next file still gets its turn
                error = Internal(f"Unforeseen: {type(exc).__name__}.")
                error.__cause__ = exc
                if os.environ.get("VERISCOPE_LOG_LEVEL", "").lower() == "debug":
                    Console(stderr=True).print_exception()
            else:
                bar.remove_task(task)
                if as_json:
                    _print_json(_public(result, lang), lines)
                else:
                    _print_report(bar.console, result, lang)
                continue
            bar.remove_task(task)
            worst.add(error.exit_code)
            if as_json:
                _print_json({"source": source, "error": error.as_dict()}, lines)
            else:
                bar.console.print(f"[bold]{Path(source).name}[/]: ", end="")
                bar.console.print(f"{error.message} ({error.code})", markup=False)
                if error.hint:
                    bar.console.print(f"  {error.hint}", style="dim", markup=False)
    sys.exit(1 if 1 in worst else 2 if worst else 0)


@main.command()
@click.option("--queues", default="fast,media,redact,io,maintenance", show_default=True, help="Where work comes from.")
@click.option("--concurrency", type=click.IntRange(0), default=0, help="Processes; 0: one per core.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for files in hand.")
def worker(queues: str, concurrency: int, data_dir: Path | None) -> None:
    """Work on jobs from the broker; any number of these on any number of machines."""
    from veriscope.jobs.celery import work
    from veriscope.types import Queue

    try:
        chosen = [Queue(name.strip()) for name in queues.split(",")]
    except ValueError as exc:
        raise _Usage(f"{exc}.".replace("'", "").capitalize(), hint="Queues: " + ", ".join(Queue) + ".") from None
    work(config.load(data_dir=data_dir), chosen, concurrency)


@main.command()
@click.option("--host", help="Address to bind; anything but loopback needs tokens in the settings.")
@click.option("--port", type=int, help="Port; 0 picks a free one.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for records and files.")
def serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Start the service and the page."""
    from veriscope.api.server import serve as run

    run(config.load(host=host, port=port, data_dir=data_dir))


@main.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> None:
    """Check this installation: networks, decoder, records, settings in force."""
    from veriscope.doctor import checks

    settings = config.load()
    results = checks(settings)
    if as_json:
        click.echo(
            json.dumps({"checks": results, "settings": settings.public(), "sources": dict(config.sources(settings))})
        )
    else:
        console = Console()
        for result in results:
            console.print(f"{'✓' if result['ok'] else '✗'} {result['what']}: {result['detail']}", markup=False)
        table = Table("setting", "value", "from")
        origin = config.sources(settings)
        for name, value in settings.public().items():
            table.add_row(name, str(value), origin[name])
        console.print(table)
    sys.exit(0 if all(r["ok"] for r in results) else 1)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str, arguments: tuple[str, ...]) -> None:
    """Measure: every published figure is one of these (--json, --data DIR). Needs a checkout."""
    root = Path(__file__).resolve().parents[2]
    script = root / "bench" / f"{name}.py"
    if not name.isidentifier() or not script.is_file():
        raise _Usage(f"There is no bench called {name} here: benches run from a checkout of the source.")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    os.execve(sys.executable, [sys.executable, str(script), *arguments], environment)  # noqa: S606


def _expand(inputs: Sequence[str]) -> Iterator[str]:
    """Folders become their files, in order of name; everything else stays as it is."""
    for source in inputs:
        if source != "-" and not _is_url(source) and Path(source).is_dir():
            yield from (str(p) for p in sorted(Path(source).rglob("*")) if p.is_file() and not p.name.startswith("."))
        else:
            yield source


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _region(value: str | None) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    try:
        x, y, w, h = (int(part) for part in value.split(","))
    except ValueError:
        raise _Usage("--region takes four whole numbers: X,Y,WIDTH,HEIGHT.") from None
    return x, y, w, h


def _examiner(settings: Settings) -> Any:
    from veriscope.jobs.examiner import examiner

    return examiner(settings)


def _one(source: str, settings: Settings, examiner: Any, options: Options, spool: Path, tell: Any) -> Report:
    from veriscope.media.intake import open_bytes, open_path, open_text

    limits = settings.limits()
    if source == "-":
        data = sys.stdin.buffer.read(limits.max_bytes + 1)
        try:
            media = open_bytes(data, "stdin", spool, limits)
        except UnsupportedKind:
            try:
                media = open_text(data.decode("utf-8"), spool, limits)
            except UnicodeDecodeError:
                raise UnsupportedKind("Standard input holds neither media nor text.") from None
    elif _is_url(source):
        media = _fetch(source, settings, spool)
    else:
        media = open_path(Path(source), limits)
    report: Report = examiner.examine(media, options, tell)
    return report


def _fetch(url: str, settings: Settings, spool: Path) -> Media:
    import asyncio

    from veriscope.jobs.fetch import fetch
    from veriscope.media.intake import Intake

    if not settings.fetch_urls:
        raise UnreachableUrl("Fetching links is switched off in the settings.")
    with Intake(spool, Path(url.partition("?")[0]).name or "download", settings.limits()) as intake:
        asyncio.run(fetch(url, intake, timeout=settings.fetch_timeout, private=settings.fetch_private))
        return intake.finish()


class _Teller:
    """Progress for the bar: half the names of stages mean nothing to a reader, so only the fraction moves."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, stage: str, fraction: float) -> None:
        start, share = {"decode": (0.0, 0.05), "detect": (0.05, 0.9), "fuse": (0.95, 0.05)}.get(stage, (0.0, 0.0))
        self._bar.update(self._task, completed=start + share * fraction)


def _public(report: Report, lang: str) -> Any:
    from veriscope.evidence.schema import public

    return public(report, lang, base=None).model_dump(mode="json", by_alias=True)


def _print_json(value: Any, one_line: bool) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=None if one_line else 2))


def _write(report: Report, file: Path | None, folder: Path | None, lang: str, *, several: bool) -> None:
    if file is not None:
        if file.suffix.lower() == ".pdf":
            from veriscope.evidence.pdf import pdf_report

            file.write_bytes(pdf_report(report, lang))
        else:
            from veriscope.evidence.html import html_report

            file.write_text(html_report(report, lang), "utf-8")
    if folder is not None:
        from veriscope.evidence.package import write_evidence

        write_evidence(report, folder / report.media.sha256[:16] if several else folder, lang)


def _print_report(console: Console, report: Report, lang: str) -> None:
    from veriscope.wording import title

    a = report.assessment
    risk = "no score" if a.risk is None else f"risk {a.risk:.0f}"
    if a.interval:
        risk += f" ({a.interval[0]:.0f}–{a.interval[1]:.0f})"
    console.print(f"\n{report.media.name}", style="bold", markup=False)
    console.print(f"{_MARKS[a.label]} {a.label.value} · {risk} · confidence {a.confidence}", style="bold", markup=False)
    console.print(a.explanation[lang], markup=False)
    for note in report.notes:
        console.print(f"Note: {note[lang]}", style="italic", markup=False)
    table = Table("method", "score", "share", "what was measured", box=None, pad_edge=False, header_style="dim")
    order = sorted(report.findings, key=lambda f: (-report.weights.get(f.detector, -1.0), f.score is None))
    for f in order:
        score = "–" if f.score is None else f"{f.score:.2f}"
        share = f"{100 * report.weights[f.detector]:.0f} %" if f.detector in report.weights else ""
        table.add_row(title(f, lang), score, share, f.summary.get(lang, ""), style="dim" if f.score is None else "")
    console.print(table)
    for step in a.recommendations:
        console.print(f"→ {step[lang]}", markup=False)
    c = report.coverage
    seen = f"{c.analysed:g} of {c.total:g} {c.unit}"
    seen += f", {c.frames} frames" if c.frames is not None else ""
    seen += f", {c.faces} faces" if c.faces else ""
    ms = sum(v for k, v in report.timings.items() if k in {"decode", "detect", "fuse"})
    console.print(f"examined {seen} in {ms / 1000:.1f} s · sha256 {report.media.sha256}", style="dim", markup=False)


if __name__ == "__main__":
    main()
