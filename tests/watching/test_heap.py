"""Memory that is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from tiercel.watching.heap import Heap
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) // 1024
heap = Heap()
blocks = [b"x" * 100_000 for _ in range(2000)]
full = resident()
blocks = blocks[::20]  # what lives on holds the rest
holes = resident()
heap.tidy()
print(full, holes, resident())
"""


def test_what_a_burst_took_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    full, holes, tidy = map(int, done.stdout.split())
    assert full > 200
    assert holes > 150  # MB; without the tidying it would stay
    assert tidy < 100
