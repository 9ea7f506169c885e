"""A PyTorch network as ONNX, ready for ``models import``: from TorchScript, or from a state_dict and its module.

A state_dict holds weights only, so the module that they belong to is named, ``package.module:factory``, and called
without arguments. It is read with ``weights_only``: a pickled checkpoint may otherwise run code.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from veriscope.errors import BadModel
from veriscope.inference.manifest import read
from veriscope.train.export import export_module

_DTYPES = {"float32": torch.float32, "int64": torch.int64, "int32": torch.int32, "uint8": torch.uint8}
_PREFIXES = ("module.", "model.", "_orig_mod.")  # left by DataParallel, Lightning and torch.compile
_HOLDERS = ("state_dict", "model_state_dict", "model")


def convert(
    source: Path,
    target: Path,
    inputs: Mapping[str, tuple[Sequence[int | None], str]],
    outputs: Sequence[str],
    factory: str = "",
) -> None:
    """Write ``target``, an ONNX file with the names given; free sizes stay free.

    Args:
        source: TorchScript file, or a checkpoint when ``factory`` is given.
        target: the ONNX file.
        inputs: shape and type of each input in the order of ``forward``; ``None`` is a free size.
        outputs: names of the outputs, in order.
        factory: ``package.module:callable`` that makes the module.

    Raises:
        BadModel: the file is none of these, or its weights do not fit the module.
    """
    module = _filled(factory, source) if factory else _scripted(source)
    example = tuple(_example(shape, dtype) for shape, dtype in inputs.values())
    free = {n: {i: f"{n}_{i}" for i, size in enumerate(s) if size is None} for n, (s, _) in inputs.items()}
    batch = {name: {0: "batch"} for name in outputs} if any(0 in axes for axes in free.values()) else {}
    with torch.no_grad():
        module.eval()(*example)  # its own error is clearer than the exporter's
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "no signature found")  # of TorchScript, which needs none
        export_module(module, example, target, tuple(inputs), tuple(outputs), {**free, **batch})


def convert_described(source: Path, target: Path, manifest: Path, factory: str = "") -> None:
    """As ``convert``, with names, shapes and types as the manifest of ``models import`` gives them.

    Raises:
        BadModel: the manifest does not say them.
    """
    facts = read(manifest)
    try:
        inputs = {name: (entry["shape"], entry.get("dtype", "float32")) for name, entry in facts["input"].items()}
        outputs = list(facts["output"].keys())
    except (KeyError, TypeError, AttributeError) as exc:
        raise BadModel(f"{manifest.name} does not say what the network takes and gives.") from exc
    convert(source, target, inputs, outputs, factory)


def _example(shape: Sequence[int | None], dtype: str) -> torch.Tensor:
    if dtype not in _DTYPES:
        raise BadModel(f"The type {dtype} is unknown; {', '.join(_DTYPES)} are known.")
    sizes = [size or (1 if axis == 0 else 64) for axis, size in enumerate(shape)]
    return torch.zeros(sizes, dtype=_DTYPES[dtype])


def _scripted(source: Path) -> nn.Module:
    try:
        return torch.jit.load(str(source), map_location="cpu")
    except (RuntimeError, ValueError, OSError) as exc:
        raise BadModel(
            f"{source.name} is no TorchScript file.",
            hint="For a state_dict name the module it belongs to: --module package.module:factory.",
        ) from exc


def _filled(factory: str, source: Path) -> nn.Module:
    name, _, attribute = factory.partition(":")
    try:
        module = getattr(import_module(name), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError) as exc:
        raise BadModel(f"{factory} does not make a module: {exc}.") from exc
    if not isinstance(module, nn.Module):
        raise BadModel(f"{factory} makes a {type(module).__name__}, not a module of PyTorch.")
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as exc:  # pickle raises whatever it likes
        raise BadModel(f"{source.name} holds no plain weights: {' '.join(str(exc).split())[:200]}.") from exc
    for holder in _HOLDERS:
        if isinstance(state, Mapping) and isinstance(state.get(holder), Mapping):
            state = state[holder]
    if not isinstance(state, Mapping) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise BadModel(f"{source.name} holds no state_dict.")
    wanted = module.state_dict().keys()
    for prefix in _PREFIXES:
        if state and not set(state) & set(wanted) and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    try:
        module.load_state_dict(state)
    except RuntimeError as exc:
        raise BadModel(f"The weights do not fit {factory}: {' '.join(str(exc).split())[:300]}.") from exc
    return module
