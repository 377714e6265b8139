"""Reading the probe's rings: the writer's pages mapped, events merged by time, no copy but one.

A ring is a page of the reader (how far it has read), a page of the writer (how far it has written) and the data, mapped
twice in a row so that no record is cut. Records are a length, whose top bits say that it is being written or was
discarded, 4 bytes that do not matter here, and the event.

The kernel that does the work is ``_rings.pyx``; :class:`PlainRings` does the same as plain Python.
"""

from __future__ import annotations

import importlib
import mmap
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_BUSY, _DISCARDED = 1 << 31, 1 << 30
_PATIENCE = 50  # readings
_LEAST, _MOST = 40, 0x10000  # bytes of an event

_kernel: Any = None
with suppress(ImportError):  # not compiled
    _kernel = importlib.import_module("tiercel.sources.live._rings")


class PlainRings:
    """The rings as plain Python; see ``_rings.pyx`` for what the methods do."""

    def __init__(self, maps: Sequence[tuple[Any, Any]], size: int, page: int) -> None:
        self.maps, self.size, self.page = list(maps), size, page
        self.more = False
        self.malformed = False
        self._limits = [0] * len(self.maps)
        self._at = [0] * len(self.maps)
        self._busy = False  # an event is still being written
        self._late = 0  # times in a row that one was

    def close(self) -> None:
        """Let go of the maps."""
        self.maps = []

    def _head(self, i: int) -> tuple[int, int] | None:
        """Return time and length of the event at hand of ring ``i``, None without one."""
        data = self.maps[i][1]
        while self._at[i] < self._limits[i]:
            record = self.page + (self._at[i] & (self.size - 1))
            (length,) = struct.unpack_from("<I", data, record)
            if length & _BUSY:
                self._busy = True
                return None
            if length & _DISCARDED:
                self._at[i] += (length & ~_DISCARDED) + 15 & ~7
                continue
            if not _LEAST <= length <= min(_MOST, self._limits[i] - self._at[i] - 8):
                self.malformed = True
                self._at[i] = self._limits[i]
                return None
            (ts,) = struct.unpack_from("<Q", data, record + 18)
            return ts, length
        return None

    def fill(self, room: bytearray, start: int, until: int) -> int:
        """Move events stamped up to ``until`` into ``room`` from byte ``start`` on; return where they end."""
        self.more = self._busy = False
        at = start
        for i, (reader, writer) in enumerate(self.maps):
            (self._at[i],) = struct.unpack_from("<Q", reader, 0)
            (self._limits[i],) = struct.unpack_from("<Q", writer, 0)
        heads = {i: head for i in range(len(self.maps)) if (head := self._head(i))}
        # what is not finished may be older than what is: wait for it, but not for ever
        while heads and not (self._busy and self._late < _PATIENCE):
            i = min(heads, key=lambda i: heads[i][0])
            ts, length = heads[i]
            if ts > until:
                break
            if length > len(room) - at:
                self.more = True
                break
            begin = self.page + (self._at[i] & (self.size - 1)) + 8
            room[at : at + length] = self.maps[i][1][begin : begin + length]
            at += length
            self._at[i] += length + 15 & ~7
            following = self._head(i)
            if following is None:
                del heads[i]
            else:
                heads[i] = following
        for i, (reader, _) in enumerate(self.maps):
            struct.pack_into("<Q", reader, 0, self._at[i])
        self._late = self._late + 1 if self._busy else 0
        return at


def map_rings(descriptors: Sequence[int], size: int) -> Any:
    """Map the rings with these descriptors, of ``size`` bytes each."""
    page = mmap.PAGESIZE
    maps = []
    for descriptor in descriptors:
        reader = mmap.mmap(descriptor, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        writer = mmap.mmap(descriptor, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        maps.append((reader, writer))
    return (_kernel.Rings if _kernel is not None else PlainRings)(maps, size, page)
