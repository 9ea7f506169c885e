"""PyTorch networks become ONNX files that can be imported."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tests import networks

torch = pytest.importorskip("torch", reason="converting needs the extra `train`")

from veriscope.errors import BadModel  # noqa: E402
from veriscope.inference.importing import take_in  # noqa: E402
from veriscope.inference.onnx import OnnxInfer  # noqa: E402
from veriscope.inference.registry import Registry  # noqa: E402
from veriscope.train.convert import convert, convert_described  # noqa: E402


class Small(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 8, stride=8)
        self.head = torch.nn.Linear(4, 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.conv(image)).mean(dim=(2, 3)))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Small:
    """The organisation's package, where ``own_package:Small`` makes the module."""
    package = types.ModuleType("own_package")
    package.Small = Small  # type: ignore[attr-defined]
    package.number = lambda: 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_package", package)
    torch.manual_seed(1)
    return Small().eval()


def check(onnx: Path, module: Small, folder: Path) -> None:
    """The file is imported, and answers as the module does."""
    registry = Registry(own=folder / "own")
    told = networks.manifest(folder / "m.yaml", name="small", output={"logits": {"kind": "logits"}})
    take_in(registry, told, onnx)
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 224, 224)).astype(np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(image)).numpy()
    assert np.allclose(OnnxInfer(registry).run("small", {"image": image})["logits"], wanted, atol=1e-5)


INPUTS = {"image": ([1, 3, 224, 224], "float32")}


def test_torchscript(module: Small, tmp_path: Path) -> None:
    torch.jit.trace(module, torch.zeros(1, 3, 224, 224)).save(str(tmp_path / "n.pt"))
    convert(tmp_path / "n.pt", tmp_path / "n.onnx", INPUTS, ["logits"])
    check(tmp_path / "n.onnx", module, tmp_path)


@pytest.mark.parametrize("form", ["plain", "held", "parallel"])
def test_state_dicts(module: Small, tmp_path: Path, form: str) -> None:
    state = module.state_dict()
    if form == "held":
        state = {"state_dict": state, "epoch": 3}
    elif form == "parallel":
        state = {f"module.{name}": value for name, value in state.items()}
    torch.save(state, tmp_path / "n.pth")
    told = networks.manifest(tmp_path / "d.yaml", name="small", output={"logits": {"kind": "logits"}})
    convert_described(tmp_path / "n.pth", tmp_path / "n.onnx", told, "own_package:Small")
    check(tmp_path / "n.onnx", module, tmp_path)


def test_free_sizes_stay_free(module: Small, tmp_path: Path) -> None:
    import onnxruntime

    torch.save(module.state_dict(), tmp_path / "n.pth")
    free = {"image": ([None, 3, None, None], "float32")}
    convert(tmp_path / "n.pth", tmp_path / "n.onnx", free, ["logits"], "own_package:Small")
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"image": np.zeros((2, 3, 40, 96), np.float32)})
    assert out.shape == (2, 2)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("exit 1",)


def test_what_cannot_be_converted(module: Small, tmp_path: Path) -> None:
    def refused(says: str, content: object, factory: str = "own_package:Small") -> None:
        torch.save(content, tmp_path / "n.pth")
        with pytest.raises(BadModel, match=says):
            convert(tmp_path / "n.pth", tmp_path / "n.onnx", INPUTS, ["logits"], factory)
        assert not (tmp_path / "n.onnx").exists()

    refused("no TorchScript file", module.state_dict(), "")
    refused("do not fit", {"conv.weight": torch.zeros(1)})
    refused("no state_dict", [1, 2])
    refused("holds no plain weights", {"conv.weight": Evil()})
    refused("does not make a module", module.state_dict(), "nowhere:Small")
    refused("makes a int", module.state_dict(), "own_package:number")
    (tmp_path / "m.yaml").write_text("name: n\n")
    with pytest.raises(BadModel, match="does not say what the network takes"):
        convert_described(tmp_path / "n.pth", tmp_path / "n.onnx", tmp_path / "m.yaml")
