"""The networks as a model repository of NVIDIA Triton: a folder each, with a configuration and the file.

Two flavours: ``onnxruntime`` for NVIDIA's container, and ``python`` for servers that bring the Python backend only;
there the same ONNX file runs inside a small model of our own.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from veriscope.errors import ModelUnavailable
from veriscope.inference.manifest import Manifest
from veriscope.inference.onnx import open_session
from veriscope.inference.registry import Registry
from veriscope.inference.symbolic import free_sizes

NAMES: Mapping[str, str] = {  # of the reference platform
    "forgery-heatmap": "deepfake_heatmap",
    "forgery-classifier": "deepfake_classifier",
    "fake-news-vi": "fakenews_classifier",
}
LARGEST_BATCH = 16
PREFERRED = (8, 16)
DELAY_US = 50_000  # that a request may wait for others, as the reference platform has it
Flavour = Literal["onnxruntime", "python"]

_TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(float16)": "TYPE_FP16",
    "tensor(double)": "TYPE_FP64",
    "tensor(int64)": "TYPE_INT64",
    "tensor(int32)": "TYPE_INT32",
    "tensor(uint8)": "TYPE_UINT8",
    "tensor(bool)": "TYPE_BOOL",
}


@dataclass(frozen=True, slots=True)
class Serving:
    """How Triton is to run them. ``gpus`` names the GPUs of the instance group; none: CPU."""

    flavour: Flavour = "onnxruntime"
    gpus: Sequence[int] = ()
    instances: int = 1  # on each GPU, or on the CPU
    delay_us: int = DELAY_US
    half: bool = False  # FP16 through TensorRT, GPUs only


def triton_name(name: str) -> str:
    """The network's name on Triton: that of the reference platform, or its own with underscores."""
    return NAMES.get(name, name.replace("-", "_"))


def export(registry: Registry, folder: Path, serving: Serving = Serving(), names: Sequence[str] = ()) -> list[str]:
    """Write every version that is ready; what the folder held of these networks is replaced.

    Args:
        names: networks; all when there are none.

    Returns:
        The networks' names on Triton.

    Raises:
        ModelUnavailable: a network was named that is not ready in any version.
    """
    ready: dict[str, list[Manifest]] = {}
    for state in registry.states():
        if state.state == "ready" and (not names or state.manifest.name in names):
            ready.setdefault(state.manifest.name, []).append(state.manifest)
    for name in names:
        if name not in ready:
            raise ModelUnavailable(f"There is no network called {name} that is ready.")
    return [_one(registry, versions, folder, serving) for versions in ready.values()]


def _one(registry: Registry, versions: Sequence[Manifest], folder: Path, serving: Serving) -> str:
    target = folder / triton_name(versions[0].name)
    shutil.rmtree(target, ignore_errors=True)
    for manifest in versions:
        data = registry.read(manifest.name, manifest.version)
        if manifest.symbolic:
            data = free_sizes(data)
        version = target / version_number(manifest.version)
        version.mkdir(parents=True)
        if serving.flavour == "onnxruntime":
            (version / "model.onnx").write_bytes(data)
        else:
            (version / "network.onnx").write_bytes(data)
            text = files("veriscope.inference").joinpath("triton_model.py").read_text("utf-8")
            (version / "model.py").write_text(text, "utf-8")
    (target / "config.pbtxt").write_text(_config(target.name, data, serving), "utf-8")
    return target.name


def version_number(version: str) -> str:
    """Triton counts versions with whole numbers: each part of ours takes three digits, ``6.2.3`` → ``6002003``."""
    digits = "".join(c if c.isdigit() else " " for c in version).split()
    number = 0
    for part in digits[:4]:
        number = number * 1000 + min(999, int(part))
    return str(max(1, number))


def _config(name: str, data: bytes, serving: Serving) -> str:
    session = open_session(data)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    # batches form along the first axis, if every input and output has a free one
    batched = all(v.shape and not isinstance(v.shape[0], int) for v in [*inputs, *outputs])
    lines = [
        f'name: "{name}"',
        'backend: "python"' if serving.flavour == "python" else 'platform: "onnxruntime_onnx"',
        f"max_batch_size: {LARGEST_BATCH if batched else 0}",
        _values("input", inputs, batched),
        _values("output", outputs, batched),
        "version_policy: { all: { } }",
        _instances(serving),
    ]
    if batched:
        preferred = ", ".join(str(size) for size in PREFERRED)
        lines.append(
            "dynamic_batching {\n"
            f"  preferred_batch_size: [ {preferred} ]\n"
            f"  max_queue_delay_microseconds: {serving.delay_us}\n}}"
        )
    if serving.half and serving.gpus and serving.flavour == "onnxruntime":
        lines.append(
            "optimization { execution_accelerators { gpu_execution_accelerator : [ {\n"
            '  name : "tensorrt"\n'
            '  parameters { key: "precision_mode" value: "FP16" }\n'
            "} ] } }"
        )
    return "\n".join(lines) + "\n"


def _values(word: str, values: Sequence[Any], batched: bool) -> str:
    """Inputs or outputs with their types and sizes; a free size is -1, and a scalar per item is one number."""
    parts = []
    for value in values:
        shape = list(value.shape[1:] if batched else value.shape)
        sizes = ", ".join(str(size) if isinstance(size, int) else "-1" for size in shape) or "1"
        extra = " reshape: { shape: [ ] }" if not shape else ""
        parts.append(f'  {{ name: "{value.name}" data_type: {_TYPES[value.type]} dims: [ {sizes} ]{extra} }}')
    return f"{word} [\n" + ",\n".join(parts) + "\n]"


def _instances(serving: Serving) -> str:
    if not serving.gpus:
        return f"instance_group [ {{ kind: KIND_CPU count: {serving.instances} }} ]"
    gpus = ", ".join(str(gpu) for gpu in serving.gpus)
    return f"instance_group [ {{ kind: KIND_GPU count: {serving.instances} gpus: [ {gpus} ] }} ]"
