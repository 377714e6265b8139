"""Blocks of live events as batches, one after the other."""

from __future__ import annotations

import struct

import numpy as np

from tiercel.model.batch import Batch, Tables
from tiercel.sources.decode import Decoder
from tiercel.wire.conversion import CONSTANTS
from tiercel.wire.event_table import BY_CONSTANT

_LEAST_EVENT = 40
_DROP = BY_CONSTANT["DROP_E"]
_DROP_BLOCK = struct.Struct("<IIHQQIHIHI2xI")
DROP_BYTES = _DROP_BLOCK.size


class LiveDecoder:
    """Makes batches for ``tables``."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._decoder = Decoder()
        self._decoder.leading = False
        self._previous_ts = 0

    def batch(self, data: bytearray, end: int) -> Batch:
        """Return the events of the first ``end`` bytes of ``data``, which start with :data:`CONSTANTS`."""
        decoder = self._decoder
        most = end // _LEAST_EVENT + 1
        decoder.begin(most)
        decoder.attach(data, end)
        try:
            decoder.run(len(CONSTANTS), most)
        finally:
            decoder.detach()
        num, ts, tid, cpu, types, visible, first, start, length = decoder.columns()
        shown = visible.view(np.bool_)
        batch = Batch(
            tables=self.tables, data=data, count=decoder.count, num=num, ts=ts, tid=tid, cpu=cpu, types=types,
            visible=shown, first=first, start=start, length=length, previous_ts=self._previous_ts,
            first_ts=decoder.first_ts,
        )  # fmt: skip
        if decoder.count:
            self._previous_ts = int(ts[-1])
        return batch

    def ahead(self, batch: Batch, blocks: bytes) -> Batch:
        """Return the events of ``blocks`` to be handled before the batch just made, whose numbers move up."""
        last, self._previous_ts = self._previous_ts, batch.previous_ts
        data = bytearray(CONSTANTS) + blocks
        inserted = self.batch(data, len(data))
        inserted.num -= np.uint64(batch.count)
        batch.num += np.uint64(inserted.count)
        batch.previous_ts, self._previous_ts = self._previous_ts, last
        return inserted


def drop_block(data: bytearray, at: int, ts: int, lost: int) -> int:
    """Write an event that says how many were lost by ``ts`` (ns since the epoch); return where it ends."""
    size = DROP_BYTES
    _DROP_BLOCK.pack_into(data, at, 0x216, size, 0, ts, 0, 32, _DROP, 1, 4, min(lost, 0xFFFFFFFF), size)
    return at + size
