from __future__ import annotations

import cv2
import numpy as np

from veriscope.detectors.face_jitter import INNER, SIDE, FaceJitter, flicker, measure, register, statistic
from veriscope.perception.faces import TEMPLATE
from veriscope.types import Face, Frame, Reason


def texture(side: int, seed: int = 0) -> np.ndarray:
    image = np.random.default_rng(seed).uniform(0, 255, (side, side, 3))
    return (cv2.GaussianBlur(image, (0, 0), 4) - 128) * 3 + 128


def test_a_trembling_face_stands_out_and_a_trembling_picture_does_not() -> None:
    rng = np.random.default_rng(0)
    base = texture(SIDE)

    def runs(face: float, everything: float) -> list[np.ndarray]:
        out = []
        for _ in range(4):
            frames = []
            for _ in range(5):
                frame = base + rng.normal(0, everything, 3) + INNER[..., None] * rng.normal(0, face, 3)
                frames.append(measure(np.clip(frame, 0, 255).astype(np.uint8)))
            out.append(np.array(frames))
        return out

    def strength(face: float, everything: float) -> float:
        result = flicker(runs(face, everything))
        assert result is not None
        return statistic(result[0])

    assert strength(4, 0) > 1.5
    assert abs(strength(0, 4)) < 0.4
    assert abs(strength(0, 0)) < 0.2


def test_steady_change_is_no_flicker() -> None:
    ramp = np.arange(6)[:, None, None] * np.ones((6, 2, 4))
    ramp[:, 0] *= 3  # the light on the face grows three times as fast, but evenly
    result = flicker([ramp, ramp])
    assert result is not None
    assert abs(statistic(result[0])) < 1e-9
    assert flicker([ramp[:3]]) is None


def test_registration_undoes_a_shift() -> None:
    base = texture(SIDE + 20).clip(0, 255).astype(np.uint8)
    before, after = base[10:-10, 10:-10], base[7:-13, 14:-6]
    back = register(before, after)
    inner = (slice(20, -20), slice(20, -20))
    assert (
        np.abs(back[inner].astype(int) - before[inner]).mean()
        < 0.2 * np.abs(after[inner].astype(int) - before[inner]).mean()
    )


def test_bursts_are_followed_with_faces_found_only_now_and_then() -> None:
    watch = FaceJitter().watch(None, None)  # type: ignore[arg-type]
    face = Face((60, 60, 120, 150), 0.9, TEMPLATE * 130 + 60)
    image = texture(260).clip(0, 255).astype(np.uint8)
    for burst in range(3):
        for i in range(4):
            watch.see(Frame(100 * burst + i, 4.0 * burst + i / 25, image, i), [face] if i == 0 else [])
    assert [len(run) for run in watch._runs] == [4, 4, 4]  # type: ignore[attr-defined]
    lonely = FaceJitter().watch(None, None)  # type: ignore[arg-type]
    assert lonely.finish().reason is Reason.NO_FACE
    lonely.see(Frame(0, 0.0, image), [face])
    assert lonely.finish().reason is Reason.TOO_SHORT
