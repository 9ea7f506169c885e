"""What senders write is read, corrected plans are taken only where they fit, and examples are what they claim."""

from __future__ import annotations

import json
from typing import Any

import pytest

from veriscope.api.redaction_views import RedactionPlan, RedactionView
from veriscope.config import load
from veriscope.errors import BadRequest, TooLarge
from veriscope.jobs.redaction import FORMATS, MAX_ITEMS, checked_plan, choices, how, suffix, words
from veriscope.media.sniff import sniff
from veriscope.perception.pii_kinds import Custom
from veriscope.redaction.plan import KeyBox, Kind, Plan, Track
from veriscope.store.redactions import Redaction

from tests.making import encoded, photo

TRACK = Track("face-1", Kind.FACE, (KeyBox(0.0, (1, 2, 3, 4)),), 0.9, thumbnail=b"\xff\xd8picture")
PLAN = Plan("ab" * 32, 320, 240, 0.0, ("faces",), (TRACK,))


def test_operators() -> None:
    assert choices("faces=blur, speech=tone") == ("faces=blur", "speech=tone")
    assert choices(" , ") == ("solid",)
    for wrong in ("fog", "faces=tone", "image:/etc/passwd", "faces=image:/etc/passwd", "blur,image:x"):
        with pytest.raises(BadRequest):
            choices(wrong)


def test_words() -> None:
    assert words("Falcon\n\n /X\\d+/ \n/") == (Custom("Falcon"), Custom("X\\d+", pattern=True), Custom("/"))
    with pytest.raises(BadRequest):
        words("/([/")


def test_all_that_was_asked_for_reaches_the_redaction() -> None:
    row = Redaction("", "a.jpg", "image", "jpeg", 1, ("faces",), "faces=blur", 0, 1, "ab" * 32, 0.0)
    made = how(row, "Falcon", load(redact_face_confidence=0.11))
    assert (made.operators, made.strip, made.custom) == (("faces=blur",), False, (Custom("Falcon"),))
    assert made.senses.face_confidence == 0.11
    assert made.second_look


def test_names_end_in_what_the_file_is() -> None:
    assert [suffix(f, "a.exe") for f in ("jpeg", "mp4", "text")] == [".jpg", ".mp4", ".txt"]
    assert suffix("text", "film.SRT") == ".srt"
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"):
        assert sniff(encoded(photo(32, 32), form)[:4096])[1] in FORMATS


def changed(**values: Any) -> bytes:
    return json.dumps({**PLAN.as_dict(), **values}).encode()


def test_a_corrected_plan_keeps_the_thumbnails() -> None:
    before = PLAN.as_json().encode()
    (track,) = PLAN.as_dict()["tracks"]
    kept = Plan.from_json(checked_plan(changed(tracks=[{**track, "enabled": False, "thumbnail": ""}]), before))
    assert (kept.tracks[0].enabled, kept.tracks[0].thumbnail) == (False, b"\xff\xd8picture")


@pytest.mark.parametrize(
    "values", [{"sha256": "cd" * 32}, {"width": 1}, {"height": 1}, {"duration": 1.0}, {"targets": ["plates"]}]
)
def test_a_plan_for_something_else_is_refused_at_its_place(values: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=next(iter(values))):
        checked_plan(changed(**values), PLAN.as_json().encode())


def test_a_plan_with_a_flood_of_tracks_is_refused_before_it_is_read() -> None:
    for name in ("tracks", "spans"):
        with pytest.raises(TooLarge):
            checked_plan(changed(**{name: [{}] * (MAX_ITEMS + 1)}), PLAN.as_json().encode())
    for data in (b"", b"[", b"[" * 100_000, b"7"):
        with pytest.raises(BadRequest):
            checked_plan(data, PLAN.as_json().encode())


def test_the_examples_are_valid() -> None:
    plan = RedactionPlan.model_config["json_schema_extra"]["example"]  # type: ignore[index,call-overload]
    RedactionPlan.model_validate(plan)
    assert Plan.from_dict(plan).as_dict() == plan
    view = RedactionView.model_config["json_schema_extra"]["example"]  # type: ignore[index,call-overload]
    assert RedactionView.model_validate(view).model_dump(mode="json", by_alias=True) == view
