"""Small weights, float32 arithmetic: where int8 arithmetic would change too many answers.

Large filters are stored as int8, the others as float16. ONNX Runtime multiplies them out once, when it loads the file,
so the speed is that of float32.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process

SMALLEST = 1024  # weights: smaller tensors stay as they are
LARGE = 150_000  # weights: from here on as int8, with one scale a channel (symmetric, no zero point)


def weight_only(source: Path, target: Path) -> None:
    """Store the filters of every convolution as float16, large ones as int8.

    Args:
        source: float32 ONNX; batch normalisation is folded into the filters first.
        target: where the smaller file goes; it passes the ONNX checker.
    """
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        model = onnx.load(str(ready))
    fold_padding(model)
    filters = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    nodes = []
    for tensor in list(model.graph.initializer):
        weights = numpy_helper.to_array(tensor)
        if tensor.name not in filters or weights.size < SMALLEST:
            continue
        model.graph.initializer.remove(tensor)
        if weights.size < LARGE:
            model.graph.initializer.append(numpy_helper.from_array(weights.astype(np.float16), f"{tensor.name}.half"))
            nodes.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=onnx.TensorProto.FLOAT))
            continue
        scale = np.maximum(np.abs(weights.reshape(len(weights), -1)).max(axis=1) / 127, 1e-12).astype(np.float32)
        rounded = np.rint(weights / scale.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8)
        model.graph.initializer.append(numpy_helper.from_array(rounded, f"{tensor.name}.int8"))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{tensor.name}.scale"))
        inputs = [f"{tensor.name}.int8", f"{tensor.name}.scale"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [tensor.name], axis=0))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())


def fold_padding(model: onnx.ModelProto) -> int:
    """Let convolutions pad with zeros themselves where a node before them does: uneven padding at stride 2.

    ONNX Runtime keeps blocked layouts between convolutions only, so a node between costs two conversions as well.

    Returns:
        How many nodes went.
    """
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    readers = Counter(name for node in model.graph.node for name in node.input)
    pads = {node.output[0]: node for node in model.graph.node if node.op_type == "Pad"}
    gone = []
    for node in model.graph.node:
        before = pads.get(node.input[0]) if node.op_type == "Conv" else None
        if before is None or readers[node.input[0]] > 1 or before.input[1] not in constants:
            continue
        amounts = constants[before.input[1]].tolist()
        value = constants[before.input[2]] if len(before.input) > 2 and before.input[2] in constants else np.zeros(1)
        mode = next((a.s for a in before.attribute if a.name == "mode"), b"constant")
        if mode != b"constant" or np.any(value) or len(amounts) != 8 or any(amounts[i] for i in (0, 1, 4, 5)):
            continue
        own = next((list(a.ints) for a in node.attribute if a.name == "pads"), [0, 0, 0, 0])
        kept = [a for a in node.attribute if a.name != "pads"]
        del node.attribute[:]
        node.attribute.extend(kept)
        extra = [amounts[i] for i in (2, 3, 6, 7)]
        node.attribute.append(helper.make_attribute("pads", [a + b for a, b in zip(own, extra, strict=True)]))
        node.input[0] = before.input[0]
        gone.append(before)
    for before in gone:
        model.graph.node.remove(before)
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [t for t in model.graph.initializer if t.name not in used]:
        model.graph.initializer.remove(tensor)
    return len(gone)
