from __future__ import annotations

import numpy as np

from veriscope.detectors._blocks import dct_matrix, luma_of
from veriscope.detectors.jpeg_grid import (
    JpegGrid,
    constant_blocks,
    grid_votes,
    log_nfa,
    main_grid,
    zero_counts,
)
from veriscope.types import Reason

from tests.making import encoded
from tests.unit.detectors.conftest import Examine, inside, textured, through_jpeg

BOX = (131, 75, 150, 140)


def spliced() -> np.ndarray:
    """A patch of a JPEG pasted into another, three pixels right and five down off its grid."""
    host, donor = through_jpeg(textured(320, 400, 1), 80), through_jpeg(textured(320, 400, 2), 50)
    x, y, w, h = BOX
    host[y : y + h, x : x + w] = donor[y + 3 : y + 3 + h, x + 6 : x + 6 + w]
    return host


def test_zero_counts_equal_the_definition() -> None:
    plane = np.rint(luma_of(textured(40, 48, 0)))
    counts = zero_counts(plane)
    matrix = dct_matrix()
    for y, x in ((0, 0), (5, 11), (32, 40)):
        coefficients = matrix @ plane[y : y + 8, x : x + 8] @ matrix.T
        small = np.abs(coefficients) < 0.5
        small[0, 0] = False
        assert counts[y, x] == small.sum()


def test_finds_the_grid_of_a_cropped_jpeg() -> None:
    luma = np.rint(luma_of(through_jpeg(textured(160, 160, 3), 75)[3:, 6:]))
    grid, value = main_grid(grid_votes(zero_counts(luma), constant_blocks(luma)))
    assert grid == 5 * 8 + 2  # the first whole block starts five rows and two columns in
    assert value < -50


def test_no_grid_in_noise() -> None:
    luma = np.rint(np.random.default_rng(0).normal(128, 12, (160, 160))).astype(np.float32)
    grid, _ = main_grid(grid_votes(zero_counts(luma), constant_blocks(luma)))
    assert grid is None


def test_flat_areas_do_not_vote() -> None:
    luma = np.full((64, 64), 100, np.float32)
    assert (grid_votes(zero_counts(luma), constant_blocks(luma)) == 255).all()


def test_nfa_is_never_better_than_the_binomial_tail() -> None:
    from scipy.stats import binom

    for votes, blocks in ((5, 20), (20, 30), (30, 30)):
        exact = binom.logsf(votes - 1, blocks, 1 / 64) / np.log(10)
        assert log_nfa(votes, blocks, 0.0) >= exact - 1e-9
    assert log_nfa(1, 64, 3.0) == 3.0  # no more than chance


def test_a_patch_off_the_grid_is_found_where_it_is(examine: Examine) -> None:
    finding = examine(JpegGrid(), encoded(spliced(), "PNG"))
    assert finding.raw is not None
    assert finding.raw > 1.5
    assert inside(finding, BOX, (400, 320)) > 0.9
    region = finding.regions[0]
    assert abs(region.x - BOX[0]) < 16
    assert abs(region.y - BOX[1]) < 16
    assert finding.measurements["mainGrid"] == "0,0"


def test_it_is_found_under_one_more_save(examine: Examine) -> None:
    finding = examine(JpegGrid(), encoded(spliced(), quality=98))
    assert finding.raw is not None
    assert finding.raw > 1
    assert inside(finding, BOX, (400, 320)) > 0.9


def test_a_patch_without_any_grid_misses_it(examine: Examine) -> None:
    host = through_jpeg(textured(320, 400, 1), 70)
    x, y, w, h = BOX
    host[y : y + h, x : x + w] = textured(320, 400, 2)[y : y + h, x : x + w]
    finding = examine(JpegGrid(), encoded(host, "PNG"))
    assert finding.measurements["missingRegions"] == 1
    assert inside(finding, BOX, (400, 320)) > 0.9


def test_untouched_jpegs_raise_no_alarm(examine: Examine) -> None:
    for seed, quality in ((4, 60), (5, 85), (6, 95)):
        finding = examine(JpegGrid(), encoded(textured(240, 320, seed), quality=quality))
        assert finding.raw == 0.0
        assert finding.regions == ()


def test_turned_by_exif_the_map_is_upright(examine: Examine) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    finding = examine(JpegGrid(), encoded(spliced(), quality=98, exif=exif.tobytes()))
    assert finding.heatmap is not None
    assert finding.heatmap.shape == (50, 40)
    x, y, w, h = BOX
    assert inside(finding, (320 - y - h, x, h, w), (320, 400)) > 0.9


def test_abstains_on_small_pictures_and_without_any_grid(examine: Examine) -> None:
    assert examine(JpegGrid(), encoded(textured(48, 200, 0), quality=80)).reason is Reason.TOO_SMALL
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    assert examine(JpegGrid(), encoded(noise, "PNG")).raw is None


def test_twice_is_the_same(examine: Examine) -> None:
    data = encoded(spliced(), quality=96)
    assert examine(JpegGrid(), data) == examine(JpegGrid(), data)
