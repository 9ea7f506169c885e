"""A trained module becomes an ONNX file, an int8 one where that costs nothing, and a manifest."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
import yaml
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from veriscope.errors import BadRequest
from veriscope.inference.onnx import open_session
from veriscope.train.recipe import Recipe
from veriscope.train.weight_only import weight_only

OPSET = 17
CALIBRATION = 16  # batches of the training that ranges of activations are taken from
_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

Precision = Literal["float32", "int8", "weights"]


def export(
    recipe: Recipe, checkpoint: Path, target: Path, precision: Precision = "float32", data: Path | None = None
) -> None:
    """The checkpoint as an ONNX file with the recipe's names and free axes.

    Args:
        precision: ``int8``: all but the first and the last layer; ``weights``: small weights, float32 arithmetic.
        data: what int8 takes its ranges from, as the training does.
    """
    module = recipe.module()
    module.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    export_module(module, recipe.example(), target, recipe.inputs, recipe.outputs, recipe.dynamic)
    if precision == "weights":
        weight_only(target, target)
    elif precision == "int8":
        if data is None:
            raise BadRequest("int8 needs data to calibrate on.", hint="Name it with --data.")
        batches = islice(recipe.batches(data, seed=1), CALIBRATION)
        quantise(target, target, ({key: batch[key].numpy() for key in recipe.inputs} for batch in batches), ends=True)


def export_module(
    module: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    target: Path,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    dynamic: Mapping[str, Mapping[int, str]],
) -> None:
    """Any module as ONNX; the file passes the ONNX checker."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every comparison of sizes, right or wrong
        torch.onnx.export(
            module.eval(),
            example,
            str(target),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: dict(axes) for name, axes in dynamic.items()},
            opset_version=OPSET,
            dynamo=False,  # the other exporter needs another package, and unrolls recurrent layers
        )
    onnx.checker.check_model(str(target))


class _Reader(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
    def __init__(self, items: Iterable[Mapping[str, NDArray[Any]]]) -> None:
        self._items = iter(items)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        found = next(self._items, None)
        return None if found is None else dict(found)


def quantise(
    source: Path,
    target: Path,
    calibration: Iterable[Mapping[str, NDArray[Any]]] | None,
    ends: bool = False,
) -> None:
    """An int8 copy: static with QDQ nodes, per channel, when there are inputs to calibrate on; dynamic otherwise.

    Args:
        source: float32 ONNX.
        target: where the int8 file goes.
        calibration: feeds of the network, from development data; a hundred will do.
        ends: the first and the last layer stay float32: they have few weights, and most of the error.
    """
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        layers = [node.name for node in onnx.load(str(ready)).graph.node if node.op_type in _LAYERS]
        skip = [layers[0], layers[-1]] if ends else []
        if calibration is None:
            quantize_dynamic(str(ready), str(target), per_channel=True, nodes_to_exclude=skip)
            return
        quantize_static(
            str(ready),
            str(target),
            _Reader(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=skip,
        )


def differences(one: Path, other: Path, feeds: Iterable[Mapping[str, NDArray[Any]]]) -> float:
    """Largest absolute difference of any output of two ONNX files over the feeds."""
    sessions = [open_session(path.read_bytes()) for path in (one, other)]
    worst = 0.0
    for feed in feeds:
        a, b = (session.run(None, dict(feed)) for session in sessions)
        worst = max(worst, *(float(np.abs(x.astype(np.float64) - y).max()) for x, y in zip(a, b, strict=True)))
    return worst


def manifest(name: str, version: str, onnx_file: Path, folder: Path, **facts: Any) -> Path:
    """Write ``folder/NAME.yaml`` for a file of the package. ``facts`` are further fields of ``Manifest``."""
    body = {
        "name": name,
        "version": version,
        "sha256": hashlib.sha256(onnx_file.read_bytes()).hexdigest(),
        **facts,
        "source": {"kind": "package"},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=118), "utf-8")
    return path
