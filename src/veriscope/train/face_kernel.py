"""The second half of ``face-manipulation``: frozen ImageNet features, and support vectors of retouched faces.

    python -m veriscope.train.face_kernel --data DIR --blended BLENDED.onnx --target face-manipulation.onnx

Three hundred labelled faces are too few to train filters on. Features of EfficientNet-Lite0 in the middle of its depth,
averaged over the face, and a support vector machine with a radial basis (C. Cortes and V. Vapnik, "Support-vector
networks", Machine Learning 20, 1995) need no more. Its decision becomes log-odds by the decisions about faces that it
did not learn from (five folds by blocks of neighbouring numbers), and their odds are averaged with those of the network
of ``recipes/face_manipulation.py``, which learned from forgeries made here: what either of them sees counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch import Tensor, nn
from torch.nn import functional

from veriscope.detectors.face_manipulation import crop as as_used
from veriscope.inference.networks.face_manipulation import BLENDED as BLENDED_LOGIT
from veriscope.inference.networks.face_manipulation import INPUT, LOGIT, MAP, SIZE
from veriscope.train.export import export_module
from veriscope.train.metrics import auc
from veriscope.train.portraits import FOLD, HALF, ciplab, portraits
from veriscope.train.recipes.face_manipulation import SEEN, FaceNet, area, pretrained
from veriscope.train.synthesis_faces import Portrait
from veriscope.train.weight_only import fold_padding, weight_only
from veriscope.types import Image

Vectors = NDArray[np.float64]
FOLDS = 5
DEPTH = 9  # block of EfficientNet-Lite0, at a sixteenth of the input: by cross-validation
WIDTH = 0.5  # of the radial basis, for standardised features divided by the root of their number
COST = 1.0  # of a face on the wrong side
POOLED = "pooled"
# Slope and offset that make log-odds of the blended network's logit (held-out development faces, bench/faces.py).
BLENDED = (0.395, -0.198)


class Trunk(nn.Module):
    """N×3×``SIZE``×``SIZE`` faces in [0, 255] → N×112: means over the face of block ``DEPTH``."""

    def __init__(self) -> None:
        super().__init__()
        self.net = FaceNet()
        known = pretrained()
        if known is not None:
            own = self.net.state_dict()
            self.net.load_state_dict({key: known.get(key, value) for key, value in own.items()})

    def forward(self, faces: Tensor) -> Tensor:
        net = self.net
        x = functional.relu6(net._bn0(net._conv_stem((faces - 127.0) / 128.0)))
        for block in net._blocks[: DEPTH + 1]:
            x = block(x)
        return x.mean((2, 3))


@dataclass(frozen=True, slots=True)
class Kernel:
    """Log-odds of a face: ``weights`` · exp(−``WIDTH`` ‖x − ``vectors``‖²) + ``offset``, x = (pooled − mean)·scale."""

    mean: Vectors
    scale: Vectors
    vectors: Vectors
    weights: Vectors
    offset: float

    def odds(self, pooled: Vectors) -> Vectors:
        return _near((pooled - self.mean) * self.scale, self.vectors) @ self.weights + self.offset


def _near(a: Vectors, b: Vectors) -> Vectors:
    apart = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.exp(-WIDTH * np.maximum(apart, 0)))


def views(portrait: Portrait, rng: np.random.Generator) -> list[Image]:
    """A face as stored, saved again, and reduced and saved again, each also mirrored: both classes alike."""
    found = []
    for factor, quality in ((1.0, 0), (1.0, 1), (float(rng.uniform(0.5, 0.9)), 1)):
        image, points = portrait.image, portrait.landmarks
        if factor < 1:
            image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        if quality:
            level = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
            image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, level)[1], cv2.IMREAD_COLOR), np.uint8)
            side = float(np.ptp(points[:, 0]))
            points = points + rng.normal(0, 0.02 * side, points.shape).astype(np.float32)
        ratio = np.array(image.shape[1::-1], np.float32) / np.array(portrait.image.shape[1::-1], np.float32)
        seen = as_used(image, (points * ratio).astype(np.float32))
        found += [seen, np.ascontiguousarray(seen[:, ::-1])]
    return found


def fitted(pooled: Vectors, labels: NDArray[np.int64]) -> Kernel:
    """Support vectors of N×V×D features of V views of N faces; the offset is the machine's own."""
    rows = pooled.reshape(-1, pooled.shape[-1])
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    scale = 1 / (spread * np.sqrt(rows.shape[1]))
    known = (rows - mean) * scale
    machine = SVC(kernel="precomputed", C=COST).fit(_near(known, known), np.repeat(labels, pooled.shape[1]))
    chosen = machine.support_
    return Kernel(mean, scale, known[chosen], machine.dual_coef_[0].astype(np.float64), float(machine.intercept_[0]))


