"""Building fields from two halves: whose row is asked (a subject) and what is read from it (a reading).

``proc.pname`` is the parent's ``COMM``; ``proc.cmdline`` is a text made of the caller's ``COMM`` and ``ARGS``. Both
halves work on one event and on many, so every field made here has a row and a bulk getter that agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.model import BulkGetter, Column, RowGetter, Value, ValueType
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.event import Event

I64 = NDArray[np.int64]

NOBODY = -1
"""There is no such process: the field has no value."""
UNNAMED = -2
"""There is no such process, and the text read of it is empty rather than missing."""

_UNSEEN = np.iinfo(np.int64).min


class Subject(Protocol):
    """Whose row of the process table a field reads: the caller, its parent, its session leader …"""

    def row(self, event: Event, argument: str | int | None) -> int:
        """Return the row, or ``NOBODY`` or ``UNNAMED``."""

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        """Return the rows for the events at ``indices``."""


class Reading(Protocol):
    """What is read from a process row, as an int64: a number, or the number of a string."""

    def one(self, tables: Tables, row: int) -> int: ...

    def many(self, tables: Tables, rows: I64) -> I64:
        """Return the values of rows that are all in the table."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the row as it is."""

    column: P

    def one(self, tables: Tables, row: int) -> int:
        return int(tables.processes.array[row, self.column])

    def many(self, tables: Tables, rows: I64) -> I64:
        return np.asarray(tables.processes.array[rows, self.column])


class Derived:
    """A value made of several cells, computed once per distinct combination and remembered per row.

    ``function`` takes the tables and the cells and returns an int64, for texts the number of an interned string.
    """

    def __init__(self, function: Callable[..., int], *columns: P) -> None:
        self.function = function
        self.columns = [int(column) for column in columns]

    def _memory(self, tables: Tables) -> tuple[dict[tuple[int, ...], int], list[I64]]:
        memory = tables.derived.get(self)
        if memory is None or memory[0] != tables.epoch:
            memory = (tables.epoch, {}, [np.full(1024, _UNSEEN, np.int64)])
            tables.derived[self] = memory
        return memory[1], memory[2]

    def _compute(self, tables: Tables, known: dict[tuple[int, ...], int], cells: tuple[int, ...]) -> int:
        value = known.get(cells)
        if value is None:
            value = known[cells] = self.function(tables, *cells)
        return value

    def one(self, tables: Tables, row: int) -> int:
        cells = tuple(tables.processes.array[row, self.columns].tolist())
        return self._compute(tables, self._memory(tables)[0], cells)

    def many(self, tables: Tables, rows: I64) -> I64:
        known, slot = self._memory(tables)
        table = slot[0]
        if len(table) < tables.processes.count:
            table = np.full(max(tables.processes.count, 2 * len(table)), _UNSEEN, np.int64)
            table[: len(slot[0])] = slot[0]
            slot[0] = table
        found = table[rows]
        unseen = found == _UNSEEN
        if unseen.any():
            missing = np.zeros(len(table), bool)
            missing[rows[unseen]] = True
            fresh = np.flatnonzero(missing)
            cells = tables.processes.array[fresh[:, np.newaxis], self.columns].tolist()
            table[fresh] = [self._compute(tables, known, tuple(values)) for values in cells]
            found = table[rows]
        return found


def derived_text(function: Callable[..., bytes | None], *columns: P) -> Derived:
    """Return a text reading; ``function`` takes the tables and the cells and returns the text."""

    def number(tables: Tables, *cells: int) -> int:
        text = function(tables, *cells)
        return -1 if text is None else tables.strings.intern(text)

    return Derived(number, *columns)


def unsigned(value: int) -> int:
    """Return the unsigned 64-bit number with the bits of an int64."""
    return value & 0xFFFFFFFFFFFFFFFF


def signed(value: int) -> int:
    """Return the int64 with the low 64 bits of ``value``."""
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def text_getters(subject: Subject, reading: Reading) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a text field: ``reading`` gives string numbers."""

    def row(event: Event, argument: str | int | None) -> Value | None:
        at = subject.row(event, argument)
        if at < 0:
            return b"" if at == UNNAMED else None
        return event.text(reading.one(event.batch.tables, at))

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        rows = subject.rows(batch, indices, argument)
        absent = rows < 0
        if not absent.any():
            return Column(reading.many(batch.tables, rows), text=True)
        values = np.full(len(rows), -1, np.int64)
        values[rows == UNNAMED] = 0
        there = ~absent
        values[there] = reading.many(batch.tables, rows[there])
        return Column(values, text=True)

    return row, bulk


def _present(value: int, type: ValueType, none: int | None) -> Value | None:
    if value == none:
        return None
    if type is ValueType.BOOL:
        return bool(value)
    if type is ValueType.UINT32:
        return value & 0xFFFFFFFF
    if type in UNSIGNED:
        return unsigned(value)
    return value


UNSIGNED = frozenset({ValueType.UINT64, ValueType.ABSTIME, ValueType.RELTIME})


def numbers(values: I64, type: ValueType, valid: NDArray[np.bool_] | None) -> Column:
    """Return a column of the array type that ``type`` calls for."""
    if type is ValueType.BOOL:
        return Column(values != 0, valid=valid)
    if type is ValueType.UINT32:
        return Column(values & 0xFFFFFFFF, valid=valid)
    return Column(values.view(np.uint64) if type in UNSIGNED else values, valid=valid)


def number_getters(
    subject: Subject, reading: Reading, type: ValueType, none: int | None = None
) -> tuple[RowGetter, BulkGetter]:
    """Return the getters of a number or boolean field; the raw value ``none`` stands for no value."""

    def row(event: Event, argument: str | int | None) -> Value | None:
        at = subject.row(event, argument)
        return None if at < 0 else _present(reading.one(event.batch.tables, at), type, none)

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        rows = subject.rows(batch, indices, argument)
        valid = rows >= 0
        if valid.all():
            values = reading.many(batch.tables, rows)
        else:
            values = np.zeros(len(rows), np.int64)
            values[valid] = reading.many(batch.tables, rows[valid])
        if none is not None:
            valid &= values != none
        return numbers(values, type, None if valid.all() else valid)

    return row, bulk
