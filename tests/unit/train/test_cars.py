"""Drawn cars have a place for a plate, repeat, and differ."""

from __future__ import annotations

import numpy as np

from veriscope.train.cars import HEIGHT, Sheet, car, flat, part, rounded
from veriscope.train.plates import scene

from tests.making import photo

PHOTO = photo(200, 160, seed=1)


def test_a_car_has_paint_where_its_plate_goes() -> None:
    for seed in range(12):
        sheet, (column, row, width) = car(np.random.default_rng(seed), 240, PHOTO)
        assert sheet.image.shape == (round(240 * HEIGHT), 240, 3)
        assert 0.4 < column < 0.6
        assert 0.4 < row < 0.72
        assert 0.2 < width < 0.4
        place = sheet.alpha[round(row * 240) - 3 : round(row * 240) + 4, 100:140]
        assert place.min() > 200
        assert sheet.alpha[0, 0] == 0, "around the car there is nothing"


def test_cars_and_parts_repeat_and_differ() -> None:
    once, again = (car(np.random.default_rng(3), 120, PHOTO)[0].image for _ in range(2))
    assert np.array_equal(once, again)
    assert len({part(np.random.default_rng(seed), PHOTO).tobytes() for seed in range(12)}) == 12


def test_a_polygon_is_painted_where_it_lies() -> None:
    sheet = Sheet(100, 1.0)
    sheet.fill(rounded(0.2, 0.3, 0.4, 0.2, 10), flat((200, 10, 10)))
    rows, columns = np.nonzero(sheet.alpha > 128)
    assert abs(columns.min() - 20) <= 1
    assert abs(columns.max() - 60) <= 1
    assert abs(rows.min() - 30) <= 1
    assert abs(rows.max() - 50) <= 1
    assert sheet.image[40, 40].tolist() == [200, 10, 10]


def test_the_plate_of_a_scene_lies_where_its_box_says() -> None:
    plates = without = 0
    for seed in range(40):
        made = scene(PHOTO, np.random.default_rng(seed), (240, 320))
        assert made.image.shape == (240, 320, 3)
        without += not made.boxes
        for x, y, w, h in made.boxes:
            assert 0 <= x < x + w <= 320
            assert 0 <= y < y + h <= 240
            plates += 1
    assert plates > 12
    assert without > 4
