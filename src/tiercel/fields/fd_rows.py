"""Reading descriptor rows in bulk, with what is made of their cells computed once and remembered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields.evt_columns import I64, Argument, Mask
from tiercel.fields.model import BulkGetter, Column
from tiercel.fields.steady import take
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, FdKind
from tiercel.model.event import Event
from tiercel.state.distinct import distinct

_UNSEEN = -3
_FEW = 1024  # events that are asked about one by one
_KINDS = max(FdKind) + 2  # the last place is that of FdKind.UNINITIALIZED


KIND_NAMES: dict[int, bytes] = {
    FdKind.FILE: b"file",
    FdKind.FILE_V2: b"file",
    FdKind.DIRECTORY: b"directory",
    FdKind.IPV4_SOCK: b"ipv4",
    FdKind.IPV4_SERVSOCK: b"ipv4",
    FdKind.IPV6_SOCK: b"ipv6",
    FdKind.IPV6_SERVSOCK: b"ipv6",
    FdKind.UNIX_SOCK: b"unix",
    FdKind.FIFO: b"pipe",
    FdKind.EVENT: b"event",
    FdKind.SIGNALFD: b"signalfd",
    FdKind.EVENTPOLL: b"eventpoll",
    FdKind.INOTIFY: b"inotify",
    FdKind.TIMERFD: b"timerfd",
    FdKind.NETLINK: b"netlink",
    FdKind.BPF: b"bpf",
    FdKind.USERFAULTFD: b"userfaultfd",
    FdKind.IOURING: b"io_uring",
    FdKind.MEMFD: b"memfd",
    FdKind.PIDFD: b"pidfd",
}
"""``fd.type`` of each kind; any other is the text ``<NA>``."""


class TextMap:
    """A text made of another text, computed once per distinct string; None is no value."""

    def __init__(self, function: Callable[[bytes], bytes | None]) -> None:
        self.function = function

    def one(self, tables: Tables, number: int) -> int:
        return int(self.many(tables, np.array([number], np.int64))[0])

    def many(self, tables: Tables, numbers: I64) -> I64:
        """Return the string numbers that follow from these; -1 stays -1."""
        known = tables.derived.get(self)
        size = len(tables.strings) + 1
        if known is None or known[0] != tables.epoch:
            known = tables.derived[self] = [tables.epoch, np.full(size, _UNSEEN, np.int64)]
            known[1][0] = -1
        table: I64 = known[1]
        if len(table) < size:
            table = np.full(max(size, 2 * len(table)), _UNSEEN, np.int64)
            table[: len(known[1])] = known[1]
            known[1] = table
        found = table[numbers + 1]
        unseen = found == _UNSEEN
        if unseen.any():
            strings = tables.strings
            for number in distinct(numbers[unseen]).tolist():
                text = self.function(strings.values[number])
                table[number + 1] = -1 if text is None else strings.intern(text)
            found = table[numbers + 1]
        return found


class PairMap:
    """A value made of two cells, computed once per distinct pair."""

    def __init__(self, function: Callable[[Tables, int, int], int]) -> None:
        self.function = function

    def many(self, tables: Tables, left: I64, right: I64) -> I64:
        known = tables.derived.get(self)
        if known is None or known[0] != tables.epoch:
            known = tables.derived[self] = (tables.epoch, {})
        memory: dict[tuple[int, int], int] = known[1]
        if not len(left):
            return np.zeros(0, np.int64)
        keys = left * (1 << 32) + right  # both are far below 2^31
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        values = np.empty(len(distinct), np.int64)
        for n, at in enumerate(first.tolist()):
            pair = (int(left[at]), int(right[at]))
            value = memory.get(pair)
            if value is None:
                value = memory[pair] = self.function(tables, *pair)
            values[n] = value
        return values[inverse]


def rows_of(batch: Batch, indices: I64) -> I64:
    """Return the descriptor rows of these events, -1 where the event has no descriptor fields or it is unknown."""
    rows: I64 | None = batch.derived.get("descriptor rows")
    if rows is None:
        rows = batch.derived["descriptor rows"] = np.where(batch.has_fd, batch.file, -1).astype(np.int64)
    return rows[indices]


def per_row(bulk: BulkGetter) -> BulkGetter:
    """Return a getter that asks ``bulk`` once per descriptor row.

    Its answers have to depend on the row alone, but for events without one; those are asked about one by one.
    """

    def spread(batch: Batch, indices: I64, argument: Argument) -> Column:
        if len(indices) < _FEW:
            return bulk(batch, indices, argument)
        uses: tuple[I64, I64] | None = batch.derived.get("descriptor uses")
        if uses is None:
            uses = batch.derived["descriptor uses"] = _uses(batch)
        events, place = uses
        source = place[rows_of(batch, indices)]
        single = np.flatnonzero(source < 0)
        if len(events) + len(single) >= len(indices):
            return bulk(batch, indices, argument)
        source[single] = len(events) + np.arange(len(single))
        return take(bulk(batch, np.concatenate((events, indices[single])), argument), source)

    return spread


def _uses(batch: Batch) -> tuple[I64, I64]:
    """Return an event for each descriptor row of the batch, and by row which of those it is; -1 stands last."""
    first = np.full(batch.tables.files.count + 1, -1, np.int64)
    rows = rows_of(batch, np.arange(batch.count))
    first[rows[::-1]] = np.arange(batch.count)[::-1]
    first[-1] = -1
    used = np.flatnonzero(first >= 0)
    place = np.full(len(first), -1, np.int64)
    place[used] = np.arange(len(used))
    return first[used], place


def cell(batch: Batch, rows: I64, column: F) -> I64:
    """Return a cell of many rows; what stands for row -1 means nothing."""
    found: I64 = batch.tables.files.array[rows, column]
    return found


def kind_mask(*kinds: FdKind) -> Mask:
    """Return a table over kinds, also indexable with -1, of whether the kind is among these."""
    mask = np.zeros(_KINDS, np.bool_)
    mask[[int(kind) for kind in kinds]] = True
    return mask


def row_of_event(event: Event) -> int:
    """Return the descriptor row of one event, -1 without one."""
    return event.file if event.batch.has_fd[event.index] else -1


FILE = kind_mask(FdKind.FILE, FdKind.FILE_V2)
DIRECTORY = kind_mask(FdKind.DIRECTORY)
CONNECTION = kind_mask(FdKind.IPV4_SOCK, FdKind.IPV6_SOCK)
SERVER = kind_mask(FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK)
INET = CONNECTION | SERVER
UNIX = kind_mask(FdKind.UNIX_SOCK)
