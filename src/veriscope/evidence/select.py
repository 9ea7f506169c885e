"""What of a report is worth showing, in which order, and what the artifacts are called.

The public JSON, the HTML page, the PDF and the artifact files all choose here, so they cannot disagree.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriscope.types import Finding, Region, Report, Span, Text, Thumbnail, View
from veriscope.wording import title

SUSPICIOUS = 0.5  # a calibrated score above this is more likely manipulated than not
MAX_CROPS = 12
MAX_ROWS = 400
MAX_VALUE = 400  # characters of one metadata value
NETWORK = "model:"  # prefix of the networks in ``Report.versions``


@dataclass(frozen=True, slots=True)
class MetadataField:
    group: str
    name: str
    value: str
    odd: bool
    note: str | None


def finite(value: float | None) -> float | None:
    """NaN and infinity are no figures: they become null."""
    return None if value is None or not math.isfinite(value) else float(value)


def say(text: Text, lang: str) -> str:
    """The sentence in ``lang``, else in English, else whatever there is."""
    return text.get(lang) or text.get("en") or next(iter(text.values()), "")


def plain(text: str, limit: int = MAX_VALUE) -> str:
    """Hostile text made safe to *show*: one line, no control or direction characters, shortened."""
    cut = text[: 2 * limit]
    kept = "".join(" " if c in "\n\r\t" else c for c in cut if c in "\n\r\t" or unicodedata.category(c)[0] != "C")
    return kept if len(kept) <= limit and len(cut) == len(text) else kept[: limit - 1] + "…"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:64] or "item"


def weight(report: Report, finding: Finding) -> float:
    return finite(report.weights.get(finding.detector, 0.0)) or 0.0


def by_weight(report: Report, findings: Sequence[Finding] | None = None) -> list[Finding]:
    """Findings that scored first, the heaviest in the decision at the top; ties by score, then name."""
    chosen = report.findings if findings is None else findings
    return sorted(chosen, key=lambda f: (f.score is None, -weight(report, f), -(f.score or 0.0), f.detector))


def suspicious_regions(report: Report) -> list[tuple[Finding, Region]]:
    """Boxes of the findings that speak for manipulation, the most suspicious finding first."""
    speaking = [f for f in by_weight(report) if f.score is not None and f.score >= SUSPICIOUS]
    pairs = [(f, r) for f in speaking for r in f.regions]
    return sorted(pairs, key=lambda p: -(p[1].score if p[1].score is not None else p[0].score or 0.0))


def suspicious_spans(report: Report) -> list[tuple[Finding, Span]]:
    """Stretches of the findings that speak for manipulation, in order of time."""
    speaking = [f for f in by_weight(report) if f.score is not None and f.score >= SUSPICIOUS]
    return sorted(((f, s) for f in speaking for s in f.spans), key=lambda p: (p[1].unit, p[1].start, p[1].end))


def crops(report: Report) -> list[tuple[str, Finding, Region]]:
    """Regions of a still picture that are cut out of the preview, with the artifact's name."""
    if report.exhibits.preview is None:
        return []
    still = [(f, r) for f, r in suspicious_regions(report) if r.time is None and r.width > 0 and r.height > 0]
    return [(f"crop-{n}.jpg", f, r) for n, (f, r) in enumerate(still[:MAX_CROPS], start=1)]


def frame_scores(report: Report) -> list[tuple[int, float, float, dict[str, float]]]:
    """(frame, seconds, weighted mean score, score by detector) of every frame that got a score, in order."""
    times: dict[int, float] = {}
    scores: dict[int, dict[str, float]] = {}
    for finding in report.findings:
        for frame in finding.frames:
            if math.isfinite(frame.score) and math.isfinite(frame.time):
                times.setdefault(frame.index, frame.time)
                scores.setdefault(frame.index, {})[finding.detector] = float(frame.score)
    rows = []
    for index in sorted(scores):
        heavy = {d: report.weights.get(d, 0.0) for d in scores[index]}
        total = sum(heavy.values())
        share = {d: (w / total if total > 0 else 1 / len(heavy)) for d, w in heavy.items()}
        rows.append((index, times[index], sum(s * share[d] for d, s in scores[index].items()), scores[index]))
    return rows


