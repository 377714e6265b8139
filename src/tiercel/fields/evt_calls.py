"""Values of the fields that say what an event is: type, category, direction, processor, time since the last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.evt_columns import (
    I64,
    Argument,
    TypeTexts,
    both,
    constant,
    integers,
    joined,
    text_ids,
)
from tiercel.fields.evt_generic import ASYNC, SECOND
from tiercel.fields.evt_generic import BULK as GENERIC_BULK
from tiercel.fields.evt_generic import ROW as GENERIC_ROW
from tiercel.fields.evt_native import NATIVE
from tiercel.fields.model import BulkGetter, Column, RowGetter, Value
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdKind
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT, EVENTS
from tiercel.wire.syscall_table import NAMES

GENERIC = BY_CONSTANT["GENERIC_X"]

IS_SYSCALL = np.array([event.source == "SYSCALL" for event in EVENTS])

_FIRST = np.zeros(len(EVENTS), np.int16)  # parameter 0 of every type
_SECOND_PARAM = np.ones(len(EVENTS), np.int16)
_DIRECTION = TypeTexts([b">" if event.is_enter else b"<" for event in EVENTS])
_NAMES = TypeTexts([event.name.encode() for event in EVENTS])
_SYSCALLS = TypeTexts([event.name.encode() if event.source == "SYSCALL" else None for event in EVENTS])


def _generic_name(event: Event) -> bytes:
    code = int.from_bytes(event.param(0) or b"", "little")
    if code == 0 and (native := event.param(1)):
        return NATIVE.get(int.from_bytes(native, "little"), "unknown").encode()
    return NAMES.get(code, "").encode()


def _type(event: Event, argument: Argument) -> Value | None:
    kind = int(event.batch.types[event.index])
    if kind == GENERIC:
        return _generic_name(event)
    return GENERIC_ROW["evt.asynctype"](event, None) if kind == ASYNC else EVENTS[kind].name.encode()


def _codes(batch: Batch, indices: I64) -> I64:
    """Return string numbers of the names of generic events."""
    known = batch.tables.derived.get(_codes)
    if known is None or known[0] != batch.tables.epoch:
        intern = batch.tables.strings.intern
        table = np.zeros(65536, np.int64)
        native = np.full(65536, intern(b"unknown"), np.int64)
        for names, numbers in ((NAMES, table), (NATIVE, native)):
            for code, name in names.items():
                numbers[code] = intern(name.encode())
        known = batch.tables.derived[_codes] = (batch.tables.epoch, table, native)
    codes, _ = integers(batch, indices, _FIRST, 2, False)
    found: I64 = known[1][codes]
    natives, there = integers(batch, indices, _SECOND_PARAM, 2, False)
    there &= codes == 0
    found[there] = known[2][natives[there]]
    return found


def _named(names: TypeTexts, asynchronous: bool) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        types = batch.types[indices]
        values = names.ids(batch)[types]
        generic = types == GENERIC
        if generic.any():
            values[generic] = _codes(batch, indices[generic])
        if asynchronous:
            others = types == ASYNC
            if others.any():
                values[others] = GENERIC_BULK["evt.asynctype"](batch, indices[others], None).values
        return Column(values, text=True)

    return bulk


def _syscall_type(event: Event, argument: Argument) -> Value | None:
    kind = event.type
    if kind.source != "SYSCALL":
        return None
    return _generic_name(event) if kind.number == GENERIC else kind.name.encode()


_CATEGORY_NAMES = {"IPC": b"IPC", "METAEVENT": b"meta"}
_IO = np.array([event.category.startswith("IO_") for event in EVENTS])
_CATEGORIES = TypeTexts([_CATEGORY_NAMES.get(event.category, event.category.lower().encode()) for event in EVENTS])


def _kinds() -> list[bytes]:
    names = [b"unknown"] * (max(FdKind) + 2)  # the last for FdKind.UNINITIALIZED
    for kind in (FdKind.FILE, FdKind.FILE_V2, FdKind.DIRECTORY):
        names[kind] = b"file"
    for kind in (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK, FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK):
        names[kind] = b"net"
    for kind in (
        FdKind.FIFO,
        FdKind.UNIX_SOCK,
        FdKind.EVENT,
        FdKind.SIGNALFD,
        FdKind.INOTIFY,
        FdKind.USERFAULTFD,
    ):
        names[kind] = b"ipc"
    return names


_BY_KIND = _kinds()


def _category(batch: Batch, indices: I64, argument: Argument) -> Column:
    types = batch.types[indices]
    values = _CATEGORIES.ids(batch)[types]
    io = _IO[types]
    if io.any():
        rows = batch.file[indices[io]]
        kinds = np.where(rows >= 0, batch.tables.files.array[rows, F.KIND], FdKind.UNINITIALIZED)
        numbers = text_ids(batch, list(_BY_KIND))
        values[io] = numbers[kinds]
    return Column(values, text=True)


def _cpu(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(batch.cpu[indices].astype(np.int16).astype(np.int64))


def _before(batch: Batch) -> NDArray[np.uint64]:
    """Return for each event the time of the visible event before it, 0 without one."""
    known = batch.derived.get("evt.before")
    if known is None:
        known = batch.derived["evt.before"] = batch.times_before()
    before: NDArray[np.uint64] = known
    return before


def _delta(change: Callable[[NDArray[np.uint64]], NDArray[np.uint64]]) -> tuple[RowGetter, BulkGetter]:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        before, now = _before(batch)[indices], batch.ts[indices]
        return Column(change(np.where(before == 0, np.uint64(0), now - before)))

    return both(bulk)


def _numbers_of(argument: Argument) -> tuple[int, int]:
    """Return the event numbers that ``evt.type.is`` means: the first layout of that name only, as in Falco."""
    text = str(argument)
    if text.isdecimal():
        return int(text), -1
    for event in EVENTS:
        if event.name == text:
            return event.number, event.number + 1
    return -1, -1


def _type_is(batch: Batch, indices: I64, argument: Argument) -> Column:
    one, other = _numbers_of(argument)
    types = batch.types[indices]
    return Column(((types == one) | (types == other)).astype(np.int64))


def _nothing(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(np.zeros(len(indices), np.uint64))


def _around(batch: Batch, indices: I64, argument: Argument) -> Column:
    """The distance from the given time in whole milliseconds, rounded up."""
    distance = np.abs(batch.ts[indices].astype(np.int64) - int(argument or 0))
    return Column((distance + 999_999) // 1_000_000)


_SECOND = np.uint64(SECOND)

ROW, BULK = joined(
    {name: both(_nothing) for name in ("evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.quantized")},
    {
        "evt.wait_latency": both(_nothing),
        "evt.latency.human": constant(b"0ns"),
        "evt.deltatime": _delta(lambda delta: delta),
        "evt.deltatime.s": _delta(lambda delta: delta // _SECOND),
        "evt.deltatime.ns": _delta(lambda delta: delta % _SECOND),
        "evt.outputtime": (GENERIC_ROW["evt.time"], GENERIC_BULK["evt.time"]),
        "evt.dir": (_DIRECTION.row, _DIRECTION.bulk),
        "evt.type": (_type, _named(_NAMES, True)),
        "evt.type.is": both(_type_is),
        "syscall.type": (_syscall_type, _named(_SYSCALLS, False)),
        "evt.category": both(_category),
        "evt.cpu": both(_cpu),
        "evt.around": both(_around),
    },
)
"""Row and bulk getters by field name."""
