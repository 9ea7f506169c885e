"""Lanes through time: what each detector saw at which moment of a video or sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

from veriscope.evidence.select import by_weight
from veriscope.types import FrameScore, Report, Signal, Span


@dataclass(frozen=True, slots=True)
class Lane:
    """One detector's findings in time order; ``score`` of the points is 0–1."""

    signal: Signal
    detector: str
    points: tuple[FrameScore, ...]
    spans: tuple[Span, ...]


def lanes(report: Report) -> list[Lane]:
    """One lane per detector that marked moments, grouped by signal, the heaviest detector of a signal first.

    Spans of text count characters, not seconds, so they are no lane.
    """
    found = []
    for finding in by_weight(report):
        points = tuple(
            sorted(
                (f for f in finding.frames if math.isfinite(f.score) and math.isfinite(f.time)), key=lambda f: f.time
            )
        )
        spans = tuple(sorted((s for s in finding.spans if s.unit == "seconds"), key=lambda s: (s.start, s.end)))
        if points or spans:
            found.append(Lane(finding.signal, finding.detector, points, spans))
    order = list(Signal)
    return sorted(found, key=lambda lane: order.index(lane.signal))


def duration(report: Report) -> float:
    """Seconds that the lanes span: the medium's length, or as far as anything was marked."""
    total = report.coverage.total if report.coverage.unit == "seconds" else 0.0
    marked = [p.time for lane in lanes(report) for p in lane.points]
    marked += [s.end for lane in lanes(report) for s in lane.spans]
    return max([total, *marked], default=0.0)
