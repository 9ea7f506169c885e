"""What every redaction does, whatever the kind of file: plan, produce aside, prove, and only then appear."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veriscope.errors import BadRequest, RenderFailed, UnsupportedKind
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.plan import Plan
from veriscope.redaction.targets import Operators
from veriscope.redaction.text import Wanted
from veriscope.redaction.writing import aside
from veriscope.types import Infer, Kind, Media, Progress

_SUFFIXES: Mapping[str, frozenset[str]] = {
    name: frozenset(f".{suffix}" for suffix in suffixes.split())
    for name, suffixes in {
        "mp4": "mp4 m4v m4a",
        "mov": "mov qt",
        "mkv": "mkv mka",
        "webm": "webm weba",
        "avi": "avi",
        "jpeg": "jpg jpeg",
        "png": "png",
        "webp": "webp",
        "heic": "heic heif",
        "tiff": "tif tiff",
        "bmp": "bmp",
        "gif": "gif",
        "avif": "avif",
        "wav": "wav",
        "mp3": "mp3",
        "m4a": "m4a m4b",
        "aac": "aac",
        "flac": "flac",
        "ogg": "ogg oga opus",
        "pdf": "pdf",
        "html": "html htm xhtml",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Work:
    """One file, all that was asked about it, and the child that decodes it and writes its successor."""

    media: Media
    output: Path | None
    targets: tuple[str, ...]
    infer: Infer
    how: How
    operators: Operators
    limits: Limits
    decoder: DecodeChild
    progress: Progress

    @property
    def wanted(self) -> Wanted:
        """Which personal data is looked for in words, and what is put there."""
        return Wanted(
            operator=self.operators.text,
            per_kind=self.operators.per_kind,
            custom=self.how.custom,
            regions=self.how.senses.regions,
        )


class Job(ABC):
    """One redaction. Subclasses say how a plan is made, and how a file is produced by it and proved."""

    duration = 0.0  # seconds

    def __init__(self, work: Work) -> None:
        self.work = work
        self.media, self.infer, self.how = work.media, work.infer, work.how
        self._timings: dict[str, float] = {}
        if work.output is not None:
            check_output(work.media, work.output)

    @abstractmethod
    def plan(self) -> Plan:
        """Look, listen or read."""

    @abstractmethod
    def produce(self, plan: Plan, part: Path) -> tuple[Plan, Mapping[str, Any]]:
        """Write ``part``, look at it again, and give the plan that was carried out and the facts for ``Result``.

        Raises:
            LeakFound: the second look still found something.
        """

    def run(self, plan: Plan | None, plan_only: bool) -> Result:
        if plan is None:
            plan = self.plan()
        elif plan.sha256 != self.media.sha256:
            raise BadRequest("The plan was made for another file.", hint="Make the plan anew with --plan-only.")
        plan = plan.keep(self.how.keep)
        if plan_only:
            return Result(self.media, plan, None, timings=self._timings, **self.planned())
        if self.work.output is None:
            raise BadRequest("There is no name to write to.")
        with aside(self.work.output) as part:
            plan, facts = self.produce(plan, part)
            digest = _digest(part)
        facts = {**self.planned(), **facts}
        return Result(self.media, plan, self.work.output, sha256=digest, timings=self._timings, **facts)

    def planned(self) -> dict[str, Any]:
        """Facts for ``Result`` that are known from looking alone."""
        return {}

    # for subclasses

    def written(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Have the child write, and give its last answer.

        Raises:
            RenderFailed: it could not.
        """
        last: dict[str, Any] = {}
        with closing(self.work.decoder.stream(operation, **parameters)) as answers:
            for last in answers:
                if fault := last.get("fault"):
                    raise RenderFailed(fault)
                self.work.progress("render", min(1.0, last.get("time", 0.0) / max(self.duration, 1e-6)))
        if not last.get("done"):
            raise RenderFailed("The rendering ended before its end.")
        return last

    def telling(self, stage: str, start: float = 0.0, share: float = 1.0) -> Callable[[float], None]:
        """Tells the fraction of a part of a stage."""
        return lambda fraction: self.work.progress(stage, start + share * min(1.0, fraction))

    def took(self, stage: str, began: float) -> None:
        self._timings[stage] = self._timings.get(stage, 0.0) + time.monotonic() - began


def check_output(media: Media, output: Path) -> None:
    """Raises ``BadRequest`` where the name does not fit, or names the source."""
    own = Path(media.name).suffix.lower()
    allowed: Sequence[str] | frozenset[str] = _SUFFIXES.get(media.format, frozenset())
    if media.kind is Kind.TEXT:
        allowed = frozenset({own}) if own else frozenset({output.suffix.lower()})
    if not allowed:
        raise UnsupportedKind(f"Files of the kind {media.format} cannot be written.")
    if output.suffix.lower() not in allowed:
        names = " or ".join(sorted(allowed))
        raise BadRequest(f"The output keeps the kind of its source: its name must end in {names}.")
    if output.exists() and output.samefile(media.path):
        raise BadRequest("The output would overwrite its source.", hint="Give another name with -o.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
