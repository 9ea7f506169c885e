"""ONNX Runtime in this process. One thread per call: the processes and detector threads are the parallelism."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import onnxruntime as ort
from numpy.typing import NDArray

from veriscope.errors import InferenceFailed, ModelUnavailable
from veriscope.inference.registry import Manifest, Registry
from veriscope.inference.symbolic import free_sizes

log = logging.getLogger(__name__)
MEMORY = 1 << 30  # bytes of loaded networks
FAILURES = 3  # in a row, after which a version counts as failing
_WEIGHT = 2  # of a file: its weights are kept as they were and packed for the kernels (2.1 measured, 72 MiB)


class _Loaded(NamedTuple):
    session: ort.InferenceSession
    cost: int  # bytes, estimated


class OnnxInfer:
    """Loads a network at its first use and drops the one unused for longest when ``memory`` is spent.

    Safe for threads. A call that has begun keeps its session, whatever is swapped or dropped meanwhile. While one
    network loads, calls of the others go on.

    Args:
        registry: which networks there are.
        memory: bytes that loaded networks may take together; one larger than that still runs, alone.
    """

    def __init__(self, registry: Registry | None = None, memory: int = MEMORY) -> None:
        self.registry = registry or Registry()
        self._memory = memory
        self._sessions: OrderedDict[str, _Loaded] = OrderedDict()  # by SHA-256, least recently used first
        self._gates: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Outputs of the active version, by name.

        Raises:
            ModelUnavailable: the network is missing, damaged or does not load.
            InferenceFailed: it does not accept these arrays, or broke.
        """
        return self.run_version(model, self.version(model), inputs)

    def run_version(self, model: str, version: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """As ``run``, of the version named."""
        manifest = self.registry.manifest(model, version)
        session = self._session(manifest)
        names = [output.name for output in session.get_outputs()]
        try:
            found = dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as exc:  # onnxruntime's exceptions share no base class
            message = f"The network {model} failed: {' '.join(str(exc).split())[:200]}."
            self._failed(manifest, message)
            raise InferenceFailed(message) from exc
        if manifest.label in self._failures:
            self._works(manifest)
        return found

    def version(self, model: str) -> str:
        return self.registry.manifest(model).version

    def asset(self, model: str, key: str) -> bytes:
        return self.registry.asset(model, key)

    @property
    def loaded(self) -> int:
        """Bytes of the networks in memory, estimated."""
        with self._lock:
            return sum(entry.cost for entry in self._sessions.values())

    def _session(self, manifest: Manifest) -> ort.InferenceSession:
        key = manifest.sha256
        with self._lock:
            gate = self._gates.setdefault(key, threading.Lock())
            if key in self._sessions:
                self._sessions.move_to_end(key)
                return self._sessions[key].session
        with gate:  # only those who want this very network wait for it
            with self._lock:
                if key in self._sessions:
                    return self._sessions[key].session
            entry = self._load(manifest)
            with self._lock:
                self._sessions[key] = entry
                while len(self._sessions) > 1 and sum(e.cost for e in self._sessions.values()) > self._memory:
                    self._sessions.popitem(last=False)
            return entry.session

    def _load(self, manifest: Manifest) -> _Loaded:
        if self.registry.trouble(manifest):  # of another process, or of one before this: a success here ends it
            with self._lock:
                self._failures[manifest.label] = max(self._failures[manifest.label], FAILURES)
        data = self.registry.read(manifest.name, manifest.version)
        try:
            return _Loaded(open_session(free_sizes(data) if manifest.symbolic else data), _WEIGHT * len(data))
        except Exception as exc:
            message = f"The network {manifest.name} does not load: {' '.join(str(exc).split())[:200]}."
            self._failed(manifest, message, at_once=True)
            raise ModelUnavailable(message) from exc

    def _failed(self, manifest: Manifest, message: str, *, at_once: bool = False) -> None:
        with self._lock:
            self._failures[manifest.label] += FAILURES if at_once else 1
            now = self._failures[manifest.label] >= FAILURES
        if now:
            self.registry.note(manifest.name, manifest.version, message)

    def _works(self, manifest: Manifest) -> None:
        with self._lock:
            count = self._failures.pop(manifest.label, 0)
        if count >= FAILURES:
            self.registry.note(manifest.name, manifest.version, "")


def open_session(data: bytes) -> ort.InferenceSession:
    """A session on one thread. Raises what onnxruntime raises; its exceptions share no base class."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # the arena keeps the largest activation ever seen; pictures come in every size
    options.enable_cpu_mem_arena = False
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
