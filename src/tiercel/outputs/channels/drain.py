"""Waiting until the other end has taken what was written to it: streams that have no answers say no more than this."""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from collections.abc import Callable

from tiercel.outputs.channels.sink import SinkError

_SOCKET_WAITS = 0x5411  # SIOCOUTQ: bytes the peer's system has not acknowledged
PIPE_WAITS = termios.FIONREAD
SOCKET_WAITS = _SOCKET_WAITS


def waiting(descriptor: int, request: int) -> int:
    """Return how many bytes written to a pipe or socket have not left it.

    Raises:
        OSError: the descriptor knows of no such thing.
    """
    return int(struct.unpack("i", fcntl.ioctl(descriptor, request, b"\0" * 4))[0])


def drained(descriptor: int, request: int, timeout: float, ended: Callable[[], bool]) -> None:
    """Return when nothing waits any more.

    Raises:
        SinkError: nothing moved for ``timeout`` seconds, or ``ended`` said that nothing will.
        OSError: the other end is gone.
    """
    least, pause, since = waiting(descriptor, request), 0.0005, time.monotonic()
    while least:
        if ended():
            raise SinkError("it ended before it had taken everything")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
        left = waiting(descriptor, request)
        if left < least:
            least, since = left, time.monotonic()
        elif time.monotonic() - since > timeout:
            raise SinkError(f"nothing was taken for {timeout:g} s")
