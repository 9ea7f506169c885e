"""The training loop on a network of two weights: it learns, stops, goes on, and exports what it learned."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

import onnxruntime as ort  # noqa: E402
from torch import nn  # noqa: E402

from veriscope.errors import BadRequest  # noqa: E402
from veriscope.train.export import Precision, differences, export, quantise  # noqa: E402
from veriscope.train.fit import fit  # noqa: E402


class Bright:
    """Tells bright pictures from dark ones."""

    name = "bright"
    inputs: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...] = ("logit",)
    dynamic: Mapping[str, Mapping[int, str]] = {"image": {0: "n", 2: "h", 3: "w"}, "logit": {0: "n"}}
    rate, decay, steps, batch = 0.05, 0.0, 60, 16

    def module(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)
        )

    def batches(self, data: Path, seed: int) -> Iterator[Mapping[str, torch.Tensor]]:
        random = torch.Generator().manual_seed(seed)
        while True:
            label = torch.randint(0, 2, (self.batch,), generator=random)
            noise = torch.rand(self.batch, 3, 8, 8, generator=random)
            yield {"image": noise + label.view(-1, 1, 1, 1), "label": label.float()}

    def loss(self, module: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(module(batch["image"])[:, 0].float(), batch["label"])

    def validate(self, module: nn.Module, data: Path) -> Mapping[str, float]:
        batch = next(self.batches(data, 999))
        right = ((module(batch["image"])[:, 0] > 0) == (batch["label"] > 0.5)).float().mean()
        return {"score": float(right)}

    def example(self) -> tuple[torch.Tensor, ...]:
        return (torch.zeros(1, 3, 8, 8),)


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_learns_and_exports(tmp_path: Path) -> None:
    recipe = Bright()
    best = fit(recipe, tmp_path, tmp_path / "run", validate_every=20, progress=lambda _: None)
    assert lines(tmp_path / "run")[-1]["score"] == 1.0
    export(recipe, best, tmp_path / "net.onnx")
    session = ort.InferenceSession(tmp_path / "net.onnx")
    batch = next(recipe.batches(tmp_path, 5))
    module = recipe.module().eval()
    module.load_state_dict(torch.load(best, weights_only=True))
    with torch.no_grad():
        expected = module(batch["image"]).numpy()
    np.testing.assert_allclose(session.run(None, {"image": batch["image"].numpy()})[0], expected, atol=1e-5)
    feeds = [{"image": next(recipe.batches(tmp_path, seed))["image"].numpy()} for seed in range(4)]
    quantise(tmp_path / "net.onnx", tmp_path / "small.onnx", feeds)
    assert 0 < differences(tmp_path / "net.onnx", tmp_path / "small.onnx", feeds) < 0.2


@pytest.mark.parametrize("precision", ["int8", "weights"])
def test_small_files_answer_alike(tmp_path: Path, precision: Precision) -> None:
    recipe = Bright()
    best = fit(recipe, tmp_path, tmp_path / "run", validate_every=60, progress=lambda _: None)
    export(recipe, best, tmp_path / "exact.onnx")
    export(recipe, best, tmp_path / "small.onnx", precision, tmp_path)
    feeds = [{"image": next(recipe.batches(tmp_path, seed))["image"].numpy()} for seed in range(2)]
    assert differences(tmp_path / "exact.onnx", tmp_path / "small.onnx", feeds) < 0.2


def test_int8_asks_for_data(tmp_path: Path) -> None:
    recipe = Bright()
    best = fit(recipe, tmp_path, tmp_path / "run", minutes=0, progress=lambda _: None)
    with pytest.raises(BadRequest, match="needs data"):
        export(recipe, best, tmp_path / "small.onnx", "int8")


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    recipe, run = Bright(), tmp_path / "run"
    fit(recipe, tmp_path, run, minutes=0, progress=lambda _: None)  # one step, then over
    assert [line["step"] for line in lines(run)] == [1]
    fit(recipe, tmp_path, run, validate_every=30, progress=lambda _: None)
    assert [line["step"] for line in lines(run)] == [1, 30, 60]
    fit(recipe, tmp_path, run, progress=lambda _: None)
    assert len(lines(run)) == 3, "a finished training does nothing more"


def test_refuses_the_run_of_another_network(tmp_path: Path) -> None:
    recipe = Bright()
    fit(recipe, tmp_path, tmp_path / "run", minutes=0, progress=lambda _: None)
    with pytest.raises(BadRequest, match="bright over 60 steps"):
        fit(recipe, tmp_path, tmp_path / "run", steps=70, progress=lambda _: None)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    runs = [fit(Bright(), tmp_path, tmp_path / str(i), steps=5, seed=3, progress=lambda _: None) for i in range(2)]
    one, other = (torch.load(path, weights_only=True) for path in runs)
    assert all(torch.equal(one[key], other[key]) for key in one)


def _share(rank: int, port: int, folder: Path) -> None:
    import os

    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    fit(Bright(), folder, folder / "run", steps=12, validate_every=6, progress=lambda _: None)
    torch.save(dict(os.environ), folder / f"ended{rank}")


def test_processes_share_a_training(tmp_path: Path) -> None:
    """Both end, and only the first one writes."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(_share, (port, tmp_path), nprocs=2)
    assert {path.name for path in tmp_path.glob("ended*")} == {"ended0", "ended1"}
    assert [line["step"] for line in lines(tmp_path / "run")] == [6, 12]
