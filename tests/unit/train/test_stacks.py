"""Prepared pictures: what goes in comes out, groups stay together, and the fusion network learns from the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from veriscope.errors import BadRequest
from veriscope.train.stacks import Labelled, balanced, build, load, split_of


def pictures(count: int = 40) -> Iterator[Labelled]:
    """Noise, with a bright square where it is forged; two frames of each item."""
    rng = np.random.default_rng(0)
    for index in range(count):
        image = rng.integers(0, 120, (90, 120, 3), np.uint8)
        label = index // 2 % 2
        if label:
            image[20:60, 30:80] += 100
        yield Labelled(image, label, group=f"source{index // 2}", item=f"video{index // 2}")


def bright(image: np.ndarray) -> np.ndarray:
    return (image.mean(2) / 255).astype(np.float32)


def test_round_trip(tmp_path: Path) -> None:
    assert build(pictures(), bright, tmp_path) == 40
    stacks = load(tmp_path)
    assert stacks.pixels.shape == (40, 256, 256, 4)
    assert stacks.labels.tolist() == [p.label for p in pictures()]
    np.testing.assert_allclose(stacks.pixels[3, ..., 3], stacks.pixels[3, ..., :3].mean(-1), atol=2)


def test_no_source_spans_two_splits(tmp_path: Path) -> None:
    build(pictures(), bright, tmp_path)
    stacks = load(tmp_path)
    assert all(len(set(stacks.splits[stacks.items == item])) == 1 for item in set(stacks.items))
    assert [split_of(f"source{i}") for i in range(500)].count("test") == pytest.approx(100, abs=30)


def test_batches_are_balanced_and_of_the_training_part(tmp_path: Path) -> None:
    build(pictures(), bright, tmp_path)
    stacks = load(tmp_path)
    train = {stacks.pixels[row].tobytes() for row in stacks.rows("train")}
    pixels, labels = next(balanced(stacks, 8, seed=1))
    assert labels.sum() == 4
    assert all(p.tobytes() in train or p[:, ::-1].tobytes() in train for p in pixels)


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="one class"):
        build((p for p in pictures() if p.label), bright, tmp_path)
    with pytest.raises(BadRequest, match="no prepared pictures"):
        load(tmp_path)


def test_the_fusion_network_trains_and_exports(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    import onnxruntime as ort

    from veriscope.inference.networks.forgery_classifier import normalise
    from veriscope.train.export import export
    from veriscope.train.fit import fit
    from veriscope.train.recipes import recipe

    build(pictures(), bright, tmp_path / "stacks")
    chosen = recipe("forgery-classifier")
    chosen.batch = 4  # type: ignore[misc]
    best = fit(chosen, tmp_path / "stacks", tmp_path / "run", steps=2, progress=lambda _: None)
    export(chosen, best, tmp_path / "net.onnx")
    session = ort.InferenceSession(tmp_path / "net.onnx")
    answer = session.run(["probabilities"], {"input": normalise(load(tmp_path / "stacks").pixels[:3])})[0]
    assert answer.shape == (3, 2)
    np.testing.assert_allclose(answer.sum(1), 1, atol=1e-5)
