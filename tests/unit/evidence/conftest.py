"""Reports built in code: what the examiner would hand over, with hostile names and awkward numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from veriscope.types import (
    Assessment,
    AvSync,
    Coverage,
    Exhibits,
    Finding,
    FrameScore,
    Kind,
    Label,
    Media,
    Options,
    Provenance,
    Reason,
    Region,
    Reliability,
    Report,
    Signal,
    Span,
    Thumbnail,
    View,
)

HOSTILE = '"><script src="https://evil.example/x.js"></script>\u202egpj.exe#set page()'
SUMMARY = {"en": "A block was measured.", "vi": "Đã đo một khối ảnh: dấu vết nén không đồng nhất."}


def finding(detector: str, score: float | None = 0.8, **more: object) -> Finding:
    base = {
        "detector": detector,
        "version": "1",
        "signal": Signal.FREQUENCY,
        "score": score,
        "reason": None if score is not None else Reason.NOT_JPEG,
        "raw": 1.5,
        "summary": SUMMARY,
        "reliability": Reliability(0.4, "synthetic, 100 images, AUC 0.70 [0.60, 0.80]"),
        "libraries": {"numpy": "2"},
        "reference": "Somebody et al., A method, 2020",
    }
    return Finding(**{**base, **more})  # type: ignore[arg-type]


@pytest.fixture
def image_report() -> Report:
    rng = np.random.default_rng(0)
    preview = rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)
    heat = np.zeros((45, 60), np.float32)
    heat[10:20, 20:40] = 1.0
    heat[0, 0] = np.nan
    findings = (
        finding(
            "jpeg_grid",
            heatmap=heat,
            regions=(
                Region(40, 20, 40, 20, score=0.9, note={"en": "here", "vi": "ở đây"}, group=1),
                Region(0, 0, 30, 30, group=1),
            ),
            parameters={"threshold": 1e-3, "hostile": HOSTILE},
            measurements={"nfa": math.inf, "peaks": [1.0, math.nan], "share": np.float32(0.5)},
        ),
        finding("noise_level", 0.2, signal=Signal.NOISE, regions=(Region(1, 1, 5, 5),)),
        finding(
            "metadata",
            None,
            signal=Signal.METADATA,
            reason=Reason.NOT_APPLICABLE,
            title={"en": "Metadata", "vi": "Siêu dữ liệu"},
            measurements={
                "oddities": [f"Saved by {HOSTILE}.", "The thumbnail is older."],
                "oddities_vi": [f"Được lưu bởi {HOSTILE}.", "Ảnh thu nhỏ cũ hơn."],
            },
        ),
        finding(
            "views",
            None,
            reason=Reason.NOT_APPLICABLE,
            views=(
                View("error level", "compression", preview[..., 0], {"en": "Bright is different.", "vi": "Sáng"}),
                View("residual", "noise", preview, {"en": "Residual"}),
            ),
        ),
        finding("ghost", None, reason=Reason.FAILED, error="internal"),
    )
    return Report(
        id="a1b2",
        timestamp="2026-01-02T03:04:05Z",
        media=Media(Path("x"), HOSTILE, Kind.IMAGE, "jpeg", 1234, "ab" * 32),
        options=Options(caption=HOSTILE),
        assessment=Assessment(
            risk=71.25,
            label=Label.SUSPICIOUS,
            confidence="Medium",
            interval=(55.0, 83.0),
            explanation={"en": "The JPEG grid decided.", "vi": "Lưới JPEG quyết định."},
            recommendations=({"en": "Ask for the original file.", "vi": "Hãy xin tệp gốc."},),
            notes=({"en": "Score and map disagree.", "vi": "Điểm và bản đồ không khớp."},),
            false_alarm_rate=0.02,
            thresholds={"authentic": 20.0, "suspicious": 60.0, "manipulated": 80.0},
            decided_by=("jpeg_grid",),
        ),
        findings=findings,
        weights={"jpeg_grid": 0.75, "noise_level": 0.25},
        coverage=Coverage(10800, 10800, "pixels", faces=0),
        timings={"decode": 1.5, "total": 20.0},
        complete=False,
        versions={"veriscope": "0.1", "numpy": "2", "model:centerface": "1"},
        settings={"max_pixels": 100, "hostile": HOSTILE},
        provenance=Provenance("invalid", signer=HOSTILE, details={"cert": b"123", "when": math.nan}),
        notes=({"en": "A remark.", "vi": "Một nhận xét."},),
        exhibits=Exhibits(
            preview=preview,
            size=(240, 180),
            metadata={"exif": {"Software": HOSTILE, "Gps": {"lat": (10, 2)}, "Blob": b"\0" * 9, "Empty": ""}},
        ),
    )


@pytest.fixture
def video_report(image_report: Report) -> Report:
    jpeg = cv2.imencode(".jpg", np.full((36, 64, 3), 90, np.uint8))[1].tobytes()
    frames = tuple(FrameScore(i * 25, float(i), s) for i, s in enumerate([0.1, 0.9, 0.4, math.nan]))
    findings = (
        finding("face_jitter", 0.7, signal=Signal.TEMPORAL, frames=frames, regions=(Region(3, 3, 9, 9, time=1.0),)),
        finding("sound_splice", 0.6, signal=Signal.AUDIO, spans=(Span(2.0, 2.5, 0.9, {"en": "step"}),)),
        finding("frame_order", 0.1, signal=Signal.TEMPORAL, frames=(FrameScore(25, 1.0, 0.3),)),
    )
    return replace(
        image_report,
        media=replace(image_report.media, kind=Kind.VIDEO, format="mp4"),
        findings=findings,
        weights={"face_jitter": 0.6, "sound_splice": 0.2, "frame_order": 0.2},
        coverage=Coverage(4.0, 4.0, "seconds", frames=4, rate=1.0, faces=1),
        av_sync=AvSync(120.0, 0.8),
        complete=True,
        exhibits=Exhibits(
            preview=np.full((36, 64, 3), 90, np.uint8),
            size=(640, 360),
            thumbnails=tuple(Thumbnail(i * 25, float(i), jpeg, 64, 36) for i in range(4)),
            peaks=np.stack([-np.linspace(0, 1, 5000), np.linspace(0, 1, 5000)], axis=1).astype(np.float32),
            spectrogram=np.tile(np.arange(64, dtype=np.uint8)[:, None], (1, 80)),
            spectrogram_hz=8000.0,
        ),
    )


@pytest.fixture
def text_report(image_report: Report) -> Report:
    text = "A normal sentence & a <b>trick</b>.\n\nSecond paragraph, với tiếng Việt."
    return replace(
        image_report,
        media=replace(image_report.media, kind=Kind.TEXT, format="plain"),
        findings=(
            finding("hidden_text", 0.9, signal=Signal.TEXT, spans=(Span(2, 8, 0.9, {"en": "mixed"}, "characters"),)),
        ),
        weights={"hidden_text": 1.0},
        coverage=Coverage(len(text), len(text), "characters"),
        exhibits=Exhibits(text=text),
    )