def thumbnails(report: Report) -> list[tuple[Thumbnail, float | None, int]]:
    """(thumbnail, highest score among the frames it stands for, rank by score) in time order; rank 1 is the worst.

    A thumbnail stands for the moments nearer to it than to its neighbours.
    """
    times = np.array([t.time for t in report.exhibits.thumbnails])
    highest: dict[int, float] = {}
    for _, time, score, _ in frame_scores(report) if times.size else []:
        nearest = int(np.abs(times - time).argmin())
        highest[nearest] = max(score, highest.get(nearest, 0.0))

    scored = [
        (t, highest.get(i) if t.score is None else finite(t.score)) for i, t in enumerate(report.exhibits.thumbnails)
    ]
    order = sorted(range(len(scored)), key=lambda i: (-(scored[i][1] or 0.0), scored[i][0].time))
    rank = {i: place for place, i in enumerate(order, start=1)}
    return [(t, s, rank[i]) for i, (t, s) in enumerate(scored)]


def views(report: Report) -> list[tuple[str, Finding | None, View]]:
    """(artifact's name, method where one made it, view): the analyst's pictures."""
    general = [(f"view-{slug(v.name)}.png", None, v) for v in report.exhibits.views]
    return general + [(f"view-{slug(f.detector)}-{slug(v.name)}.png", f, v) for f in report.findings for v in f.views]


def networks(report: Report) -> dict[str, str]:
    return {k.removeprefix(NETWORK): v for k, v in report.versions.items() if k.startswith(NETWORK)}


def _flatten(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        return [row for key, inner in value.items() for row in _flatten(inner, (*path, str(key)))]
    if isinstance(value, (bytes, bytearray)):
        return [(path, f"({len(value)} bytes)")]
    if isinstance(value, (list, tuple)):
        if any(isinstance(v, (Mapping, list, tuple)) for v in value):
            return [row for n, inner in enumerate(value) for row in _flatten(inner, (*path, str(n)))]
        return [(path, ", ".join(map(str, value[:64])))] if value else []
    return [] if value is None or value == "" else [(path, str(value))]


def measured_rows(report: Report) -> list[tuple[tuple[str, ...], str]]:
    """The rows that a detector prepared as ``group<TAB>name<TAB>value``, else everything that was parsed."""
    prepared = [
        tuple(row.split("\t", 2))
        for finding in report.findings
        for row in _texts(finding.measurements.get("rows"))
        if row.count("\t") >= 2
    ]
    if prepared:
        return [((group, name) if name else (group,), value) for group, name, value in prepared]
    return _flatten(report.exhibits.metadata, ())


def _texts(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, (list, tuple)) else []


def _oddities(report: Report, lang: str) -> list[tuple[str, str]]:
    """(method, sentence) for what detectors found odd: ``measurements["oddities"]``, and ``oddities_vi``, …"""
    found = []
    for finding in report.findings:
        english = _texts(finding.measurements.get("oddities"))
        local = _texts(finding.measurements.get(f"oddities_{lang}"))
        found += [(title(finding, lang), text) for text in (local if len(local) == len(english) else english)]
    return found


def metadata_rows(report: Report, lang: str) -> list[MetadataField]:
    """What the file says of itself as flat rows, those with an oddity first.

    An oddity belongs to the row whose value its sentence quotes; one that quotes none is a row of its own.
    """
    odd = _oddities(report, lang)
    matched: set[str] = set()
    rows: list[MetadataField] = []
    for path, value in measured_rows(report)[:MAX_ROWS]:
        notes = [text for _, text in odd if len(value) >= 4 and value in text]
        matched |= set(notes)
        note = plain(" ".join(notes)) if notes else None
        group, name = (".".join(path[:-1]), path[-1]) if len(path) > 1 else ("", "".join(path))
        rows.append(MetadataField(plain(group, 80), plain(name, 80), plain(value), bool(notes), note))
    alone = [MetadataField("", method, plain(text), True, None) for method, text in odd if text not in matched]
    return alone + sorted(rows, key=lambda r: not r.odd)
