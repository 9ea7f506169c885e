"""ONNX Runtime in this process. One thread per call: the processes and detector threads are the parallelism."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.inference.registry import Registry
from veriscope.inference.symbolic import free_sizes


class OnnxInfer:
    """Loads a network at its first use; safe to call from several threads."""

    def __init__(self, registry: Registry | None = None) -> None:
        self._registry = registry or Registry()
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._lock = threading.Lock()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Outputs by name.

        Raises:
            ModelUnavailable: the network is missing, damaged or does not load.
            InferenceFailed: it does not accept these arrays, or broke.
        """
        session = self._session(model)
        names = [output.name for output in session.get_outputs()]
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as exc:  # onnxruntime's exceptions share no base class
            raise InferenceFailed(f"The network {model} failed: {' '.join(str(exc).split())[:200]}.") from exc

    def version(self, model: str) -> str:
        return self._registry.manifest(model).version

    def _session(self, model: str) -> ort.InferenceSession:
        with self._lock:
            if model not in self._sessions:
                data = self._registry.read(model)
                if self._registry.manifest(model).symbolic:
                    data = free_sizes(data)
                options = ort.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = 1
                options.log_severity_level = 3
                # the arena keeps the largest activation ever seen; pictures come in every size
                options.enable_cpu_mem_arena = False
                try:
                    self._sessions[model] = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
                except Exception as exc:
                    raise ModelUnavailable(f"The network {model} does not load: {exc}.") from exc
            return self._sessions[model]
