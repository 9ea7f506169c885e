from __future__ import annotations

import numpy as np
from PIL import Image

from veriscope.detectors.jpeg_ghost import JpegGhost, luma_table
from veriscope.types import Reason

from tests.making import encoded
from tests.unit.detectors.conftest import Examine, inside, textured, through_jpeg

BOX = (160, 80, 128, 128)


def spliced(quality: int) -> np.ndarray:
    """A patch of a picture saved at ``quality`` in one that was never compressed, on the grid."""
    host, donor = textured(320, 400, 1), through_jpeg(textured(320, 400, 2), quality)
    x, y, w, h = BOX
    host[y : y + h, x : x + w] = donor[y : y + h, x : x + w]
    return host


def test_tables_are_those_of_the_encoder() -> None:
    import io

    for quality in (30, 50, 75, 92):
        picture = Image.open(io.BytesIO(encoded(textured(16, 16, 0), quality=quality)))
        assert sorted(picture.quantization[0]) == sorted(luma_table(quality).astype(int).ravel().tolist())


def test_the_ghost_is_found_with_its_quality(examine: Examine) -> None:
    for quality in (50, 65):
        finding = examine(JpegGhost(), encoded(spliced(quality), quality=95))
        assert finding.raw is not None
        assert finding.raw > 0.15
        assert inside(finding, BOX, (400, 320)) > 0.5
        assert abs(int(finding.measurements["ghostQuality"] or 0) - quality) <= 3  # type: ignore[call-overload]
        assert finding.regions


def test_a_history_shared_by_the_whole_picture_is_no_ghost(examine: Examine) -> None:
    for quality in (50, 65, 80):
        finding = examine(JpegGhost(), encoded(through_jpeg(textured(320, 400, 3), quality), quality=95))
        assert finding.raw is not None
        assert finding.raw < 0.15
        assert finding.regions == ()


def test_abstains_where_there_is_nothing_to_compare(examine: Examine) -> None:
    assert examine(JpegGhost(), encoded(textured(96, 96, 0), quality=80)).reason is Reason.TOO_SMALL
    flat = np.full((256, 256, 3), 120, np.uint8)
    assert examine(JpegGhost(), encoded(flat, quality=80)).reason is Reason.NO_TEXTURE


def test_twice_is_the_same(examine: Examine) -> None:
    data = encoded(spliced(55), quality=94)
    assert examine(JpegGhost(), data) == examine(JpegGhost(), data)
