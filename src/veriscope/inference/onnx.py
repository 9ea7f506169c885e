"""ONNX Runtime in this process, on the CPU or a GPU. One thread per call: processes and detector threads are the
parallelism."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import onnxruntime as ort
from numpy.typing import NDArray

from veriscope.errors import BadSetting, InferenceFailed, ModelUnavailable
from veriscope.inference.registry import Manifest, Registry
from veriscope.inference.symbolic import free_sizes

log = logging.getLogger(__name__)
MEMORY = 1 << 30  # bytes of loaded networks
FAILURES = 3  # in a row, after which a version counts as failing
Device = Literal["cpu", "cuda"]
_PROVIDERS: Mapping[Device, tuple[str, ...]] = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
}
_WEIGHT = 2  # of a file: its weights are kept as they were and packed for the kernels (2.1 measured, 72 MiB)


class _Loaded(NamedTuple):
    session: ort.InferenceSession
    cost: int  # bytes, estimated
    reuse: int  # bytes of input up to which working memory is kept for the next run

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        names = [output.name for output in self.session.get_outputs()]
        options = None
        if self.reuse and sum(value.nbytes for value in inputs.values()) > self.reuse:
            options = ort.RunOptions()
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return dict(zip(names, self.session.run(names, dict(inputs), options), strict=True))


@dataclass(frozen=True, slots=True)
class Axes:
    """Sizes of a network's inputs and outputs: a number where fixed, a name where free (``""`` without one)."""

    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: Mapping[str, tuple[int | str, ...]]

    @property
    def batched(self) -> bool:
        """Whether the first axis of each is free, so that items can be put one after another."""
        shapes = [*self.inputs.values(), *self.outputs.values()]
        return all(shape and isinstance(shape[0], str) for shape in shapes)

    def sizes(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, int]:
        """What the names stand for in these arrays."""
        pairs = ((n, size) for k, v in inputs.items() for n, size in zip(self.inputs[k], v.shape, strict=False))
        return {name: size for name, size in pairs if isinstance(name, str) and name}

    def cut(self, output: str, sizes: Mapping[str, int]) -> tuple[slice, ...]:
        """The part of an output, after the first axis, that belongs to items of these sizes."""
        return tuple(slice(sizes.get(str(name))) for name in self.outputs[output][1:])


class OnnxInfer:
    """Loads a network at its first use and drops the one unused for longest when ``memory`` is spent.

    Safe for threads. A call that has begun keeps its session, whatever is swapped or dropped meanwhile. While one
    network loads, calls of the others go on.

    Args:
        registry: which networks there are.
        memory: bytes that loaded networks may take together; one larger than that still runs, alone.
        device: ``cuda`` needs the package onnxruntime-gpu in place of onnxruntime; else ``BadSetting``.
        keep: keep working memory from run to run where the manifest's ``reuse`` allows it: a third less time for the
            face finder, and 70 MB more.
    """

    def __init__(
        self, registry: Registry | None = None, memory: int = MEMORY, device: Device = "cpu", *, keep: bool = False
    ) -> None:
        if _PROVIDERS[device][0] not in ort.get_available_providers():
            raise BadSetting(
                "This installation runs networks on the CPU only.",
                hint="Install onnxruntime-gpu in place of onnxruntime, or set device to cpu.",
            )
        self.registry = registry or Registry()
        self._memory = memory
        self._device = device
        self._keep = keep
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
        loaded = self._loaded(manifest)
        try:
            found = loaded.run(inputs)
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

    def axes(self, model: str, version: str) -> Axes:
        """Sizes of its inputs and outputs. Raises ``ModelUnavailable``."""
        session = self._loaded(self.registry.manifest(model, version)).session
        shapes = (
            {v.name: tuple(s if isinstance(s, int) else str(s or "") for s in v.shape) for v in values}
            for values in (session.get_inputs(), session.get_outputs())
        )
        return Axes(*shapes)

    @property
    def loaded(self) -> int:
        """Bytes of the networks in memory, estimated."""
        with self._lock:
            return sum(entry.cost for entry in self._sessions.values())

    def _loaded(self, manifest: Manifest) -> _Loaded:
        key = manifest.sha256
        with self._lock:
            gate = self._gates.setdefault(key, threading.Lock())
            if key in self._sessions:
                self._sessions.move_to_end(key)
                return self._sessions[key]
        with gate:  # only those who want this very network wait for it
            with self._lock:
                if key in self._sessions:
                    return self._sessions[key]
            entry = self._load(manifest)
            with self._lock:
                self._sessions[key] = entry
                while len(self._sessions) > 1 and sum(e.cost for e in self._sessions.values()) > self._memory:
                    self._sessions.popitem(last=False)
            return entry

    def _load(self, manifest: Manifest) -> _Loaded:
        if self.registry.trouble(manifest):  # of another process, or of one before this: a success here ends it
            with self._lock:
                self._failures[manifest.label] = max(self._failures[manifest.label], FAILURES)
        data = self.registry.read(manifest.name, manifest.version)
        try:
            freed = free_sizes(data) if manifest.symbolic else data
            reuse = manifest.reuse if self._keep else 0
            return _Loaded(open_session(freed, self._device, arena=reuse > 0), _WEIGHT * len(data), reuse)
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


# Processors without instructions for dot products of bytes (VNNI) add two int8 products in 16 bits, which overflow; the
# same file then answers otherwise there. This takes the slower way that does not, and changes nothing elsewhere.
UNSATURATED: Final = ("session.x64quantprecision", "1")


def open_session(data: bytes, device: Device = "cpu", *, arena: bool = False) -> ort.InferenceSession:
    """A session, on one thread on the CPU. Raises what onnxruntime raises; its exceptions share no base class.

    Args:
        arena: keep working memory for the next run; it stays as large as the largest run was that did not give it back.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # the arena keeps the largest activation ever seen; pictures come in every size
    options.enable_cpu_mem_arena = arena
    if b"QuantizeLinear" in data:  # where weights alone are int8 the other way fails, and is not needed
        options.add_session_config_entry(*UNSATURATED)
    return ort.InferenceSession(data, options, providers=list(_PROVIDERS[device]))
