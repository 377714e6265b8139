"""Stretches of bytes, rearranged and gathered: the parameters of the events of a segment."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

_kernels: Any = None
with suppress(ImportError):  # not compiled
    _kernels = importlib.import_module("tiercel.store._spans")


def rearranged(first: I32, codes: I32, offsets: I32, order: I64) -> tuple[I32, I32, I32]:
    """Return the spans of the events at ``order``: where those of each begin, and their starts and lengths.

    Args:
        first: for each event the number of its first span, and one more entry: how many there are.
        codes: for each span, which of the distinct ones it is.
        offsets: where each distinct span begins, and one more entry: where the last one ends.

    Raises:
        ValueError: an event or a code is none, or the spans are more than 2^31.
    """
    if _kernels is not None:
        order = np.ascontiguousarray(order, np.int64)
        begins = np.empty(len(order) + 1, np.int32)
        _kernels.counted(first, order, begins)
        start, length = np.empty(int(begins[-1]), np.int32), np.empty(int(begins[-1]), np.int32)
        _kernels.arranged(first, order, codes, offsets, begins, start, length)
        return begins, start, length
    if len(order) and not 0 <= int(order.min()) <= int(order.max()) < len(first) - 1:
        raise ValueError("an event outside the table")
    begins, spans = taken(first, order)
    if len(spans) and not 0 <= int(spans.min()) <= int(spans.max()) < len(codes):
        raise ValueError("an event outside the table")
    named = codes[spans]
    if len(named) and not 0 <= int(named.min()) <= int(named.max()) < len(offsets) - 1:
        raise ValueError("a span outside the table")
    return begins, offsets[named], offsets[named + 1] - offsets[named]


def taken(first: I32, order: I64) -> tuple[I32, I64]:
    """Return where the spans of the events at ``order`` begin in their new arrangement, and which spans those are."""
    counts = (first[1:] - first[:-1])[order]
    begins = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    if begins[-1] >= 1 << 31:
        raise ValueError("more than 2^31 parameters")
    spans = np.repeat(first[:-1][order] - begins[:-1], counts) + np.arange(begins[-1])
    return begins.astype(np.int32), spans


def gathered(data: U8, start: I32, length: I32) -> tuple[I32, U8]:
    """Return the bytes of spans one after the other, and where each begins (one entry more than there are spans).

    Raises:
        ValueError: the bytes are more than 2 GiB.
    """
    wide = np.zeros(len(start) + 1, np.int64)
    np.cumsum(length, out=wide[1:])
    total = int(wide[-1])
    if total >= 1 << 31:
        raise ValueError("the parameters of one segment take more than 2 GiB")
    begins = wide.astype(np.int32)
    if _kernels is not None:
        out = np.empty(total, np.uint8)
        _kernels.gathered(data, np.ascontiguousarray(start), np.ascontiguousarray(length), begins, out)
        return begins, out
    at = np.repeat(start - wide[:-1], length)
    at += np.arange(total)
    return begins, data[at]
