"""Copy-move on pictures made here: copies are found and described, natural repetition is not taken for one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.detectors import _copy_move_geometry as geometry
from veriscope.detectors import _copy_move_match as matching
from veriscope.detectors import copy_move
from veriscope.types import Image, Infer, Kind, Media, Options, Policy, Reason, Scene

INFER = cast(Infer, None)  # copy-move needs no network


def texture(width: int = 384, height: int = 256, seed: int = 0) -> Image:
    """Detail at every scale, as photographs have it, without any repetition."""
    random = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for sigma in (0.8, 2.0, 5.0, 14.0):
        noise = cv2.GaussianBlur(random.normal(size=(height, width, 3)).astype(np.float32), (0, 0), sigma)
        image += 14.0 * noise / noise.std()
    return np.clip(image + 128, 0, 255).astype(np.uint8)


def saved(image: Image, quality: int = 85) -> Image:
    """``image`` after a trip through JPEG."""
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def pasted(image: Image, map_: NDArray[np.float64], centre: tuple[int, int], radius: int) -> Image:
    """A disc around ``centre`` overwritten by what ``map_`` reads elsewhere."""
    height, width = image.shape[:2]
    source = cv2.warpAffine(image, map_, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    disc = cv2.circle(np.zeros((height, width), np.uint8), centre, radius, 1, -1)
    return np.where(disc[..., None] > 0, source, image)


def shift(dx: float, dy: float) -> NDArray[np.float64]:
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])


def around(centre: tuple[float, float], degrees: float, scale: float, to: tuple[float, float]) -> NDArray[np.float64]:
    """Turns and scales around ``centre``, which goes to ``to``."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([linear, (np.array(to) - linear @ np.array(centre))[:, None]])


def scene(image: Image, policy: Policy = Policy.STANDARD) -> Scene:
    media = Media(Path("x.jpg"), "x.jpg", Kind.IMAGE, "jpeg", 1, "0" * 64)
    return cast(Scene, SimpleNamespace(media=media, options=Options(policy=policy), image=lambda: image))


def test_finds_a_moved_copy_after_jpeg() -> None:
    image = saved(pasted(texture(), shift(-180, 40), (290, 90), 28))
    finding = copy_move.CopyMove().inspect(scene(image), INFER)
    assert finding.raw is not None
    assert finding.raw > 3.0
    facts = cast(dict[str, Any], finding.measurements)
    assert sorted(np.abs([facts["shift_x"], facts["shift_y"]])) == pytest.approx([40, 180], abs=1)
    assert facts["scale"] == pytest.approx(1.0, abs=0.01)
    assert "copies of each other" in finding.summary["en"]
    assert "bản sao" in finding.summary["vi"]
    assert [r.group for r in finding.regions] == [0, 0]
    corners = sorted((r.x + r.width / 2, r.y + r.height / 2) for r in finding.regions)
    assert np.allclose(corners, [(110, 130), (290, 90)], atol=6)
    assert finding.heatmap is not None
    truth = np.zeros(image.shape[:2], np.uint8)
    for at in ((290, 90), (110, 130)):
        cv2.circle(truth, at, 28, 1, -1)
    found = finding.heatmap > 0.5
    assert (found & (truth > 0)).sum() / (found | (truth > 0)).sum() > 0.7


@pytest.mark.parametrize(
    ("degrees", "scale"),
    [(25.0, 1.0), (0.0, 1.25), (-70.0, 0.85)],
)
def test_finds_turned_and_scaled_copies(degrees: float, scale: float) -> None:
    image = pasted(texture(seed=1), around((290, 150), degrees, scale, (90, 110)), (290, 150), 34)
    result = copy_move.search(saved(image, 90), copy_move.EFFORTS[Policy.STANDARD])
    assert result.logits[0] > 1.0
    facts = copy_move.describe(result.evidence[0], 1.0)
    inverse = facts["distance"] > 0 and abs(np.log(facts["scale"]) - np.log(scale)) > 0.05
    sign, factor = (-1, 1 / scale) if inverse or facts["rotation"] * degrees < 0 else (1, scale)
    assert facts["rotation"] == pytest.approx(sign * degrees, abs=2)
    assert facts["scale"] == pytest.approx(factor, rel=0.04)
    assert not facts["mirrored"]


def test_finds_a_mirrored_copy() -> None:
    mirror = np.array([[-1.0, 0.0, 380.0], [0.0, 1.0, 0.0]])
    image = pasted(texture(seed=2), mirror, (290, 130), 36)
    result = copy_move.search(saved(image, 90), copy_move.EFFORTS[Policy.STANDARD])
    assert result.logits[0] > 0.0
    assert copy_move.describe(result.evidence[0], 1.0)["mirrored"]


