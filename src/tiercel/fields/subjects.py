"""Subjects: the thread that made the event, its main thread, its ancestors.

A process's parent is the main thread of the thread that its own main thread names as parent, as of the event. Ancestors
that a field without index looks through are followed by parent thread ids alone, as libsinsp does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64, NOBODY, Reading, text_getters
from tiercel.fields.model import BulkGetter, RowGetter
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

CLONE_FILES = 1 << 0
CHILD_IN_PIDNS = 1 << 29
IS_MAIN_THREAD = 1 << 30


def find(event: Event, tid: int) -> int:
    """Return the row of thread ``tid`` just after the event, -1 without one."""
    return event.process_at(tid)


def finds(batch: Batch, tids: I64, indices: I64) -> I64:
    """Return the rows of threads just after the events at ``indices``."""
    if batch.lookup is None or not len(tids):
        return np.full(len(tids), NOBODY, np.int64)
    return np.asarray(batch.lookup.processes(tids, indices), np.int64)


def main_of(event: Event, row: int) -> int:
    """Return the row of the main thread of the process that ``row`` belongs to, -1 when it is unknown."""
    if row < 0:
        return NOBODY
    tid, pid, flags = (event.process_cell(column, row) for column in (P.TID, P.PID, P.FLAGS))
    if tid == pid or flags & IS_MAIN_THREAD:
        return row
    return find(event, pid)


def mains_of(batch: Batch, rows: I64, indices: I64) -> I64:
    """Return the main threads' rows of many rows, some of which may be -1."""
    table = batch.tables.processes.array
    pids = table[rows, P.PID]
    other = (rows >= 0) & (table[rows, P.TID] != pids) & ((table[rows, P.FLAGS] & IS_MAIN_THREAD) == 0)
    if not other.any():
        return rows
    mains = rows.copy()
    mains[other] = finds(batch, pids[other], indices[other])
    return mains


def next_thread(event: Event, row: int) -> int:
    """Return the row of the thread that ``row`` names as its parent."""
    return NOBODY if row < 0 else find(event, event.process_cell(P.PTID, row))


def next_threads(batch: Batch, rows: I64, indices: I64) -> I64:
    """Return the rows of the threads that many rows name as their parents."""
    there = rows >= 0
    if there.all():
        return finds(batch, batch.tables.processes.array[rows, P.PTID], indices)
    parents = np.full(len(rows), NOBODY, np.int64)
    parents[there] = finds(batch, batch.tables.processes.array[rows[there], P.PTID], indices[there])
    return parents


MOST_STEPS = 1024
"""Ancestors further away are not looked for: no tree is that deep, but parents may form a loop."""


def level(argument: str | int | None) -> int | None:
    """Return the number in a field's brackets, None without one."""
    if argument is None:
        return None
    try:
        number = int(argument)
    except ValueError:
        return None
    return number if number >= 0 else None


class Caller:
    """The thread that made the event."""

    def row(self, event: Event, argument: str | int | None) -> int:
        return event.process

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        return batch.process[indices].astype(np.int64)


class MainThread:
    """The caller's main thread."""

    def row(self, event: Event, argument: str | int | None) -> int:
        return main_of(event, event.process)

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        return mains_of(batch, batch.process[indices].astype(np.int64), indices)


class ParentThread:
    """The thread that the caller names as its parent, whether or not it is a main thread."""

    def row(self, event: Event, argument: str | int | None) -> int:
        return next_thread(event, event.process)

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        return next_threads(batch, batch.process[indices].astype(np.int64), indices)


class Ancestor:
    """The process so many steps up as the number in brackets says; ``default`` without one."""

    def __init__(self, default: int = 1) -> None:
        self.default = default

    def _steps(self, argument: str | int | None) -> int:
        number = level(argument)
        return self.default if number is None else min(number, MOST_STEPS)

    def row(self, event: Event, argument: str | int | None) -> int:
        row = main_of(event, event.process)
        for _ in range(self._steps(argument)):
            row = main_of(event, next_thread(event, row))
            if row < 0:
                break
        return row

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        rows = mains_of(batch, batch.process[indices].astype(np.int64), indices)
        for _ in range(self._steps(argument)):
            if not (rows >= 0).any():
                break
            rows = mains_of(batch, next_threads(batch, rows, indices), indices)
        return rows


_Step = Callable[[Batch, I64, I64], I64]
_DEEP = 64
"""Steps up to which lineages are compared."""


def steady_lineages(batch: Batch) -> steady.Flags:
    """Return which callers have the same ancestors, whichever way they are followed, at all of their events."""
    known: steady.Flags | None = batch.derived.get("steady lineages")
    if known is not None:
        return known
    found = steady.callers(batch)
    flags = np.ones(len(found.first), bool)
    longer = np.flatnonzero((found.first != found.last) & (batch.process[found.first] >= 0))
    first, last = found.first[longer], found.last[longer]
    same, forked = _compare(batch, first, last, _itself, _itself)
    flags[longer] = same
    # where a thread is not the main one of its process, following main threads is another way
    other = np.flatnonzero(same & forked)
    for start, step in ((_itself, mains_of), (mains_of, _itself), (mains_of, mains_of)):
        flags[longer[other]] &= _compare(batch, first[other], last[other], start, step)[0]
    batch.derived["steady lineages"] = flags
    return flags


def _compare(batch: Batch, first: I64, last: I64, start: _Step, step: _Step) -> tuple[steady.Flags, steady.Flags]:
    """Return for which callers all ancestors are the same, and for which any is not the main thread of its process."""
    threads = batch.process[first].astype(np.int64)
    before, after = start(batch, threads, first), start(batch, threads, last)
    same, forked = np.zeros(len(first), bool), np.zeros(len(first), bool)
    left = np.arange(len(first))  # callers whose ancestors are the same so far and go on
    for _ in range(_DEEP):
        forked[left] |= mains_of(batch, before, first[left]) != before
        same[left[(before == after) & (before < 0)]] = True
        going = (before == after) & (before >= 0)
        left, before, after = left[going], before[going], after[going]
        if not len(left):
            break
        before = step(batch, next_threads(batch, before, first[left]), first[left])
        after = step(batch, next_threads(batch, after, last[left]), last[left])
    return same, forked


def _itself(batch: Batch, rows: I64, indices: I64) -> I64:
    return rows


CALLER = Caller()
MAIN = MainThread()
PARENT_THREAD = ParentThread()
PARENT = Ancestor()


def caller_text(reading: Reading) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a text read from the caller's row."""
    row, bulk = text_getters(CALLER, reading)
    return row, steady.per_caller(bulk)
