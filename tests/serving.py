"""A real server as a real process, for the tests that talk to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_START = "from veriscope.config import load; from veriscope.api.server import serve; serve(load())"
READY_SECONDS = 90.0


class Server:
    """``veriscope serve`` with the given settings on a free port; ``log`` holds what it wrote."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.log = folder / "log.txt"
        given = {"data_dir": self.data, "port": 0, "processes": 1, "job_processes": 1, **settings}
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("VERISCOPE_")}
        self._environment |= {f"VERISCOPE_{name.upper()}": str(value) for name, value in given.items()}
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> Self:
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START],
                env=self._environment,
                cwd=self._folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "ready at" in line, self.log.read_text()
        self.url = line.split()[-1]
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=120, trust_env=False, **options)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(sig)
        code = self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def spooled(self) -> list[Path]:
        return [path for path in (self.data / "spool").rglob("*") if path.is_file()]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


def children(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] not in {"Z", "X"}:
            child = int(stat.parent.name)
            found += [child, *children(child)]
    return found


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def eventually(condition: Callable[[], Any], seconds: float = 30.0, *, every: float = 0.1) -> Any:
    """What the condition returns once it is true; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)
    return value
