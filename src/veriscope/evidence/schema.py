"""From the report inside to the report outside: ``public(report)`` is the JSON of ``GET /analyses/{id}``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from veriscope.evidence import models as m
from veriscope.evidence import select
from veriscope.evidence.models import SCHEMA_VERSION, PublicReport
from veriscope.evidence.select import finite, say, slug, weight
from veriscope.evidence.timeline import duration, lanes
from veriscope.types import Finding, Region, Report, Scalar, Signal, Span, Text
from veriscope.wording import title

__all__ = ["SCHEMA_VERSION", "PublicReport", "public"]

BASE = "/api/v1/analyses/{id}"
MAX_TEXT = 200_000  # characters shown; the whole text was examined all the same
MAX_PEAKS = 2000


def jsonable(value: Any) -> Any:
    """Plain JSON of whatever a parser left: numpy scalars unwrapped, bytes counted, NaN null."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(v) for v in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return f"({len(value)} bytes)" if isinstance(value, (bytes, bytearray)) else str(value)


def _flat(values: Mapping[str, Scalar | Sequence[Scalar]]) -> dict[str, Any]:
    """Like ``jsonable`` and one level deep, as the schema promises: what is nested becomes text."""
    flat: dict[str, Any] = {}
    for key, value in jsonable(values).items():
        if isinstance(value, list):
            flat[key] = [str(v) if isinstance(v, (list, dict)) else v for v in value]
        else:
            flat[key] = str(value) if isinstance(value, dict) else value
    return flat


def public(report: Report, lang: str = "en", *, base: str | None = BASE) -> PublicReport:
    """The report that leaves the house.

    Args:
        report: what ``analyse`` found.
        lang: "en" or "vi"; every sentence is there in all languages under ``translations`` as well.
        base: where artifacts and reports are served, with ``{id}`` for the analysis; ``None`` where nobody
            serves them, as on the command line: the links then carry names only.
    """
    return _Publisher(report, lang, None if base is None else base.replace("{id}", report.id)).report()


