"""What tasks are given to work with, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from veriscope.analysis import Examiner
from veriscope.config import Settings
from veriscope.jobs import owner as owners
from veriscope.jobs.networks import backend
from veriscope.jobs.payload import spool_folder
from veriscope.media.limits import Limits
from veriscope.store.artifacts import ArtifactRow
from veriscope.store.redactions import REDACTION
from veriscope.store.reports import Record
from veriscope.store.store import Store
from veriscope.types import Job


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job leaves behind; written together with ``completed``.

    ``finish`` does this writing in place of the usual one: given the lease's owner, it returns the job as it stands
    then. ``blobs`` are dropped when it fails, ``stale`` when it has worked.
    """

    record: Record | None = None
    artifacts: Sequence[ArtifactRow] = ()
    timings: Mapping[str, float] = field(default_factory=dict)  # stage → milliseconds
    finish: Callable[[str], Job] | None = None
    blobs: Sequence[str] = ()
    stale: Sequence[str] = ()
    leaks: int = 0  # what the second look saw in the first rendering

    def unwritten(self) -> list[str]:
        """Keys of blobs that belong to nothing when this could not be written."""
        return [*(row.blob_key for row in self.artifacts), *self.blobs]


def ending(job: Job, leaks: int = 0) -> dict[str, Any]:
    """What listeners are told of a job that has ended, or stopped for now."""
    said: dict[str, Any] = {"state": str(job.state), "code": (job.error or {}).get("code", "")}
    if job.kind == REDACTION:
        said |= {"redacted": job.payload["media"]["kind"], "leaks": leaks}
    return said


class Tools:
    """What tasks work with; the examiner with its decoder is made once, by the first job that needs it."""

    def __init__(
        self, settings: Settings, store: Store, limits: Limits | None = None, *, owner: str | None = None
    ) -> None:
        self.settings = settings
        self.limits = limits or settings.limits()
        self.owner = owner or owners.name("job")  # of the leases
        self.store = store
        self.spool = spool_folder(settings)
        self._examiner: Examiner | None = None

    @property
    def examiner(self) -> Examiner:
        if self._examiner is None:
            self._examiner = make_examiner(self.settings, self.limits)
        return self._examiner

    def close(self) -> None:
        if self._examiner is not None:
            self._examiner.close()
            self._examiner = None


def make_examiner(settings: Settings, limits: Limits) -> Examiner:
    """An examiner as the settings want it."""
    return Examiner(
        infer=backend(settings),
        limits=limits,
        fusion=settings.fusion,
        policy_file=settings.policy_file,
        routing=settings.routing,
        routing_file=settings.routing_file,
        trust_list=settings.trust_list,
        threads=settings.threads,
        preview_pixels=settings.preview_pixels,
    )
