"""Stretches of bytes, gathered: the parameters of the events of a segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


def rearranged(first: I32, order: I64) -> tuple[I32, I64]:
    """Return where the spans of the events at ``order`` begin in their new arrangement, and which spans those are.

    ``first`` holds for each event the number of its first span, and one more entry: how many there are.
    """
    counts = (first[1:] - first[:-1])[order]
    begins = np.zeros(len(order) + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    spans = np.repeat(first[:-1][order] - begins[:-1], counts) + np.arange(begins[-1])
    return begins.astype(np.int32), spans


def gathered(data: U8, start: I32, length: I32) -> tuple[I32, U8]:
    """Return the bytes of spans one after the other, and where each begins (one entry more than there are spans).

    Raises:
        ValueError: the bytes are more than 2 GiB.
    """
    begins = np.zeros(len(start) + 1, np.int64)
    np.cumsum(length, out=begins[1:])
    total = int(begins[-1])
    if total >= 1 << 31:
        raise ValueError("the parameters of one segment take more than 2 GiB")
    at = np.repeat(start - begins[:-1], length)
    at += np.arange(total)
    return begins.astype(np.int32), data[at]
