"""The verifier's material says rightly what a plate is, and the recipe learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from veriscope.inference.networks import plate_detector, plate_verifier
from veriscope.train import plate_candidates
from veriscope.train.plate_candidates import SIZE, crops
from veriscope.train.plates import Sample

from tests.making import encoded, photo


class Detecting:
    """An ``Infer`` of no outputs: what it detects is set in ``plate_detector.read``."""

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        return {}

    def asset(self, model: str, key: str) -> bytes:
        raise KeyError(key)


def test_candidates_on_a_plate_are_plates_those_beside_are_none_and_halves_are_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plate = (100.0, 80.0, 60.0, 20.0)
    found = [((102.0, 80.0, 60.0, 20.0), 0.9), ((200.0, 20.0, 40.0, 20.0), 0.8), ((100.0, 80.0, 15.0, 20.0), 0.7)]
    monkeypatch.setattr(plate_candidates, "candidates", lambda *given: list(found))
    made = Sample(np.zeros((200, 320, 3), np.uint8), (plate,))
    images, plates = crops(made, Detecting(), np.random.default_rng(0))
    assert plates == [True, False, True], "the detector's two, and the plate a little beside itself"
    assert {image.shape for image in images} == {(*SIZE, 3)}
    assert not crops(Sample(made.image, ()), Detecting(), np.random.default_rng(0))[1][0]


def test_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    import onnxruntime as ort

    from veriscope.train.export import export
    from veriscope.train.fit import fit
    from veriscope.train.recipes import plate_verifier as module

    for index in range(60):
        path = tmp_path / "data/images/pristine/own" / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(photo(200, 160, seed=index)))
    monkeypatch.setenv("VERISCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "STORED", 4)
    monkeypatch.setattr(module, "HELD_OUT", 4)
    monkeypatch.setattr(module, "OnnxInfer", Detecting)
    false = [((10.0, 10.0, 40.0, 12.0), 0.6)]
    monkeypatch.setattr(plate_detector, "read", lambda outputs, scale, threshold: false)
    chosen = module.PlateVerifier()
    chosen.batch = 4
    best = fit(chosen, tmp_path / "data", tmp_path / "run", steps=2, progress=lambda _: None)
    export(chosen, best, tmp_path / "net.onnx")
    feed = plate_verifier.prepare(np.zeros((100, 200, 3), np.uint8), [(10, 10, 40, 12), (50, 50, 40, 12), (0, 0, 9, 9)])
    outputs = ort.InferenceSession(tmp_path / "net.onnx").run(["logit"], feed)[0]
    assert plate_verifier.read({"logit": outputs}, [0.5, 0.5, 0.5]).shape == (3,)


def test_variations_keep_the_place_and_its_size() -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    from veriscope.train.recipes.plate_verifier import varied

    crop = np.full((*SIZE, 3), 40, np.uint8)
    crop[30:50, 50:110] = 220
    for seed in range(20):
        out = varied(crop, True, np.random.default_rng(seed))
        assert out.shape == (plate_verifier.HEIGHT, plate_verifier.WIDTH, 3)
        grey = out.mean(2)
        rows, columns = np.nonzero(grey > (grey.max() + grey.min()) / 2)
        assert abs(columns.mean() - 64) < 25
        assert abs(rows.mean() - 32) < 16


def test_what_is_taken_for_a_plate_counts_far_more_than_what_is_plainly_none() -> None:
    torch = pytest.importorskip("torch", reason="the training extra is not installed")
    from veriscope.train.recipes.plate_verifier import RECIPES

    class Says(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: object) -> object:
            return x

    logit = torch.tensor([2.0, -2.0, 4.0, -4.0], requires_grad=True)
    batch = {"image": logit, "target": torch.tensor([1.0, 1.0, 0.0, 0.0])}
    RECIPES[plate_verifier.NAME].loss(Says(), batch).backward()
    right, missed, taken, cleared = logit.grad.abs().tolist()
    assert missed > 4 * right
    assert taken > 50 * cleared
