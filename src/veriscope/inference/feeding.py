"""How a manifest says that a network is fed and read, for networks that have no code of their own here.

The detector and the dry run at import use the same functions, so a network that was let in is fed the same way ever
after. Arrays are as in ``types``; what comes out is the log-odds of "forged" and, for pictures, perhaps a map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from veriscope.errors import BadModel, InferenceFailed
from veriscope.inference.manifest import Manifest
from veriscope.types import Image, Plane

Inputs = dict[str, NDArray[Any]]

PICTURE_TASKS = frozenset({"image-forgery", "face-forgery", "synthetic-image"})
TASKS = PICTURE_TASKS | {"audio", "text"}
RATE = 16_000  # Hz, of all sound that networks hear
MULTIPLE = 32  # of height and width where a network takes any size
LONGEST = 1024  # pixels, likewise
WINDOWS = 16  # most windows of one long sound or text
_DTYPES = frozenset({"float32", "float16", "int64", "int32", "uint8"})
_ROLES = ("input_ids", "attention_mask", "token_type_ids")
_TINY = 1e-7


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input as declared; a ``None`` in ``shape`` is a free size."""

    shape: tuple[int | None, ...]
    dtype: str
    role: str


@dataclass(frozen=True, slots=True)
class Output:
    """``kind`` is logits, probabilities or map; ``forged`` the column, or channel, of the forged class."""

    kind: str
    forged: int
    activation: str  # of a map: none, sigmoid, softmax


@dataclass(frozen=True, slots=True)
class Feeding:
    """The machine-readable part of a manifest."""

    task: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Output]
    options: Mapping[str, Any]

    @property
    def only(self) -> tuple[str, Tensor]:
        return next(iter(self.inputs.items()))


@dataclass(frozen=True, slots=True)
class Reading:
    """``log_odds`` of "forged"; ``map`` H×W in [0, 1] at the network's size, or ``None``."""

    log_odds: float
    map: Plane | None = None


def feeding(manifest: Manifest) -> Feeding:
    """What the manifest says about feeding and reading.

    Raises:
        BadModel: it says too little, or something that cannot be; the message names the field.
    """

    def must(fine: bool, message: str) -> None:
        if not fine:
            raise BadModel(f"{manifest.label}: {message}.")

    must(manifest.task in TASKS, f"the task must be one of {', '.join(sorted(TASKS))}")
    for name in ("input", "output"):
        must(isinstance(getattr(manifest, name), Mapping) and bool(getattr(manifest, name)), f"{name} names no tensor")
    assert isinstance(manifest.input, Mapping)
    assert isinstance(manifest.output, Mapping)
    options = manifest.preprocessing if isinstance(manifest.preprocessing, Mapping) else {}
    inputs = {name: _tensor(name, facts, must) for name, facts in manifest.input.items()}
    outputs = {name: _output(name, facts, must) for name, facts in manifest.output.items()}
    must(any(o.kind != "map" for o in outputs.values()), "no output gives logits or probabilities")
    found = Feeding(manifest.task, inputs, outputs, options)
    if manifest.task == "text":
        named = {"tokenizer", "vocabulary"} & set(manifest.assets)
        must(bool(named), "a text network needs assets.tokenizer (tokenizer.json) or assets.vocabulary (vocab.txt)")
        must(any(t.role == "input_ids" for t in inputs.values()), "no input has the role input_ids")
        for name, tensor in inputs.items():
            must(tensor.role in _ROLES, f"input.{name} needs a role: {', '.join(_ROLES)}")
            must(len(tensor.shape) == 2, f"input.{name}.shape must be [1, length]")
        for field in set(options) - {"languages", "max_length", "lowercase"}:
            must(False, f"preprocessing has no field called {field}")
    else:
        must(len(inputs) == 1, "the network must take one input")
        _check_media(found, must)
    return found


def _tensor(name: str, facts: Any, must: Callable[[bool, str], None]) -> Tensor:
    shape: Any = facts.get("shape") if isinstance(facts, Mapping) else None
    must(isinstance(shape, list) and shape != [], f"input.{name}.shape is missing")
    for side in shape:
        must(side is None or (isinstance(side, int) and side > 0), f"input.{name}.shape takes sizes, or null for any")
    dtype = facts.get("dtype", "float32")
    must(dtype in _DTYPES, f"input.{name}.dtype must be one of {', '.join(sorted(_DTYPES))}")
    must(shape[0] in (1, None), f"input.{name}.shape must begin with 1 or null")
    return Tensor(tuple(shape), dtype, facts.get("role", name))


