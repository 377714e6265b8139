"""Enter events that wait for the exit event of their thread, one for each thread.

A hash table over flat arrays: looking at ``PROBES`` neighbouring slots bounds the time a hostile choice of thread ids
can cost, and a full table forgets an event rather than grow without end. A forgotten enter event counts as missing.

Compiled with Cython (types in ``waiting.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import numpy as np

from tiercel.wire.conversion import CONSTANTS

MAX_CARRY = 16 << 20
"""Bytes of waiting events moved from one buffer to the next; what is over is forgotten."""

FIRST_SLOTS = 1 << 12
MAX_SLOTS = 1 << 18

# as C numbers, see waiting.pxd
_PROBES = 32
_STORED = 8  # parameters of a waiting enter event; the longest one has 6
_FREE = -1  # used before
_VIRGIN = -2  # never used, so that a search may end here


class Waiting:
    """Parameter ``k`` of the event in ``slot`` is the span ``start``, ``length`` at ``slot * 8 + k``."""

    def __init__(self) -> None:
        self.slots = 0
        self.tid = np.zeros(0, dtype=np.int64)
        self.number = np.zeros(0, dtype=np.int32)
        self.count = np.zeros(0, dtype=np.int32)
        self.start = np.zeros(0, dtype=np.int32)
        self.length = np.zeros(0, dtype=np.int32)
        self._resize(FIRST_SLOTS)

    def _resize(self, slots: int) -> None:
        """Make the table ``slots`` long, keeping what waits."""
        before = self.slots
        tid, number, count, start, length = self.tid, self.number, self.count, self.start, self.length
        self.slots = slots
        self.tid = np.zeros(slots, dtype=np.int64)
        self.number = np.full(slots, _VIRGIN, dtype=np.int32)
        self.count = np.zeros(slots, dtype=np.int32)
        self.start = np.zeros(slots * _STORED, dtype=np.int32)
        self.length = np.zeros(slots * _STORED, dtype=np.int32)
        for old in range(before):
            if number[old] < 0:
                continue
            slot = self.claim(tid[old])
            self.number[slot] = number[old]
            self.count[slot] = count[old]
            for k in range(_STORED):
                self.start[slot * _STORED + k] = start[old * _STORED + k]
                self.length[slot * _STORED + k] = length[old * _STORED + k]

    def clear(self) -> None:
        """Forget everything."""
        self.slots = 0
        self._resize(FIRST_SLOTS)

    def find(self, tid: int) -> int:
        """Return the slot of thread ``tid``, -1 when it has none."""
        home = tid ^ (tid >> 16)
        for step in range(_PROBES):
            slot = (home + step) & (self.slots - 1)
            if self.number[slot] == _VIRGIN:
                return -1
            if self.tid[slot] == tid:
                return slot
        return -1

    def claim(self, tid: int) -> int:
        """Return a slot for thread ``tid``: its own, a free one, or in a full table that of another thread."""
        home = tid ^ (tid >> 16)
        free = -1
        for step in range(_PROBES):
            slot = (home + step) & (self.slots - 1)
            if self.number[slot] > _VIRGIN and self.tid[slot] == tid:
                return slot
            if free < 0 and self.number[slot] < 0:
                free = slot
            if self.number[slot] == _VIRGIN:
                break
        if free < 0:
            if self.slots < MAX_SLOTS:
                self._resize(self.slots * 2)
                return self.claim(tid)
            free = home & (self.slots - 1)
        self.tid[free] = tid
        return free

    def take(self, tid: int, number: int) -> int:
        """Return the slot of thread ``tid`` if event ``number`` waits there, else -1.

        Whatever waits is no longer waiting; the spans stay readable until the next :meth:`claim`.
        """
        slot = self.find(tid)
        if slot < 0:
            return -1
        found = self.number[slot]
        self.number[slot] = _FREE
        return slot if found == number else -1

    def carry(self, old: bytearray, new: bytearray) -> None:
        """Append to ``new`` the bytes of ``old`` that waiting events refer to, and refer to them there."""
        most = len(new) + MAX_CARRY
        for slot in range(self.slots):
            if self.number[slot] < 0:
                continue
            for k in range(self.count[slot]):
                j = slot * _STORED + k
                start = self.start[j]
                length = self.length[j]
                if start < len(CONSTANTS):
                    continue
                if len(new) + length > most:
                    self.number[slot] = _FREE
                    break
                self.start[j] = len(new)
                new += old[start : start + length]