def crossed(pooled: Vectors, labels: NDArray[np.int64], numbers: NDArray[np.int64]) -> Vectors:
    """Decisions N×V about faces that were not learned from, in folds by blocks of ``FOLD`` neighbouring numbers."""
    decisions = np.empty(pooled.shape[:2])
    for fold in range(FOLDS):
        held = numbers // FOLD % FOLDS == fold
        machine = fitted(pooled[~held], labels[~held])
        decisions[held] = machine.odds(pooled[held].reshape(-1, pooled.shape[-1])).reshape(held.sum(), -1)
    return decisions


def calibrated(kernel: Kernel, decisions: Vectors, labels: NDArray[np.int64]) -> Kernel:
    """The machine with log-odds for decisions, by a logistic regression on the crossed ones."""
    line = LogisticRegression(C=1e6).fit(decisions.reshape(-1, 1), np.repeat(labels, decisions.shape[1]))
    slope, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Kernel(kernel.mean, kernel.scale, kernel.vectors, slope * kernel.weights, slope * kernel.offset + offset)


def _constant(name: str, values: NDArray[np.generic]) -> onnx.TensorProto:
    return numpy_helper.from_array(values, name)


def assembled(blended: Path, trunk: Path, kernel: Kernel, target: Path, half: bool = True) -> None:
    """One ONNX file of both halves: the mean of their odds, the map and the own logit of the first.

    Args:
        blended: the exported ``FaceNet`` for crops of ``SEEN`` or of ``SIZE``.
        trunk: the exported ``Trunk``.
        kernel: what reads its features.
        target: where the file goes; it passes the ONNX checker.
        half: keep the support vectors as float16.
    """
    first = compose.add_prefix(onnx.load(str(blended)), "blended/")
    second = compose.add_prefix(onnx.load(str(trunk)), "trunk/")
    size = first.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    vectors = kernel.vectors.T.astype(np.float16 if half else np.float32)
    used = vectors.astype(np.float64)
    tensors = [
        _constant("mean", kernel.mean.astype(np.float32)),
        _constant("scale", kernel.scale.astype(np.float32)),
        _constant("vectors.stored", vectors),
        _constant("squares", (used * used).sum(0).astype(np.float32)),
        _constant("two", np.array(2.0, np.float32)),
        _constant("width", np.array(-WIDTH, np.float32)),
        _constant("weights", kernel.weights.astype(np.float32)[:, None]),
        _constant("offset", np.array(kernel.offset - np.log(2), np.float32)),
        _constant("slope", np.array(BLENDED[0], np.float32)),
        _constant("shift", np.array(BLENDED[1] - np.log(2), np.float32)),
        _constant("flat", np.array([-1], np.int64)),
        _constant("last", np.array([1], np.int64)),
        _constant("area", area()),
    ]
    node = helper.make_node
    before = [node("Identity", [INPUT], ["trunk/" + INPUT])]
    if size == SEEN:  # as FaceNet.reduced
        before += [
            node("Conv", [INPUT, "area"], ["phases"], group=3, strides=[3, 3]),
            node("DepthToSpace", ["phases"], ["blended/" + INPUT], blocksize=2, mode="CRD"),
        ]
    else:
        before += [node("Identity", [INPUT], ["blended/" + INPUT])]
    after = [
        node("Cast", ["vectors.stored"], ["vectors"], to=TensorProto.FLOAT),
        node("Sub", ["trunk/" + POOLED, "mean"], ["centred"]),
        node("Mul", ["centred", "scale"], ["scaled"]),
        node("Mul", ["scaled", "scaled"], ["squared"]),
        node("ReduceSum", ["squared", "last"], ["length"], keepdims=1),
        node("MatMul", ["scaled", "vectors"], ["shared"]),
        node("Mul", ["shared", "two"], ["twice"]),
        node("Sub", ["length", "twice"], ["less"]),
        node("Add", ["less", "squares"], ["apart"]),
        node("Mul", ["apart", "width"], ["exponent"]),
        node("Exp", ["exponent"], ["near"]),
        node("MatMul", ["near", "weights"], ["decision"]),
        node("Reshape", ["decision", "flat"], ["line"]),
        node("Add", ["line", "offset"], ["second"]),
        node("Mul", ["blended/" + LOGIT, "slope"], ["scaled.logit"]),
        node("Add", ["scaled.logit", "shift"], ["first"]),
        node("Sub", ["second", "first"], ["between"]),  # log(e^first + e^second) = first + softplus(between)
        node("Softplus", ["between"], ["more"]),
        node("Add", ["first", "more"], [LOGIT]),
        node("Identity", ["blended/" + LOGIT], [BLENDED_LOGIT]),
        node("Identity", ["blended/" + MAP], [MAP]),
    ]
    cells = [d.dim_value for d in first.graph.output[1].type.tensor_type.shape.dim][1:]
    graph = helper.make_graph(
        [*before, *first.graph.node, *second.graph.node, *after],
        "face-manipulation",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["faces", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info(LOGIT, TensorProto.FLOAT, ["faces"]),
            helper.make_tensor_value_info(BLENDED_LOGIT, TensorProto.FLOAT, ["faces"]),
            helper.make_tensor_value_info(MAP, TensorProto.FLOAT, ["faces", *cells]),
        ],
        [*first.graph.initializer, *second.graph.initializer, *tensors],
    )
    model = helper.make_model(graph, opset_imports=first.opset_import, ir_version=first.ir_version)
    fold_padding(model)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())


