"""Several networks of one task in one file: their outputs' mean. Networks that were trained apart err apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import compose, helper

from veriscope.errors import BadRequest


def averaged(sources: Sequence[Path], target: Path) -> None:
    """Write the mean of ONNX networks that have the same inputs and outputs.

    Raises:
        BadRequest: they do not.
    """
    models = [onnx.load(str(source)) for source in sources]
    first = models[0]
    inputs, outputs = (list(part) for part in (first.graph.input, first.graph.output))
    for source, model in zip(sources, models, strict=True):
        if list(model.graph.input) != inputs or [o.name for o in model.graph.output] != [o.name for o in outputs]:
            raise BadRequest(f"{source.name} has other inputs or outputs than {sources[0].name}.")
    prefixed = [compose.add_prefix(model, f"{index}/") for index, model in enumerate(models)]
    nodes = []
    for index, _ in enumerate(prefixed):
        nodes += [helper.make_node("Identity", [value.name], [f"{index}/{value.name}"]) for value in inputs]
    for model in prefixed:
        nodes += model.graph.node
    nodes += [
        helper.make_node("Mean", [f"{index}/{value.name}" for index, _ in enumerate(prefixed)], [value.name])
        for value in outputs
    ]
    weights = [tensor for model in prefixed for tensor in model.graph.initializer]
    graph = helper.make_graph(nodes, first.graph.name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=first.opset_import, ir_version=first.ir_version)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())
