"""How the C library deals with the memory of large arrays."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

from veriscope.types import Kind

_FRAMES, _PICTURES = 3 << 18, 32 << 20  # bytes
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_HEAPS = 2  # shared by all threads; each of its own keeps what its thread once needed


def give_back(kind: Kind) -> None:
    """Have large arrays of such a medium given back to the system when they are dropped: from 768 KiB, pictures 32 MiB.

    glibc raises its threshold for that after the first large array that is freed, and from then on frames of 6 MB leave
    holes in the heap of every thread. A picture has few arrays, dropped together: for them asking the system for fresh
    pages costs more than it saves, 2,000 page faults with each run of the larger networks.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library has no such call
            library = ctypes.CDLL(None)
            library.mallopt(_M_MMAP_THRESHOLD, _PICTURES if kind is Kind.IMAGE else _FRAMES)
            if kind is not Kind.IMAGE:
                library.mallopt(_M_ARENA_MAX, _HEAPS)
