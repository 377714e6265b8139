"""Reads numbers and texts from the parameter spans of a batch, little endian.

A span is named by its position in ``Batch.start`` and ``Batch.length``; :meth:`Reader.span` gives the position of
parameter ``k`` of event ``i``, -1 when the event has fewer. A number whose span is shorter than its width is read from
the bytes there are, an absent one is 0: the bytes come from outside, and a short one must not stop the reading.

Compiled with Cython (types in ``reader.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cython  # type: ignore[import-untyped]
import numpy as np

if TYPE_CHECKING:
    from tiercel.model.batch import Batch


def _anywhere(data: bytes | bytearray, kind: str) -> Any:
    """Return what gives, at ``i``, the number of this kind that starts at byte ``i``."""
    width = np.dtype(kind).itemsize
    return np.ndarray((max(len(data) - width + 1, 0),), kind, data, strides=(1,))


class Reader:
    """Readers over the spans of the batch that was loaded last."""

    def __init__(self) -> None:
        self.bytes_held = 0
        self.spans = 0

    def load(self, batch: Batch) -> None:
        """Point at ``batch``. Raises ValueError when its columns do not fit together."""
        if len(batch.first) < batch.count + 1 or len(batch.start) != len(batch.length):
            raise ValueError(f"batch of {batch.count} events has {len(batch.first)} span offsets")
        self.buffer = batch.data
        # memory views, for they yield Python's integers where this runs uncompiled
        self.data: Sequence[int] = batch.data
        self.bytes_held = len(batch.data)
        if cython.compiled:  # numbers at any byte, each read at once
            self.wide: Sequence[int] = _anywhere(batch.data, "<u8")
            self.half: Sequence[int] = _anywhere(batch.data, "<u4")
        self.spans = len(batch.start)
        self.first: Sequence[int] = batch.first.data
        self.start: Sequence[int] = batch.start.data
        self.sizes: Sequence[int] = batch.length.data

    def params(self, i: int) -> int:
        """Return how many parameters event ``i`` carries."""
        return self.first[i + 1] - self.first[i]

    def span(self, i: int, k: int) -> int:
        """Return the position of parameter ``k`` of event ``i``, -1 when it has fewer."""
        j = self.first[i] + k
        return j if j < self.first[i + 1] else -1

    # checked here, against sizes that load() found to fit together
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def length(self, j: int) -> int:
        """Return how many bytes span ``j`` holds; 0 for -1. Raises ValueError when it reaches outside the data."""
        if j < 0:
            return 0
        if j >= self.spans:
            raise IndexError(f"span {j} of {self.spans}")
        begin = self.start[j]
        size = self.sizes[j]
        if size < 0 or begin < 0 or begin + size > self.bytes_held:
            raise ValueError(f"span {j} ({begin}+{size}) reaches outside {self.bytes_held} bytes")
        return size

    def empty(self, i: int, k: int) -> bool:
        """Whether event ``i`` lacks parameter ``k`` or holds no bytes for it."""
        j = self.first[i] + k
        return j >= self.first[i + 1] or self.sizes[j] == 0

    # length() has checked
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def u64(self, j: int) -> int:
        size = self.length(j)
        if size == 0:
            return 0
        begin = self.start[j]
        if size >= 8:
            if cython.compiled:
                return self.wide[begin]
            size = 8
        low = 0
        high = 0
        for k in range(size):
            if k < 4:
                low |= self.data[begin + k] << (8 * k)
            else:
                high |= self.data[begin + k] << (8 * (k - 4))
        return (high << 32) | low

    def i64(self, j: int) -> int:
        value: int = self.u64(j)
        if not cython.compiled and value > 0x7FFFFFFFFFFFFFFF:  # a C number turns negative by itself
            value -= 1 << 64
        return value

    # length() has checked
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def u32(self, j: int) -> int:
        size = self.length(j)
        if size == 0:
            return 0
        begin = self.start[j]
        if size >= 4:
            if cython.compiled:
                return self.half[begin]
            size = 4
        value = 0
        for k in range(size):
            value |= self.data[begin + k] << (8 * k)
        return value

    def i32(self, j: int) -> int:
        value: int = self.u32(j)
        if not cython.compiled and value > 0x7FFFFFFF:
            value -= 1 << 32
        return value

    # length() has checked
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def u16(self, j: int) -> int:
        size = self.length(j)
        if size == 0:
            return 0
        begin = self.start[j]
        if size == 1:
            return self.data[begin]
        return self.data[begin] | (self.data[begin + 1] << 8)

    # length() has checked
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def u8(self, j: int) -> int:
        return self.data[self.start[j]] if self.length(j) else 0

    def raw(self, j: int) -> bytes:
        """Return the bytes of span ``j``, b"" for -1."""
        size = self.length(j)
        if size == 0:
            return b""
        begin = self.start[j]
        return bytes(self.buffer[begin : begin + size])

    def text(self, j: int) -> bytes:
        """Return the text in span ``j``: its bytes up to the first NUL."""
        found = self.raw(j)
        end = found.find(0)
        return found if end < 0 else found[:end]
