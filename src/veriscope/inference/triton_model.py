"""One network inside Triton's Python backend: copied into the model repository, run there by Triton's own interpreter.

Requests that Triton handed over together, and whose inputs have equal sizes, run as one batch.
"""

# mypy: ignore-errors
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as triton


class TritonPythonModel:
    """What the backend looks for."""

    def initialize(self, args):
        folder = Path(args["model_repository"]) / args["model_version"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        data = (folder / "network.onnx").read_bytes()
        if b"QuantizeLinear" in data:  # as the embedded backend (inference/onnx.py, which cannot be imported here)
            options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._inputs = [value.name for value in self._session.get_inputs()]
        self._outputs = [value.name for value in self._session.get_outputs()]

    def execute(self, requests):
        feeds = [
            {name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
            for request in requests
        ]
        alike = defaultdict(list)
        for index, feed in enumerate(feeds):
            alike[tuple(feed[name].shape[1:] for name in self._inputs)].append(index)
        answers = [None] * len(requests)
        for members in alike.values():
            try:
                self._run(feeds, members, answers)
            except Exception as exc:  # onnxruntime's exceptions share no base class
                for index in members:
                    answers[index] = triton.InferenceResponse(error=triton.TritonError(str(exc)[:500]))
        return answers

    def _run(self, feeds, members, answers):
        together = {name: np.concatenate([feeds[index][name] for index in members]) for name in self._inputs}
        found = self._session.run(self._outputs, together)
        start = 0
        for index in members:
            count = len(feeds[index][self._inputs[0]])
            part = slice(start, start + count)
            # an output without the batch's axis belongs to a request that came alone
            tensors = [
                triton.Tensor(name, np.ascontiguousarray(value[part] if len(members) > 1 else value))
                for name, value in zip(self._outputs, found, strict=True)
            ]
            answers[index] = triton.InferenceResponse(output_tensors=tensors)
            start += count
