from __future__ import annotations

import pytest

from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.lookers import Sighting
from veriscope.redaction.looking import Seen
from veriscope.redaction.plan import KeyBox, Kind, Plan, Track
from veriscope.redaction.verify import LEAK, as_sightings, leaks, share

BOX = (100.0, 100.0, 50.0, 60.0)


def plan(*, enabled: bool = True) -> Plan:
    track = Track("face-1", Kind.FACE, (KeyBox(0.0, BOX), KeyBox(1.0, BOX)), 0.9, enabled=enabled)
    return Plan("x", 640, 360, 3.0, ("faces",), (track,))


def look(time: float, box: tuple[float, float, float, float] = BOX, score: float = 0.9) -> Seen:
    return Seen(time, {Kind.FACE: [Sighting(box, score)]})


def test_what_is_seen_elsewhere_or_at_another_time_is_a_leak() -> None:
    assert leaks(plan(), [look(0.5)], Margins()) == []
    assert len(leaks(plan(), [look(2.0)], Margins())) == 1
    assert len(leaks(plan(), [look(0.5, (300, 100, 50, 60))], Margins())) == 1
    assert leaks(plan(), [look(2.0, score=LEAK - 0.01)], Margins()) == []


def test_half_a_face_is_a_leak() -> None:
    assert len(leaks(plan(), [look(0.5, (145, 100, 50, 60))], Margins())) == 1


def test_what_the_plan_keeps_is_none() -> None:
    assert leaks(plan(enabled=False), [look(0.5)], Margins()) == []
    assert len(leaks(plan(enabled=False), [look(2.0)], Margins())) == 1


def test_leaks_become_sightings() -> None:
    found = as_sightings(leaks(plan(), [look(2.0)], Margins()))
    assert found[Kind.FACE][0][0] == 2.0
    assert found[Kind.FACE][0][1].box == BOX


def test_margins() -> None:
    still, moving = Margins(step=0.04), (200.0, 0.0)
    x, _, w, _ = still.grown(Kind.FACE, BOX, (0, 0))
    assert w == pytest.approx(50 * 1.2)
    assert still.grown(Kind.FACE, BOX, moving)[2] == pytest.approx(w + 2 * 4)
    assert Margins(1.5).grown(Kind.FACE, BOX, (0, 0))[2] > w
    assert still.grown(Kind.MANUAL, BOX, moving) == BOX
    assert x < BOX[0]
    tiny = still.grown(Kind.FACE, (0, 0, 8, 8), (0, 0))
    assert tiny[2] == pytest.approx(11)


def test_share_is_of_the_union() -> None:
    assert share(BOX, []) == 0
    assert share(BOX, [(100, 100, 25, 60), (125, 100, 25, 60)]) == 1
    assert share(BOX, [(100, 100, 25, 60), (100, 100, 25, 60)]) == pytest.approx(0.5)


def test_coverage_leaves_the_rest_of_time_alone() -> None:
    covers = Coverage(plan().tracks, Margins())
    assert covers.at(1.0)
    assert not covers.at(1.01)
