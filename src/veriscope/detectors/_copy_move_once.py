"""The search for copied areas, made once for a picture however many detectors read it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from veriscope.types import Image

if TYPE_CHECKING:
    from veriscope.detectors.copy_move import Effort, Result


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.result: Result | None = None


# By the array's identity: a scene hands out the same array each time, and arrays cannot be hashed. An entry goes with
# its array, so that a later array in the same place finds nothing.
_entries: dict[tuple[int, Effort], _Entry] = {}
_guard = threading.Lock()


def once(image: Image, effort: Effort, search: Callable[[Image, Effort], Result]) -> Result:
    """What ``search`` found on this very array; whoever asks while it runs waits, whoever asks later gets the same."""
    key = (id(image), effort)
    with _guard:
        if key not in _entries:
            _entries[key] = _Entry()
            weakref.finalize(image, _entries.pop, key, None)
        entry = _entries[key]
    with entry.lock:
        if entry.result is None:
            entry.result = search(image, effort)
        return entry.result
