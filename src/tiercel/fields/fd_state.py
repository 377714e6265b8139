"""Values of the fields that describe a descriptor: number, kind, device, inode, flags."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields.evt_columns import I64, Argument, TypeTexts, both, joined, text_ids
from tiercel.fields.fd_rows import INET, KIND_NAMES, UNIX, cell, rows_of
from tiercel.fields.model import BulkGetter, Column, RowGetter, Value
from tiercel.fields.params_render import TYPE_CHARS
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdFlag, FdKind, P
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_KINDS = range(max(FdKind) + 2)  # the last place is that of FdKind.UNINITIALIZED
_PROTOCOLS: list[bytes | None] = [b"<NA>", b"<NA>", b"tcp", b"udp", b"icmp", b"raw"]

_CREATED_CHARS = {
    "SYSCALL_OPENAT_2_X": b"f",
    "SYSCALL_OPENAT2_X": b"f",
    "SYSCALL_CREAT_X": b"f",
    "SOCKET_SOCKET_X": b"4",
    "SOCKET_ACCEPT_5_X": b"4",
    "SOCKET_ACCEPT4_6_X": b"4",
    "SYSCALL_PIPE_X": b"p",
    "SYSCALL_PIPE2_X": b"p",
    "SYSCALL_EVENTFD_X": b"e",
    "SYSCALL_EVENTFD2_X": b"e",
    "SYSCALL_SIGNALFD_X": b"s",
    "SYSCALL_SIGNALFD4_X": b"s",
    "SYSCALL_TIMERFD_CREATE_X": b"t",
    "SYSCALL_INOTIFY_INIT_X": b"i",
    "SYSCALL_INOTIFY_INIT1_X": b"i",
}


def _typechars() -> list[bytes | None]:
    chars: list[bytes | None] = [b"o"] * len(EVENTS)
    for constant, char in _CREATED_CHARS.items():
        chars[BY_CONSTANT[constant]] = char
    return chars


_BY_EVENT = TypeTexts(_typechars())


def _by_cell(texts: list[bytes | None], column: F) -> BulkGetter:
    """Return the getter of a text that follows from a small number in the row."""

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        rows = rows_of(batch, indices)
        numbers = text_ids(batch, texts)
        cells = cell(batch, rows, column)
        known = (rows >= 0) & (cells < len(numbers))
        values = numbers[np.where(known, cells, 0)]  # what is out of range, as a damaged capture may tell, reads as 0
        return Column(np.where(rows >= 0, values, -1), text=True)

    return bulk


_type = _by_cell([KIND_NAMES.get(kind, b"<NA>") for kind in _KINDS], F.KIND)
_kind_chars = _by_cell([TYPE_CHARS.get(kind, b"?") for kind in _KINDS], F.KIND)
_l4proto = _by_cell(_PROTOCOLS, F.L4PROTO)
_sockfamily = _by_cell([b"ip" if INET[kind] else b"unix" if UNIX[kind] else None for kind in _KINDS], F.KIND)


def _typechar(batch: Batch, indices: I64, argument: Argument) -> Column:
    values = _kind_chars(batch, indices, None).values.astype(np.int64)
    unknown = batch.has_fd[indices] & (values < 0)
    values[unknown] = _BY_EVENT.ids(batch)[batch.types[indices[unknown]]]
    return Column(values, text=True)


def _num(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(batch.fd[indices], valid=batch.has_fd[indices])


def _num_row(event: Event, argument: Argument) -> Value | None:
    return int(event.batch.fd[event.index]) if event.batch.has_fd[event.index] else None


def _uid(batch: Batch, indices: I64, argument: Argument) -> Column:
    there = batch.has_fd[indices]
    rows = batch.process[indices]
    tids = np.where(rows >= 0, batch.tables.processes.array[rows, P.TID], batch.tid[indices])
    pairs = zip(tids.tolist(), batch.fd[indices].tolist(), there.tolist(), strict=True)
    return Column(text_ids(batch, [b"%d%d" % (tid, fd) if has else None for tid, fd, has in pairs]), text=True)


def _number(get: Callable[[Batch, I64], I64]) -> tuple[RowGetter, BulkGetter]:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        rows = rows_of(batch, indices)
        return Column(get(batch, rows), valid=rows >= 0)

    return both(bulk)


def _flag(bit: FdFlag) -> tuple[RowGetter, BulkGetter]:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        rows = rows_of(batch, indices)
        return Column(cell(batch, rows, F.FLAGS) & int(bit) != 0, valid=rows >= 0)

    return both(bulk)


def _name_changed(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(batch.name_changed[indices], valid=rows_of(batch, indices) >= 0)


def _device(batch: Batch, rows: I64) -> I64:
    """The device number, as the signed 32-bit number it is compared as."""
    return cell(batch, rows, F.DEV).astype(np.int32).astype(np.int64)


def _types(event: Event, argument: Argument) -> Value | None:
    """The kinds of all descriptors, each once, or of the one whose number is given."""
    batch = event.batch
    if not batch.has_fd[event.index] or event.process < 0 or batch.lookup is None:
        return None
    owner = event.process_cell(P.FDOWNER)
    if argument is not None and str(argument) != "-1":
        row = event.file_at(owner, int(argument))
        return None if row < 0 else [KIND_NAMES.get(event.file_cell(F.KIND, row), b"<NA>")]
    rows = reversed(batch.lookup.descriptors(owner, event.index).values())  # the newest first, as mostly in Falco
    names = {KIND_NAMES.get(event.file_cell(F.KIND, row), b"<NA>"): None for row in rows}
    return list(names)


ROW, BULK = joined(
    {
        "fd.num": (_num_row, _num),
        "fd.type": both(_type),
        "fd.typechar": both(_typechar),
        "fd.l4proto": both(_l4proto),
        "fd.sockfamily": both(_sockfamily),
        "fd.uid": both(_uid),
        "fd.connected": _flag(FdFlag.SOCKET_CONNECTED),
        "fd.name_changed": both(_name_changed),
        "fd.dev": _number(_device),
        "fd.dev.major": _number(lambda batch, rows: (cell(batch, rows, F.DEV) & 0xFFF00) >> 8),
        "fd.dev.minor": _number(
            lambda batch, rows: (cell(batch, rows, F.DEV) & 0xFF) | ((cell(batch, rows, F.DEV) >> 12) & 0xFFF00)
        ),
        "fd.ino": _number(lambda batch, rows: cell(batch, rows, F.INO)),
        "fd.is_upper_layer": _flag(FdFlag.OVERLAY_UPPER),
        "fd.is_lower_layer": _flag(FdFlag.OVERLAY_LOWER),
    }
)
ROW["fd.types"] = _types
"""Row and bulk getters by field name."""
