"""Answers about lineage, given once per process row where they are the same for all of its events.

A batch has far fewer process rows than events. What is asked about ancestors depends on the caller's row and on the
rows of its ancestors as of the event. A row number never comes back once its thread has changed, so if the ancestors'
rows at the first and at the last event of a caller's row are the same, they are the same in between: such a row is
steady, and its first event answers for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.bulk import I64, NOBODY
from tiercel.fields.model import Column
from tiercel.state.batch import Batch

Flags = NDArray[np.bool_]
RowsGetter = Callable[[Batch, I64], I64]
"""Takes a batch and event indices, returns a process row for each."""


@dataclass(frozen=True, slots=True)
class Callers:
    """The distinct caller rows of a batch, where they first and last occur, and each event's place among them."""

    first: I64
    last: I64
    place: I64  # by event, -1 without a caller


def callers(batch: Batch) -> Callers:
    """Return the callers of a batch."""
    known: Callers | None = batch.derived.get("callers")
    if known is not None:
        return known
    rows = batch.process.astype(np.int64)
    at = np.flatnonzero(rows >= 0)
    rows = rows[at]
    size = int(rows.max()) + 1 if len(rows) else 0
    seen = np.zeros(size, bool)
    seen[rows] = True
    distinct = np.flatnonzero(seen)
    first, last, numbers = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    last[rows] = at
    first[rows[::-1]] = at[::-1]
    numbers[distinct] = np.arange(len(distinct))
    place = np.full(batch.count, NOBODY, np.int64)
    place[at] = numbers[rows]
    known = batch.derived["callers"] = Callers(first[distinct], last[distinct], place)
    return known


def same_rows(batch: Batch, ask: RowsGetter) -> Flags:
    """Return for which callers ``ask`` gives the same at their first and last event."""
    found = callers(batch)
    flags = np.ones(len(found.first), bool)
    longer = np.flatnonzero(found.first != found.last)
    flags[longer] = ask(batch, found.first[longer]) == ask(batch, found.last[longer])
    return flags


def rows(batch: Batch, indices: I64, name: str, steadies: Flags, ask: RowsGetter) -> I64:
    """Return ``ask`` for the events at ``indices``; ``name`` is under which the callers' answers are kept."""
    table: I64 | None = batch.derived.get(name)
    if table is None:
        table = batch.derived[name] = ask(batch, callers(batch).first)
    place = callers(batch).place[indices]
    if not len(table):
        return np.full(len(indices), NOBODY, np.int64)
    answers = table[place]
    answers[place < 0] = NOBODY
    moving = (place >= 0) & ~steadies[place]
    if moving.any():
        answers[moving] = ask(batch, indices[moving])
    return answers


def column(batch: Batch, indices: I64, steadies: Flags, ask: Callable[[I64], Column]) -> Column:
    """Return the column that ``ask`` gives for the events at ``indices``, asking once for each steady caller.

    Events without a caller are asked for one by one.
    """
    found = callers(batch)
    place = found.place[indices]
    single = place < 0
    if len(steadies):
        single |= ~steadies[place]
    wanted = np.zeros(len(found.first), bool)
    wanted[place[~single]] = True
    asked = np.flatnonzero(wanted)
    numbers = np.empty(len(found.first), np.int64)
    numbers[asked] = np.arange(len(asked))
    answers = ask(np.concatenate((found.first[asked], indices[single])))
    source = np.empty(len(indices), np.int64)
    source[~single] = numbers[place[~single]]
    source[single] = len(asked) + np.arange(int(single.sum()))
    return take(answers, source)


def take(column: Column, source: I64) -> Column:
    """Return the column of the elements of ``column`` at ``source``."""
    valid = None if column.valid is None else column.valid[source]
    if column.offsets is None:
        return Column(column.values[source], text=column.text, valid=valid)
    counts = np.diff(column.offsets)[source]
    offsets = np.concatenate(([0], np.cumsum(counts)))
    flat = np.arange(int(offsets[-1])) + np.repeat(column.offsets[:-1][source] - offsets[:-1], counts)
    return Column(column.values[flat], text=column.text, valid=valid, offsets=offsets)
