"""Batches made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tiercel.model.batch import Batch, Tables
from tiercel.wire.event_table import BY_CONSTANT

Call = tuple[str, Sequence[int | bytes]]
"""Constant of the event, and its parameters; an int is 8 bytes."""


def make_batch(tables: Tables, calls: Sequence[Call], tid: int = 100) -> Batch:
    """Return a batch with these events, all made by thread ``tid``."""
    data = bytearray()
    first, start, length = [0], [], []
    for _, params in calls:
        for param in params:
            raw = (param & (1 << 64) - 1).to_bytes(8, "little") if isinstance(param, int) else param
            start.append(len(data))
            length.append(len(raw))
            data += raw
        first.append(len(start))
    n = len(calls)
    return Batch(
        tables=tables,
        data=data,
        count=n,
        num=np.arange(n, dtype=np.uint64),
        ts=np.arange(n, dtype=np.uint64),
        tid=np.full(n, tid, dtype=np.int64),
        cpu=np.zeros(n, dtype=np.uint16),
        types=np.array([BY_CONSTANT[name] for name, _ in calls], dtype=np.uint16),
        first=np.array(first, dtype=np.int32),
        start=np.array(start, dtype=np.int32),
        length=np.array(length, dtype=np.int32),
    )


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u16(value: int) -> bytes:
    return value.to_bytes(2, "little")
