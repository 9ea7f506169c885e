"""Names of processes that hold leases and spool folders, and whether such a process is gone.

A name says on which machine (boot and process namespace) which process (number and start time) it is. On the
same machine a dead owner is known at once; anywhere else only its silence tells, once the lease runs out.
"""

from __future__ import annotations

import hashlib
import os
import socket
from functools import cache
from pathlib import Path


@cache
def machine() -> str:
    """This boot of this machine, seen from this process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        boot, namespace = socket.gethostname(), ""
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:16]


def _start(pid: int) -> str | None:
    """When a process started, in ticks since boot; ``None`` when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else rest[18]


def name(role: str = "w", pid: int | None = None) -> str:
    """A process's own name; at most 64 characters of letters, digits and dashes."""
    pid = os.getpid() if pid is None else pid
    return f"{role}-{machine()}-{pid}-{_start(pid) or 0}"


def is_gone(owner: str) -> bool:
    """True only when the owner certainly runs no more."""
    try:
        _, where, pid, start = owner.rsplit("-", 3)
        if where != machine() or not Path("/proc/self/stat").exists():
            return False
        return _start(int(pid)) != start
    except ValueError:
        return False
