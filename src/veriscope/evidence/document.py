"""The written report as plain data: what HTML and PDF both set in type, in one language.

Everything in here is text, a number or the name of a picture. The templates only lay it out, so the two
formats say the same, and nothing a sender wrote ever reaches a template as markup.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from veriscope.evidence.artifacts import Artifact, artifacts, encode
from veriscope.evidence.models import FindingOut, PublicReport
from veriscope.evidence.schema import public
from veriscope.evidence.select import plain
from veriscope.evidence.words import Words
from veriscope.perception.exhibits import shrink
from veriscope.types import Kind, Label, Reason, Report
from veriscope.wording import title

WORST = 8  # thumbnails shown
LONGEST = 900  # pixels of a picture in the report
LONGEST_VIEW = 640
ROWS = 60  # metadata rows set in type; the JSON has all
MAX_TEXT = 6000  # characters set in type
MAX_LIST = 12  # values of one measurement
EMPTY_MAP = 0.1  # a map that never rises above this shows nothing
_THRESHOLDS = {
    "authentic": Label.AUTHENTIC,
    "suspicious": Label.SUSPICIOUS,
    "manipulated": Label.MANIPULATED,
}


def document(report: Report, lang: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
    """The report as JSON-able data, and the pictures it names."""
    writer = _Writer(report, lang)
    return writer.document(), writer.pictures


def _reduced(made: Artifact) -> Artifact:
    """A picture in the size of a printed page, JPEG where it has no transparency."""
    pixels = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or (pixels.ndim == 3 and pixels.shape[2] == 4):
        return made
    small = shrink(pixels, LONGEST_VIEW if made.name.startswith("view-") else LONGEST)
    if small is pixels and made.media_type == "image/jpeg":
        return made
    rgb = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    return Artifact(made.name.rsplit(".", 1)[0] + ".jpg", "image/jpeg", encode(rgb, ".jpg", 82))


class _Writer:
    def __init__(self, report: Report, lang: str) -> None:
        self.w = Words(lang)
        self.report = report
        self.p: PublicReport = public(report, self.w.lang, base=None)
        self.drawn = {m.detector for m in self.p.evidence.heatmaps if m.peak >= EMPTY_MAP}
        self.titles = {f.detector: title(f, self.w.lang) for f in report.findings}
        # Layers are for the page's opacity slider; paper shows the composed overlay.
        wanted = [a for a in artifacts(report) if not a.name.startswith("heatmap-")]
        worst = sorted(self.p.evidence.thumbnails, key=lambda t: t.rank)[:WORST]
        self.worst = sorted((t for t in worst if t.score is not None), key=lambda t: t.time)
        shown = {t.name for t in self.worst}
        reduced = {a.name: _reduced(a) for a in wanted if not a.name.startswith("frame-") or a.name in shown}
        self.named = {original: made.name for original, made in reduced.items()}
        self.pictures = {made.name: made for made in reduced.values()}

    def picture(self, name: str, caption: str, **more: Any) -> dict[str, Any] | None:
        return {"name": self.named[name], "caption": caption, **more} if name in self.named else None

    def value(self, value: Any) -> str:
        if isinstance(value, bool) or value is None:
            return {True: "✓", False: "–", None: "–"}[value]
        if isinstance(value, float):
            return self.w.figure(value)
        if isinstance(value, int) and abs(value) >= 10_000:  # below, it may be a year
            return self.w.number(value)
        if isinstance(value, list):
            tail = ", …" if len(value) > MAX_LIST else ""
            return ", ".join(self.value(v) for v in value[:MAX_LIST]) + tail
        return plain(str(value), 200)

    def pairs(self, values: dict[str, Any]) -> list[list[str]]:
        return [[plain(key.replace("_", " "), 80), self.value(value)] for key, value in values.items() if value != []]

    def coverage(self) -> str:
        c, w = self.p.coverage, self.w
        digits = 1 if c.unit == "seconds" else 0
        parts = [
            w(
                "coverage.of",
                analysed=w.number(c.analysed, digits),
                total=w.number(c.total, digits),
                unit=w(c.unit),
            )
        ]
        parts += [w("coverage.frames", n=w.number(c.frames))] if c.frames is not None else []
        parts += [w("coverage.rate", n=w.number(c.rate, 1))] if c.rate is not None else []
        parts += [w("coverage.faces", n=c.faces)] if c.faces is not None else []
        parts += [w("coverage.left_out", n=len(c.left_out))] if c.left_out else []
        return ", ".join(parts)

    def facts(self) -> list[list[str]]:
        p, w = self.p, self.w
        kind = f"{w('kind.' + p.media_type.value)} ({plain(p.source.format, 40)})"
        if p.source.width and p.source.height:
            kind += f", {p.source.width} × {p.source.height} {w('pixels')}"
        rows = [
            [w("kind"), kind],
            [w("size"), f"{w.number(p.source.bytes)} {w('bytes')}"],
            ["SHA-256", p.sha256],
            [w("examined"), datetime.fromisoformat(p.timestamp).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")],
            [w("analysis"), p.analysis_id],
            [w("policy"), w("policy." + p.policy.value)],
            [w("coverage"), self.coverage()],
        ]
        o = p.options
        asked = []
        if o.region is not None:
            asked.append("x {}, y {}, {} × {} {}".format(*o.region, w("pixels")))
        if o.start is not None or o.end is not None:
            asked.append(f"{w.clock(o.start or 0.0)} – {w.clock(o.end) if o.end is not None else '…'}")
        rows += [[w("asked"), "; ".join(asked)]] if asked else []
        rows += [[w("caption"), plain(o.caption)]] if o.caption else []
        if p.av_sync is not None:
            offset, sure = w.number(p.av_sync.offset_ms), w.number(p.av_sync.confidence, 2)
            rows.append([w("av_sync"), w("av_sync.value", ms=offset, confidence=sure)])
        return rows

    def verdict(self) -> dict[str, Any]:
        a, w = self.p.overall_assessment, self.w
        risk = w("risk.none") if a.risk_score is None else w("risk", risk=w.number(a.risk_score))
        if a.interval is not None:
            risk += ", " + w("interval", low=w.number(a.interval.low), high=w.number(a.interval.high))
        rate = a.false_alarm_rate
        return {
            "label": w("label." + a.label.value),
            "means": w("means." + a.label.value),
            "risk": risk,
            "confidence": f"{w('confidence')}: {w('confidence.' + a.confidence)}",
            "falseAlarms": None if rate is None else w("false_alarms", percent=w.percent(rate)),
            "gauge": None if a.risk_score is None else round(a.risk_score, 2),
            "low": None if a.interval is None else round(a.interval.low, 2),
            "high": None if a.interval is None else round(a.interval.high, 2),
        }

    def finding(self, f: FindingOut) -> dict[str, Any]:
        w = self.w
        notes = [r.note for r in f.regions] + [s.note for s in f.spans]
        reliability = f"{w.number(f.reliability.value, 2)} ({f.reliability.basis})" if f.reliability.basis else None
        return {
            "name": f.title,
            "version": f.version,
            "summary": f.summary,
            "score": None if f.score is None else round(f.score, 4),
            "scoreText": w("score.none") if f.score is None else w("score", score=w.number(f.score, 2)),
            "weight": w("weight", percent=w.percent(f.weight)) if f.weight > 0 else None,
            "reliability": None if f.score is None else reliability or w("unmeasured"),
            "reference": f.reference,
            "uncalibrated": w("uncalibrated") if f.reason is Reason.UNCALIBRATED else None,
            "failed": w("failed", code=f.error or "internal") if f.reason is Reason.FAILED else None,
            "overlay": None
            if f.overlay is None or f.detector not in self.drawn
            else self.picture(f.overlay.name, w("map", detector=f.title)),
            "measurements": self.pairs({k: v for k, v in f.measurements.items() if not k.startswith("oddities")}),
            "parameters": self.pairs(f.parameters),
            "notes": [note for note in dict.fromkeys(notes) if note][:MAX_LIST],
        }

    def signals(self) -> list[dict[str, Any]]:
        rows = []
        for name, signal in self.p.signal_breakdown:
            key = type(self.p.signal_breakdown).model_fields[name].alias or name
            # Abstentions without a word of their own are gathered in one line at the end of the signal.
            spoken = [f for f in signal.findings if f.score is not None or f.measurements or f.reason is Reason.FAILED]
            silent = [f for f in signal.findings if f not in spoken]
            if signal.findings:
                rows.append(
                    {
                        "title": self.w("signal." + key),
                        "weight": signal.weight,
                        "weightText": self.w("weight", percent=self.w.percent(signal.weight))
                        if signal.weight
                        else None,
                        "score": signal.score,
                        "scoreText": self.w("score.none")
                        if signal.score is None
                        else self.w("score", score=self.w.number(signal.score, 2)),
                        "findings": [self.finding(f) for f in spoken],
                        "silent": [[f.title, f.summary] for f in silent],
                    }
                )
        return sorted(rows, key=lambda r: -r["weight"])

    def crops(self) -> list[dict[str, Any]]:
        shown = []
        for number, region in enumerate((r for r in self.p.suspicious_regions if r.crop), start=1):
            said = f"{number}. {self.titles[region.detector]}" + (f": {region.note}" if region.note else "")
            shown.append(self.picture(region.crop.name if region.crop else "", said))
        return [s for s in shown if s]

    def moments(self) -> list[dict[str, Any]]:
        w = self.w
        shown = [
            self.picture(t.name, f"{w.clock(t.time)} · {w('score', score=w.number(t.score or 0.0, 2))}")
            for t in self.worst
        ]
        return [s for s in shown if s]

    def text(self) -> list[dict[str, Any]] | None:
        """The beginning of the text in pieces, those inside a marked span carrying its note."""
        whole = self.p.text
        if whole is None:
            return None
        limit = min(len(whole), MAX_TEXT)
        spans = [s for s in self.p.suspicious_spans if s.unit == "characters" and s.start < limit]
        cuts = sorted({0, limit, *(min(limit, max(0, int(e))) for s in spans for e in (s.start, s.end))})
        pieces = []
        for start, end in pairwise(cuts):
            over = [s for s in spans if s.start <= start and s.end >= end]
            note = over[0].note or self.titles[over[0].detector] if over else None
            lines = [plain(line, MAX_TEXT) for line in whole[start:end].split("\n")]
            pieces.append({"text": "\n".join(lines), "note": note})
        return pieces

    def thresholds(self) -> list[list[str]]:
        """Authentic ends at its threshold, the other labels begin at theirs."""
        rows = []
        for key, value in sorted(self.p.overall_assessment.thresholds.items(), key=lambda item: item[1]):
            known = _THRESHOLDS.get(key.lower())
            sign = "≤" if known is Label.AUTHENTIC else "≥"
            rows.append([self.w("label." + known.value) if known else plain(key), f"{sign} {self.w.figure(value)}"])
        return rows

    def settings(self) -> list[dict[str, Any]]:
        p, w = self.p, self.w
        tables = [
            (w("thresholds"), self.thresholds()),
            (w("networks"), [[n.name, n.version] for n in p.models]),
            (w("versions"), self.pairs(dict(p.versions))),
            (w("options"), self.pairs(p.settings)),
            (w("timings"), self.pairs(dict(p.timings))),
        ]
        return [{"title": title, "rows": rows} for title, rows in tables if rows]

    def document(self) -> dict[str, Any]:
        p, w = self.p, self.w
        state = p.provenance.state
        limits = ["limits.0", "limits.1", "limits.2", "limits.3", "limits.4"]
        limits += ["limits.text"] if p.media_type in {Kind.TEXT, Kind.HTML} or p.options.caption else []
        spectrum = p.evidence.spectrogram
        text = self.text()
        headings = (
            "title decided recommendations notes findings where where.regions moments timeline timeline.alt views"
        )
        headings += " text text.cut provenance provenance.signer provenance.ai metadata metadata.odd metadata.none"
        headings += " settings limits incomplete reliability method measurements parameters also"
        return {
            "lang": w.lang,
            "words": {key: w(key) for key in headings.split()},
            "name": plain(p.source.name, 160),
            "timestamp": p.timestamp,
            "verdict": self.verdict(),
            "complete": p.complete,
            "facts": self.facts(),
            "explanation": p.overall_assessment.explanation,
            "recommendations": p.overall_assessment.recommendations,
            "notes": list(dict.fromkeys([*p.overall_assessment.notes, *p.notes])),
            "signals": self.signals(),
            "preview": self.picture("preview.jpg", plain(p.source.name, 160)),
            "regions": self.picture("regions.jpg", w("where.regions")),
            "crops": self.crops(),
            "moments": self.moments(),
            "waveform": self.picture("waveform.png", w("waveform")),
            "spectrogram": None
            if spectrum is None
            else self.picture("spectrogram.png", w("spectrogram", hz=w.number(spectrum.top_hz))),
            "views": [v for v in (self.picture(v.name, v.caption, group=v.group) for v in p.evidence.views) if v],
            "text": text,
            "textCut": text is not None and (p.text_truncated or len(p.text or "") > MAX_TEXT),
            "provenance": {
                "state": state,
                "sentence": w("provenance." + state),
                "signer": None if p.provenance.signer is None else plain(p.provenance.signer),
                "ai": p.provenance.ai_declared,
            },
            "metadata": [
                {"field": f"{r.group}.{r.name}" if r.group else r.name, "value": r.value, "odd": r.odd, "note": r.note}
                for r in p.metadata[:ROWS]
            ],
            "metadataMore": max(0, len(p.metadata) - ROWS),
            "settings": self.settings(),
            "limits": [w(key) for key in limits],
        }
