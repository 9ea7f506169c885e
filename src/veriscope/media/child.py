"""The parent's side of the decode child: one process, reused, killed when it misbehaves.

Everything that parses a stranger's bytes in C runs over there, under limits of memory, time and files. Questions and
answers are JSON lines on pipes; arrays travel through one shared anonymous file, so a frame costs one copy and
nothing is left behind whoever dies. JSON, not pickle: a child taken over by its input must not run code here.
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from veriscope import errors
from veriscope.errors import DamagedMedia, DecodeLimit, DecoderLost, VeriscopeError
from veriscope.media.limits import Limits

_RAISABLE: Mapping[str, type[VeriscopeError]] = {
    c.code: c
    for c in (errors.DamagedMedia, errors.EncryptedMedia, errors.TooLarge, errors.DecodeLimit, errors.UnsupportedKind)
}
Answer = dict[str, Any]


def _shared_file() -> int:
    """An anonymous file in memory where the system has such; an unlinked temporary file elsewhere."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("veriscope-frames")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class DecodeChild:
    """Runs decoding operations one at a time; threads take turns.

    An answer is a dict whose arrays (name → numpy array, copied out of shared memory) are under ``arrays``.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._shared = -1
        self._map: mmap.mmap | None = None
        self._pending = b""
        self._busy = False

    def ask(self, operation: str, **parameters: Any) -> Answer:
        """One question, one answer.

        Raises:
            DamagedMedia: the bytes do not decode, or crash the decoder.
            TooLarge, EncryptedMedia, UnsupportedKind: as the child says.
                DecoderLost: the child was killed from outside; worth another try.
            DecodeLimit: it took more time or memory than allowed; the child is gone, the next question starts another.
        """
        with closing(self.stream(operation, **parameters)) as answers:
            for answer in answers:
                for _ in answers:  # to the end, or the child would be killed for the rest
                    pass
                return answer
        raise DamagedMedia("The decoder gave no answer for this file.")

    def stream(self, operation: str, **parameters: Any) -> Generator[Answer]:
        """One question, many answers. Leaving the loop early ends the child's work on it."""
        with self._lock:
            if self._busy:
                raise RuntimeError("the decode child is in the middle of a stream of this thread")
            self._busy = True
            process = self._running()
            finished = False
            budget = self._limits.decode_seconds
            try:
                self._send(process, {"operation": operation, "parameters": parameters})
                while True:
                    waited = time.monotonic()
                    answer = self._receive(process, budget)
                    budget -= time.monotonic() - waited  # only the child's time counts, not its caller's
                    if answer.get("end"):
                        finished = True
                        return
                    if failure := answer.get("error"):
                        finished = True
                        raise _RAISABLE.get(failure["code"], DamagedMedia)(failure["message"])
                    answer["arrays"] = self._take(answer.get("arrays", {}))
                    self._send(process, {"taken": True})
                    yield answer
            finally:
                self._busy = False
                if not finished:
                    self._kill()

    def allow(self, seconds: float) -> None:
        """Another limit of time for each question from now on."""
        self._limits = replace(self._limits, decode_seconds=seconds)

    def close(self) -> None:
        with self._lock:
            self._kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: object, ___: TracebackType | None) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()
        self._shared = _shared_file()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "veriscope.media.decoder", str(self._shared), json.dumps(self._child_limits())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._shared,),
            env=_environment(),
        )
        self._pending = b""
        return self._process

    def _child_limits(self) -> dict[str, float]:
        return {name: getattr(self._limits, name) for name in self._limits.__slots__}

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._shared >= 0:
            os.close(self._shared)
            self._shared = -1

    def _send(self, process: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
        except (BrokenPipeError, OSError) as exc:
            raise _died(process) from exc

    def _receive(self, process: subprocess.Popen[bytes], seconds: float) -> Answer:
        assert process.stdout is not None
        deadline = time.monotonic() + seconds
        descriptor = process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise DecodeLimit(f"Decoding took longer than {self._limits.decode_seconds:.0f} seconds.")
                chunk = os.read(descriptor, 1 << 20)
                if not chunk:
                    raise _died(process)
                self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return json.loads(line)  # type: ignore[no-any-return]

    def _take(self, described: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        if not described:
            return {}
        size = os.fstat(self._shared).st_size
        if self._map is None or len(self._map) < size:
            if self._map is not None:
                self._map.close()
            self._map = mmap.mmap(self._shared, size, prot=mmap.PROT_READ)
        arrays = {}
        for name, (dtype, shape, offset) in described.items():
            count = int(np.prod(shape, dtype=np.int64))
            view: NDArray[Any] = np.frombuffer(self._map, dtype=np.dtype(dtype), count=count, offset=offset)
            arrays[name] = view.reshape(shape).copy()
            del view  # a live view would keep the map from being closed
        return arrays


def _died(process: subprocess.Popen[bytes]) -> VeriscopeError:
    """A decoder that crashes was broken by the file; one that was killed from outside deserves another try."""
    try:
        code = process.wait(1.0)
    except subprocess.TimeoutExpired:
        code = 0
    if code == -signal.SIGKILL:
        return DecoderLost("The decoder was stopped from outside.")
    return DamagedMedia("The decoder stopped on this file.")


def _environment() -> dict[str, str]:
    """Nothing secret goes to the process that reads strangers' files."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "HOME"}}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
