"""Memory goes back to the system where that was asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from veriscope.media.heap import give_back
from veriscope.types import Kind
give_back(Kind.VIDEO)
def resident(): return int(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])
np.ones(8 << 20, np.uint8)
before = resident()
kept = []
for _ in range(20):
    frame = np.ones(8 << 20, np.uint8)
    kept.append(np.ones(1 << 10, np.uint8))  # small things between large ones: what makes holes
    del frame
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own call")
def test_frames_that_are_dropped_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4 << 10  # kB
