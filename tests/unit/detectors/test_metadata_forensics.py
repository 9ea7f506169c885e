"""Rules of metadata forensics on metadata written out here; each rule with a case where it must stay silent."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from veriscope.detectors._metadata_rules import CAUSES, GENERATED, examine
from veriscope.detectors._metadata_sentences import SENTENCES
from veriscope.detectors.metadata_forensics import LEAST, MOST, MetadataForensics, rows, total
from veriscope.types import Finding, Kind, Reason

CAMERA: dict[str, Any] = {
    "format": "jpeg",
    "exif": {
        "Image": {"Make": "Canon", "Model": "Canon EOS 5D", "DateTime": "2023:05:06 10:00:00", "Orientation": 1},
        "Photo": {
            "DateTimeOriginal": "2023:05:06 10:00:00",
            "ExposureTime": 0.004,
            "FNumber": 2.8,
            "ExifImageWidth": 4000,
            "ExifImageHeight": 3000,
        },
    },
    "makerNote": {"size": 900, "vendor": None},
    "thumbnail": {"offset": 900, "size": 5000},
    "jpeg": {
        "width": 4000,
        "height": 3000,
        "quality": {"family": "own", "quality": 93, "exact": False},
        "huffman": "default",
        "trailingBytes": 0,
    },
    "problems": [],
}


def camera(**changes: Any) -> dict[str, Any]:
    """The untouched camera file with some entries replaced; ``Photo__X`` goes into a directory of EXIF."""
    made = {**CAMERA, "exif": {name: dict(tags) for name, tags in CAMERA["exif"].items()}, "jpeg": dict(CAMERA["jpeg"])}
    for key, value in changes.items():
        if "__" in key:
            directory, tag = key.split("__")
            (made["jpeg"] if directory == "jpeg" else made["exif"].setdefault(directory, {}))[tag] = value
        else:
            made[key] = value
    return made


def fired(metadata: Mapping[str, Any]) -> set[str]:
    return {evidence.rule for evidence in examine(metadata)}


def inspect(metadata: Mapping[str, Any]) -> Finding:
    scene = SimpleNamespace(metadata=lambda: metadata, media=SimpleNamespace(kind=Kind.IMAGE))
    return MetadataForensics().inspect(scene, None)  # type: ignore[arg-type]


def test_an_untouched_camera_file_speaks_for_itself() -> None:
    assert fired(CAMERA) == {"consistent"}
    finding = inspect(CAMERA)
    assert finding.raw == -1.0
    assert "Canon EOS 5D" in finding.summary["en"]
    assert finding.measurements["oddities"] == []


@pytest.mark.parametrize(
    ("rule", "metadata"),
    [
        ("declared_ai", {"digitalSourceType": "trainedAlgorithmicMedia"}),
        ("declared_capture", {"digitalSourceType": "digitalCapture"}),
        ("declared_ai", {"xmp": {"AIGC:AIGC": '{"Label":"1","ContentProducer":"x"}'}}),
        ("generator_settings", {"png": {"texts": {"parameters": "a cat\nSteps: 20, Sampler: Euler a"}}}),
        ("generator_workflow", {"png": {"texts": {"prompt": '{"3": {"class_type": "KSampler"}}'}}}),
        ("generator_workflow", {"png": {"texts": {"workflow": '{"nodes": []}'}}}),
        ("generator_name", {"exif": {"Image": {"Software": "Midjourney 6"}}}),
        ("generator_name", {"xmp": {"xmp:CreatorTool": "Adobe Firefly"}}),
        ("generator_name", {"iptc": {"Credit": "Made with Google AI"}}),
        ("generator_name", {"png": {"texts": {"Software": "NovelAI"}}}),
        ("generator_name", {"png": {"texts": {"Software": "DALL·E"}}}),
        ("generator_name", {"png": {"texts": {"Description": "a cat --v 6 Job ID: 1234"}}}),
        ("editor", camera(Image__Software="Adobe Photoshop CS6 (Windows)")),
        ("editor", {"xmpHistory": [{"action": "saved", "software": "GIMP 2.10"}]}),
        ("developer", camera(Image__Software="Adobe Photoshop Lightroom Classic 12.3")),
        ("face_tool", camera(Image__Software="FaceApp 4.1")),
        ("photoshop_structure", camera(jpeg__ducky=60)),
        ("ingredients", {"xmpIngredients": [{"stRef:documentID": "xmp.did:2"}]}),
        ("history", {"xmpHistory": [{"action": "saved"}, {"action": "saved"}]}),
        ("impossible_date", camera(Photo__DateTimeOriginal="2023:13:45 10:00:00")),
        ("future_date", camera(Photo__DateTimeOriginal="2190:01:01 00:00:00")),
        ("changed_before_made", camera(Image__DateTime="2020:01:01 00:00:00")),
        ("changed_later", camera(Image__DateTime="2023:05:07 00:00:00")),
        ("xmp_date_differs", camera(xmp={"exif:DateTimeOriginal": "2019-01-01T00:00:00"})),
        ("xmp_camera_differs", camera(xmp={"tiff:Model": "NIKON D70"})),
        ("maker_note_differs", camera(makerNote={"size": 900, "vendor": "Nikon"})),
        ("maker_note_missing", {key: value for key, value in CAMERA.items() if key != "makerNote"}),
        ("thumbnail_missing", {key: value for key, value in CAMERA.items() if key != "thumbnail"}),
        ("library_tables", camera(jpeg__quality={"family": "ijg", "quality": 85, "exact": True})),
        ("web_tables", camera(jpeg__quality={"family": "mozjpeg", "quality": 75, "exact": True})),
        ("rewritten_jpeg", camera(jpeg__huffman="optimised", jpeg__jfif="1.01")),
        ("size_differs", camera(jpeg__width=2000)),
        ("impossible_orientation", camera(Image__Orientation=99)),
        ("impossible_position", camera(gps={"latitude": 95.0, "longitude": 0.0, "plausible": False})),
        ("zone_differs", camera(gps={"latitude": 21.0, "longitude": 105.8, "utc": "2023-05-06T20:00:00Z"})),
        ("iptc_digest", {"photoshop": {"iptcDigest": {"match": False}}}),
        ("trailing_data", camera(jpeg__trailingBytes=5000, jpeg__trailingKind="archive")),
        ("trailing_data", {"png": {"texts": {}, "trailingBytes": 5000}}),
    ],
)
def test_each_rule_fires(rule: str, metadata: Mapping[str, Any]) -> None:
    assert rule in fired(metadata)


@pytest.mark.parametrize(
    ("rule", "metadata"),
    [
        ("generator_name", camera(Image__ImageDescription="OpenAI presents DALL-E, photo by A. Nguyen")),
        ("generator_name", {"iptc": {"Caption": "Midjourney founder", "Credit": "Reuters"}}),
        ("generator_settings", {"png": {"texts": {"parameters": "gamma=2"}}}),
        ("declared_ai", {"xmp": {"AIGC:AIGC": '{"Label":"0"}'}}),
        ("declared_ai", {"xmp": {"AIGC:AIGC": "{" * 5000 + "Label"}}),
        ("editor", camera(Image__Software="Canvas Fingerprint 1")),
        ("face_tool", camera(Image__Software="Group Preface 3")),
        ("size_differs", camera(jpeg__width=3000, jpeg__height=4000)),
        ("impossible_date", camera(Photo__DateTimeOriginal="0000:00:00 00:00:00")),
        ("maker_note_differs", camera(Image__Make="LEICA", makerNote={"size": 9, "vendor": "Panasonic"})),
        ("zone_differs", camera(gps={"latitude": 21.0, "longitude": 105.8, "utc": "2023-05-06T03:00:00Z"})),
        ("trailing_data", camera(jpeg__trailingBytes=90_000, jpeg__trailingKind="video")),
        ("library_tables", camera(Image__Model="SM-G930F", jpeg__quality={"family": "ijg", "quality": 96})),
    ],
)
def test_each_rule_knows_what_is_innocent(rule: str, metadata: Mapping[str, Any]) -> None:
    assert rule not in fired(metadata)


def test_every_rule_has_its_sentence_in_both_languages() -> None:
    assert CAUSES.keys() <= SENTENCES.keys()
    assert all(set(sentence) == {"en", "vi"} for sentence in SENTENCES.values())


def test_one_saving_in_an_editor_is_one_piece_of_evidence() -> None:
    saved = camera(
        Image__Software="GIMP 2.10",
        Image__DateTime="2023:06:01 00:00:00",
        jpeg__huffman="optimised",
        jpeg__jfif="1.01",
        jpeg__quality={"family": "ijg", "quality": 90, "exact": True},
        makerNote=None,
    )
    evidence = examine(saved)
    assert len(evidence) >= 4
    assert total(evidence) == pytest.approx(0.4)
    assert "does not mean manipulated" in inspect(saved).summary["en"]


def test_a_generator_outweighs_any_camera_record() -> None:
    raw = inspect(camera(Image__Software="Stable Diffusion")).raw
    assert raw is not None
    assert raw >= GENERATED - 1
    assert LEAST <= raw <= MOST


def test_independent_contradictions_add_up() -> None:
    one = camera(xmp={"tiff:Model": "NIKON D70"})
    two = camera(xmp={"tiff:Model": "NIKON D70"}, Photo__DateTimeOriginal="2190:01:01 00:00:00")
    assert total(examine(two)) > total(examine(one)) > 0


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"format": "jpeg", "jpeg": {"width": 9, "height": 9}, "problems": []}, Reason.NO_METADATA),
        ({"exif": {"Image": {"Orientation": 1, "XResolution": 72.0}}}, Reason.NO_METADATA),
        ({"exif": {"Image": {"Artist": "somebody"}}}, Reason.NOT_APPLICABLE),
        (camera(Image__Make="", Image__Software="darktable 4"), Reason.NOT_APPLICABLE),
    ],
)
def test_silence_is_not_suspicious(metadata: Mapping[str, Any], reason: Reason) -> None:
    finding = inspect(metadata)
    assert (finding.score, finding.reason, finding.raw) == (None, reason, None)


def test_oddities_come_first_and_rows_are_a_table() -> None:
    finding = inspect(camera(Image__Software="FaceApp", jpeg__width=100, xmpHistory=[{"action": "saved"}]))
    oddities = finding.measurements["oddities"]
    assert isinstance(oddities, list)
    assert "FaceApp" in str(oddities[0])
    assert finding.summary["en"].startswith(str(oddities[0]))
    assert len(oddities) == len(finding.measurements["oddities_vi"])  # type: ignore[arg-type]
    table = rows(camera(gps={"latitude": 1.5}))
    assert "EXIF Image\tMake\tCanon" in table
    assert "GPS\tlatitude\t1.5" in table
    assert all(row.count("\t") == 2 for row in table)


def test_values_of_the_wrong_type_do_not_matter() -> None:
    strange = camera(Image__Orientation=[1, 2], Photo__ExifImageWidth="wide", Photo__DateTimeOriginal=7)
    strange["exif"]["Image"]["Make"] = [1, None]
    strange["gps"] = {"longitude": None, "utc": 5}
    inspect(strange)
