"""The decode child's side: ``python -m veriscope.media.decoder``. Talks to ``veriscope.media.child``."""

from __future__ import annotations

import json
import mmap
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import DamagedMedia, DecodeLimit, VeriscopeError
from veriscope.media.limits import Limits

Item = tuple[dict[str, Any], dict[str, NDArray[Any]]]
Operation = Callable[..., Iterator[Item]]
_SLOTS = 4  # frames that may wait for the parent, so that decoding and detection overlap
_ALIGN = 64


class Shelf:
    """Shared memory in slots; a slot is used again once the parent has taken what was in it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._slot_size = 0
        self._map: mmap.mmap | None = None

    def place(self, sequence: int, arrays: Mapping[str, NDArray[Any]], drain: Callable[[], None]) -> dict[str, Any]:
        """Copy arrays into the slot of this answer and describe them as (dtype, shape, offset)."""
        needed = sum(-(-a.nbytes // _ALIGN) * _ALIGN for a in arrays.values())
        if needed > self._slot_size:
            drain()  # offsets move: nothing may be waiting
            self._slot_size = -(-needed // 4096) * 4096
            if self._map is not None:
                self._map.close()
            os.ftruncate(self._descriptor, max(self._slot_size * _SLOTS, os.fstat(self._descriptor).st_size))
            self._map = mmap.mmap(self._descriptor, self._slot_size * _SLOTS)
        offset = (sequence % _SLOTS) * self._slot_size
        described: dict[str, Any] = {}
        for name, array in arrays.items():
            described[name] = (array.dtype.str, array.shape, offset)
            if array.nbytes:
                assert self._map is not None
                target: NDArray[Any] = np.frombuffer(self._map, array.dtype, array.size, offset).reshape(array.shape)
                target[...] = array
                del target
            offset += -(-array.nbytes // _ALIGN) * _ALIGN
        return described


class Conversation:
    """Lines in, lines out, with at most ``_SLOTS - 1`` answers that the parent has not taken yet."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._waiting = 0
        self._sequence = 0

    def question(self) -> Mapping[str, Any] | None:
        line = self._in.readline()
        return json.loads(line) if line else None

    def answer(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        while self._waiting >= _SLOTS - 1:
            self._one_taken()
        described = self._shelf.place(self._sequence, arrays, self.drain)
        self._sequence += 1
        self._waiting += 1
        self._write({**facts, "arrays": described})

    def end(self) -> None:
        self.drain()
        self._write({"end": True})

    def fail(self, error: VeriscopeError) -> None:
        self.drain()
        self._write({"error": {"code": error.code, "message": error.message}})

    def drain(self) -> None:
        while self._waiting:
            self._one_taken()

    def _one_taken(self) -> None:
        if not self._in.readline():
            os._exit(0)  # the parent is gone, and nobody is left to decode for
        self._waiting -= 1

    def _write(self, message: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(message).encode() + b"\n")
        self._out.flush()


def _operations() -> Mapping[str, str]:
    return {
        "image": "veriscope.media.pictures:decode",
        "thumbnail": "veriscope.media.pictures:thumbnail",
        "metadata": "veriscope.media.pictures:metadata",
        "credentials": "veriscope.media.pictures:credentials",
        "probe": "veriscope.media.streams:probe",
        "frames": "veriscope.media.movies:frames",
        "audio": "veriscope.media.movies:audio",
        "html": "veriscope.media.texts:html",
        "survey": "veriscope.media.survey:survey",
        "render": "veriscope.redaction.render:render",
        "retouch": "veriscope.redaction.stills:retouch",
        "listen": "veriscope.redaction.sound:listen",
        "dub": "veriscope.redaction.sound:dub",
        "captions": "veriscope.redaction.captions:captions",
        "pages": "veriscope.redaction.pdf:pages",
        "repaint": "veriscope.redaction.pdf:repaint",
    }


def _resolve(name: str) -> Operation:
    from importlib import import_module

    module, _, function = _operations()[name].partition(":")
    return getattr(import_module(module), function)  # type: ignore[no-any-return]


def _confine(limits: Limits) -> None:
    """No core files (they would hold the media), no written files, and bounded memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.decode_memory, limits.decode_memory))
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the parent


def main() -> None:
    limits = Limits(**json.loads(sys.argv[2]))
    conversation = Conversation(Shelf(int(sys.argv[1])))
    sys.stdout = sys.stderr  # a library that prints must not break the protocol
    _confine(limits)
    while (question := conversation.question()) is not None:
        try:
            for facts, arrays in _resolve(question["operation"])(limits=limits, **question["parameters"]):
                conversation.answer(facts, arrays)
            conversation.end()
        except VeriscopeError as exc:
            conversation.fail(exc)
        except MemoryError:
            conversation.fail(DecodeLimit(f"Decoding needs more than {limits.decode_memory} bytes of memory."))
        except Exception as exc:
            # translated here, once: whatever a decoder says about bytes it cannot read
            words = " ".join(str(exc).split())[:200]
            conversation.fail(DamagedMedia(f"The file does not decode: {words or type(exc).__name__}."))


if __name__ == "__main__":
    main()
