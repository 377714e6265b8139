"""A tracked batch as the tables of a segment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tiercel.fields.evt_flags import results
from tiercel.model.batch import Batch
from tiercel.model.columns import F, P
from tiercel.model.tables import Rows
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS
from tiercel.state.lookup import Lookup
from tiercel.store.arrow import Array, array, lists, table
from tiercel.store.arrow import taken as taken_rows
from tiercel.store.intervals import END, START, Openings, Versions, openings, versions
from tiercel.store.people import containers_table, users_table
from tiercel.store.schema import DESCRIPTORS, EVENTS_TABLE, FILES, PROCESSES, STRINGS, TABLES, TableSchema
from tiercel.store.spans import gathered, taken
from tiercel.store.value_sets import values
from tiercel.wire.event_table import EVENTS

I64 = NDArray[np.int64]

OWN_GROUP = 8_192
"""Event types with at least so many events in a segment get row groups of their own."""

SHARED_GROUP = 32_768
"""The other types share row groups of at most about so many rows."""

_NAMES = array([event.name for event in EVENTS])


@dataclass(slots=True)
class Extract:
    """The tables of a segment by name, and for each row group of ``events`` the type numbers in it and its rows."""

    tables: dict[str, pa.Table]
    groups: list[tuple[tuple[int, ...], int]] = field(default_factory=list)
    types: dict[int, int] = field(default_factory=dict)
    containers: set[bytes] = field(default_factory=set)
    values: dict[str, frozenset[bytes]] = field(default_factory=dict)


def nothing() -> dict[str, pa.Table]:
    """Return the tables of a segment without events."""
    tables = {name: schema.arrow.empty_table() for name, schema in TABLES.items()}
    return tables | {"strings": _strings_table([b""])}


def _strings_table(values: list[bytes]) -> pa.Table:
    texts = [value.decode("utf-8", "replace") for value in values]
    exact = [None if text.encode() == raw else raw for text, raw in zip(texts, values, strict=True)]
    return table(
        [np.arange(len(texts), dtype=np.int32), array(texts, pa.string()), array(exact, pa.binary())], STRINGS.arrow
    )


def extract(batch: Batch) -> Extract:
    """Return what is to be stored of a batch that was tracked last: what its visible events say and refer to.

    Raises:
        ValueError: the parameters take more than 2 GiB.
    """
    nums = batch.num[: batch.count].astype(np.int64)
    seen = np.flatnonzero(batch.visible)
    lookup = batch.lookup
    if isinstance(lookup, Lookup):
        lives, opened = versions(lookup, nums), openings(lookup, nums)
    else:
        none = np.zeros(0, np.int64)
        lives, opened = Versions(none, none, none), Openings(none, none, none, none, none)
    process_rows = batch.process[seen].astype(np.int64)
    file_rows = batch.file[seen].astype(np.int64)
    processes = _Renumbered(batch.tables.processes, PROCESS_TEXTS, (process_rows, lives.rows))
    files = _Renumbered(batch.tables.files, FILE_TEXTS, (file_rows, opened.rows))
    strings = _Strings(batch, (processes, files))
    order, groups = clustered(batch.types[seen])
    tables = nothing() | {
        "strings": _strings_table(strings.values),
        "processes": _process_table(processes, strings, lives, (process_rows, nums[seen])),
        "files": _cells(FILES, files, strings, F),
        "descriptors": table(
            [
                array(opened.owners),
                array(opened.fds),
                array(files.numbers[opened.rows].astype(np.int32)),
                *_bounds(opened.since, opened.until),
            ],
            DESCRIPTORS.arrow,
        ),
        "events": _events(batch, seen[order], processes, files),
    }
    world = batch.world
    since = int(nums[seen[0]]) if len(seen) else 0
    if world is not None:
        tables["users"] = users_table(world)
        tables["containers"] = containers_table(world, since)
    types, counts = np.unique(batch.types[seen], return_counts=True)
    ids = np.unique(processes.cells()[:, P.CONTAINER]).tolist()
    return Extract(
        tables,
        groups,
        dict(zip(types.tolist(), counts.tolist(), strict=True)),
        {batch.tables.strings.values[number] for number in ids if number >= 0},
        values(processes.cells(), batch.tables.strings.values, world, since),
    )


def clustered(types: NDArray[np.uint16]) -> tuple[I64, list[tuple[tuple[int, ...], int]]]:
    """Return the order in which events are stored, and what row groups they make: type numbers and rows of each."""
    numbers, counts = np.unique(types, return_counts=True)
    own = counts >= OWN_GROUP
    ranks = np.zeros(1 << 16, np.uint16)
    arranged = np.concatenate((numbers[own], numbers[~own]))
    ranks[arranged] = np.arange(len(arranged))
    order = np.argsort(ranks[types], kind="stable")
    groups: list[tuple[tuple[int, ...], int]] = [
        ((number,), count) for number, count in zip(numbers[own].tolist(), counts[own].tolist(), strict=True)
    ]
    shared: list[int] = []
    rows = 0
    for number, count in zip(numbers[~own].tolist(), counts[~own].tolist(), strict=True):
        if rows + count > SHARED_GROUP and shared:
            groups.append((tuple(shared), rows))
            shared, rows = [], 0
        shared.append(number)
        rows += count
    if shared:
        groups.append((tuple(shared), rows))
    return order, groups


class _Renumbered:
    """The rows of a table that a segment needs, numbered anew from 0 in their old order."""

    def __init__(self, rows: Rows, texts: tuple[P, ...] | tuple[F, ...], referred: tuple[I64, ...]) -> None:
        self.rows = rows
        self.texts = texts
        used = np.zeros(rows.count, bool)
        for numbers in referred:
            used[numbers[numbers >= 0]] = True
        self.used = np.flatnonzero(used)
        self.numbers = np.full(rows.count + 1, -1, np.int64)  # the last for -1
        self.numbers[self.used] = np.arange(len(self.used))

    def cells(self) -> I64:
        """Return the rows needed, shape (rows, columns)."""
        cells: I64 = self.rows.array[self.used]
        return cells


class _Strings:
    """The strings that a segment needs, numbered anew; 0 stays the empty one."""

    def __init__(self, batch: Batch, tables: tuple[_Renumbered, ...]) -> None:
        values = batch.tables.strings.values
        used = np.zeros(len(values), bool)
        used[0] = True
        for rows in tables:
            cells = rows.cells()
            for column in rows.texts:
                numbers = cells[:, column]
                used[numbers[numbers >= 0]] = True
        kept = np.flatnonzero(used)
        self.values = [values[number] for number in kept.tolist()]
        self.numbers = np.full(len(values) + 1, -1, np.int64)
        self.numbers[kept] = np.arange(len(kept))


def _optional(numbers: I64) -> Array:
    """Return numbers as an array in which -1 is null."""
    return array(numbers.astype(np.int32), mask=numbers < 0)


def _bounds(since: I64, until: I64) -> tuple[Array, Array]:
    return array(since, mask=since == START), array(until, mask=until == END)


def _cell_arrays(rows: _Renumbered, strings: _Strings, members: type[P] | type[F]) -> list[Array]:
    cells = rows.cells()
    arrays = [array(np.arange(len(cells), dtype=np.int32))]
    for member in members:
        if member.name == "COUNT":
            continue
        column = np.ascontiguousarray(cells[:, member])
        if member in rows.texts:
            arrays.append(_optional(strings.numbers[np.maximum(column, -1)]))
        else:
            arrays.append(array(column))
    return arrays


def _cells(schema: TableSchema, rows: _Renumbered, strings: _Strings, members: type[P] | type[F]) -> pa.Table:
    return table(_cell_arrays(rows, strings, members), schema.arrow)


def _process_table(rows: _Renumbered, strings: _Strings, lives: Versions, events: tuple[I64, I64]) -> pa.Table:
    """Return the table of processes. A row that was current more than once appears once for each time."""
    arrays = _cell_arrays(rows, strings, P)
    since = np.full(len(rows.used), END, np.int64)
    until = np.full(len(rows.used), END, np.int64)
    # rows that events refer to, but that no thread had after any event: an interval without length
    callers, nums = events
    known = callers >= 0
    np.minimum.at(since, rows.numbers[callers[known]], nums[known])
    until[:] = since
    places = rows.numbers[lives.rows]
    again = np.ones(len(places), bool)
    again[np.unique(places, return_index=True)[1]] = False
    since[places[~again]], until[places[~again]] = lives.since[~again], lives.until[~again]
    if again.any():
        extra = places[again]
        arrays = [pa.concat_arrays([cells, taken_rows(cells, extra)]) for cells in arrays]
        arrays[0] = array(np.arange(len(rows.used) + len(extra), dtype=np.int32))
        since = np.concatenate((since, lives.since[again]))
        until = np.concatenate((until, lives.until[again]))
    return table([*arrays, *_bounds(since, until)], PROCESSES.arrow)


def _events(batch: Batch, order: I64, processes: _Renumbered, files: _Renumbered) -> pa.Table:
    types = batch.types[order]
    values, there = results(batch, order)
    memory, faults = batch.memory[order].astype(np.int64), batch.faults[order].view(np.int64)
    columns = {
        "num": array(batch.num[order].astype(np.int64)),
        "ts": array(batch.ts[order].view(np.int64)),
        "cpu": array(batch.cpu[order].view(np.int16)),
        "tid": array(batch.tid[order]),
        "type_id": array(types.astype(np.int16)),
        "type": taken_rows(_NAMES, types),
        "process": _optional(processes.numbers[batch.process[order]]),
        "file": _optional(files.numbers[batch.file[order]]),
        "fd": array(batch.fd[order], mask=~batch.has_fd[order]),
        "res": array(values.astype(np.int64), mask=~there),
        "name_changed": array(batch.name_changed[order]),
        "fdcount": array(batch.fdcount[order]),
        "threads": array(batch.threads[order]),
        "children": array(batch.children[order]),
        "vmsize": array(np.ascontiguousarray(memory[:, 0])),
        "vmrss": array(np.ascontiguousarray(memory[:, 1])),
        "vmswap": array(np.ascontiguousarray(memory[:, 2])),
        "majflt": array(np.ascontiguousarray(faults[:, 0])),
        "minflt": array(np.ascontiguousarray(faults[:, 1])),
        "params": _parameters(batch, order),
    }
    return table([columns[name] for name in EVENTS_TABLE.names], EVENTS_TABLE.arrow)


def _parameters(batch: Batch, order: I64) -> Array:
    first, spans = taken(batch.first, order)
    begins, data = gathered(np.frombuffer(batch.data, np.uint8), batch.start[spans], batch.length[spans])
    return lists(first, begins, data, EVENTS_TABLE.types["params"])
