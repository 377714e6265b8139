"""Events of a batch as the blocks of a capture, many at a time.

What :meth:`tiercel.capture.writer.CaptureWriter.write_batch` does event by event, for whoever keeps all that a host
does. Compiled (``_event_blocks.pyx``) it takes some 60 ns an event.
"""

from __future__ import annotations

import importlib
import struct
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.capture import blocks
from tiercel.model.batch import Batch
from tiercel.wire.event_table import EVENTS

_kernel: Any = None
with suppress(ImportError):  # not compiled
    _kernel = importlib.import_module("tiercel.capture._event_blocks")

_LIMIT = 0x10000
"""Bytes of an event block whose parameters have lengths of 2 bytes."""

_LARGE = np.array([event.large for event in EVENTS], dtype=np.uint8)
_STATE_ONLY = 1
_SMALL = struct.Struct("<IIH")  # block type, block length, cpu
_HEADER = struct.Struct("<QqIHI")  # time, tid, length, type, number of parameters
_LENGTH = struct.Struct("<I")

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def event_blocks(batch: Batch, chosen: I64, hidden: Bool) -> tuple[bytearray, int]:
    """Return the blocks of some events and how many there are.

    Args:
        batch: a decoded batch.
        chosen: the events, ascending, shape (n,).
        hidden: which of them only say how the state came about and are not for readers, shape (n,).

    Events too long for their block are left out: no source makes them.
    """
    function = _plain if _kernel is None else _kernel.event_blocks
    found: tuple[bytearray, int] = function(
        batch.data, batch.ts, batch.tid, batch.cpu, batch.types, batch.first, batch.start, batch.length,
        np.ascontiguousarray(chosen, dtype=np.int64), np.ascontiguousarray(hidden, dtype=np.bool_).view(np.uint8),
        _LARGE, _LIMIT,
    )  # fmt: skip
    return found


def _plain(
    data: bytes | bytearray,
    ts: NDArray[np.uint64],
    tid: I64,
    cpu: NDArray[np.uint16],
    types: NDArray[np.uint16],
    first: NDArray[np.int32],
    start: NDArray[np.int32],
    length: NDArray[np.int32],
    chosen: I64,
    hidden: NDArray[np.uint8],
    large: NDArray[np.uint8],
    limit: int,
) -> tuple[bytearray, int]:
    out, kept = bytearray(), 0
    for i, aside in zip(chosen.tolist(), hidden.tolist(), strict=True):
        if not 0 <= i < len(first) - 1:
            raise ValueError("event_blocks: an event outside the batch")
        low, high = int(first[i]), int(first[i + 1])
        sizes, wide = length[low:high].tolist(), bool(large[types[i]])
        begins = start[low:high].tolist()
        if any(at < 0 or size < 0 or at + size > len(data) for at, size in zip(begins, sizes, strict=True)):
            raise ValueError("event_blocks: a span outside the data")
        body = 26 + (4 if wide else 2) * len(sizes) + sum(sizes)
        block = 14 + (4 if aside else 0) + body + 3 & ~3
        if not wide and block > limit:
            continue
        kept += 1
        end = len(out) + block
        if aside:
            kind = blocks.EVENT_WITH_FLAGS_LARGE if wide else blocks.EVENT_WITH_FLAGS
        else:
            kind = blocks.EVENT_LARGE if wide else blocks.EVENT
        out += _SMALL.pack(kind, block, int(cpu[i]))
        if aside:
            out += _LENGTH.pack(_STATE_ONLY)
        out += _HEADER.pack(int(ts[i]), int(tid[i]), body, int(types[i]), len(sizes))
        out += struct.pack(f"<{len(sizes)}{'I' if wide else 'H'}", *sizes)
        for at, size in zip(begins, sizes, strict=True):
            out += data[at : at + size]
        out += bytes(end - 4 - len(out))
        out += _LENGTH.pack(block)
    return out, kept
