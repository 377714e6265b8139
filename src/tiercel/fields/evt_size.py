"""Values of ``evt.buffer`` and the ``evt.buflen`` family."""

from __future__ import annotations

import numpy as np

from tiercel.fields.evt_arguments import positions
from tiercel.fields.evt_columns import I64, Argument, Mask, both, interned, joined, spans
from tiercel.fields.evt_flags import results
from tiercel.fields.model import BulkGetter, Column
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdKind
from tiercel.wire.event_table import EVENTS


def position_table(name: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return where the parameter of this name stands in each event type, -1 where there is none."""
    table = np.full(len(EVENTS), -1, np.int16)
    for number, k in positions(name).items():
        table[number] = k
    return table


_DATA = position_table("data")


def _buffer(batch: Batch, indices: I64, argument: Argument) -> Column:
    start, length, there = spans(batch, indices, _DATA)
    values = np.full(len(indices), -1, np.int64)
    values[there] = interned(batch, start[there], length[there])
    return Column(values, text=True)


def _categories(*names: str) -> Mask:
    return np.array([event.category in names for event in EVENTS])


_ANY = _categories("IO_READ", "IO_WRITE", "IO_OTHER")
_IN = _categories("IO_READ")
_OUT = _categories("IO_WRITE")
_FILES = (FdKind.FILE, FdKind.FILE_V2)
_SOCKETS = (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK, FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK)


def _length(types: Mask, kinds: tuple[FdKind, ...] = ()) -> BulkGetter:
    members = np.array([int(kind) for kind in kinds])

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values, there = results(batch, indices)
        rows = batch.file[indices]
        there &= (values >= 0) & (rows >= 0) & types[batch.types[indices]]
        if kinds:
            there &= np.isin(batch.tables.files.array[rows, F.KIND], members)
        return Column(values.view(np.uint64), valid=there)

    return bulk


ROW, BULK = joined(
    {
        "evt.buffer": both(_buffer),
        "evt.buflen": both(_length(_ANY)),
        "evt.buflen.in": both(_length(_IN)),
        "evt.buflen.out": both(_length(_OUT)),
        "evt.buflen.file": both(_length(_ANY, _FILES)),
        "evt.buflen.file.in": both(_length(_IN, _FILES)),
        "evt.buflen.file.out": both(_length(_OUT, _FILES)),
        "evt.buflen.net": both(_length(_ANY, _SOCKETS)),
        "evt.buflen.net.in": both(_length(_IN, _SOCKETS)),
        "evt.buflen.net.out": both(_length(_OUT, _SOCKETS)),
    }
)
"""Row and bulk getters by field name."""
