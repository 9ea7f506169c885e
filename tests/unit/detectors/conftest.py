"""Pictures with a known history, and a way to put them before one detector through the real scene."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.scene import open_scene
from veriscope.types import Detector, Finding

from tests.making import encoded

Pixels = NDArray[np.uint8]
Examine = Callable[[Detector, bytes], Finding]


def textured(height: int, width: int, seed: int, noise: float = 1.5) -> Pixels:
    """Fractal texture without edges, and white noise: every 8×8 block has something to compress."""
    random = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 8):
        coarse = random.normal(0, 1, (2**octave + 1, 2**octave + 1, 3)).astype(np.float32)
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 60 / 1.7**octave
    return np.clip(image + 120 + random.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def through_jpeg(image: Pixels, quality: int) -> Pixels:
    return np.array(Image.open(io.BytesIO(encoded(image, quality=quality))).convert("RGB"))


def inside(finding: Finding, box: tuple[int, int, int, int], size: tuple[int, int]) -> float:
    """Share of the heatmap's mass that lies in ``box`` (x, y, width, height) of a picture ``size`` wide and high."""
    assert finding.heatmap is not None
    heat = cv2.resize(finding.heatmap, size, interpolation=cv2.INTER_NEAREST)
    x, y, w, h = box
    return float(heat[y : y + h, x : x + w].sum() / max(1e-9, heat.sum()))


@pytest.fixture(scope="session")
def decode_child() -> Iterator[DecodeChild]:
    child = DecodeChild(Limits())
    yield child
    child.close()


@pytest.fixture
def examine(tmp_path: Path, decode_child: DecodeChild) -> Examine:
    def run(detector: Detector, data: bytes) -> Finding:
        path = tmp_path / "picture"
        path.write_bytes(data)
        infer = OnnxInfer()
        with open_scene(path, child=decode_child, infer=infer) as scene:
            return detector.inspect(scene, infer)

    return run
