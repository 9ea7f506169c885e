"""Noise-level inconsistency on the frames of a video, with a robust aggregate over time.

The statistic is the one for pictures (``noise_level``). Video coding wipes out most noise and leaves a different amount
in every frame, so a single frame says little: the upper quartile over the sampled frames is what counts, and only what
lasts raises it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from veriscope.detectors._blocks import regions_of
from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.detectors.noise_level import statistic
from veriscope.perception.views import grey
from veriscope.types import Face, Finding, Frame, FrameScore, Infer, Kind, Plane, Reason, Scene, Signal, Watch

EVERY = 3  # sampled frames per measured one: 40 ms each at 1080p
FEWEST = 3
FULL = 2.0  # natural log-ratio that is drawn as 1


class _Watch(Watch):
    def __init__(self, method: FrameNoise, scene: Scene) -> None:
        self._method = method
        self._scene = scene
        self._seen = 0
        self._scores: list[FrameScore] = []
        self._worst: tuple[float, Plane, tuple[int, int], float] | None = None

    def see(self, frame: Frame, faces: Sequence[Face]) -> None:
        del faces
        if not frame.sampled:
            return
        self._seen += 1
        if self._seen % EVERY != 1:
            return
        raw, heat = statistic(grey(frame.image))
        if raw is None:
            return
        self._scores.append(FrameScore(frame.index, frame.time, min(1.0, raw / FULL)))
        if self._worst is None or raw > self._worst[0]:
            self._worst = (raw, heat, (frame.image.shape[1], frame.image.shape[0]), frame.time)

    def finish(self) -> Finding:
        method = self._method
        if len(self._scores) < FEWEST or self._worst is None:
            return method.abstain(Reason.TOO_SHORT if self._seen < FEWEST * EVERY else Reason.NO_TEXTURE)
        raw = FULL * float(np.quantile([s.score for s in self._scores], 0.75))
        _, heat, (width, height), time = self._worst
        boxes = regions_of(heat > np.log(2) / FULL, heat, width, height, least=4)
        return method.found(
            raw,
            self._scene.media.kind,
            method.say("measured", frames=len(self._scores), factor=f"{np.exp(raw):.1f}"),
            frames=tuple(self._scores),
            regions=tuple(replace(box, time=time) for box in boxes),
            parameters={"everyNthSample": EVERY, "quantile": 0.75},
            measurements={"logRatio": raw, "worstFrameSecond": time},
        )


class FrameNoise(Method):
    """Raw: upper quartile over frames of the log-ratio of noise between the most deviating part and like parts."""

    name = "frame_noise"
    signal = Signal.NOISE
    kinds = frozenset({Kind.VIDEO})
    policies = NOT_QUICK
    reference = "Mahdian & Saic, Image and Vision Computing 27, 2009"
    libraries = ("numpy", "opencv-python-headless")
    title = {"en": "Noise in the frames", "vi": "Nhiễu trong khung hình"}
    sentences = {
        "measured": {
            "en": "In the upper quarter of {frames} frames, the fine grain of like parts differs by {factor} times or "
            "more.",
            "vi": "Ở một phần tư trên của {frames} khung hình, độ hạt mịn của các vùng giống nhau chênh {factor} lần "
            "trở lên.",
        },
    }

    def watch(self, scene: Scene, infer: Infer) -> Watch:
        return _Watch(self, scene)

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        seen = self.watch(scene, infer)
        for frame in scene.frames():
            seen.see(frame, scene.look(frame))
        return seen.finish()