@pytest.mark.parametrize("seed", range(3))
def test_says_nothing_about_a_plain_picture(seed: int) -> None:
    finding = copy_move.CopyMove().inspect(scene(saved(texture(seed=10 + seed))), INFER)
    assert finding.raw is not None
    assert finding.raw < 0.0
    assert finding.regions == ()
    assert finding.heatmap is not None
    assert finding.heatmap.max() == 0.0
    assert finding.summary["en"].startswith("No two areas")


def test_a_woven_pattern_is_no_copy() -> None:
    y, x = np.mgrid[:256, :384].astype(np.float32)
    x, y = x + 3 * np.sin(y / 40), y + 2 * np.sin(x / 55)  # cloth is never quite flat
    weave = 40 * np.sign(np.sin(x / 4)) * np.sign(np.sin(y / 5)) + 20 * np.sin(x / 16)
    image = np.clip(0.25 * texture(seed=4).astype(np.float32) + 90 + weave[..., None], 0, 255).astype(np.uint8)
    finding = copy_move.CopyMove().inspect(scene(saved(image)), INFER)
    assert finding.raw is not None
    assert finding.raw < 0.0


def test_abstains_where_nothing_can_be_compared() -> None:
    detector = copy_move.CopyMove()
    assert detector.inspect(scene(texture(60, 200)), INFER).reason is Reason.TOO_SMALL
    flat = np.full((200, 300, 3), 127, np.uint8)
    assert detector.inspect(scene(flat), INFER).reason is Reason.NO_TEXTURE


def test_repeats_itself() -> None:
    image = saved(pasted(texture(seed=5), shift(-150, -60), (280, 150), 24))
    first, second = (copy_move.CopyMove().inspect(scene(image), INFER) for _ in range(2))
    assert first == second
    assert np.array_equal(cast(Any, first.heatmap), cast(Any, second.heatmap))


def test_large_pictures_are_reported_in_their_own_pixels() -> None:
    image = pasted(texture(960, 720, seed=6), shift(-450, 150), (700, 230), 90)
    finding = copy_move.CopyMove().inspect(scene(image), INFER)
    assert finding.parameters["working_width"] < 960  # type: ignore[operator]
    assert cast(float, finding.measurements["distance"]) == pytest.approx(np.hypot(450, 150), rel=0.02)
    assert any(abs(r.x + r.width / 2 - 700) < 20 and abs(r.y + r.height / 2 - 230) < 20 for r in finding.regions)


def test_mirrored_descriptors_are_those_of_the_mirrored_picture() -> None:
    grey = np.ascontiguousarray(texture(200, 160, seed=7)[..., 1])
    plain = matching.key_points(grey, 300)
    flipped = matching.key_points(np.ascontiguousarray(grey[:, ::-1]), 300)
    cosine = matching.mirror_descriptors(plain.descriptors) @ flipped.descriptors.T
    there = flipped.xy[cosine.argmax(axis=1)]
    same_place = np.abs(there - (199 - np.conj(plain.xy))) < 2.0
    assert same_place.mean() > 0.7
    unpermuted = (plain.descriptors @ flipped.descriptors.T).argmax(axis=1)
    assert (np.abs(flipped.xy[unpermuted] - (199 - np.conj(plain.xy))) < 2.0).mean() < 0.4


def test_dense_search_finds_the_shift_of_a_smooth_copy() -> None:
    image = texture(seed=8)
    smooth = cv2.GaussianBlur(image, (0, 0), 2.0)
    luma = pasted(smooth, shift(-160, 30), (280, 100), 26)[..., 1].astype(np.float32)
    best = matching.dense_offsets(matching.whiten(luma), 48, 32, 5)[0]
    assert sorted(np.abs(best.map[:, 2])) == [30, 160]


def test_exact_and_departure_measure_the_distance_from_a_whole_shift() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[20:60, 30:70] = True
    near = geometry.exact(shift(10.2, -4.1), mask)
    assert near is not None
    assert np.array_equal(near, shift(10, -4))
    bend, fraction = geometry.departure(shift(10.2, -4.1), mask)
    assert bend == pytest.approx(0.0, abs=1e-6)
    assert fraction == pytest.approx(np.hypot(0.2, 0.1))
    stretched = shift(10, -4) + np.array([[0.05, 0, 0], [0, 0.05, 0]])
    assert geometry.departure(stretched, mask)[0] == pytest.approx(0.05 * np.sqrt(2 * (40**2 - 1) / 12), rel=0.01)
    assert geometry.exact(around((50, 50), 45, 1.0, (60, 60)), mask) is None


@pytest.mark.data
def test_real_photographs_raise_no_alarm(data: Path) -> None:
    files = sorted((data / "images/pristine/bsds500").rglob("*.jpg"))[:4]
    assert files
    for file in files:
        image = np.ascontiguousarray(cv2.imread(str(file))[..., ::-1])
        result = copy_move.search(image, copy_move.EFFORTS[Policy.STANDARD])
        assert not result.logits or result.logits[0] < 2.0, file.name
