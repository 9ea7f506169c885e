from __future__ import annotations

import cv2
import numpy as np

from veriscope.detectors._blocks import luma_of
from veriscope.detectors.resampling import Resampling, find_traces, statistic
from veriscope.types import Reason

from tests.making import encoded
from tests.unit.detectors.conftest import Examine, inside, textured


def enlarged(factor: float, seed: int, size: tuple[int, int] = (512, 384)) -> np.ndarray:
    small = textured(round(size[1] / factor), round(size[0] / factor), seed, noise=5)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def test_an_enlarged_picture_has_a_peak_at_its_factor(examine: Examine) -> None:
    finding = examine(Resampling(), encoded(enlarged(1.4, 1), quality=97))
    assert finding.raw is not None
    assert finding.raw > 0
    frequency = finding.measurements["peakFrequency"]
    assert isinstance(frequency, list)
    strongest = max(abs(float(f)) for f in frequency if f is not None)
    expected = 1 - 1 / 1.4  # 1/1.4 cycles a pixel, seen through sampling
    assert abs(strongest - expected) < 0.02


def test_a_native_picture_has_none(examine: Examine) -> None:
    for seed, quality in ((2, 70), (3, 90), (4, 98)):
        finding = examine(Resampling(), encoded(textured(384, 512, seed, noise=4), quality=quality))
        assert finding.raw is not None
        assert finding.raw == 0
        assert finding.regions == ()


def test_an_enlarged_part_stands_out_where_it_is(examine: Examine) -> None:
    image = textured(640, 768, 5, noise=4)
    box = (384, 192, 320, 320)
    x, y, w, h = box
    image[y : y + h, x : x + w] = enlarged(1.3, 6, (w, h))
    finding = examine(Resampling(), encoded(image, quality=98))
    local = finding.measurements["localPeak"]
    untouched = examine(Resampling(), encoded(textured(640, 768, 5, noise=4), quality=98)).measurements["localPeak"]
    assert isinstance(local, float)
    assert isinstance(untouched, float)
    assert local > untouched + 1
    assert inside(finding, box, (768, 640)) > 0.6


def test_transposed_convolution_leaves_the_lattice() -> None:
    luma = luma_of(textured(192, 256, 7, noise=4))
    # Bilinear, but one tap is two per cent off, as learnt kernels are: the four phases differ in level.
    kernel = np.array([[0.25, 0.5, 0.25], [0.5, 1.02, 0.5], [0.25, 0.5, 0.25]], np.float32)
    doubled = np.zeros((384, 512), np.float32)
    doubled[::2, ::2] = luma
    traces = find_traces(cv2.filter2D(doubled, cv2.CV_32F, kernel))
    native = find_traces(luma_of(textured(384, 512, 7, noise=4)))
    assert traces is not None
    assert native is not None
    assert traces.scaled["lattice"] > 3 > native.scaled["lattice"]


def test_abstains_when_small_or_flat(examine: Examine) -> None:
    assert examine(Resampling(), encoded(textured(100, 300, 0), quality=80)).reason is Reason.TOO_SMALL
    assert examine(Resampling(), encoded(np.full((300, 300, 3), 90, np.uint8))).reason is Reason.NO_TEXTURE
    assert statistic(np.zeros((20, 20), np.float32))[0] is None


def test_twice_is_the_same(examine: Examine) -> None:
    data = encoded(enlarged(1.3, 8), quality=90)
    assert examine(Resampling(), data) == examine(Resampling(), data)
