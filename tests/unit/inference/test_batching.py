"""Calls that share a batch: the answers of each are its own, and nobody's fault is another's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.errors import BadSetting, InferenceFailed
from veriscope.inference.batching import Batching
from veriscope.inference.onnx import OnnxInfer
from veriscope.inference.registry import Registry

from tests import networks

SECONDS = 0.5  # long enough for threads of a busy machine to meet
Arrays = dict[str, np.ndarray]


class Counting(OnnxInfer):
    """Keeps the number of items of each run."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self.batches: list[int] = []

    def run_version(self, model: str, version: str, inputs: Any) -> Any:
        self.batches.append(len(next(iter(inputs.values()))))
        return super().run_version(model, version, inputs)


def infer(folder: Path, onnx: Path, **facts: Any) -> Counting:
    """A registry with one network in it, as an installation would hold it."""
    home = folder / "own" / "net" / "1"
    home.mkdir(parents=True)
    (home / "model.onnx").write_bytes(onnx.read_bytes())
    digest = hashlib.sha256(onnx.read_bytes()).hexdigest()
    networks.manifest(home / "manifest.yaml", name="net", sha256=digest, source={"kind": "file", "path": "/x"}, **facts)
    return Counting(Registry(own=folder / "own"))


@pytest.fixture
def brightness(tmp_path: Path) -> Counting:
    return infer(tmp_path, networks.mapper(tmp_path / "n.onnx"))


@pytest.fixture
def reader(tmp_path: Path) -> Counting:
    padding = dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), 0)
    return infer(tmp_path, networks.bert(tmp_path / "n.onnx"), padding=padding)


def together(batching: Batching, calls: Sequence[Arrays]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(batching.run_version, "net", "1", call) for call in calls]
        return [future.exception() or future.result() for future in futures]


def picture(seed: int, count: int = 1, side: int = 16) -> Arrays:
    return {"image": np.random.default_rng(seed).normal(0, 1, (count, 3, side, side)).astype(np.float32)}


def sentence(length: int) -> Arrays:
    ids = np.random.default_rng(length).integers(2, len(networks.WORDS), (1, length))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def test_calls_at_one_time_are_one_run_and_each_gets_its_own(brightness: Counting) -> None:
    calls = [picture(seed, 1 + seed % 2) for seed in range(4)]
    alone = [brightness.run_version("net", "1", call) for call in calls]
    brightness.batches.clear()
    found = together(Batching(brightness, SECONDS), calls)
    assert brightness.batches == [6]
    for one, other in zip(alone, found, strict=True):
        assert np.allclose(one["map"], other["map"], atol=1e-6)
        assert np.allclose(one["probability"], other["probability"], atol=1e-6)


def test_a_full_batch_does_not_wait_for_its_window(brightness: Counting) -> None:
    found = together(Batching(brightness, 60.0, largest=4), [picture(seed) for seed in range(8)])
    assert all(len(answer["map"]) == 1 for answer in found)
    assert sorted(brightness.batches) == [4, 4]


def test_unequal_pictures_stay_apart(brightness: Counting) -> None:
    found = together(Batching(brightness, SECONDS), [picture(1), picture(2, side=24), picture(3)])
    assert [answer["map"].shape for answer in found] == [(1, 1, 16, 16), (1, 1, 24, 24), (1, 1, 16, 16)]
    assert sorted(brightness.batches) == [1, 2]


def test_unequal_texts_are_filled_up_where_the_manifest_allows_it(reader: Counting) -> None:
    calls = [sentence(length) for length in (3, 9, 5)]
    alone = [reader.run_version("net", "1", call)["logits"] for call in calls]
    reader.batches.clear()
    found = together(Batching(reader, SECONDS), calls)
    assert reader.batches == [3]
    for one, other in zip(alone, found, strict=True):
        assert np.allclose(one, other["logits"], atol=1e-5), "what the mask hides changes nothing"


def test_a_call_that_does_not_fit_fails_alone(reader: Counting) -> None:
    broken = sentence(5) | {"input_ids": np.full((1, 5), 10**6)}  # no such word
    found = together(Batching(reader, SECONDS), [sentence(3), broken, sentence(9)])
    assert isinstance(found[1], InferenceFailed)
    assert found[0]["logits"].shape == found[2]["logits"].shape == (1, 2)


def test_a_network_without_a_free_first_axis_is_run_at_once(tmp_path: Path) -> None:
    inner = infer(tmp_path, networks.genconvit(tmp_path / "n.onnx"))
    image = {"image": np.zeros((1, 3, 224, 224), np.float32)}
    assert Batching(inner, 60.0).run_version("net", "1", image)["logits_ed"].shape == (1, 2)


def test_a_gpu_is_asked_for_where_there_is_none() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this installation runs networks on a GPU")
    with pytest.raises(BadSetting, match="CPU only"):
        OnnxInfer(Registry(), device="cuda")
