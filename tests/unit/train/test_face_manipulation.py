"""The recipe learns, exports, and run time reads what it exported."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

import onnxruntime as ort  # noqa: E402

from veriscope.inference.networks import face_manipulation as network  # noqa: E402
from veriscope.train import face_pairs  # noqa: E402
from veriscope.train.face_pairs import BLENDED, EXCHANGED, cached, drawn, made  # noqa: E402
from veriscope.train.fit import fit  # noqa: E402
from veriscope.train.recipes import face_manipulation as module  # noqa: E402
from veriscope.train.recipes import recipe  # noqa: E402

from tests.unit.train.test_synthesis_faces import portrait  # noqa: E402


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of a few pairs of made faces, in place of those of the data folder."""
    faces = [portrait(seed) for seed in range(3)]
    monkeypatch.setattr(face_pairs, "_faces", lambda *_: (faces, faces))
    monkeypatch.setattr(face_pairs, "SHARD", 6)
    monkeypatch.setattr(face_pairs, "SHARDS", 1)
    monkeypatch.setattr(face_pairs, "HELD_OUT", 4)
    monkeypatch.setattr(module, "folder", lambda: tmp_path / "pairs")
    monkeypatch.setattr(module, "PACKAGE", "no_such_package_of_weights")
    return tmp_path


def test_pairs_differ_inside_their_cells() -> None:
    found = made([portrait(seed) for seed in range(3)], 6, seed=1)
    assert sorted(set(found.kinds.tolist())) == [BLENDED, EXCHANGED]
    assert found.crops.shape == (6, 2, network.SIZE, network.SIZE, 3)
    assert (found.cells.reshape(6, -1).max(axis=1) > 0).all()
    for crops in found.crops:
        assert (crops[0] != crops[1]).any()


def test_pairs_are_made_once(pairs: Path) -> None:
    one = cached(pairs, pairs / "pairs", validating=True)
    stamp = (pairs / "pairs" / "held-out-0.crops.npy").stat().st_mtime_ns
    other = cached(pairs, pairs / "pairs", validating=True)
    assert (np.asarray(one.crops) == other.crops).all()
    assert (pairs / "pairs" / "held-out-0.crops.npy").stat().st_mtime_ns == stamp


def test_retouched_faces_carry_no_mask() -> None:
    found = drawn([portrait(0)], [portrait(1)], 2, seed=0)
    assert not found.cells.any()
    assert set(found.kinds.tolist()) == {face_pairs.RETOUCHED}


@pytest.mark.parametrize("name", ["face-manipulation", "face-manipulation:retouched"])
def test_two_steps_of_fit(pairs: Path, name: str) -> None:
    chosen = recipe(name)
    chosen.batch = 8
    best = fit(chosen, pairs, pairs / "run", steps=2, validate_every=2, progress=lambda _: None)
    state = torch.load(best, weights_only=True)
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())
    log = (pairs / "run" / "log.jsonl").read_text()
    assert '"score"' in log
    assert ("auc_retouched" in log) == name.endswith("retouched")


@pytest.mark.filterwarnings("ignore:Constant folding")  # the exporter's, about uneven padding
def test_torch_and_onnx_agree_and_run_time_reads_them(tmp_path: Path) -> None:
    from veriscope.train.export import export_module

    chosen = recipe("face-manipulation")
    net = module.FaceNet().eval()
    target = tmp_path / "net.onnx"
    export_module(net, chosen.example(), target, chosen.inputs, chosen.outputs, chosen.dynamic)
    crops = [np.random.default_rng(i).integers(0, 256, (network.SIZE, network.SIZE, 3), np.uint8) for i in range(3)]
    inputs = network.prepare(crops)
    session = ort.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    reading = network.read(dict(zip(names, session.run(names, inputs), strict=True)))
    with torch.no_grad():
        logits, maps = net(torch.from_numpy(inputs[network.INPUT]))
    expected = network.read({network.LOGIT: logits.numpy(), network.MAP: maps.numpy()})
    assert np.allclose(reading.logits, expected.logits, atol=1e-3)
    assert np.allclose(reading.maps, expected.maps, atol=1e-3)


def test_a_crop_is_averaged_to_what_the_network_reads() -> None:
    crop = np.random.default_rng(0).uniform(0, 255, (network.SIZE, network.SIZE, 3)).astype(np.float32)
    seen = module.FaceNet().reduced(torch.from_numpy(crop).permute(2, 0, 1)[None])
    expected = cv2.resize(crop, (module.SEEN, module.SEEN), interpolation=cv2.INTER_AREA)
    assert np.allclose(seen[0].permute(1, 2, 0).numpy(), expected, atol=1e-2)
    small = torch.zeros(1, 3, module.SEEN, module.SEEN)
    assert module.FaceNet().reduced(small) is small


def test_the_jitter_keeps_the_face(pairs: Path) -> None:
    crops = np.stack([portrait(i).image[44:236, 44:236] for i in range(2)])
    changed = module.jittered(crops, np.random.default_rng(0))
    assert changed.shape == crops.shape
    assert (changed != crops).any()
    for before, after in zip(crops, changed, strict=True):
        assert np.corrcoef(before[10:-10, 10:-10].ravel(), after[10:-10, 10:-10].ravel())[0, 1] > 0.5
