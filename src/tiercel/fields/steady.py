"""Answers about lineage, given once per process row where they are the same for all of its events.

A batch has far fewer process rows than events. What is asked about ancestors depends on the caller's row and on the
rows of its ancestors as of the event. A row number never comes back once its thread has changed, so if the ancestors'
rows at the first and at the last event of a caller's row are the same, they are the same in between: such a row is
steady, and its first event answers for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.bulk import I64, NOBODY
from tiercel.fields.model import BulkGetter, Column
from tiercel.model.batch import Batch

Flags = NDArray[np.bool_]
RowsGetter = Callable[[Batch, I64], I64]
"""Takes a batch and event indices, returns a process row for each."""
ColumnGetter = Callable[[I64], Column]
"""Takes event indices, returns the column of their values."""


@dataclass(frozen=True, slots=True)
class Callers:
    """The distinct caller rows of a batch (one may be -1), where each first and last occurs, and each event's place."""

    first: I64
    last: I64
    place: NDArray[np.int32]


def callers(batch: Batch) -> Callers:
    """Return the callers of a batch."""
    known: Callers | None = batch.derived.get("callers")
    if known is not None:
        return known
    process = batch.process
    starts = np.flatnonzero(process[1:] != process[:-1]) + 1  # of runs of events of one caller
    starts = np.concatenate((np.zeros(min(1, len(process)), np.int64), starts))
    ends = np.append(starts[1:], len(process)) - 1 if len(starts) else starts
    rows = process[starts].astype(np.int64) + 1
    size = int(rows.max()) + 1 if len(rows) else 0
    first, last = np.full(size, NOBODY, np.int64), np.empty(size, np.int64)
    last[rows] = ends
    first[rows[::-1]] = starts[::-1]
    distinct = np.flatnonzero(first != NOBODY)
    numbers = np.empty(size, np.int32)
    numbers[distinct] = np.arange(len(distinct))
    place = np.repeat(numbers[rows], ends - starts + 1)
    known = batch.derived["callers"] = Callers(first[distinct], last[distinct], place)
    return known


def same_rows(batch: Batch, ask: RowsGetter) -> Flags:
    """Return for which callers ``ask`` gives the same at their first and last event."""
    found = callers(batch)
    flags = np.ones(len(found.first), bool)
    longer = np.flatnonzero(found.first != found.last)
    flags[longer] = ask(batch, found.first[longer]) == ask(batch, found.last[longer])
    return flags


def spread(batch: Batch, indices: I64, name: str, steadies: Callable[[Batch], Flags], ask: ColumnGetter) -> Column:
    """Return the column that ``ask`` gives for the events at ``indices``, asking once for each steady caller.

    ``steadies`` says which callers are steady; ``name`` is under which its answer is kept with the batch.
    """
    found = callers(batch)
    if len(indices) <= len(found.first):
        return ask(indices)
    sources: NDArray[np.int32] | None = batch.derived.get(name)
    if sources is None:
        flags = steadies(batch)
        sources = found.place if flags.all() else np.where(flags[found.place], found.place, -1)
        batch.derived[name] = sources
    source = sources[indices]
    single = np.flatnonzero(source < 0)
    if not len(single):
        return take(ask(found.first), source)
    source[single] = len(found.first) + np.arange(len(single))
    return take(ask(np.concatenate((found.first, indices[single]))), source)


def per_caller(bulk: BulkGetter) -> BulkGetter:
    """Return a getter that asks ``bulk``, whose answers depend on nothing but the caller's row, once per caller."""

    def spread_out(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        found = callers(batch)
        if len(indices) <= len(found.first):
            return bulk(batch, indices, argument)
        return take(bulk(batch, found.first, argument), found.place[indices])

    return spread_out


def take(column: Column, source: NDArray[np.integer[Any]]) -> Column:
    """Return the column of the elements of ``column`` at ``source``."""
    valid = None if column.valid is None else column.valid[source]
    if column.offsets is None:
        return Column(column.values[source], text=column.text, valid=valid)
    counts = np.diff(column.offsets)[source]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    flat = np.arange(int(offsets[-1])) + np.repeat(column.offsets[:-1][source] - offsets[:-1], counts)
    return Column(column.values[flat], text=column.text, valid=valid, offsets=offsets)
