"""Support vectors over frozen features: what they decide, on which faces they are checked, and the file they are in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402

from veriscope.inference.networks import face_manipulation as network  # noqa: E402
from veriscope.train import face_kernel as module  # noqa: E402
from veriscope.train.export import export_module  # noqa: E402
from veriscope.train.face_kernel import Kernel, calibrated, crossed, features, fitted, views  # noqa: E402
from veriscope.train.metrics import auc  # noqa: E402
from veriscope.train.portraits import FOLD  # noqa: E402
from veriscope.train.recipes import recipe  # noqa: E402
from veriscope.train.recipes.face_manipulation import FaceNet  # noqa: E402
from veriscope.train.weight_only import weight_only  # noqa: E402

from tests.unit.train.test_synthesis_faces import portrait  # noqa: E402

FACES, VIEWS = 120, 2


def rings(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features N×V×3 whose length, not direction, tells the classes apart: no line does."""
    rng = np.random.default_rng(seed)
    labels = np.arange(FACES) % 2
    around = rng.normal(size=(FACES, VIEWS, 3))
    around *= np.where(labels, 2.0, 0.6)[:, None, None] / np.linalg.norm(around, axis=2, keepdims=True)
    return around + rng.normal(0, 0.1, around.shape), labels


def test_support_vectors_tell_what_no_line_does() -> None:
    pooled, labels = rings(0)
    machine = fitted(pooled, labels)
    fresh, truth = rings(1)
    odds = machine.odds(fresh[:, 0])
    assert auc(odds[truth == 1], odds[truth == 0]) > 0.95
    assert len(machine.vectors) < FACES * VIEWS


def test_no_face_is_judged_by_a_machine_that_learned_its_block() -> None:
    rng = np.random.default_rng(3)
    numbers = np.repeat(np.arange(15) * FOLD, 8)  # fifteen blocks of one number each
    place = 5 * np.eye(15)[numbers // FOLD]
    pooled = (place + rng.normal(0, 0.3, (120, 15)))[:, None]  # a block looks like itself alone
    labels = rng.integers(0, 2, 15)[numbers // FOLD]  # and has one label
    decisions = crossed(pooled, labels, numbers)[:, 0]
    learned = fitted(pooled, labels).odds(pooled[:, 0])
    assert auc(learned[labels == 1], learned[labels == 0]) > 0.99
    assert auc(decisions[labels == 1], decisions[labels == 0]) < 0.9


def test_decisions_become_log_odds() -> None:
    rng = np.random.default_rng(5)
    labels = np.arange(4000) % 2
    truth = rng.normal(np.where(labels, 0.5, -0.5), 1.0)  # of two such classes the log-odds are the value itself
    decisions = (truth / 3 - 2)[:, None]
    plain = Kernel(np.zeros(1), np.ones(1), np.zeros((1, 1)), np.array([1.0]), 0.25)
    odds = calibrated(plain, decisions, labels)
    assert odds.weights[0] == pytest.approx(3.0, rel=0.15)
    assert odds.offset == pytest.approx(3 * (0.25 + 2), rel=0.15)


def test_both_classes_would_get_the_same_views() -> None:
    seen = views(portrait(), np.random.default_rng(0))
    assert len(seen) == 6
    assert {v.shape for v in seen} == {(network.SIZE, network.SIZE, 3)}
    for plain, mirrored in zip(seen[::2], seen[1::2], strict=True):
        assert (plain[:, ::-1] == mirrored).all()
    stored, saved = (v.astype(float) for v in (seen[0], seen[2]))
    assert 0 < np.abs(stored - saved).mean() < 10


@pytest.mark.filterwarnings("ignore:Constant folding")  # the exporter's, about uneven padding
@pytest.mark.parametrize("half", [True, False])
def test_the_file_averages_the_odds_of_both_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: bool) -> None:
    monkeypatch.setattr("veriscope.train.recipes.face_manipulation.PACKAGE", "no_such_package_of_weights")
    torch.manual_seed(0)
    first, chosen = FaceNet().eval(), recipe("face-manipulation")
    export_module(first, chosen.example(), tmp_path / "blended.onnx", chosen.inputs, chosen.outputs, chosen.dynamic)
    module.exported(tmp_path / "trunk.onnx")
    crops = np.random.default_rng(1).integers(0, 256, (5, network.SIZE, network.SIZE, 3)).astype(np.uint8)
    pooled = features(tmp_path / "trunk.onnx", crops)
    machine = fitted(pooled[:, None], np.array([0, 1, 0, 1, 1]))
    module.assembled(tmp_path / "blended.onnx", tmp_path / "trunk.onnx", machine, tmp_path / "both.onnx", half)
    session = ort.InferenceSession(str(tmp_path / "both.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    inputs = network.prepare(list(crops[:3]))
    reading = network.read(dict(zip(names, session.run(names, inputs), strict=True)))
    with torch.no_grad():
        logits, maps = first(torch.from_numpy(inputs[network.INPUT]))
    slope, offset = module.BLENDED
    expected = np.logaddexp(slope * logits.numpy() + offset, machine.odds(pooled[:3])) - np.log(2)
    assert np.allclose(reading.logits, expected, atol=2e-2 if half else 2e-3)
    assert np.allclose(reading.blended, logits.numpy(), atol=1e-3)
    assert np.allclose(reading.maps, maps.numpy(), atol=1e-3)


def test_convolutions_pad_themselves_and_answer_the_same(tmp_path: Path) -> None:
    class Uneven(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(torch.nn.functional.pad(x, (0, 1, 0, 1)))

    export_module(Uneven(), (torch.zeros(1, 3, 8, 8),), tmp_path / "net.onnx", ("x",), ("y",), {})
    weight_only(tmp_path / "net.onnx", tmp_path / "small.onnx")
    before, after = (onnx.load(str(tmp_path / name)) for name in ("net.onnx", "small.onnx"))
    assert "Pad" in [node.op_type for node in before.graph.node]
    assert "Pad" not in [node.op_type for node in after.graph.node]
    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    answers = [
        ort.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for name in ("net.onnx", "small.onnx")
    ]
    assert np.allclose(answers[0], answers[1], atol=1e-3)