def _output(name: str, facts: Any, must: Callable[[bool, str], None]) -> Output:
    must(isinstance(facts, Mapping), f"output.{name} must have fields of its own")
    forged: Any = facts.get("forged", 1)
    must(isinstance(forged, int) and forged >= 0, f"output.{name}.forged must be the number of a class")
    found = Output(facts.get("kind", ""), forged, facts.get("activation", "none"))
    must(found.kind in {"logits", "probabilities", "map"}, f"output.{name}.kind must be logits, probabilities or map")
    must(found.activation in {"none", "sigmoid", "softmax"}, f"output.{name}.activation: none, sigmoid or softmax")
    return found


def _check_media(f: Feeding, must: Callable[[bool, str], None]) -> None:
    name, tensor = f.only
    known = {"layout", "resize", "channels", "range", "mean", "std", "margin", "longest"}
    if f.task == "audio":
        known = {"rate", "pad"}
        must(len(tensor.shape) in (1, 2, 3), f"input.{name}.shape must be [1, samples]")
        must(f.options.get("rate", RATE) == RATE, f"preprocessing.rate must be {RATE}: sound is brought to that")
        must(f.options.get("pad", "repeat") in {"repeat", "zero"}, "preprocessing.pad must be repeat or zero")
    else:
        must(len(tensor.shape) == 4, f"input.{name}.shape must be [1, channels, height, width]")
        must(f.options.get("layout", "nchw") in {"nchw", "nhwc"}, "preprocessing.layout must be nchw or nhwc")
        must(f.options.get("resize", "stretch") in {"stretch", "crop"}, "preprocessing.resize must be stretch or crop")
        must(f.options.get("channels", "rgb") in {"rgb", "bgr", "grey"}, "preprocessing.channels: rgb, bgr or grey")
        must(f.options.get("range", 1) in {1, 255}, "preprocessing.range must be 1 or 255")
        count = 1 if f.options.get("channels") == "grey" else 3
        axis = 1 if f.options.get("layout", "nchw") == "nchw" else 3
        must(tensor.shape[axis] in (count, None), f"input.{name}.shape does not have {count} channels on axis {axis}")
        for field in ("mean", "std"):
            values = f.options.get(field, [1.0] * count)
            fine = isinstance(values, list) and len(values) == count and all(isinstance(v, int | float) for v in values)
            must(fine and (field == "mean" or 0 not in values), f"preprocessing.{field} takes {count} numbers")
        cropped = f.options.get("resize", "stretch") == "crop" or f.task == "face-forgery"
        must(
            not cropped or all(o.kind != "map" for o in f.outputs.values()), "a map needs the whole picture, stretched"
        )
        must(f.task != "face-forgery" or None not in _size(f), f"input.{name}.shape needs height and width for faces")
    for field in f.options:
        must(field in known, f"preprocessing has no field called {field}")


def _size(f: Feeding) -> tuple[int | None, int | None]:
    """Height and width of the network's picture."""
    shape = f.only[1].shape
    return (shape[2], shape[3]) if f.options.get("layout", "nchw") == "nchw" else (shape[1], shape[2])


def face_side(f: Feeding) -> int:
    """Pixels of the square face crop to be cut before ``picture``."""
    height, width = _size(f)
    return max(height or 0, width or 0)


def picture(f: Feeding, image: Image) -> Inputs:
    """A picture (H×W×3) as the network wants it: resized by averaging, scaled, normalised, turned."""
    height, width = _size(f)
    if height is None or width is None:
        factor = min(1.0, float(f.options.get("longest", LONGEST)) / max(image.shape[:2]))
        free = [max(MULTIPLE, round(side * factor / MULTIPLE) * MULTIPLE) for side in image.shape[:2]]
        height, width = height or free[0], width or free[1]
    if f.options.get("resize") == "crop":  # the middle, in the network's proportions
        h, w = image.shape[:2]
        side = min(h / height, w / width)
        top, left = round((h - side * height) / 2), round((w - side * width) / 2)
        image = image[top : top + max(1, round(side * height)), left : left + max(1, round(side * width))]
    smaller = image.shape[0] > height or image.shape[1] > width
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    x: NDArray[Any] = cv2.resize(image, (width, height), interpolation=how).astype(np.float32)
    channels = f.options.get("channels", "rgb")
    if channels == "grey":
        x = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[:, :, None].astype(np.float32, copy=False)
    elif channels == "bgr":
        x = x[:, :, ::-1]
    x = x / np.float32(255 / f.options.get("range", 1))
    count = x.shape[2]
    mean = np.array(f.options.get("mean", [0.0] * count), np.float32)
    x = (x - mean) / np.array(f.options.get("std", [1.0] * count), np.float32)
    name, tensor = f.only
    turned = x.transpose(2, 0, 1) if f.options.get("layout", "nchw") == "nchw" else x
    return {name: np.ascontiguousarray(turned[None], dtype=tensor.dtype)}


