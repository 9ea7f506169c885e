"""What is left out while requests pile up."""

from __future__ import annotations

from itertools import pairwise

from veriscope.api.relief import Relief
from veriscope.types import Kind, Policy

COSTS = {"detect": 1000.0, "detector.a": 50.0, "detector.b": 600.0, "detector.c": 300.0, "detector.d": 50.0}
PICTURE = (Kind.IMAGE, Policy.STANDARD)


def relief(soft: int = 4, hard: int = 12) -> Relief:
    made = Relief(soft, hard)
    made.learn(*PICTURE, COSTS)
    return made


def test_the_costliest_goes_first_and_more_go_the_more_wait() -> None:
    found = [relief().left_out(*PICTURE, waiting) for waiting in range(14)]
    assert found[3] == ()
    assert found[4] == ("b",)
    assert found[11] == ("b", "c")  # four fifths of the time
    assert found[13] == found[12] == ("b", "c")
    assert all(len(a) <= len(b) for a, b in pairwise(found))


def test_it_can_be_switched_off_and_leaves_the_quick_look_alone() -> None:
    assert relief(soft=0).left_out(*PICTURE, 12) == ()
    quick = Relief(4, 12)
    quick.learn(Kind.IMAGE, Policy.QUICK, COSTS)
    assert quick.left_out(Kind.IMAGE, Policy.QUICK, 12) == ()


def test_what_was_never_measured_stays_in() -> None:
    assert relief().left_out(Kind.IMAGE, Policy.THOROUGH, 12) == ()
    assert relief().left_out(Kind.TEXT, Policy.STANDARD, 12) == ()


def test_one_method_always_stays() -> None:
    made = Relief(1, 2)
    made.learn(*PICTURE, {"detector.only": 100.0})
    assert made.left_out(*PICTURE, 2) == ()


def test_costs_follow_what_is_measured_now() -> None:
    made = relief()
    for _ in range(30):
        made.learn(*PICTURE, {**COSTS, "detector.d": 5000.0})
    assert made.left_out(*PICTURE, 4) == ("d",)
