from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.detectors.face_manipulation import CROPS, HEAT_SIDE, FaceManipulation, crop, joined, side
from veriscope.inference.networks import face_manipulation as network
from veriscope.perception.faces import TEMPLATE
from veriscope.types import Face, FaceTrack, Frame, Kind, Reason


def face_at(x: float, y: float, size: float) -> Face:
    return Face((x, y, size, size), 0.9, (TEMPLATE * size + np.array([x, y])).astype(np.float32))


class RedIsAltered:
    """A network that answers how much redder than green a crop is, and a map of its left half."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        assert model == network.NAME
        faces = inputs[network.INPUT]
        self.batches.append(len(faces))
        maps = np.zeros((len(faces), network.GRID, network.GRID), np.float32)
        maps[:, :, : network.GRID // 2] = 1.0
        inner = slice(3 * network.SIZE // 8, 5 * network.SIZE // 8)
        centre = faces[:, :, inner, inner].mean(axis=(2, 3))
        return {network.LOGIT: (centre[:, 0] - centre[:, 1]) / 20, network.MAP: maps}

    def version(self, model: str) -> str:
        return "1"


def scene(kind: Kind, image: NDArray[np.uint8] | None = None, faces: tuple[Face, ...] = ()) -> Any:
    tracks = tuple(FaceTrack(i, (face,), (0.0,), (0,)) for i, face in enumerate(faces))
    return SimpleNamespace(media=SimpleNamespace(kind=kind), image=lambda: image, faces=lambda: tracks)


def picture(*red: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Grey, with redder squares: left, top, side."""
    image = np.full((600, 900, 3), 120, np.uint8)
    for left, top, size in red:
        image[top : top + size, left : left + size, 0] = 200
    return image


def test_the_crop_shows_the_face_from_brows_to_chin() -> None:
    y, x = np.mgrid[:600, :900]
    image = np.stack([x / 4, y / 4, np.zeros_like(x)], axis=2).astype(np.uint8)  # a pixel tells where it was
    face = face_at(300, 200, 150)
    assert side(face) == pytest.approx(150, rel=0.01)
    left, top, span = network.WINDOW
    seen = crop(image, face.landmarks).astype(float) * 4
    assert seen[2, 2, :2] == pytest.approx([300 + 150 * left, 200 + 150 * top], abs=6)
    assert seen[-3, -3, :2] == pytest.approx([300 + 150 * (left + span), 200 + 150 * (top + span)], abs=6)


def test_a_large_face_is_averaged_and_one_outside_still_gives_a_crop() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    large = crop(noise, face_at(100, 100, 1000).landmarks)
    assert large.std() < 25  # one pixel in eight would keep all of the noise's 74
    assert crop(noise, face_at(5000, 200, 150).landmarks).shape == (network.SIZE, network.SIZE, 3)


def test_the_most_conspicuous_face_speaks_and_the_map_lies_on_it() -> None:
    genuine, altered = face_at(100, 100, 150), face_at(500, 300, 200)
    image = picture((500, 300, 200))
    found = FaceManipulation().inspect(scene(Kind.IMAGE, image, (genuine, altered)), RedIsAltered())
    assert found.raw == pytest.approx(joined(np.array([4.0, 0.0], np.float32)), abs=0.05)
    assert found.raw == pytest.approx(4 - np.log(2), abs=0.05)
    assert [round(region.x) for region in found.regions] == [500, 100]
    scores = [region.score for region in found.regions]
    assert scores[0] is not None
    assert scores[0] > 0.9
    assert scores[1] == pytest.approx(0.5, abs=0.01)
    assert found.heatmap is not None
    assert max(found.heatmap.shape) == HEAT_SIDE
    factor = HEAT_SIDE / 900
    row = round(400 * factor)
    assert found.heatmap[row, round(540 * factor)] > 0.9  # left half of the altered face
    assert found.heatmap[row, round(680 * factor)] < 0.1  # its right half
    assert found.heatmap[row, round(850 * factor)] == 0  # beside it
    assert "+3.3" in found.summary["en"]


