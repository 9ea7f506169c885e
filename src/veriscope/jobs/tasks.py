"""What each kind of job does. A new kind is one function and one line in ``TASKS``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from veriscope.analysis import Examiner
from veriscope.config import Settings
from veriscope.errors import Internal, VeriscopeError
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry
from veriscope.jobs import fetch
from veriscope.jobs.payload import media_of, options_of, spool_folder
from veriscope.jobs.results import keep, quarantine
from veriscope.media.limits import Limits
from veriscope.store.artifacts import ArtifactRow
from veriscope.store.jobs import CALLBACK
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.types import Job, Principal, Progress

ANALYSIS = "analysis"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job leaves behind; written together with ``completed``."""

    record: Record | None = None
    artifacts: Sequence[ArtifactRow] = ()
    timings: Mapping[str, float] = field(default_factory=dict)  # stage → milliseconds


class Tools:
    """What tasks work with; the examiner with its decoder is made once, by the first job that needs it."""

    def __init__(self, settings: Settings, store: Store, limits: Limits | None = None) -> None:
        self.settings = settings
        self._limits = limits or settings.limits()
        self.store = store
        self.spool = spool_folder(settings)
        self._examiner: Examiner | None = None

    @property
    def examiner(self) -> Examiner:
        if self._examiner is None:
            self._examiner = make_examiner(self.settings, self._limits)
        return self._examiner

    def close(self) -> None:
        if self._examiner is not None:
            self._examiner.close()
            self._examiner = None


def make_examiner(settings: Settings, limits: Limits) -> Examiner:
    """An examiner as the settings want it."""
    return Examiner(
        infer=OnnxInfer(Registry(settings.weights_dir)),
        limits=limits,
        fusion=settings.fusion,
        policy_file=settings.policy_file,
        trust_list=settings.trust_list,
        threads=settings.threads,
        preview_pixels=settings.preview_pixels,
    )


def analysis(job: Job, tools: Tools, progress: Progress) -> Outcome:
    """Examine the spooled file of a job."""
    media = media_of(job.payload, tools.spool)
    if not media.path.is_file():
        raise Internal("The uploaded file is gone.", hint="Send it again.")
    try:
        report = tools.examiner.examine(media, options_of(job.payload["options"]), progress)
    except Exception as exc:
        if not isinstance(exc, VeriscopeError) or isinstance(exc, Internal):
            who = Principal(job.organisation, job.created_by)
            quarantine(media, tools.store, tools.settings, who, job.id)
        raise
    key = job.payload.get("cacheKey")
    record, rows = keep(report, tools.store, tools.settings, cache_key=key, job_id=job.id)
    return Outcome(record, rows, report.timings)


def callback(job: Job, tools: Tools, progress: Progress) -> Outcome:
    """Tell the sender's address that another of its jobs has ended."""
    ended = tools.store.jobs.get(Principal(job.organisation, job.created_by), job.payload["jobId"])
    body = {"jobId": ended.id, "state": ended.state, "analysisId": ended.result_id, "error": ended.error}
    progress("callback", 0.0)
    asyncio.run(
        fetch.deliver(
            job.payload["url"],
            body,
            timeout=tools.settings.fetch_timeout,
            private=tools.settings.fetch_private,
        )
    )
    return Outcome()


TASKS: Mapping[str, Callable[[Job, Tools, Progress], Outcome]] = {ANALYSIS: analysis, CALLBACK: callback}


def spooled(job: Job, spool: Path) -> Path | None:
    """The file that the job came with, if it came with one."""
    name = job.payload.get("spool")
    return None if name is None else spool / name
