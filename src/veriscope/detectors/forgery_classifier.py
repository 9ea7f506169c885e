"""Two networks in a row: where the picture may have been changed, then whether it is a forgery.

The first stage's map and the picture, both at 256×256, go through a ResNet34 with four input channels. This is the
design of DeepSentry; the route ``/api/deepfake/`` answers with exactly this and nothing else.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from veriscope.detectors.base import NOT_QUICK, Method
from veriscope.inference.networks import forgery_classifier as fusion
from veriscope.inference.networks import forgery_heatmap as heatmap
from veriscope.types import Finding, Image, Infer, Kind, Plane, Reason, Scene, Signal

PIXELS = 100_000  # of the first stage's input: the time of an answer must not depend on the size of the picture
SMALLEST = 64  # px, shorter side


def first_stage(image: Image, infer: Infer) -> Plane:
    """Probability in [0, 1] that a place was changed, for a picture of any size, at its own or a reduced size."""
    scale = math.sqrt(PIXELS / (image.shape[0] * image.shape[1]))
    if scale < 1:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    answer = heatmap.read(infer.run(heatmap.NAME, heatmap.prepare(image)), image.shape[:2])
    return np.asarray(1.0 / (1.0 + np.exp(-answer.logits)), np.float32)


def judge(image: Image, infer: Infer) -> tuple[float, Plane]:
    """Probability of FAKE in [0, 1], and the map of the first stage."""
    heat = first_stage(image, infer)
    return fusion.read(infer.run(fusion.NAME, fusion.prepare(image, heat))), heat


class ForgeryClassifier(Method):
    """Raw: log-odds of FAKE."""

    name = "forgery_classifier"
    policies = NOT_QUICK
    title = {"en": "Two-stage classifier", "vi": "Bộ phân loại hai giai đoạn"}
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE})
    models = (heatmap.NAME, fusion.NAME)
    libraries = ("numpy", "opencv-python-headless", "onnxruntime")
    reference = (
        "K. He et al., Deep residual learning for image recognition, CVPR 2016, with a heatmap as fourth channel"
    )
    sentences = {
        "found": {
            "en": "Seen as a whole, with the map of suspicious places beside it, a network trained on forgeries made "
            "from photographs puts this picture at {percent:.0f} % on the forged side.",
            "vi": "Nhìn tổng thể cùng bản đồ các vùng đáng ngờ, một mạng nơ-ron được huấn luyện trên ảnh giả tạo từ "
            "ảnh chụp xếp ảnh này về phía giả mạo ở mức {percent:.0f} %.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image()
        if min(image.shape[:2]) < SMALLEST:
            return self.abstain(Reason.TOO_SMALL)
        probability, heat = judge(image, infer)
        clipped = min(max(probability, 1e-6), 1 - 1e-6)
        return self.found(
            math.log(clipped / (1 - clipped)),
            scene.media.kind,
            self.say("found", percent=100 * probability),
            heatmap=heat,
            parameters={"size": fusion.SIZE, "first_stage_pixels": PIXELS},
            measurements={"fake": probability},
        )
