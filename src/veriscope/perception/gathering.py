"""One array out of pieces that arrive one by one; and values that are computed once, by whoever asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia
from veriscope.types import Motion

T = TypeVar("T")
Element = TypeVar("Element", bound=np.generic)


class Gathering(Generic[Element]):
    """Rows appended to one array that grows in place: joining the pieces at the end would need the memory twice.

    Large arrays are moved by their pages (``mremap``), not copied, so that growing by an eighth at a time is cheap.
    """

    def __init__(self) -> None:
        self._rows: NDArray[Element] | None = None
        self._filled = 0

    def add(self, piece: NDArray[Element]) -> None:
        """Append N rows; all pieces agree in type and in every dimension but the first."""
        if self._rows is None:
            self._rows = np.empty((0, *piece.shape[1:]), piece.dtype)
        need = self._filled + len(piece)
        if need > len(self._rows):
            self._rows.resize((need + need // 8, *piece.shape[1:]), refcheck=False)
        self._rows[self._filled : need] = piece
        self._filled = need

    def taken(self) -> NDArray[Element] | None:
        """All rows, or ``None`` when there was no piece. Nothing may be added afterwards."""
        if self._rows is not None and len(self._rows) > self._filled:
            self._rows.resize((self._filled, *self._rows.shape[1:]), refcheck=False)
        return self._rows


class MotionGathering:
    """``Motion`` while it comes in."""

    def __init__(self) -> None:
        self._thumbs: Gathering[np.uint8] = Gathering()
        self._times: Gathering[np.float64] = Gathering()
        self._types: Gathering[np.uint8] = Gathering()

    def add(self, arrays: Mapping[str, Any]) -> None:
        self._thumbs.add(arrays["thumbs"])
        self._times.add(arrays["times"])
        self._types.add(arrays["types"])

    def taken(self) -> Motion:
        thumbs, times, types = self._thumbs.taken(), self._times.taken(), self._types.taken()
        if thumbs is None or times is None or types is None:
            raise DamagedMedia("No frame of the video decodes.")
        return Motion(thumbs, times, types)


@dataclass
class Memo:
    """Thread-safe: two threads that want the same value do not compute it twice, nor wait for any other value."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    locks: dict[str, threading.RLock] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Computed by the first thread that asks; a failure is remembered and raised again."""
        with self.lock:
            lock = self.locks.setdefault(name, threading.RLock())
        with lock:
            if name not in self.values:
                try:
                    self.values[name] = (make(), None)
                except Exception as exc:
                    self.values[name] = (None, exc)
            value, error = self.values[name]
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]

    def forget(self, name: str) -> None:
        """Let go of a value; whoever asks again has it computed again."""
        with self.lock:
            lock = self.locks.setdefault(name, threading.RLock())
        with lock:
            self.values.pop(name, None)
