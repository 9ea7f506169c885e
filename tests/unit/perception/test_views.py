"""Views show what they claim to show, in a picture that can be drawn."""

from __future__ import annotations

import io
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from veriscope.perception.views import (
    LONGEST,
    VIEWS,
    Subject,
    block_grid,
    error_level,
    grey,
    noise_level,
    noise_residual,
    spectrum,
    views,
)
from veriscope.types import Image, JpegInfo, Kind


def photo(width: int = 320, height: int = 240, noise: float = 3.0) -> Image:
    rng = np.random.default_rng(3)
    coarse = cv2.resize(rng.integers(40, 215, (6, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + rng.normal(0, noise, coarse.shape), 0, 255).astype(np.uint8)


def resaved(image: Image, quality: int) -> Image:
    out = io.BytesIO()
    Pillow.fromarray(image).save(out, "JPEG", quality=quality)
    return np.array(Pillow.open(out).convert("RGB"))


def subject(image: Image) -> Subject:
    return Subject(image, grey(image), image[:60, :80])


@pytest.mark.parametrize("size", [(320, 240), (17, 16), (2500, 120)])
def test_every_view_draws_any_size(size: tuple[int, int]) -> None:
    for name, _, function, caption in VIEWS:
        drawn, fields = function(subject(photo(*size)))
        assert drawn.dtype == np.uint8, name
        assert max(drawn.shape[:2]) <= LONGEST, name
        for text in caption.values():
            assert "{" not in text.format(**fields)


def test_error_level_is_brighter_where_less_was_saved() -> None:
    image = resaved(photo(), 90)
    image[80:160, 120:200] = photo(noise=12.0)[80:160, 120:200]
    drawn = error_level(subject(image))[0].astype(float)
    assert drawn[90:150, 130:190].mean() > 2 * drawn[:60].mean()


def test_block_grid_is_dark_where_the_grid_is_off() -> None:
    image = resaved(photo(), 60)
    other = resaved(photo(), 60)
    image[80:160, 120:200] = other[83:163, 123:203]
    drawn = block_grid(subject(image))[0].astype(float)
    assert drawn[12:18, 17:23].mean() < 0.7 * drawn[2:8, 2:38].mean()


def test_noise_views_show_where_noise_is() -> None:
    image = photo(noise=2.0)
    image[80:160, 120:200] = photo(noise=14.0)[80:160, 120:200]
    level = noise_level(subject(image))[0].astype(float)
    assert level[11:19, 16:24].mean() > level[1:8].mean() + 50
    residual = noise_residual(subject(image))[0].astype(float)
    assert residual[85:155, 125:195].std() > 3 * residual[5:75].std()


def test_spectrum_shows_a_regular_pattern() -> None:
    image = photo(256, 256)
    image[:, ::4] = np.clip(image[:, ::4].astype(int) + 40, 0, 255)
    drawn, fields = spectrum(subject(image))
    assert fields["side"] == 256
    # A period of four pixels is a peak a quarter of the side from the centre.
    assert drawn[128, 128 + 64] > np.percentile(drawn[:256], 99)


def test_views_of_a_scene() -> None:
    image = photo(80, 120)
    info = JpegInfo((), grey(np.ascontiguousarray(np.rot90(image))), "4:2:0", False, 6)

    def scene(kind: Kind, picture: Image, thumbnail: Image | None) -> SimpleNamespace:
        return SimpleNamespace(
            media=SimpleNamespace(kind=kind),
            image=lambda: picture,
            jpeg=lambda: info,
            thumbnail=lambda: thumbnail,
        )

    drawn = views(scene(Kind.IMAGE, image, image[:30, :30]))  # type: ignore[arg-type]
    assert [view.name for view in drawn] == [name for name, *_ in VIEWS]
    assert drawn[2].image.shape[:2] == (120, 80), "the stored luma plane is turned upright"
    assert all(view.caption.keys() == {"en", "vi"} for view in drawn)
    without = views(scene(Kind.IMAGE, image, None))  # type: ignore[arg-type]
    assert "embedded_thumbnail" not in [view.name for view in without]
    assert views(scene(Kind.AUDIO, image, None)) == []  # type: ignore[arg-type]
    assert views(scene(Kind.IMAGE, image[:8, :8], None)) == []  # type: ignore[arg-type]
