"""The strings and rows of a segment brought into tables that several segments share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdKind, P
from tiercel.model.tables import Rows
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS
from tiercel.store.intervals import END, START
from tiercel.store.parquet import TableFile
from tiercel.store.stored_lookup import Spans

I64 = NDArray[np.int64]

_PROCESS_COLUMNS = [member.name.lower() for member in P if member.name != "COUNT"]
_FILE_COLUMNS = [member.name.lower() for member in F if member.name != "COUNT"]


def strings(file: TableFile, tables: Tables) -> I64:
    """Intern the strings of a segment; return their numbers, the last one -1 for none."""
    table = file.read(["string", "text", "bytes"])
    numbers = file.numbers(table.column(0))
    if not len(numbers) or not np.array_equal(numbers, np.arange(len(numbers))):
        raise file.fault("strings are not numbered from 0")
    texts = file.texts(table.column(1))
    if table.column(2).null_count < len(texts):
        exact = file.texts(table.column(2))
        texts = [text if raw is None else raw for text, raw in zip(texts, exact, strict=True)]
    if texts[0] != b"":
        raise file.fault("string 0 is not empty")
    intern = tables.strings.intern
    found = np.empty(len(texts) + 1, np.int64)
    found[:-1] = [intern(text) for text in texts]  # type: ignore[arg-type]
    found[-1] = -1
    return found


def _rows(file: TableFile, table: pa.Table, names: list[str], texts: tuple[P, ...] | tuple[F, ...], known: I64) -> I64:
    """Return rows of cells in the order of ``names``, texts as the numbers that ``known`` gives them."""
    cells = np.empty((table.num_rows, len(names)), np.int64)
    textual = {int(member) for member in texts}
    for place, name in enumerate(names):
        column = table.column(name)
        if place in textual:
            numbers = file.numbers(column)
            if len(numbers) and not -1 <= int(numbers.min()) <= int(numbers.max()) < len(known) - 1:
                raise file.fault(f"column {name} refers to strings that are not there")
            cells[:, place] = known[numbers]
        else:
            cells[:, place] = file.numbers(column)
    return cells


def _append(rows: Rows, cells: I64) -> int:
    """Append rows; return the number of the first."""
    base = rows.count
    while rows.capacity < base + len(cells):
        rows.grow()
    rows.array[base : base + len(cells)] = cells
    rows.count = base + len(cells)
    return base


def processes(file: TableFile, tables: Tables, known: I64) -> tuple[int, int, Spans]:
    """Append the process rows of a segment; return the number of the first, how many, and when each was current."""
    table = file.read(["process", *_PROCESS_COLUMNS, "since", "until"])
    _check_numbers(file, table, "process")
    cells = _rows(file, table, _PROCESS_COLUMNS, PROCESS_TEXTS, known)
    base = _append(tables.processes, cells)
    since = file.numbers(table.column("since"), START)
    until = file.numbers(table.column("until"), END)
    current = np.flatnonzero(since < until)
    lives = Spans(
        cells[current, P.TID], np.zeros(len(current), np.int64), base + current, since[current], until[current]
    )
    return base, len(cells), lives


def files(file: TableFile, tables: Tables, known: I64) -> tuple[int, int]:
    """Append the descriptor rows of a segment; return the number of the first, and how many."""
    table = file.read(["file", *_FILE_COLUMNS])
    _check_numbers(file, table, "file")
    cells = _rows(file, table, _FILE_COLUMNS, FILE_TEXTS, known)
    kinds = cells[:, F.KIND]
    if len(kinds) and not min(FdKind) <= int(kinds.min()) <= int(kinds.max()) <= max(FdKind):
        raise file.fault("column kind names kinds that are not there")
    return _append(tables.files, cells), len(cells)


def descriptors(file: TableFile, base: int, count: int) -> Spans:
    """Return who had what open when; ``base`` is the number of the segment's first descriptor row of ``count``."""
    table = file.read(["owner", "fd", "file", "since", "until"])
    rows = file.numbers(table.column("file")).astype(np.int64)
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < count:
        raise file.fault("column file refers to rows that are not there")
    return Spans(
        file.numbers(table.column("owner")),
        file.numbers(table.column("fd")),
        rows + base,
        file.numbers(table.column("since"), START),
        file.numbers(table.column("until"), END),
    )


def _check_numbers(file: TableFile, table: pa.Table, name: str) -> None:
    if not np.array_equal(file.numbers(table.column(name)), np.arange(table.num_rows)):
        raise file.fault(f"column {name} does not count from 0")
