from __future__ import annotations

import json

import pytest

from veriscope.errors import BadRequest
from veriscope.redaction.plan import KeyBox, Kind, Path, Plan, Span, Track, thinned


def plan() -> Plan:
    boxes = (KeyBox(0.0, (10.0, 20.0, 30.0, 40.0)), KeyBox(1.0, (110.0, 20.0, 30.0, 40.0), seen=False))
    track = Track("face-1", Kind.FACE, boxes, 0.9, thumbnail=b"\xff\xd8\xff")
    return Plan(
        "ab" * 32, 640, 360, 2.0, ("faces",), (track,), (Span("s1", "card", 0.5, 1.5, 0.8),), {"everySmall": 0.4}
    )


def test_there_and_back() -> None:
    assert Plan.from_json(plan().as_json()) == plan()


def test_public_names_are_camel_case() -> None:
    value = plan().as_dict()
    assert value["version"] == 1
    assert value["tracks"][0]["boxes"][0] == {
        "time": 0.0, "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "seen": True,
    }  # fmt: skip
    assert value["tracks"][0]["thumbnail"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version must be 1"),
        ({"width": "wide"}, "width must be a number"),
        ({"width": -1}, "width must be at least 0"),
        ({"sha256": None}, "sha256 must be a text"),
        ({"tracks": {}}, "tracks must be a list"),
        ({"tracks": [7]}, r"tracks\[0\] must be a JSON object"),
        ({"tracks": [{"kind": "hat"}]}, r"tracks\[0\].kind must be one of face"),
        ({"tracks": [{"kind": "face", "id": "a", "boxes": []}]}, "at least one box"),
        ({"tracks": [{"kind": "face", "id": "a", "boxes": [{"time": 0, "x": 0, "y": 0, "width": -1, "height": 1}]}]},
         r"boxes\[0\].width must be at least 0"),
        ({"spans": [{"id": "a", "start": 2, "end": 1}]}, "must not be before"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        Plan.from_json(json.dumps({**plan().as_dict(), **change}))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"version": NaN}', "null"])
def test_no_json_is_bad_input(text: str) -> None:
    with pytest.raises(BadRequest):
        Plan.from_json(text)


def test_the_same_name_twice_is_refused() -> None:
    value = plan().as_dict()
    value["tracks"] *= 2
    with pytest.raises(BadRequest, match="two tracks called face-1"):
        Plan.from_dict(value)


def test_editing() -> None:
    kept = plan().keep(["face-1"])
    assert not kept.tracks[0].enabled
    drawn = kept.add_box((1, 2, 3, 4), 0.2, 0.9).add_box((1, 2, 3, 4), 0.2, 0.2)
    assert [t.id for t in drawn.tracks] == ["face-1", "manual-1", "manual-2"]
    assert drawn.add_span(0.1, 0.2).spans[-1].kind == "manual"
    with pytest.raises(BadRequest, match="no track called face-9"):
        plan().keep(["face-9"])


def test_a_path_moves_in_a_straight_line_and_ends() -> None:
    path = Path(plan().tracks[0])
    found = path.at(0.25)
    assert found is not None
    assert found[0] == pytest.approx((35, 20, 30, 40))
    assert found[1] == pytest.approx((100, 0))
    assert path.at(-0.1) is None
    assert path.at(1.1) is None
    assert path.at(1.0) is not None


def test_thinning_keeps_the_way() -> None:
    boxes = [KeyBox(i / 30, (100 + (i if i < 50 else 100 - i) * 4.0, 50, 40, 40)) for i in range(100)]
    few = thinned(boxes)
    assert len(few) < 10
    path = Path(Track("t", Kind.FACE, few, 1.0))
    for box in boxes:
        found = path.at(box.time)
        assert found is not None
        assert found[0] == pytest.approx(box.box, abs=1.0)
