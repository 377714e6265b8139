"""Values of the fields that classify an event: its result, whether it reads, writes, waits or opens."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tiercel.fields.evt_calls import GENERIC
from tiercel.fields.evt_columns import (
    I64,
    Argument,
    Mask,
    TypeTexts,
    both,
    by_type,
    integers,
    joined,
    spans,
)
from tiercel.fields.model import BulkGetter, Column
from tiercel.fields.params import Renderer
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdKind, P
from tiercel.wire.event_table import BY_CONSTANT, EVENTS, EventFlag

O_RDONLY, O_WRONLY, O_CREAT, O_TMPFILE, O_F_CREATED = 1, 2, 4, 1 << 13, 1 << 14
ANY_EXEC = 0o111

RETURNS = np.array(
    [
        event.source == "SYSCALL" and not event.is_enter and event.number != GENERIC and bool(event.params)
        for event in EVENTS
    ]
)
"""Whether the first parameter of events of each type, when there is one, is what the system call returned."""

_RESULT = np.where(RETURNS, 0, -1).astype(np.int16)


def results(batch: Batch, indices: I64) -> tuple[I64, Mask]:
    """Return what the system calls returned, and where they returned anything."""
    values, wide = integers(batch, indices, _RESULT, 8, True)
    if wide.all():
        return values, wide
    narrow_values, _ = integers(batch, indices, _RESULT, 4, True)
    return values + narrow_values, spans(batch, indices, _RESULT)[2]


def _rawres(batch: Batch, indices: I64, argument: Argument) -> Column:
    values, there = results(batch, indices)
    return Column(values, valid=there)


def _failed(batch: Batch, indices: I64, argument: Argument) -> Column:
    values, there = results(batch, indices)
    return Column(values < 0, valid=there)


def _res(batch: Batch, indices: I64, argument: Argument) -> Column:
    values, there = results(batch, indices)
    intern = batch.tables.strings.intern
    numbers = np.where(there, intern(b"SUCCESS"), -1)
    failed = there & (values < 0)
    if failed.any():
        render = renderer(batch)
        known: dict[tuple[int, int], int] = batch.tables.derived.setdefault("evt.res", {})
        types = batch.types[indices]
        for n in np.flatnonzero(failed).tolist():
            key = (int(types[n]), int(values[n]))
            number = known.get(key)
            if number is None:
                number = known[key] = intern(render.argument(int(indices[n]), 0))
            numbers[n] = number
    return Column(numbers, text=True)


def renderer(batch: Batch) -> Renderer:
    """Return the renderer of a batch, made when first asked for."""
    found: Renderer | None = batch.derived.get("params.renderer")
    if found is None:
        found = batch.derived["params.renderer"] = Renderer(batch)
    return found


def _flag(flag: EventFlag) -> list[bool]:
    return [bool(event.flags & flag) for event in EVENTS]


_READS = np.array(_flag(EventFlag.READS_FROM_FD))
_WRITES = np.array(_flag(EventFlag.WRITES_TO_FD))
_IO_DIR = TypeTexts(
    [b"write" if writes else b"read" if reads else None for reads, writes in zip(_READS, _WRITES, strict=True)]
)


def _is_syslog(batch: Batch, indices: I64, argument: Argument) -> Column:
    found = _WRITES[batch.types[indices]] & (batch.file[indices] >= 0)
    if found.any():
        strings = batch.tables.strings
        names = batch.tables.files.array[batch.file[indices[found]], F.NAME]
        distinct, inverse = np.unique(names, return_inverse=True)
        found[found] = np.array([b"/dev/log" in (strings.get(n) or b"") for n in distinct.tolist()])[inverse]
    return Column(found)


def _ones(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(np.ones(len(indices), np.int64))


def _errors(batch: Batch, indices: I64, argument: Argument) -> Column:
    values, there = results(batch, indices)
    return Column((values < 0).astype(np.int64), valid=there)


_FILES = (FdKind.FILE, FdKind.FILE_V2, FdKind.DIRECTORY)
_SOCKETS = (
    FdKind.IPV4_SOCK,
    FdKind.IPV6_SOCK,
    FdKind.IPV4_SERVSOCK,
    FdKind.IPV6_SERVSOCK,
    FdKind.UNIX_SOCK,
)


def _types(*names: str) -> Mask:
    mask = np.zeros(len(EVENTS), np.bool_)
    mask[[BY_CONSTANT[name] for name in names]] = True
    return mask


_OPENS_FILE = _types(
    "SYSCALL_OPEN_X", "SYSCALL_CREAT_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_OPEN_BY_HANDLE_AT_X"
)
_OPENS_SOCKET = _types("SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SOCKET_CONNECT_X")
_MEMORY = np.array([event.category == "MEMORY" for event in EVENTS])


def _errors_on(kinds: tuple[FdKind, ...], without: Mask, others: bool = False) -> BulkGetter:
    """Count errors on descriptors of these kinds, and without one on these event types; with ``others`` on the rest."""
    members = np.array([int(kind) for kind in kinds])

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        rows = batch.file[indices]
        known = np.isin(batch.tables.files.array[rows, F.KIND], members)
        counted = np.where(rows >= 0, known, without[batch.types[indices]])
        values, there = results(batch, indices)
        return Column((values < 0).astype(np.int64), valid=there & (counted != others))

    return bulk


def _memory_errors(batch: Batch, indices: I64, argument: Argument) -> Column:
    values, there = results(batch, indices)
    return Column((values < 0).astype(np.int64), valid=there & _MEMORY[batch.types[indices]])


def _exits(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(np.ones(len(indices), np.int64), valid=batch.types[indices] % 2 == 1)


_PROCINFO = BY_CONSTANT["PROCINFO_E"]


def _threadinfo(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column((batch.types[indices] == _PROCINFO).astype(np.int64))


def _procinfo(batch: Batch, indices: I64, argument: Argument) -> Column:
    rows = batch.process[indices]
    cells = batch.tables.processes.array[rows]
    main = (rows >= 0) & (cells[:, P.TID] == cells[:, P.PID])
    return Column((main & (batch.types[indices] == _PROCINFO)).astype(np.int64))


@lru_cache
def _positions(what: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    table = np.full(len(EVENTS), -1, np.int16)
    for name in ("SYSCALL_OPEN_X", "SYSCALL_OPEN_BY_HANDLE_AT_X"):
        table[BY_CONSTANT[name]] = 2
    for name in ("SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X"):
        table[BY_CONSTANT[name]] = 3
    if what == "mode":
        table[table >= 0] += 1
        table[BY_CONSTANT["SYSCALL_OPEN_BY_HANDLE_AT_X"]] = -1
        table[BY_CONSTANT["SYSCALL_CREAT_X"]] = 2
    return table


def _u32(batch: Batch, indices: I64, what: str) -> I64:
    return integers(batch, indices, _positions(what), 4, False)[0]


def _is_open(bit: int) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        return Column(_u32(batch, indices, "flags") & bit != 0)

    return bulk


def _is_open_create(batch: Batch, indices: I64, argument: Argument) -> Column:
    flags = _u32(batch, indices, "flags")
    created = flags & O_F_CREATED != 0
    temporary = flags & O_TMPFILE != 0
    if temporary.any():
        values, there = results(batch, indices)
        created |= temporary & there & (values >= 0)
    return Column(created)


def _is_open_exec(batch: Batch, indices: I64, argument: Argument) -> Column:
    executable = _u32(batch, indices, "mode") & ANY_EXEC != 0
    creates = _u32(batch, indices, "flags") & (O_TMPFILE | O_CREAT) != 0
    return Column(executable & (creates | (batch.types[indices] == BY_CONSTANT["SYSCALL_CREAT_X"])))


ROW, BULK = joined(
    {
        "evt.res": both(_res),
        "evt.rawres": both(_rawres),
        "evt.failed": both(_failed),
        "evt.is_io": both(by_type(_READS | _WRITES, np.bool_)),
        "evt.is_io_read": both(by_type(_READS, np.bool_)),
        "evt.is_io_write": both(by_type(_WRITES, np.bool_)),
        "evt.io_dir": (_IO_DIR.row, _IO_DIR.bulk),
        "evt.is_wait": both(by_type(_flag(EventFlag.WAITS), np.bool_)),
        "evt.is_syslog": both(_is_syslog),
        "evt.count": both(_ones),
        "evt.count.error": both(_errors),
        "evt.count.error.file": both(_errors_on(_FILES, _OPENS_FILE)),
        "evt.count.error.net": both(_errors_on(_SOCKETS, _OPENS_SOCKET)),
        "evt.count.error.memory": both(_memory_errors),
        "evt.count.error.other": both(
            _errors_on((*_FILES, *_SOCKETS), _OPENS_FILE | _OPENS_SOCKET | _MEMORY, others=True)
        ),
        "evt.count.exit": both(_exits),
        "evt.count.procinfo": both(_procinfo),
        "evt.count.threadinfo": both(_threadinfo),
        "evt.is_open_read": both(_is_open(O_RDONLY)),
        "evt.is_open_write": both(_is_open(O_WRONLY)),
        "evt.is_open_exec": both(_is_open_exec),
        "evt.is_open_create": both(_is_open_create),
    }
)
"""Row and bulk getters by field name."""
