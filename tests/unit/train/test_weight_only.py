"""Large filters become int8, others float16, and the answers stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402

from veriscope.train import weight_only as module  # noqa: E402
from veriscope.train.export import export_module  # noqa: E402
from veriscope.train.weight_only import weight_only  # noqa: E402


def test_filters_shrink_and_answers_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 3), torch.nn.ReLU(), torch.nn.Conv2d(64, 96, 3)).eval()
    example = torch.randn(2, 3, 12, 12)
    large, small = tmp_path / "large.onnx", tmp_path / "small.onnx"
    export_module(net, (example,), large, ("x",), ("y",), {"x": {0: "n"}, "y": {0: "n"}})
    monkeypatch.setattr(module, "LARGE", 20_000)
    weight_only(large, small)
    types = {t.data_type for t in onnx.load(str(small)).graph.initializer}
    assert {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT16} <= types
    assert small.stat().st_size < 0.35 * large.stat().st_size
    expected, found = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["y"], {"x": example.numpy()})[0]
        for path in (large, small)
    )
    assert not np.array_equal(expected, found)
    assert np.abs(expected - found).max() < 0.02 * np.abs(expected).max()