def sound(f: Feeding, samples: NDArray[np.float32]) -> list[Inputs]:
    """Mono 16 kHz samples as windows of the network's length, spread evenly over the sound."""
    name, tensor = f.only
    length = tensor.shape[-1] or min(len(samples), 60 * RATE)
    if len(samples) < length:
        short = f.options.get("pad", "repeat") == "zero"
        samples = np.pad(samples, (0, length - len(samples))) if short else np.resize(samples, length)
    count = min(WINDOWS, max(1, len(samples) // length))
    starts = np.linspace(0, len(samples) - length, count).astype(int)
    shape = (1,) * (len(tensor.shape) - 1) + (length,)
    return [{name: samples[s : s + length].reshape(shape).astype(tensor.dtype)} for s in starts]


def words(f: Feeding, tokenizer: Any, text: str) -> list[Inputs]:
    """A text as windows of token ids, masks and segments; ``tokenizer`` comes from ``tokens.tokenizer``."""
    first = tokenizer.encode(text)
    encodings = [first, *first.overflowing][:WINDOWS]
    return [{name: np.array([_ROLE[t.role](e)], dtype=t.dtype) for name, t in f.inputs.items()} for e in encodings]


_ROLE: Mapping[str, Callable[[Any], Sequence[int]]] = {
    "input_ids": lambda e: e.ids,
    "attention_mask": lambda e: e.attention_mask,
    "token_type_ids": lambda e: e.type_ids,
}


def read(f: Feeding, outputs: Mapping[str, NDArray[Any]]) -> Reading:
    """What the network said of one window or picture; several scores are averaged as log-odds.

    Raises:
        InferenceFailed: an output is absent, misshapen or not finite.
    """
    odds: list[float] = []
    plane: Plane | None = None
    for name, output in f.outputs.items():
        if name not in outputs:
            raise InferenceFailed(f"The network gives no output called {name}; it gives {', '.join(outputs)}.")
        values = np.asarray(outputs[name], np.float64)
        if not np.isfinite(values).all():
            raise InferenceFailed(f"The output {name} is not finite.")
        if output.kind == "map":
            plane = _map(name, values, output)
        else:
            odds.append(_log_odds(name, values, output))
    return Reading(float(np.mean(odds)), plane)


def _log_odds(name: str, values: NDArray[np.float64], output: Output) -> float:
    if values.ndim not in (1, 2) or values.size == 0 or (values.ndim == 2 and len(values) != 1):
        raise InferenceFailed(f"The output {name} has the shape {list(values.shape)}, not [1, classes].")
    row = values.ravel()
    if output.forged >= max(2, row.size):
        raise InferenceFailed(f"The output {name} has {row.size} classes, and forged is {output.forged}.")
    if output.kind == "probabilities":
        if row.min() < -1e-3 or row.max() > 1 + 1e-3:
            raise InferenceFailed(f"The output {name} holds no probabilities: {row.min():.3g} to {row.max():.3g}.")
        p = float(row[output.forged]) if row.size > 1 else float(row[0] if output.forged else 1 - row[0])
        p = min(1 - _TINY, max(_TINY, p))
        return math.log(p / (1 - p))
    if row.size == 1:
        return float(row[0] if output.forged else -row[0])
    return float(row[output.forged] - np.logaddexp.reduce(np.delete(row, output.forged)))


def _map(name: str, values: NDArray[np.float64], output: Output) -> Plane:
    plane = values[0] if values.ndim == 4 else values
    if plane.ndim != 3 or len(plane) == 0:
        raise InferenceFailed(
            f"The output {name} has the shape {list(values.shape)}, not [1, channels, height, width]."
        )
    if output.activation == "softmax" and len(plane) > 1:
        plane = np.exp(plane - np.logaddexp.reduce(plane, axis=0))
    plane = plane[min(output.forged, len(plane) - 1)]
    if output.activation == "sigmoid":
        plane = 1 / (1 + np.exp(-np.clip(plane, -40, 40)))
    found: Plane = np.clip(plane, 0, 1).astype(np.float32)
    return found
