from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")
onnx = pytest.importorskip("onnx")

from veriscope.errors import BadRequest  # noqa: E402
from veriscope.inference.onnx import open_session  # noqa: E402
from veriscope.train.average import averaged  # noqa: E402


def times(path: Path, factor: float, out: str = "y") -> Path:
    """A network that multiplies its input."""
    make = onnx.helper
    value = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("x", out)]
    weight = onnx.numpy_helper.from_array(np.array(factor, np.float32), "w")
    graph = make.make_graph([make.make_node("Mul", ["x", "w"], [out])], "g", value[:1], value[1:], [weight])
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def test_the_mean_of_two_networks(tmp_path: Path) -> None:
    averaged([times(tmp_path / "a.onnx", 2.0), times(tmp_path / "b.onnx", 4.0)], tmp_path / "both.onnx")
    session = open_session((tmp_path / "both.onnx").read_bytes())
    np.testing.assert_allclose(session.run(None, {"x": np.array([1.0, -2.0], np.float32)})[0], [3.0, -6.0])


def test_networks_of_different_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"b\.onnx has other inputs or outputs"):
        averaged([times(tmp_path / "a.onnx", 2.0), times(tmp_path / "b.onnx", 4.0, "z")], tmp_path / "both.onnx")
