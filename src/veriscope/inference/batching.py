"""Calls that come at nearly the same time, run together: for a GPU, where one item costs as much as eight.

The window opens at the first call and closes after ``seconds`` or with ``largest`` items. Whoever opened it runs the
batch for all, so there is no thread of its own, and a call that stays alone waits no longer than the window. On a CPU
nothing is gained (docs/decisions/0007-batches-in-the-process.md), so it is off unless a setting asks for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import VeriscopeError
from veriscope.inference.onnx import Axes, OnnxInfer
from veriscope.inference.registry import Registry

Arrays = Mapping[str, NDArray[Any]]


@dataclass(eq=False)
class _Call:
    inputs: Arrays
    items: int
    outputs: Arrays | None = None
    error: VeriscopeError | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class _Window:
    calls: list[_Call] = field(default_factory=list)
    items: int = 0
    full: threading.Event = field(default_factory=threading.Event)


class Batching:
    """A ``Backend`` before ``OnnxInfer``. Safe for threads.

    Only calls that fit join: the same version of a network whose every input and output has a free first axis, and
    items of one shape; or of unequal shapes where the manifest's ``padding`` says with what a network that ignores it
    is to be filled up. Outputs are cut back to what each caller's own items would have given.

    Args:
        inner: runs the batches.
        seconds: how long a window stays open.
        largest: items in a batch.
    """

    def __init__(self, inner: OnnxInfer, seconds: float, largest: int = 16) -> None:
        self._inner = inner
        self._seconds, self._largest = seconds, largest
        self._open: dict[tuple[Any, ...], _Window] = {}
        self._lock = threading.Lock()

    @property
    def registry(self) -> Registry:
        return self._inner.registry

    def version(self, model: str) -> str:
        return self._inner.version(model)

    def asset(self, model: str, key: str) -> bytes:
        return self._inner.asset(model, key)

    def run(self, model: str, inputs: Arrays) -> Arrays:
        """As ``OnnxInfer.run``."""
        return self.run_version(model, self.version(model), inputs)

    def run_version(self, model: str, version: str, inputs: Arrays) -> Arrays:
        """As ``OnnxInfer.run_version``; a batch that fails is run again call by call, so that each gets its own."""
        axes = self._inner.axes(model, version)
        items = _items(inputs, axes)
        if not items or items >= self._largest:
            return self._inner.run_version(model, version, inputs)
        padding = self.registry.manifest(model, version).padding
        key = (model, version, *(_layout(name, value, axes, padding) for name, value in sorted(inputs.items())))
        call = _Call(inputs, items)
        with self._lock:
            window = self._open.get(key)
            leads = window is None or window.items + items > self._largest
            if leads:
                window = self._open[key] = _Window()  # a fuller one goes on without this call
            assert window is not None
            window.calls.append(call)
            window.items += items
            if window.items >= self._largest:
                window.full.set()
        if leads:
            window.full.wait(self._seconds)
            with self._lock:
                if self._open.get(key) is window:
                    del self._open[key]
            self._run(model, version, window.calls, axes, padding)
        call.done.wait()
        if call.error is not None:
            raise call.error
        assert call.outputs is not None
        return call.outputs

    def _run(self, model: str, version: str, calls: Sequence[_Call], axes: Axes, padding: Mapping[str, float]) -> None:
        try:
            if len(calls) > 1 and self._together(model, version, calls, axes, padding):
                return
            for call in calls:
                try:
                    call.outputs = self._inner.run_version(model, version, call.inputs)
                except VeriscopeError as exc:
                    call.error = exc
        finally:
            for call in calls:
                call.done.set()

    def _together(
        self, model: str, version: str, calls: Sequence[_Call], axes: Axes, padding: Mapping[str, float]
    ) -> bool:
        whole = {name: _stacked([c.inputs[name] for c in calls], padding.get(name, 0)) for name in calls[0].inputs}
        try:
            found = self._inner.run_version(model, version, whole)
        except VeriscopeError:
            return False
        if any(len(values) != sum(c.items for c in calls) for values in found.values()):
            return False  # its first axis is none of items after all
        at = 0
        for call in calls:
            sizes = axes.sizes(call.inputs)
            call.outputs = {
                name: values[(slice(at, at + call.items), *axes.cut(name, sizes))] for name, values in found.items()
            }
            at += call.items
        return True


def _items(inputs: Arrays, axes: Axes) -> int:
    """Items of a call; 0 where it cannot share a batch."""
    if not axes.batched or set(inputs) != set(axes.inputs) or any(v.ndim == 0 for v in inputs.values()):
        return 0
    counts = {len(value) for value in inputs.values()}
    return counts.pop() if len(counts) == 1 else 0


def _layout(name: str, value: NDArray[Any], axes: Axes, padding: Mapping[str, float]) -> tuple[Any, ...]:
    """What must be equal for two calls to share a batch: type and sizes, but for those that padding makes equal."""
    free = axes.inputs[name] if name in padding else ()
    shape = [
        None if i < len(free) and isinstance(free[i], str) else size for i, size in enumerate(value.shape) if i > 0
    ]
    return (name, value.dtype.str, value.ndim, *shape)


def _stacked(values: Sequence[NDArray[Any]], fill: float) -> NDArray[Any]:
    """One after another along the first axis, filled up at the end of the others."""
    shape = np.max([value.shape[1:] for value in values], axis=0).astype(int).tolist()
    out = np.full((sum(len(value) for value in values), *shape), fill, values[0].dtype)
    at = 0
    for value in values:
        out[(slice(at, at + len(value)), *(slice(size) for size in value.shape[1:]))] = value
        at += len(value)
    return out
