"""What a redaction is asked for besides its plan, and what it answers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from veriscope.perception.pii_kinds import Custom
from veriscope.redaction.looking import Cadence
from veriscope.redaction.plan import SECONDS, Plan
from veriscope.redaction.senses import Senses
from veriscope.redaction.verify import Leak
from veriscope.types import Media


@dataclass(frozen=True, slots=True)
class How:
    """Everything that shapes a redaction besides the plan."""

    operators: tuple[str, ...] = ()  # "blur", "faces=blur", "speech=tone", "person=mask": see ``targets.operators``
    keep: tuple[str, ...] = ()  # ids of tracks and spans that stay
    strip: bool = True  # metadata, embedded thumbnails
    crf: int = 20
    preset: str = "veryfast"
    cadence: Cadence | None = None  # None: as ``senses`` say
    second_look: bool = True
    custom: tuple[Custom, ...] = ()  # own words and patterns, looked for in texts, pictures and speech
    senses: Senses = field(default_factory=Senses)

    @property
    def looks(self) -> Cadence:
        return self.cadence or Cadence(small=self.senses.look_seconds)


@dataclass(frozen=True, slots=True)
class Result:
    source: Media
    plan: Plan
    output: Path | None  # None: only planned
    sha256: str = ""  # of the output
    frames: int = 0
    covered: int = 0  # frames with at least one box
    rendered: int = 0  # times: 2 where the second look made it necessary
    looks: int = 0  # of the second look, at the output
    first_leaks: tuple[Leak, ...] = ()  # what the second look saw in the first rendering
    pages: int = 0  # of a PDF
    found: Mapping[str, int] = field(default_factory=dict)  # kinds of personal data in text, how often each
    speech: Mapping[str, Any] = field(default_factory=dict)  # who listened and how far to believe it
    notes: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)  # seconds

    def as_dict(self) -> dict[str, Any]:
        """The public shape (camelCase)."""
        counts: dict[str, int] = {}
        for track in self.plan.tracks:
            counts[track.kind.value] = counts.get(track.kind.value, 0) + 1
        spans = Counter(span.kind for span in self.plan.spans if span.unit == SECONDS)
        return {
            "source": {"name": self.source.name, "bytes": self.source.size, "sha256": self.source.sha256},
            "output": None if self.output is None else {"path": str(self.output), "sha256": self.sha256},
            "planSha256": hashlib.sha256(self.plan.as_json().encode()).hexdigest(),
            "tracks": counts,
            "spans": dict(spans),
            "found": dict(self.found),
            "speech": dict(self.speech) or None,
            "pages": self.pages,
            "targets": list(self.plan.targets),
            "kept": [t.id for t in self.plan.tracks if not t.enabled]
            + [s.id for s in self.plan.spans if not s.enabled],
            "frames": {"total": self.frames, "covered": self.covered},
            "secondLook": {
                "looks": self.looks,
                "leaksInFirstRendering": [leak.as_dict() for leak in self.first_leaks],
                "leaks": [],
            }
            if self.looks
            else None,
            "rendered": self.rendered,
            "notes": list(self.notes),
            "timings": {k: round(1000 * v) for k, v in self.timings.items()},
        }
