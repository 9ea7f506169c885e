"""The embedded thumbnail against the picture: padding, crops, turns and tone are innocent, a pasted part is not."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from veriscope.detectors.thumbnail import (
    STRANGE,
    ThumbnailMismatch,
    changed_parts,
    compare,
    log_odds,
    turned,
    without_bars,
)
from veriscope.types import Finding, Image, Kind, Options, Reason


def scene_of(seed: int, width: int = 600, height: int = 400) -> Image:
    """Smooth shapes, edges and texture, as in a photograph."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = [int(value) for value in rng.integers(0, 255, 3)]
        cv2.circle(coarse, centre, int(rng.integers(15, 70)), colour, -1)
    return np.clip(coarse + rng.normal(0, 5, coarse.shape), 0, 255).astype(np.uint8)


def thumbnail_of(image: Image, width: int = 160, height: int = 0, quality: int = 75) -> Image:
    height = height or round(width * image.shape[0] / image.shape[1])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])


def padded(small: Image) -> Image:
    """3:2 with black bars to 4:3."""
    room = round(small.shape[1] * 3 / 4) - small.shape[0]
    return np.pad(small, ((room // 2, room - room // 2), (0, 0), (0, 0)))


def inspect(image: Image, thumbnail: Image | None, options: Options | None = None) -> Finding:
    scene = SimpleNamespace(
        image=lambda: image,
        thumbnail=lambda: thumbnail,
        media=SimpleNamespace(kind=Kind.IMAGE),
        options=options or Options(),
    )
    return ThumbnailMismatch().inspect(scene, None)  # type: ignore[arg-type]


def mass(image: Image, thumbnail: Image) -> float:
    found = compare(image, thumbnail)
    assert found is not None
    return changed_parts(found.error)[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_its_own_thumbnail_matches_however_it_was_made(seed: int) -> None:
    image = scene_of(seed)
    small = thumbnail_of(image)
    sharp = np.clip(small + 0.7 * (small.astype(float) - cv2.GaussianBlur(small, (0, 0), 1.2)), 0, 255).astype(np.uint8)
    brighter = np.clip(small * 1.15 + 10.0, 0, 255).astype(np.uint8)
    middle = thumbnail_of(np.ascontiguousarray(image[:, 33:567]), 160, 120)
    for made in (small, sharp, brighter, padded(small), middle, turned(small, 1), turned(small, 6)):
        assert mass(image, made) == 0.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_pasted_part_is_found_where_it_is(seed: int) -> None:
    image = scene_of(seed)
    forged = image.copy()
    forged[120:240, 300:440] = scene_of(seed + 50)[60:180, 60:200]
    finding = inspect(forged, padded(thumbnail_of(image)))
    assert finding.raw is not None
    assert finding.raw > 2.0
    region = finding.regions[0]
    assert 280 <= region.x + region.width / 2 <= 460
    assert 100 <= region.y + region.height / 2 <= 260
    assert finding.heatmap is not None
    height, width = finding.heatmap.shape
    heat = finding.heatmap
    inside = heat[120 * height // 400 : 240 * height // 400, 300 * width // 600 : 440 * width // 600].mean()
    assert inside > 5 * heat.mean() * 0.5
    assert heat.max() <= 1.0


def test_another_picture_is_strange() -> None:
    found = compare(scene_of(1), thumbnail_of(scene_of(9)))
    assert found is not None
    assert found.correlation < STRANGE
    finding = inspect(scene_of(1), thumbnail_of(scene_of(9)))
    assert "another picture" in finding.summary["en"]
    assert finding.raw is not None
    assert finding.raw >= 2.0


def test_a_cropped_picture_is_called_cropped() -> None:
    image = scene_of(4)
    finding = inspect(np.ascontiguousarray(image[80:360, 60:460]), thumbnail_of(image))
    assert finding.measurements["visible"] == pytest.approx(280 * 400 / (400 * 600), abs=0.05)
    assert "cropped" in finding.summary["en"]
    assert finding.raw == 0.5


def test_a_match_says_little_in_favour() -> None:
    finding = inspect(scene_of(5), thumbnail_of(scene_of(5)))
    assert finding.raw == -0.2
    assert finding.regions == ()


def test_what_cannot_be_compared() -> None:
    image = scene_of(6)
    assert inspect(image, None).reason is Reason.NO_THUMBNAIL
    assert inspect(image, image[:10, :10]).reason is Reason.NO_THUMBNAIL
    assert inspect(image, np.full((120, 160, 3), 128, np.uint8)).reason is Reason.NO_THUMBNAIL
    assert inspect(image, thumbnail_of(image), Options(region=(0, 0, 64, 64))).reason is Reason.NOT_APPLICABLE


def test_bars_are_removed_and_dark_pictures_are_not() -> None:
    small = thumbnail_of(scene_of(7))
    bare = without_bars(padded(small))
    assert abs(bare.shape[0] - small.shape[0]) <= 2
    assert bare.shape[1] == small.shape[1]
    black = np.zeros((120, 160, 3), np.uint8)
    assert without_bars(black).shape == black.shape


def test_log_odds_grow_with_the_change() -> None:
    values = [log_odds(change, 0.9) for change in (0.0, 1.0, 10.0, 100.0, 1000.0)]
    assert values == sorted(values)
    assert values[0] == -0.2
    assert values[-1] == 3.0
