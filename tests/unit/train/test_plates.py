"""Drawn plates lie where their boxes say, and the recipe learns from them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from veriscope.train.plate_drawing import plate, sign
from veriscope.train.plates import CANVAS, sample

from tests.making import encoded, photo


def test_the_box_holds_what_changed() -> None:
    background = np.full((400, 500, 3), 128, np.uint8)
    seen = 0
    for seed in range(30):
        made = sample(background, np.random.default_rng(seed))
        assert made.image.shape == (CANVAS, CANVAS, 3)
        for x, y, w, h in made.boxes:
            assert 0 <= x < x + w <= CANVAS
            assert 0 <= y < y + h <= CANVAS
            if w > 60:  # large enough for its letters to be seen
                inside = made.image[int(y) : int(y + h), int(x) : int(x + w)]
                assert cv2.Laplacian(inside, cv2.CV_64F).std() > 3
                seen += 1
    assert seen > 3


def test_layouts_differ_and_repeat() -> None:
    shapes = {plate(np.random.default_rng(seed)).shape[0] for seed in range(30)}
    assert {100, 180} < shapes, "one line and two"
    assert max(shapes) < 230, "a frame is narrow"
    assert np.array_equal(plate(np.random.default_rng(4)), plate(np.random.default_rng(4)))
    assert len({sign(np.random.default_rng(seed)).tobytes() for seed in range(10)}) == 10


def test_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    import onnxruntime as ort

    from veriscope.inference.networks.plate_detector import prepare, read
    from veriscope.train.export import export
    from veriscope.train.fit import fit
    from veriscope.train.recipes import plate_detector as module

    for index in range(60):
        path = tmp_path / "data/images/pristine/own" / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(200, 160, seed=index)))
    monkeypatch.setenv("VERISCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "STORED", 8)
    monkeypatch.setattr(module, "HELD_OUT", 4)
    chosen = module.PlateDetector()
    chosen.batch = 2
    best = fit(chosen, tmp_path / "data", tmp_path / "run", steps=2, progress=lambda _: None)
    export(chosen, best, tmp_path / "net.onnx")
    feed, scale = prepare(np.zeros((100, 900, 3), np.uint8))
    assert feed["image"].shape == (1, 3, 96, 768)
    outputs = ort.InferenceSession(tmp_path / "net.onnx").run(["planes"], feed)[0]
    assert outputs.shape == (1, 5, 24, 192)
    assert read({"planes": outputs}, scale, 0.99) == []


def test_targets_say_where_and_how_large() -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    from veriscope.inference.networks.plate_detector import overlap, read
    from veriscope.train.recipes.plate_detector import target

    boxes = np.array([[100, 60, 80, 20], [0, 0, 0, 0]], np.float32)
    wanted = target(boxes)
    heat = np.clip(wanted[0], 1e-6, 1 - 1e-6)
    planes = np.concatenate([np.log(heat / (1 - heat))[None], wanted[1:5]])
    ((box, probability),) = read({"planes": planes[None]}, 0.5, 0.5)
    assert probability > 0.99
    assert overlap(box, tuple(boxes[0] / 0.5)) > 0.99
