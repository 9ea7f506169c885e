"""Child processes that cannot outlive their parent, however it dies.

Each child is started from scratch (no fork of a threaded parent), leads a process group of its own, so that
killing it takes its decoder along, and watches a pipe whose other end only the parent holds: when the parent
is gone, even by ``kill -9``, the pipe closes and the child kills its group.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

# One thread budget: parallelism comes from processes and from the analysis itself.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Process:
    """A running child and the connection to it.

    Args:
        target: "package.module:function", called as ``function(connection, *arguments)`` in the child.
        arguments: anything that pickles; they travel over the connection, not over the command line.
        nice: added to the child's niceness.
    """

    def __init__(self, target: str, *arguments: Any, nice: int = 0) -> None:
        self.connection, theirs = Pipe()
        watched, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "veriscope.jobs.process", str(theirs.fileno()), str(watched)],
                pass_fds=(theirs.fileno(), watched),
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD},
                process_group=0,
            )
        finally:
            theirs.close()
            os.close(watched)
        with suppress(OSError):  # it may have died at once; the caller sees that soon enough
            self.connection.send((target, arguments, nice))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> bool:
        """Whether the child has ended within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the child and everything it has started, and forget it. May be called twice."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.connection.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


def _die_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def no_core_dumps() -> None:
    """What people sent is in this process's memory: it must not land on the disk when the process crashes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Entry of the child."""
    no_core_dumps()
    connection, lifeline = Connection(int(sys.argv[1])), int(sys.argv[2])
    threading.Thread(target=_die_with_parent, args=(lifeline,), name="lifeline", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    target, arguments, nice = connection.recv()
    os.nice(nice)
    module, function = target.split(":")
    with suppress(EOFError, BrokenPipeError):  # the parent is going away
        getattr(importlib.import_module(module), function)(connection, *arguments)


if __name__ == "__main__":
    main()