def test_no_face_and_small_faces_give_no_score() -> None:
    method, infer = FaceManipulation(), RedIsAltered()
    assert method.inspect(scene(Kind.IMAGE, picture()), infer).reason is Reason.NO_FACE
    small = method.inspect(scene(Kind.IMAGE, picture(), (face_at(10, 10, 40),)), infer)
    assert small.reason is Reason.TOO_SMALL
    assert small.raw is None
    assert infer.batches == []


def watched(frames: int, red: set[int], sampled: bool = True, size: float = 150) -> tuple[Any, RedIsAltered]:
    infer = RedIsAltered()
    watch = FaceManipulation().watch(scene(Kind.VIDEO), infer)
    face = face_at(300, 200, size)
    plain, changed = picture(), picture((300, 200, 150))
    for i in range(frames):
        watch.see(Frame(25 * i, float(i), changed if i in red else plain, sampled=sampled), (face,))
    return watch.finish(), infer


def test_a_long_clip_asks_about_a_few_frames_spread_over_it() -> None:
    found, infer = watched(300, set())
    assert infer.batches == [4] * (CROPS // 4), "a few at a time"
    times = [frame.time for frame in found.frames]
    assert times[0] == 0
    assert times[-1] > 250
    assert max(np.diff(times)) <= 40
    short, infer = watched(7, set())
    assert infer.batches == [4, 3]
    assert [frame.index for frame in short.frames] == [25 * i for i in range(7)]


def test_a_clip_is_judged_by_the_half_that_learned_blended_faces() -> None:
    class Halves(RedIsAltered):
        def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
            answer = super().run(model, inputs)
            return {**answer, network.BLENDED: answer[network.LOGIT] - 7}

    infer, face = Halves(), face_at(300, 200, 150)
    watch = FaceManipulation().watch(scene(Kind.VIDEO), infer)
    for i in range(5):
        watch.see(Frame(i, float(i), picture((300, 200, 150))), (face,))
    assert watch.finish().raw == pytest.approx(4 - 7, abs=0.05)
    still = FaceManipulation().inspect(scene(Kind.IMAGE, picture((300, 200, 150)), (face,)), infer)
    assert still.raw == pytest.approx(4, abs=0.05)


def test_one_odd_frame_does_not_decide_but_is_shown() -> None:
    found, _ = watched(10, {4})
    assert found.raw == pytest.approx(0.0, abs=0.01)
    assert max(frame.score for frame in found.frames) > 0.9
    assert found.regions[0].time == 4.0
    every, _ = watched(10, set(range(10)))
    assert every.raw == pytest.approx(4.0, abs=0.05)


def test_two_people_are_judged_apart() -> None:
    infer, left, right = RedIsAltered(), face_at(100, 200, 150), face_at(500, 200, 140)
    tracks = [
        FaceTrack(i, (face,) * 10, tuple(map(float, range(10))), tuple(range(10)))
        for i, face in enumerate((left, right))
    ]
    clip = scene(Kind.VIDEO)
    clip.faces = lambda: tracks
    watch = FaceManipulation().watch(clip, infer)
    for i in range(10):
        watch.see(Frame(i, float(i), picture((500, 200, 140))), (left, right))
    found = watch.finish()
    assert sum(infer.batches) == CROPS
    assert found.measurements["people"] == [pytest.approx(0.0, abs=0.05), pytest.approx(4.0, abs=0.05)]
    assert found.raw == pytest.approx(4 - np.log(2), abs=0.05)
    assert found.regions[0].x == 500


def test_a_clip_without_a_usable_face_gives_no_score() -> None:
    assert watched(5, set(), size=40)[0].reason is Reason.TOO_SMALL
    assert watched(5, set(), sampled=False)[0].reason is Reason.NO_FACE
