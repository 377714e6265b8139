"""Acts: bytes read, written, sent and received, one act per process and descriptor; with the names looked up so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields.evt_columns import I64, Mask
from tiercel.fields.fd_rows import FILE, INET, UNIX, cell, kind_mask, rows_of
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdKind, P
from tiercel.reconstruct.acts import ends
from tiercel.reconstruct.acts import names as acts_names
from tiercel.reconstruct.acts.found import Found, numbers, result, types
from tiercel.wire.event_table import EVENTS, EventFlag

_COPIES = {
    number: parameter
    for constant, parameter in (
        ("SYSCALL_SENDFILE_X", "in_fd"),
        ("SYSCALL_SPLICE_X", "fd_in"),
        ("SYSCALL_COPY_FILE_RANGE_X", "fdin"),
    )
    for number in types(constant)
}
"""Calls that read one descriptor and write another, and which parameter holds the one that is read."""

_SKIPPED = EventFlag.OLD_VERSION | EventFlag.UNUSED


def _of(category: str) -> frozenset[int]:
    return frozenset(
        event.number
        for event in EVENTS
        if event.category == category and not event.is_enter and not event.flags & _SKIPPED
    )


_IN, _OUT = _of("IO_READ"), _of("IO_WRITE") | frozenset(_COPIES)
TYPES = _IN | _OUT

_OF_FILES = FILE | kind_mask(FdKind.MEMFD)
_KEPT = _OF_FILES | INET | UNIX


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield one act per process row, descriptor row and direction. Pipes and the like are left out."""
    if not len(at):
        return
    res = result(batch, at)
    at, res = at[res > 0], res[res > 0]
    rows = rows_of(batch, at)
    out = np.isin(batch.types[at], list(_OUT))
    yield from _moved(batch, at, rows, res, out)
    yield from acts_names.find(batch, at, rows, res, out)
    for number, parameter in _COPIES.items():
        chosen = batch.types[at] == number
        if chosen.any() and batch.lookup is not None:
            copies = at[chosen]
            callers = batch.process[copies].astype(np.int64)
            owners = np.where(callers >= 0, batch.tables.processes.array[callers, P.FDOWNER], -1)
            sources = batch.lookup.files(owners, numbers(batch, copies, parameter, -1), copies)
            yield from _moved(batch, copies, sources, res[chosen], np.zeros(len(copies), np.bool_))


def _moved(batch: Batch, at: I64, rows: I64, res: I64, out: Mask) -> Iterator[Found]:
    kept = (rows >= 0) & _KEPT[cell(batch, rows, F.KIND)]
    at, rows, res, out = at[kept], rows[kept], res[kept], out[kept]
    if not len(at):
        return
    size = batch.tables.files.count + 1
    keys = ((batch.process[at].astype(np.int64) + 1) * size + rows) * 2 + out
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    count = np.bincount(inverse)
    total = np.zeros(len(first), np.int64)
    np.add.at(total, inverse, res)
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, inverse, at)
    rows, out, kinds = rows[first], out[first], cell(batch, rows[first], F.KIND)
    names = np.where(_OF_FILES[kinds], cell(batch, rows, F.NAME), ends.names(batch, rows))
    for kind, chosen in (
        ("read", _OF_FILES[kinds] & ~out),
        ("write", _OF_FILES[kinds] & out),
        ("receive", ~_OF_FILES[kinds] & ~out & (names >= 0)),
        ("send", ~_OF_FILES[kinds] & out & (names >= 0)),
    ):
        which = np.flatnonzero(chosen)
        which = which[np.argsort(first[which], kind="stable")]
        if not len(which):
            continue
        begin = at[first[which]]
        files = kind in ("read", "write")
        yield Found(
            kind,
            begin,
            object=names[which],
            inode=cell(batch, rows[which], F.INO) if files else None,
            bytes=total[which],
            count=count[which],
            last=last[which],
            ends=None if files else ends.of_rows(batch, begin, rows[which]),
            merge=True,
        )
