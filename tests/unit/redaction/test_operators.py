from __future__ import annotations

import numpy as np
import pytest

from veriscope.errors import BadRequest
from veriscope.redaction.operators import Plane, blur, operators, pixelate, solid
from veriscope.redaction.plan import Kind
from veriscope.redaction.stills import read_picture

from tests.making import encoded, photo

BOX = (40.5, 30.0, 101.0, 80.0)
INSIDE = (slice(30, 110), slice(40, 142))  # rounded outwards


def covered(operator: object, box: tuple[float, float, float, float] = BOX) -> tuple[np.ndarray, np.ndarray]:
    before = photo(320, 240)
    after = before.copy()
    operator([Plane(after, 0)], box)  # type: ignore[operator]
    return before, after


@pytest.mark.parametrize("operator", [solid, blur, pixelate])
def test_nothing_outside_changes(operator: object) -> None:
    before, after = covered(operator)
    mask = np.ones(before.shape[:2], bool)
    mask[INSIDE] = False
    assert np.array_equal(before[mask], after[mask])
    assert not np.array_equal(before[INSIDE], after[INSIDE])


def test_solid_leaves_nothing() -> None:
    _, after = covered(solid)
    assert not after[INSIDE].any()


def test_blur_grows_with_the_box() -> None:
    """What is left of detail does not depend on how large the box is."""
    left = []
    for scale in (1, 2):
        before, after = covered(blur, (20, 20, 60 * scale, 60 * scale))
        part = (slice(20, 20 + 60 * scale), slice(20, 20 + 60 * scale))
        left.append(np.abs(np.diff(after[part].astype(int), axis=1)).mean())
        assert np.abs(np.diff(before[part].astype(int), axis=1)).mean() > 3 * left[-1]
    assert left[1] < left[0]


def test_pixelation_makes_even_squares() -> None:
    _, after = covered(pixelate, (0, 0, 160, 160))
    assert (after[:20, :20] == after[0, 0]).all()


@pytest.mark.parametrize("box", [(-50, -50, 60, 60), (310, 230, 100, 100), (500, 500, 10, 10), (10, 10, 0.2, 0.2)])
@pytest.mark.parametrize("operator", [solid, blur, pixelate])
def test_boxes_over_the_edge(operator: object, box: tuple[float, float, float, float]) -> None:
    covered(operator, box)


def test_sixteen_bits_and_halved_planes() -> None:
    plane = np.full((60, 80), 700, np.uint16)
    for operator in (solid, blur, pixelate):
        operator([Plane(plane, 512, 2, 2, 1023)], (40, 30, 20, 20))
    assert (plane[15:25, 20:30] == 512).all() or plane.max() <= 700
    solid([Plane(plane, 512, 2, 2, 1023)], (41, 31, 19, 19))
    assert (plane[15:25, 20:30] == 512).all()
    assert plane[14, 19] == 700


def test_choices(tmp_path: object) -> None:
    made = operators(["blur", "plates=pixelate"], read_picture)
    assert made[Kind.FACE] is blur
    assert made[Kind.PLATE] is pixelate
    assert operators([], read_picture)[Kind.FACE] is solid


def test_a_picture_of_ones_own(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "cover.png"
    file.write_bytes(encoded(np.full((20, 20, 3), (0, 200, 0), np.uint8), "PNG"))
    _, after = covered(operators([f"image:{file}"], read_picture)[Kind.FACE])
    assert (after[INSIDE] == (0, 200, 0)).all()


@pytest.mark.parametrize("choice", ["fog", "hats=blur", "image:/nowhere.png"])
def test_wrong_choices(choice: str) -> None:
    with pytest.raises(BadRequest):
        operators([choice], read_picture)