class _Publisher:
    def __init__(self, report: Report, lang: str, base: str | None) -> None:
        self.r = report
        self.lang = lang
        self.base = base
        self.crops = {id(region): name for name, _, region in select.crops(report)}

    def link(self, name: str, media_type: str) -> dict[str, Any]:
        url = None if self.base is None else f"{self.base}/artifacts/{name}"
        return {"name": name, "url": url, "media_type": media_type}

    def note(self, text: Text | None) -> str | None:
        return None if text is None else say(text, self.lang)

    def region(self, region: Region) -> dict[str, Any]:
        return {
            "x": finite(region.x) or 0.0,
            "y": finite(region.y) or 0.0,
            "width": max(0.0, finite(region.width) or 0.0),
            "height": max(0.0, finite(region.height) or 0.0),
            "score": finite(region.score),
            "note": self.note(region.note),
            "time": finite(region.time),
            "group": region.group,
        }

    def span(self, span: Span) -> dict[str, Any]:
        return {
            "start": finite(span.start) or 0.0,
            "end": finite(span.end) or 0.0,
            "unit": span.unit,
            "score": finite(span.score),
            "note": self.note(span.note),
        }

    def frames(self, finding: Finding) -> list[m.FrameOut]:
        return [
            m.FrameOut(frame=f.index, time=f.time, score=f.score)
            for f in finding.frames
            if math.isfinite(f.score) and math.isfinite(f.time)
        ]

    def mapped(self, finding: Finding) -> bool:
        return finding.heatmap is not None and self.r.exhibits.preview is not None

    def heatmap(self, finding: Finding) -> dict[str, Any]:
        return self.link(f"heatmap-{slug(finding.detector)}.png", "image/png")

    def overlay(self, finding: Finding) -> dict[str, Any]:
        return self.link(f"overlay-{slug(finding.detector)}.jpg", "image/jpeg")

    def finding(self, f: Finding) -> m.FindingOut:
        return m.FindingOut(
            detector=f.detector,
            version=f.version,
            title=title(f, self.lang),
            titles=dict(f.title),
            signal=f.signal,
            score=finite(f.score),
            reason=f.reason,
            raw=finite(f.raw),
            weight=max(0.0, weight(self.r, f)),
            reliability=m.ReliabilityOut(value=f.reliability.value, basis=f.reliability.basis),
            summary=say(f.summary, self.lang),
            translations=dict(f.summary),
            regions=[m.RegionOut(**self.region(r)) for r in f.regions],
            spans=[m.SpanOut(**self.span(s)) for s in f.spans],
            frames=self.frames(f),
            heatmap=m.ArtifactLink(**self.heatmap(f)) if self.mapped(f) else None,
            overlay=m.ArtifactLink(**self.overlay(f)) if self.mapped(f) else None,
            parameters=_flat(f.parameters),
            measurements=_flat({k: v for k, v in f.measurements.items() if k != "rows"}),  # they are in ``metadata``
            libraries=dict(f.libraries),
            reference=f.reference,
            error=f.error,
        )

    def signal(self, signal: Signal) -> m.SignalOut:
        findings = select.by_weight(self.r, [f for f in self.r.findings if f.signal == signal])
        scored = [(f.score, max(0.0, weight(self.r, f))) for f in findings if finite(f.score) is not None]
        total = sum(w for _, w in scored)
        mean = None
        if scored:
            # Findings that the decision left out still have a score to show: then all count alike.
            shares = [(s or 0.0, w / total if total > 0 else 1 / len(scored)) for s, w in scored]
            mean = min(1.0, sum(s * w for s, w in shares))
        return m.SignalOut(score=mean, weight=total, findings=[self.finding(f) for f in findings])

    def assessment(self) -> m.OverallAssessment:
        a = self.r.assessment
        languages = sorted({k for t in (a.explanation, *a.recommendations, *a.notes) for k in t})
        low, high = a.interval or (math.nan, math.nan)
        known = math.isfinite(low) and math.isfinite(high)
        return m.OverallAssessment(
            risk_score=finite(a.risk),
            label=a.label,
            confidence=a.confidence,
            interval=m.Interval(low=low, high=high) if known else None,
            explanation=say(a.explanation, self.lang),
            recommendations=[say(t, self.lang) for t in a.recommendations],
            notes=[say(t, self.lang) for t in a.notes],
            false_alarm_rate=finite(a.false_alarm_rate),
            thresholds={k: v for k, v in a.thresholds.items() if math.isfinite(v)},
            decided_by=list(a.decided_by),
            translations={
                key: m.Wording(
                    explanation=say(a.explanation, key),
                    recommendations=[say(t, key) for t in a.recommendations],
                    notes=[say(t, key) for t in a.notes],
                )
                for key in languages
            },
        )

    def evidence(self) -> m.Evidence:
        x = self.r.exhibits
        shape = None if x.preview is None else x.preview.shape
        seconds = duration(self.r)
        sound = x.peaks is not None and len(x.peaks) > 0
        return m.Evidence(
            preview=None if shape is None else m.ArtifactLink(**self.link("preview.jpg", "image/jpeg")),
            preview_width=None if shape is None else shape[1],
            preview_height=None if shape is None else shape[0],
            thumbnails=[
                m.Thumb(
                    **self.link(f"frame-{t.index}.jpg", "image/jpeg"),
                    frame=t.index,
                    time=t.time,
                    width=t.width,
                    height=t.height,
                    score=score,
                    rank=rank,
                )
                for t, score, rank in select.thumbnails(self.r)
            ],
            heatmaps=[
                m.Heatmap(
                    **self.heatmap(f),
                    detector=f.detector,
                    signal=f.signal,
                    score=finite(f.score),
                    overlay=m.ArtifactLink(**self.overlay(f)),
                    peak=float(np.clip(np.nan_to_num(f.heatmap).max(initial=0.0), 0.0, 1.0)),
                )
                for f in select.by_weight(self.r)
                if f.heatmap is not None and self.mapped(f)
            ],
            views=[
                m.ViewOut(
                    **self.link(name, "image/png"),
                    view=v.name,
                    detector=None if f is None else f.detector,
                    group=v.group,
                    caption=say(v.caption, self.lang),
                    translations=dict(v.caption),
                )
                for name, f, v in select.views(self.r)
            ],
            timeline=[
                m.Lane(
                    signal=lane.signal,
                    detector=lane.detector,
                    points=[m.FrameOut(frame=p.index, time=p.time, score=p.score) for p in lane.points],
                    spans=[m.SpanOut(**self.span(s)) for s in lane.spans],
                )
                for lane in lanes(self.r)
            ],
            waveform=m.Waveform(
                link=m.ArtifactLink(**self.link("waveform.png", "image/png")), peaks=self.peaks(), duration=seconds
            )
            if sound
            else None,
            spectrogram=None
            if x.spectrogram is None or not x.spectrogram.size
            else m.Spectrogram(
                **self.link("spectrogram.png", "image/png"), top_hz=finite(x.spectrogram_hz) or 0.0, duration=seconds
            ),
            report=m.ReportLinks(
                html=None if self.base is None else f"{self.base}/report.html",
                pdf=None if self.base is None else f"{self.base}/report.pdf",
            ),
        )

    def peaks(self) -> list[tuple[float, float]]:
        peaks = self.r.exhibits.peaks
        if peaks is None or not len(peaks):
            return []
        starts = np.linspace(0, len(peaks), min(MAX_PEAKS, len(peaks)), endpoint=False).astype(int)
        clean = np.nan_to_num(np.asarray(peaks, dtype=np.float64))
        low = np.minimum.reduceat(clean[:, 0], starts)
        high = np.maximum.reduceat(clean[:, 1], starts)
        return [(round(float(a), 4), round(float(b), 4)) for a, b in zip(low, high, strict=True)]

    def report(self) -> PublicReport:
        r, x, o = self.r, self.r.exhibits, self.r.options
        text = x.text
        return PublicReport(
            schema_version=SCHEMA_VERSION,
            status="completed",
            analysis_id=r.id,
            timestamp=r.timestamp,
            media_type=r.media.kind,
            source=m.Source(
                name=r.media.name,
                bytes=r.media.size,
                format=r.media.format,
                width=x.size[0] or None,
                height=x.size[1] or None,
            ),
            sha256=r.media.sha256,
            complete=r.complete,
            policy=o.policy,
            options=m.OptionsOut(
                policy=o.policy,
                region=o.region,
                start=finite(o.start),
                end=finite(o.end),
                rate=finite(o.rate),
                caption=o.caption,
                edge_score=finite(o.edge_score),
            ),
            overall_assessment=self.assessment(),
            signal_breakdown=m.SignalBreakdown.model_validate({s.value: self.signal(s) for s in Signal}),
            suspicious_regions=[
                m.SuspiciousRegion(
                    **self.region(region),
                    detector=f.detector,
                    signal=f.signal,
                    crop=m.ArtifactLink(**self.link(self.crops[id(region)], "image/jpeg"))
                    if id(region) in self.crops
                    else None,
                )
                for f, region in select.suspicious_regions(r)
            ],
            suspicious_spans=[
                m.SuspiciousSpan(**self.span(span), detector=f.detector, signal=f.signal)
                for f, span in select.suspicious_spans(r)
            ],
            frame_analysis=[
                m.FrameAnalysis(frame=index, time=time, score=score, detectors=detectors)
                for index, time, score, detectors in select.frame_scores(r)
            ],
            av_sync=None
            if r.av_sync is None or finite(r.av_sync.offset_ms) is None
            else m.AvSyncOut(offset_ms=r.av_sync.offset_ms, confidence=finite(r.av_sync.confidence) or 0.0),
            provenance=m.ProvenanceOut(
                state=r.provenance.state,
                signer=r.provenance.signer,
                ai_declared=r.provenance.ai_declared,
                details=jsonable(r.provenance.details),
            ),
            coverage=m.CoverageOut(
                analysed=finite(r.coverage.analysed) or 0.0,
                total=finite(r.coverage.total) or 0.0,
                unit=r.coverage.unit,
                frames=r.coverage.frames,
                rate=finite(r.coverage.rate),
                faces=r.coverage.faces,
                left_out=list(r.coverage.left_out),
            ),
            evidence=self.evidence(),
            metadata=[
                m.MetadataRow(group=row.group, name=row.name, value=row.value, odd=row.odd, note=row.note)
                for row in select.metadata_rows(r, self.lang)
            ],
            text=None if text is None else text[:MAX_TEXT],
            text_truncated=text is not None and len(text) > MAX_TEXT,
            notes=[say(t, self.lang) for t in r.notes],
            models=[m.NetworkOut(name=k, version=v) for k, v in select.networks(r).items()],
            versions={k: v for k, v in r.versions.items() if not k.startswith(select.NETWORK)},
            settings=_flat(r.settings),
            timings={k: v for k, v in r.timings.items() if math.isfinite(v)},
            language=self.lang,
        )
