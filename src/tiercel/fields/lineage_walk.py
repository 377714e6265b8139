"""Walking up the ancestors of a process, one event at a time or for many at once.

The walk follows parent thread ids from the main thread, stops where a parent is unknown, and ends on a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64, NOBODY, Reading
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.fields.process_text import IS_SHELL, join
from tiercel.fields.subjects import MAIN, main_of, next_thread, next_threads, steady_lineages
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

LINEAGE = "lineage"
"""Under which it is kept with a batch which callers' lineages are steady."""

_DEEP = 64
"""Steps after which a walk over many events hands what is left to the walk that knows loops."""


def walk_from(event: Event, start: int) -> Iterator[int]:
    """Yield the rows of the ancestors above ``start``, the nearest first."""
    slow = fast = next_thread(event, start)
    fast = next_thread(event, fast)
    while slow >= 0 and event.process_cell(P.TID, slow) != -1:
        yield slow
        slow = next_thread(event, slow)
        for _ in range(2):
            fast = next_thread(event, fast)
            if slow >= 0 and (slow == fast or event.process_cell(P.TID, slow) == event.process_cell(P.PTID, slow)):
                return


def walk(event: Event) -> Iterator[int]:
    """Yield the rows of the ancestors of the event's process, the parent first; none without a main thread."""
    main = main_of(event, event.process)
    return iter(()) if main < 0 else walk_from(event, main)


def levels(batch: Batch, indices: I64, starts: I64) -> list[tuple[I64, I64]]:
    """Return (positions, rows) step by step: the ancestor rows of the events at those positions of ``indices``.

    ``starts`` are the rows the walks begin above, negative for none.
    """
    table = batch.tables.processes.array
    positions = np.flatnonzero(starts >= 0)
    rows = next_threads(batch, starts[positions], indices[positions])
    steps: list[tuple[I64, I64]] = []
    for depth in range(_DEEP):
        there = rows >= 0
        there &= table[rows, P.TID] != -1
        if depth:
            there &= table[rows, P.TID] != table[rows, P.PTID]
        positions, rows = positions[there], rows[there]
        if not len(rows):
            return steps
        steps.append((positions, rows))
        rows = next_threads(batch, rows, indices[positions])
    deep = np.zeros(len(indices), bool)
    deep[positions] = True
    steps = [(at[~deep[at]], found[~deep[at]]) for at, found in steps]
    for position in positions.tolist():
        event = Event(batch, int(indices[position]))
        walked = walk_from(event, int(starts[position]))
        steps += [(np.array([position]), np.array([row])) for row in walked]
    return steps


def column(batch: Batch, indices: I64, reading: Reading, text: bool) -> Column:
    """Return the list column of a reading over all ancestors."""
    return steady.spread(batch, indices, LINEAGE, steady_lineages, lambda at: _column(batch, at, reading, text))


def _column(batch: Batch, indices: I64, reading: Reading, text: bool) -> Column:
    steps = levels(batch, indices, MAIN.rows(batch, indices, None))
    counts = np.zeros(len(indices), np.int64)
    for positions, _ in steps:
        counts[positions] += 1
    offsets = np.concatenate(([0], np.cumsum(counts)))
    values = np.zeros(int(offsets[-1]), np.int64)
    filled = offsets[:-1].copy()
    for positions, rows in steps:
        values[filled[positions]] = reading.many(batch.tables, rows)
        filled[positions] += 1
    if text:
        values = np.maximum(values, 0)
    return Column(values, text=text, valid=counts > 0, offsets=offsets)


def joined(batch: Batch, indices: I64, reading: Reading) -> Column:
    """Return the text column of a reading over all ancestors joined by blanks."""

    def ask(at: I64) -> Column:
        return _joined(batch, _column(batch, at, reading, text=True))

    return steady.spread(batch, indices, LINEAGE, steady_lineages, ask)


def _joined(batch: Batch, lists: Column) -> Column:
    assert lists.offsets is not None
    strings = batch.tables.strings
    known: dict[tuple[int, ...], int] = {}
    numbers = lists.values.tolist()
    values = np.full(len(lists.offsets) - 1, -1, np.int64)
    bounds = lists.offsets.tolist()
    for i, (start, end) in enumerate(pairwise(bounds)):
        key = tuple(numbers[start:end])
        if key not in known:
            line = join([strings.get(number) or b"" for number in key])
            known[key] = -1 if line is None else strings.intern(line)
        values[i] = known[key]
    return Column(values, text=True)


def _login_shell(event: Event, argument: str | int | None) -> Value | None:
    main = main_of(event, event.process)
    if main < 0:
        return None
    shell = None
    for row in (main, *walk_from(event, main)):
        if IS_SHELL.one(event.batch.tables, row):
            shell = event.process_cell(P.PID, row)
    return shell


def _login_shells(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    return steady.spread(batch, indices, LINEAGE, steady_lineages, lambda at: _shells(batch, at))


def _shells(batch: Batch, indices: I64) -> Column:
    mains = MAIN.rows(batch, indices, None)
    shells = np.full(len(indices), NOBODY, np.int64)
    known = np.flatnonzero(mains >= 0)
    for positions, rows in ((known, mains[known]), *levels(batch, indices, mains)):
        shell = IS_SHELL.many(batch.tables, rows) != 0
        shells[positions[shell]] = rows[shell]
    pids = batch.tables.processes.array[shells, P.PID]
    return Column(pids, valid=shells >= 0)


LOGINSHELLID = Field(
    "proc.loginshellid",
    ValueType.INT64,
    "Process id of the oldest shell among the process and its ancestors, which tells sessions of users apart.",
    "2868",
    _login_shell,
    _login_shells,
    number_format="id",
)
