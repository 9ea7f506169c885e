from __future__ import annotations

import json
from dataclasses import replace

import pytest

from veriscope.evidence.models import PublicReport
from veriscope.evidence.schema import MAX_PEAKS, MAX_TEXT, public
from veriscope.types import Exhibits, Report, Signal


def dumped(report: Report, **how: object) -> dict[str, object]:
    """As a strict reader sees it: NaN and Infinity raise."""

    def refuse(token: str) -> None:
        raise AssertionError(token)

    return json.loads(public(report, **how).model_dump_json(), parse_constant=refuse)  # type: ignore[arg-type,no-any-return]


@pytest.mark.parametrize("name", ["image_report", "video_report", "text_report"])
def test_round_trip_without_nan(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    out = public(report)
    text = out.model_dump_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert PublicReport.model_validate_json(text) == out
    assert set(dumped(report)["signalBreakdown"]) == {s.value for s in Signal}


def test_every_field_is_described_and_camel_case() -> None:
    schema = PublicReport.model_json_schema(mode="serialization")
    shapes = {"PublicReport": schema, **schema["$defs"]}
    for shape, body in shapes.items():
        for name, field in body.get("properties", {}).items():
            assert "_" not in name, f"{shape}.{name}"
            assert field.get("description"), f"{shape}.{name}"


def test_signal_is_the_weighted_mean_of_its_scored_findings(video_report: Report) -> None:
    row = public(video_report).signal_breakdown.temporal_analysis
    assert row.weight == pytest.approx(0.8)
    assert row.score == pytest.approx((0.7 * 0.6 + 0.1 * 0.2) / 0.8)
    assert [f.detector for f in row.findings] == ["face_jitter", "frame_order"]
    silent = public(video_report).signal_breakdown.provenance
    assert silent.score is None
    assert silent.weight == 0


def test_only_findings_that_speak_for_manipulation_give_suspicious_regions(image_report: Report) -> None:
    out = public(image_report)
    assert {r.detector for r in out.suspicious_regions} == {"jpeg_grid"}
    assert [r.crop.name for r in out.suspicious_regions if r.crop] == ["crop-1.jpg", "crop-2.jpg"]


def test_language_and_translations(image_report: Report) -> None:
    out = dumped(image_report, lang="vi")
    assessment = out["overallAssessment"]
    assert assessment["explanation"] == "Lưới JPEG quyết định."  # type: ignore[index]
    assert assessment["translations"]["en"]["recommendations"] == ["Ask for the original file."]  # type: ignore[index]
    assert out["notes"] == ["Một nhận xét."]


def test_metadata_rows_put_oddities_first_and_are_safe_to_show(image_report: Report) -> None:
    rows = public(image_report).metadata
    assert [(r.name, r.odd) for r in rows[:2]] == [("Metadata", True), ("Software", True)]
    assert rows[0].value == "The thumbnail is older."  # quotes no value: a row of its own
    assert rows[1].note is not None
    assert rows[1].note.startswith("Saved by")
    assert not any(r.odd for r in rows[2:])
    assert all("\u202e" not in r.value + (r.note or "") for r in rows)
    assert next(r for r in rows if r.name == "Blob").value == "(9 bytes)"
    assert not any(r.name == "Empty" for r in rows)
    assert public(image_report, "vi").metadata[0].value == "Ảnh thu nhỏ cũ hơn."


def test_rows_prepared_by_a_detector_replace_the_raw_ones(image_report: Report) -> None:
    prepared = ["EXIF IFD0\tMake\tNikon", "GPS\t\tthere\tand back", "broken"]
    findings = tuple(replace(f, measurements={"rows": prepared}) for f in image_report.findings[:1])
    out = public(replace(image_report, findings=findings))
    assert [(r.group, r.name, r.value) for r in out.metadata] == [
        ("EXIF IFD0", "Make", "Nikon"),
        ("", "GPS", "there and back"),
    ]
    assert "rows" not in out.signal_breakdown.frequency.findings[0].measurements


def test_frames_are_combined_by_weight_and_nan_is_dropped(video_report: Report) -> None:
    frames = public(video_report).frame_analysis
    assert [f.frame for f in frames] == [0, 25, 50]
    assert frames[1].score == pytest.approx((0.9 * 0.6 + 0.3 * 0.2) / 0.8)
    thumbs = public(video_report).evidence.thumbnails
    assert [t.rank for t in thumbs][1] == 1
    assert thumbs[3].score is None  # its only frame score was NaN


def test_links(image_report: Report, video_report: Report) -> None:
    out = public(image_report)
    assert out.evidence.heatmaps[0].url == "/api/v1/analyses/a1b2/artifacts/heatmap-jpeg_grid.png"
    assert out.evidence.report.pdf == "/api/v1/analyses/a1b2/report.pdf"
    bare = public(image_report, base=None)
    assert bare.evidence.heatmaps[0].url is None
    assert bare.evidence.heatmaps[0].name == "heatmap-jpeg_grid.png"
    sound = public(video_report).evidence.waveform
    assert sound is not None
    assert len(sound.peaks) == MAX_PEAKS
    assert sound.peaks[-1][1] == pytest.approx(1.0)


def test_networks_are_told_from_libraries(image_report: Report) -> None:
    out = public(image_report)
    assert [(n.name, n.version) for n in out.models] == [("centerface", "1")]
    assert "model:centerface" not in out.versions


def test_long_text_is_cut_and_says_so(text_report: Report) -> None:
    out = public(replace(text_report, exhibits=Exhibits(text="a" * (MAX_TEXT + 1))))
    assert out.text_truncated
    assert out.text is not None
    assert len(out.text) == MAX_TEXT
