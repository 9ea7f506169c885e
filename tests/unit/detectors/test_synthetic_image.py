from __future__ import annotations

import numpy as np

from veriscope.detectors.synthetic_image import SyntheticImage
from veriscope.types import Reason

from tests.making import encoded, photo
from tests.unit.detectors.conftest import Examine
from tests.unit.inference.networks.test_synthetic_image import transposed


def test_a_small_picture_is_left_alone(examine: Examine) -> None:
    finding = examine(SyntheticImage(), encoded(photo(223, 400)))
    assert finding.score is None
    assert finding.reason is Reason.TOO_SMALL


def test_traces_of_a_generator_raise_the_statistic(examine: Examine) -> None:
    """Medians over a few pictures: drawings made in code are no photographs, only the difference counts."""
    pictures = [photo(512, 384, seed=seed) for seed in range(4)]
    raws = [examine(SyntheticImage(), encoded(image, quality=90)).raw for image in pictures]
    generated = [examine(SyntheticImage(), encoded(transposed(image), quality=90)).raw for image in pictures]
    assert np.median(np.array(generated, float)) > np.median(np.array(raws, float)) + 0.5


def test_says_how_many_patches_it_saw_in_both_languages(examine: Examine) -> None:
    finding = examine(SyntheticImage(), encoded(photo(1000, 800, seed=1)))
    assert finding.parameters["patches"] == 9
    assert all(" 9 " in finding.summary[language] for language in ("en", "vi"))
    again = examine(SyntheticImage(), encoded(photo(1000, 800, seed=1)))
    assert again.raw == finding.raw
