"""Child processes do what they are told and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection

import pytest

from veriscope.jobs import owner
from veriscope.jobs.process import Process

from tests.serving import children, eventually, niceness, running


def echo(connection: Connection, prefix: str) -> None:
    """Target of the tests' children."""
    while True:
        connection.send((prefix, connection.recv(), os.getpid()))


def spawn(connection: Connection) -> None:
    """A child with a child of its own, as an examiner with its decoder."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    connection.send(child.pid)
    time.sleep(600)


def test_question_and_answer() -> None:
    process = Process("tests.unit.jobs.test_process:echo", "hello", nice=3)
    process.connection.send({"a": 1})
    assert process.connection.recv() == ("hello", {"a": 1}, process.pid)
    assert niceness(process.pid) == min(19, niceness(os.getpid()) + 3)
    assert process.alive
    process.kill()
    process.kill()
    assert not running(process.pid)


def test_killing_takes_the_grandchildren_along() -> None:
    process = Process("tests.unit.jobs.test_process:spawn")
    grandchild = process.connection.recv()
    assert running(grandchild)
    process.kill()
    eventually(lambda: not running(grandchild))


PARENT = """
import time
from veriscope.jobs.process import Process
ours = [Process("tests.unit.jobs.test_process:spawn") for _ in range(2)]
print([p.connection.recv() for p in ours], flush=True)
time.sleep(600)
"""


@pytest.mark.e2e
def test_nobody_survives_the_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        family = children(parent.pid)
        assert len(family) == 4
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        eventually(lambda: not any(running(pid) for pid in family))


def test_an_owner_is_known_to_be_gone_only_on_its_own_machine() -> None:
    assert not owner.is_gone(owner.name())
    process = Process("tests.unit.jobs.test_process:echo", "x")
    name = owner.name("job", process.pid)
    assert not owner.is_gone(name)
    process.kill()
    assert owner.is_gone(name)
    _, machine, pid, start = name.rsplit("-", 3)
    assert not owner.is_gone(f"job-{'0' * 16}-{pid}-{start}")  # another machine: only its silence tells
    assert owner.is_gone(f"job-{machine}-{os.getpid()}-1")  # the number was given to another process
    assert not owner.is_gone("somebody")
    assert len(name) <= 64
