"""Under stress, with rings much too small: events come in the order of their times, and every lost one is counted."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
import sys
import time

import pytest

from tests.sources.live.host import watchable
from tiercel.sources.live.probe import Probe
from tiercel.sources.live.rings import map_rings
from tiercel.wire.event_table import BY_CONSTANT

# calls that hardly anything else on a host makes: one that the probe has code of its own for, one by steps
OPEN, OPEN_CALL = BY_CONSTANT["SYSCALL_OPEN_X"], 2
UNLOCK, UNLOCK_CALL = BY_CONSTANT["SYSCALL_MUNLOCKALL_X"], 152
CALLS = 30_000

WRITER = """
import ctypes, os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
call = ctypes.CDLL(None).syscall
path, number = b"/proc/nonesuch-tiercel", int(sys.argv[2])
sys.stdin.readline()
for k in range(int(sys.argv[3])):
    call(number, path, 0, k)
"""


@watchable
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the calls are those of x86_64")
@pytest.mark.parametrize(("event", "call"), [(OPEN, OPEN_CALL), (UNLOCK, UNLOCK_CALL)])
@pytest.mark.parametrize("ring", [16 << 10, 8 << 20], ids=["small", "large"])
def test_order_and_losses(event: int, call: int, ring: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiercel.sources.live.probe._PROGRAMS", (b"on_return",))  # processes start and end all the time
    cpus = sorted(os.sched_getaffinity(0))[:4]
    probe = Probe(frozenset({event}), ring)
    command = [sys.executable, "-I", "-c", WRITER]
    writers = [
        subprocess.Popen([*command, str(cpu), str(call), str(CALLS)], stdin=subprocess.PIPE) for cpu in (*cpus, *cpus)
    ]
    try:
        rings = map_rings(probe.rings, ring)
        probe.attach()
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()
        pids = {writer.pid for writer in writers}
        room = bytearray(32 << 20)
        told, last, ended = 0, 0, False
        while not ended:
            ended = all(writer.poll() is not None for writer in writers)
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + probe.offset
            end, at = rings.fill(room, 0, 1 << 63 if ended else now - 2_000), 0
            while at < end:
                length, _, ts, tid, _, kind = struct.unpack_from("<IHQQIH", room, at + 4)
                assert ts >= last
                last = ts
                told += tid in pids and kind == event
                at += length
        lost = int(probe.counters()[:, 1].sum())
        assert told + lost >= len(writers) * CALLS
        assert told + lost == len(writers) * CALLS or event == OPEN  # old programs, static ones, may still call it
        assert (probe.losses > 0) is (lost > 0)  # says that there were any; several processors write it without care
        assert (lost > 0) is (ring < 1 << 20)
        rings.close()
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
        probe.close()
