"""Two steps of training on own photographs, and the same answer from the exported file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

import onnxruntime as ort  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from veriscope.errors import BadModel  # noqa: E402
from veriscope.inference.networks import forgery_heatmap as network  # noqa: E402
from veriscope.train.__main__ import main  # noqa: E402
from veriscope.train.export import export  # noqa: E402
from veriscope.train.fit import fit  # noqa: E402
from veriscope.train.recipes import forgery_heatmap, osn, recipe  # noqa: E402
from veriscope.train.stacks import load  # noqa: E402
from veriscope.train.synthesis import chains  # noqa: E402


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "images/pristine/own"
    folder.mkdir(parents=True)
    for i in range(24):
        rng = np.random.default_rng(i)
        soft = cv2.resize(rng.integers(0, 255, (6, 8, 3)).astype(np.uint8), (390, 260), interpolation=cv2.INTER_CUBIC)
        cv2.circle(soft, (195, 130), 60, [int(v) for v in rng.integers(0, 255, 3)], -1)
        (folder / f"{i}.jpg").write_bytes(chains.jpeg(soft, 95))
    monkeypatch.setenv("VERISCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(forgery_heatmap, "STORED", 4)
    monkeypatch.setattr(forgery_heatmap, "HELD_OUT", 4)
    return tmp_path


def test_the_second_stage_is_prepared_from_the_same_forgeries(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "stacks"
    assert CliRunner().invoke(main, ["stacks", "--data", str(data), "--target", str(target)]).output == "16 pictures\n"
    found = load(target)
    assert found.labels.tolist() == [0, 1] * 8
    assert found.splits.tolist() == ["train"] * 8 + ["dev"] * 8
    assert found.pixels[..., 3].max() > 0, "the heatmap's answer"


def test_two_steps_then_the_export_answers_alike(data: Path, tmp_path: Path) -> None:
    chosen = recipe("forgery-heatmap")
    best = fit(chosen, data, tmp_path / "run", steps=2, validate_every=2, progress=lambda _: None)
    target = tmp_path / "net.onnx"
    export(chosen, best, target)
    module = chosen.module()
    module.load_state_dict(torch.load(best, weights_only=True))
    module.eval()
    picture = np.random.default_rng(0).integers(0, 255, (100, 140, 3)).astype(np.uint8)
    inputs = network.prepare(picture)
    assert {name: inputs[name].shape[1] for name in chosen.inputs} == {
        name: tensor.shape[1] for name, tensor in zip(chosen.inputs, chosen.example(), strict=True)
    }
    outputs = dict(zip(chosen.outputs, ort.InferenceSession(str(target)).run(None, inputs), strict=True))
    with torch.no_grad():
        maps, score = module(*(torch.from_numpy(inputs[name]) for name in chosen.inputs))
    assert np.abs(outputs["maps"] - maps.numpy()).max() < 1e-3
    assert np.abs(outputs["score"] - score.numpy()).max() < 1e-3
    assert network.read(outputs, picture.shape[:2]).logits.shape == (25, 35)


def test_twins_differ_where_the_mask_says_only(data: Path) -> None:
    chosen = forgery_heatmap.ForgeryHeatmap()
    made = chosen.samples(data, "train")
    assert made.targets[1::2].sum() == 0
    for index in range(0, len(made.labels), 2):
        planes = made.features[index : index + 2, network.NAMES.index("luma")].astype(np.float32)
        changed = np.abs(planes[0] - planes[1])
        inside = made.targets[index].reshape(32, 2, 48, 2).max(axis=(1, 3)) > 200
        around = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        assert inside.any()
        assert changed[~around].mean() < 0.2 * changed[inside].mean()
    batch = next(chosen.batches(data, 3))
    assert batch["features"].shape in {(chosen.batch, network.PLANES, *sides) for sides in ((32, 48), (48, 32))}
    assert torch.equal(batch["label"], torch.tensor([1.0, 0.0] * (chosen.batch // 2)))


def test_mirrored_features_are_those_of_the_mirrored_picture(data: Path) -> None:
    made = forgery_heatmap.ForgeryHeatmap().samples(data, "train")
    store = forgery_heatmap.opened(forgery_heatmap.cache_folder(), data, "train", 4)
    picture = np.asarray(store.forged[0])
    planes = network.features(picture)[None].astype(np.float16)
    one = forgery_heatmap.Samples(planes, made.levels[:1], made.targets[:1], made.kinds[:1], made.labels[:1])
    for turn, axis in ((np.array([[True, False]]), 1), (np.array([[False, True]]), 0)):
        batch = forgery_heatmap.collated(one, np.array([0]), turn)
        expected = network.relative(network.features(np.ascontiguousarray(np.flip(picture, axis))))
        difference = np.abs(batch["features"][0].numpy() - expected).mean(axis=(1, 2))
        named = dict(zip([*network.NAMES, *network.NAMES], difference, strict=True))
        # an even kernel is half a pixel off when mirrored
        assert max(v for name, v in named.items() if not name.startswith("third")) < 0.02
        assert max(difference) < 0.15


def test_upright_features_are_those_of_the_upright_picture(data: Path) -> None:
    store = forgery_heatmap.opened(forgery_heatmap.cache_folder(), data, "train", 4)
    picture = np.asarray(store.forged[1])
    turned = np.ascontiguousarray(picture.transpose(1, 0, 2))
    table = (np.arange(64).reshape(8, 8) + np.arange(64).reshape(8, 8).T + 20).astype(np.uint16)
    levels = [network.dct_levels(np.ascontiguousarray(p[..., 1]), table)[None] for p in (picture, turned)]
    made = forgery_heatmap.ForgeryHeatmap().samples(data, "train")
    planes = network.features(picture)[None].astype(np.float16)
    one = forgery_heatmap.Samples(planes, levels[0], made.targets[:1], made.kinds[:1], made.labels[:1])
    batch = forgery_heatmap.collated(one, np.array([0]), upright=True)
    assert np.abs(batch["features"][0].numpy() - network.relative(network.features(turned))).mean() < 0.01
    assert np.array_equal(batch["dct"][0].numpy(), network.indicators(levels[1][0]))
    assert batch["mask"].shape == (1, 96, 64)


def test_weights_of_the_authors_become_an_importable_file(tmp_path: Path) -> None:
    small = (1, 1, 1, 1)  # blocks: the full network has 129 million parameters
    module = osn.ScseUnet(small)
    weights = {f"module.det_net.{key}": value for key, value in module.state_dict().items()}
    torch.save(weights, tmp_path / "theirs.pth")
    osn.converted(tmp_path / "theirs.pth", tmp_path / "net.onnx", small)
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 3, 96, 64)).astype(np.float32)
    heat, probabilities = ort.InferenceSession(str(tmp_path / "net.onnx")).run(None, {"image": picture})
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(picture)).numpy()
    assert heat.shape == (1, 1, 96, 64)
    assert np.abs(heat - expected).max() < 1e-3
    assert probabilities.shape == (1, 2)
    assert probabilities.sum() == pytest.approx(1.0)
    del weights["module.det_net.final.0.weight"]
    torch.save(weights, tmp_path / "cut.pth")
    with pytest.raises(BadModel, match="final"):
        osn.converted(tmp_path / "cut.pth", tmp_path / "cut.onnx", small)


def test_full_size_has_the_published_shape() -> None:
    with torch.device("meta"):
        state = osn.ScseUnet().state_dict()
    assert sum(key.startswith("encoder_stages.3.") and key.endswith("conv2.weight") for key in state) == 36
    assert state["encoder_stages.1.1.0.conv2.weight"].shape == (256, 2, 3, 3)
    assert state["bottlenecks.0.seq.0.weight"].shape == (384, 1408, 3, 3)
    assert state["final.0.weight"].shape == (1, 32, 1, 1)


def test_learns_from_our_forgeries(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = osn.Osn()
    monkeypatch.setattr(chosen, "batch", 2, raising=False)
    batch = next(chosen.batches(data, 0))
    assert batch["mask"].sum(dim=(1, 2)).tolist()[1] == 0
    with torch.no_grad():
        worse, better = (chosen.loss(_Fixed(value), batch) for value in (1 - batch["mask"], batch["mask"]))
    assert better < worse
    assert 0 <= chosen.validate(_Fixed(torch.full((1, 256, 384), 0.9)), data)["score"] <= 1


class _Fixed(torch.nn.Module):
    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = torch.nn.Parameter(answer)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.answer[:, None]
