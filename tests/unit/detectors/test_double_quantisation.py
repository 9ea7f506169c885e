from __future__ import annotations

import numpy as np

from veriscope.detectors.double_quantisation import REACH, DoubleQuantisation, requantised
from veriscope.types import Reason

from tests.making import encoded
from tests.unit.detectors.conftest import Examine, inside, textured, through_jpeg

BOX = (160, 80, 128, 128)


def spliced(seed: int = 1) -> np.ndarray:
    host, donor = through_jpeg(textured(320, 400, seed), 65), textured(320, 400, seed + 50)
    x, y, w, h = BOX
    host[y : y + h, x : x + w] = donor[y : y + h, x : x + w]
    return host


def test_requantising_with_a_coarser_first_step_leaves_gaps() -> None:
    fine = np.ones(401)
    counts = requantised(fine, 12, 4)
    values = np.arange(-REACH, REACH + 1)
    assert counts[(values % 3 == 0) & (values != 0)].min() > 10
    assert counts[values % 3 != 0].max() < 0.1
    assert counts[REACH] == 0


def test_requantising_keeps_the_mass_of_a_single_quantisation() -> None:
    fine = np.zeros(401)
    fine[200 + 40] = 7.0
    counts = requantised(fine, 1, 8)
    assert counts[REACH + 5] == np.float64(7.0)


def test_the_part_that_lacks_the_first_compression_is_found(examine: Examine) -> None:
    finding = examine(DoubleQuantisation(), encoded(spliced(), quality=92))
    assert finding.raw is not None
    assert finding.raw > 1.5
    assert inside(finding, BOX, (400, 320)) > 0.9
    share = finding.measurements["shareSingle"]
    assert isinstance(share, float)
    assert 0.08 < share < 0.25


def test_nothing_in_a_picture_saved_twice(examine: Examine) -> None:
    for seed in (3, 4, 5):
        image = through_jpeg(textured(320, 400, seed), 65)
        finding = examine(DoubleQuantisation(), encoded(image, quality=92))
        assert finding.raw is not None
        assert finding.raw < 0.5


def test_abstains_without_an_earlier_compression(examine: Examine) -> None:
    finding = examine(DoubleQuantisation(), encoded(textured(320, 400, 6), quality=90))
    assert finding.raw is None
    assert finding.reason is Reason.NOT_APPLICABLE


def test_abstains_on_other_formats_and_small_pictures(examine: Examine) -> None:
    assert examine(DoubleQuantisation(), encoded(textured(160, 160, 0), "PNG")).reason is Reason.NOT_JPEG
    assert examine(DoubleQuantisation(), encoded(textured(96, 96, 0), quality=80)).reason is Reason.TOO_SMALL


def test_twice_is_the_same(examine: Examine) -> None:
    data = encoded(spliced(), quality=92)
    assert examine(DoubleQuantisation(), data) == examine(DoubleQuantisation(), data)
