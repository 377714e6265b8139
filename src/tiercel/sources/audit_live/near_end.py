"""The near end of a connection, which no audit record tells, from the tables of ``/proc`` while the socket is there."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

from tiercel.sources.audit_address import Address
from tiercel.sources.live.root import host_path

MOST = 4 << 20
"""Bytes read of a table; hosts with more connections are not searched to the end."""

A_SECOND = 50
"""Most searches each second: a table takes long to read where there are many connections."""


class NearEnds:
    """Finds near ends, as long as it is not asked too often."""

    def __init__(self) -> None:
        self._left = A_SECOND
        self._until = 0.0

    def find(self, pid: int, fd: int, far: Address | None = None) -> Address | None:
        """Return address and port of the near end of a socket of process ``pid``.

        The socket is found by its inode, or when it was closed already by the ``far`` end, if only one has that.
        """
        now = time.monotonic()
        if now >= self._until:
            self._until, self._left = now + 1, A_SECOND
        self._left -= 1
        if self._left < 0:
            return None
        try:
            inode = os.readlink(host_path(f"/proc/{pid}/fd/{fd}")).removeprefix("socket:[").rstrip("]")
        except OSError:
            inode = ""
        if far is None and not inode.isdigit():
            return None
        remote = _written(far) if far is not None else ""
        others: set[str] = set()
        for version in ("", "6") if far is None else ("6",) if ":" in far[0] else ("",):
            for table in ("tcp", "udp"):
                for words in _rows(host_path(f"/proc/{pid}/net/{table}{version}")):
                    if words[9] == inode:
                        return _end(words[1])
                    if words[9] == "0" and words[2] == remote:
                        others.add(words[1])
        return _end(others.pop()) if len(others) == 1 else None


def _rows(path: str) -> Iterator[list[str]]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file.read(MOST).splitlines()[1:]:
                words = line.split()
                if len(words) >= 10:
                    yield words
    except OSError:
        return


def _written(end: Address) -> str:
    """Return an end as the tables write it: words of the kernel's byte order, in hexadecimal."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in end[0] else socket.AF_INET, end[0])
    words = (packed[k : k + 4][::-1].hex() for k in range(0, len(packed), 4))
    return f"{''.join(words)}:{end[1]:04x}".upper()


def _end(text: str) -> Address | None:
    address, _, port = text.partition(":")
    try:
        raw = bytes.fromhex(address)
        packed = b"".join(raw[k : k + 4][::-1] for k in range(0, len(raw), 4))
        family = socket.AF_INET6 if len(packed) == 16 else socket.AF_INET
        return socket.inet_ntop(family, packed), int(port, 16)
    except ValueError:
        return None