def exported(target: Path) -> None:
    """The trunk as float32 ONNX."""
    axes = {INPUT: {0: "faces"}, POOLED: {0: "faces"}}
    export_module(Trunk(), (torch.zeros(2, 3, SIZE, SIZE),), target, (INPUT,), (POOLED,), axes)


def features(trunk: Path, crops: NDArray[np.uint8]) -> Vectors:
    """Pooled features of N×``SIZE``×``SIZE``×3 crops."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(trunk), options, providers=["CPUExecutionProvider"])
    parts = [crops[i : i + 16].transpose(0, 3, 1, 2).astype(np.float32) for i in range(0, len(crops), 16)]
    return np.concatenate([session.run(None, {INPUT: part})[0] for part in parts]).astype(np.float64)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--blended", type=Path, required=True, help="the network of the recipe, as weight_only left it")
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--full", type=Path, help="also write the float32 file here")
    parser.add_argument("--without", type=int, help="leave this fold out of the learning")
    arguments = parser.parse_args(given)
    faces: list[Portrait] = []
    labels: list[int] = []
    for label, kind in enumerate(("real", "fake")):
        found = list(portraits(arguments.data, ciplab(arguments.data, kind, below=HALF), 0.3))
        faces, labels = faces + found, labels + [label] * len(found)
    target = np.array(labels, np.int64)
    numbers = np.array([int(Path(face.source).stem) for face in faces])
    rng = np.random.default_rng(0)
    crops = np.stack([np.stack(views(face, rng)) for face in faces])
    trunk = arguments.target.with_suffix(".trunk.onnx")
    exported(trunk)
    pooled = features(trunk, crops.reshape(-1, *crops.shape[2:])).reshape(*crops.shape[:2], -1)
    decisions = crossed(pooled, target, numbers)
    kept = np.ones(len(target), bool) if arguments.without is None else numbers // FOLD % FOLDS != arguments.without
    kernel = calibrated(fitted(pooled[kept], target[kept]), decisions[kept], target[kept])
    if arguments.full:
        assembled(arguments.blended, trunk, kernel, arguments.full, half=False)
    weight_only(trunk, trunk)
    assembled(arguments.blended, trunk, kernel, arguments.target)
    trunk.unlink()
    views_of = {"as_stored": 0, "saved_again": 2, "reduced": 4}
    figures = {
        f"auc_{name}": round(auc(decisions[target == 1, view], decisions[target == 0, view]), 4)
        for name, view in views_of.items()
    }
    print(json.dumps({"faces": len(faces), "vectors": len(kernel.vectors), **figures}))


if __name__ == "__main__":
    main()
