"""The map of changed areas, with a network whose answer the test decides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.detectors import forgery_heatmap
from veriscope.detectors._copy_move_once import once
from veriscope.detectors._pasted_side import pasted
from veriscope.detectors.forgery_heatmap import PIXELS, ForgeryHeatmap
from veriscope.inference.networks import forgery_heatmap as network
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import open_scene
from veriscope.types import Finding, Options, Policy, Reason

from tests.making import encoded
from tests.unit.detectors.conftest import textured


class Told:
    """Says ``inside`` (log-odds) in a box of the picture, in shares of its sides, and ``outside`` elsewhere."""

    def __init__(self, box: tuple[float, float, float, float], inside: float, outside: float, logit: float) -> None:
        self.box, self.inside, self.outside, self.logit = box, inside, outside, logit
        self.seen: Mapping[str, NDArray[Any]] = {}

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        assert model == network.NAME
        self.seen = inputs
        h, w = (side * network.CELL // network.FINE for side in inputs["features"].shape[2:])
        maps = np.full((1, 2, h, w), self.outside, np.float32)
        x, y, width, height = self.box
        maps[0, 0, int(y * h) : int((y + height) * h), int(x * w) : int((x + width) * w)] = self.inside
        return {"maps": maps, "score": np.array([[self.logit]], np.float32)}

    def version(self, model: str) -> str:
        return "1"


@pytest.fixture(scope="module")
def child() -> Any:
    child = DecodeChild(Limits())
    yield child
    child.close()


def look(data: bytes, told: Told, child: DecodeChild, tmp_path: Path, policy: Policy = Policy.QUICK) -> Finding:
    path = tmp_path / "picture"
    path.write_bytes(data)
    with open_scene(path, Options(policy=policy), child=child, infer=told) as scene:
        return ForgeryHeatmap().inspect(scene, told)


def test_marked_area_becomes_a_region(child: DecodeChild, tmp_path: Path) -> None:
    told = Told((0.25, 0.5, 0.25, 0.25), 4.0, -4.0, 4.25)
    finding = look(encoded(textured(256, 320, 1), quality=90), told, child, tmp_path)
    assert finding.raw == 4.25
    assert finding.heatmap is not None
    assert finding.heatmap.shape == (256, 320)
    (region,) = finding.regions
    assert (region.x, region.y) == pytest.approx((80, 128), abs=4)
    assert (region.width, region.height) == pytest.approx((80, 64), abs=8)
    assert region.score == pytest.approx(0.95, abs=0.05)
    assert "6" in finding.summary["en"]


def test_nothing_marked_says_so(child: DecodeChild, tmp_path: Path) -> None:
    finding = look(encoded(textured(200, 200, 2), quality=90), Told((0, 0, 1, 1), -3.0, -3.0, -3.0), child, tmp_path)
    assert finding.regions == ()
    assert "no area" in finding.summary["en"]


def test_a_map_alone_names_nothing(child: DecodeChild, tmp_path: Path) -> None:
    told = Told((0.25, 0.5, 0.25, 0.25), 4.0, -4.0, 0.5)  # somewhere looks odd, the picture as a whole does not
    finding = look(encoded(textured(256, 320, 1), quality=90), told, child, tmp_path)
    assert finding.regions == ()
    assert finding.heatmap is not None
    assert finding.heatmap.max() > 0.9


def test_compression_is_read_from_a_jpeg_only(child: DecodeChild, tmp_path: Path) -> None:
    told = Told((0, 0, 1, 1), -3.0, -3.0, -3.0)
    picture = textured(160, 160, 3)
    assert look(encoded(picture, quality=80), told, child, tmp_path).parameters["compression_read"] is True
    assert told.seen["dct"].sum() == network.FREQUENCIES * 20 * 20
    assert look(encoded(picture, "PNG"), told, child, tmp_path).parameters["compression_read"] is False
    assert told.seen["dct"].sum() == 0


def test_large_picture_is_reduced_and_regions_are_in_its_own_pixels(child: DecodeChild, tmp_path: Path) -> None:
    told = Told((0.5, 0.5, 0.25, 0.25), 5.0, -5.0, 4.5)
    finding = look(encoded(textured(900, 1200, 4), quality=85), told, child, tmp_path)
    assert np.prod(told.seen["dct"].shape[2:]) * network.CELL**2 < 1.08 * PIXELS[Policy.QUICK]
    assert finding.regions[0].x == pytest.approx(600, abs=12)
    assert finding.regions[0].width == pytest.approx(300, abs=24)


def test_of_two_equal_areas_the_outline_tells_the_copy(
    child: DecodeChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(copied(), quality=95)
    told = Told((0, 0, 1, 1), -3.0, -3.0, -1.0)
    finding = look(data, told, child, tmp_path, Policy.STANDARD)
    assert finding.heatmap is not None
    assert finding.heatmap[150:200, 260:320].mean() > 0.5
    assert finding.heatmap[50:100, 40:100].mean() < 0.5
    assert finding.raw == -1.0  # the copies have a score of their own
    monkeypatch.setattr(forgery_heatmap, "pasted", lambda *_: 0.0)
    undecided = look(data, told, child, tmp_path, Policy.STANDARD)
    assert undecided.heatmap is not None
    assert undecided.heatmap[50:100, 40:100].mean() > 0.5


def test_beside_a_copy_only_what_is_plain_is_marked(child: DecodeChild, tmp_path: Path) -> None:
    data = encoded(copied(), quality=95)
    corner = (0.7, 0.05, 0.25, 0.3)  # neither the area nor its copy
    marked = []
    for inside in (1.5, 3.0):
        heat = look(data, Told(corner, inside, -4.0, -1.0), child, tmp_path, Policy.STANDARD).heatmap
        assert heat is not None
        assert heat[150:200, 260:320].mean() > 0.5  # the copy itself
        marked.append(float(heat[20:80, 280:350].mean()))
    assert marked[0] < 0.5 < marked[1]


def test_the_outline_of_what_was_pasted_is_a_seam() -> None:
    picture = copied()
    source, copy = np.zeros((256, 384), np.bool_), np.zeros((256, 384), np.bool_)
    source[40:110, 30:110], copy[140:210, 250:330] = True, True
    assert pasted(picture, copy, source) > 0.5
    assert pasted(picture, source, copy) < -0.5
    dot = np.zeros_like(source)
    dot[5, 5] = True
    assert pasted(picture, dot, copy) == 0.0  # too small to say


def test_the_network_is_asked_for_the_seam() -> None:
    picture = cv2.GaussianBlur(copied(), (0, 0), 3.0)
    one, other = np.zeros((256, 384), np.bool_), np.zeros((256, 384), np.bool_)
    one[20:80, 20:100], other[160:220, 200:280] = True, True
    seams = np.full((256, 384), -4.0, np.float32)
    seams[14:86, 14:106] = 2.0
    level = np.zeros_like(seams)
    even = pasted(picture, one, other, level, level)
    assert pasted(picture, one, other, seams, level) > even + 2
    assert pasted(picture, other, one, seams, level) == pytest.approx(-pasted(picture, one, other, seams, level))
    assert pasted(picture, one, other, level, seams) > even + 1  # and for what changed inside


def copied() -> NDArray[np.uint8]:
    """Detail at every scale, and a rectangle of it a second time."""
    random = np.random.default_rng(0)
    soft = [cv2.GaussianBlur(random.normal(size=(256, 384, 3)), (0, 0), sigma) for sigma in (0.8, 2.0, 5.0, 14.0)]
    picture = np.clip(sum(14 * plane / plane.std() for plane in soft) + 128, 0, 255).astype(np.uint8)
    picture[140:210, 250:330] = picture[40:110, 30:110]
    return picture


def test_tiny_picture_is_left_alone(child: DecodeChild, tmp_path: Path) -> None:
    finding = look(encoded(textured(48, 100, 6), quality=90), Told((0, 0, 1, 1), 0.0, 0.0, 0.0), child, tmp_path)
    assert finding.score is None
    assert finding.reason is Reason.TOO_SMALL


def test_the_search_for_copies_is_made_once() -> None:
    calls = []

    def search(image: NDArray[np.uint8], effort: object) -> Any:
        calls.append(image.shape)
        return object()

    effort: Any = "standard"
    one, other = textured(64, 64, 1), textured(64, 64, 2)
    assert once(one, effort, search) is once(one, effort, search)
    assert once(other, effort, search) is not once(one, effort, search)
    assert len(calls) == 2
