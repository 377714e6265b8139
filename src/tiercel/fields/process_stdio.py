"""What descriptors 0, 1 and 2 of a process are."""

from __future__ import annotations

import numpy as np

from tiercel.fields.bulk import I64
from tiercel.fields.fd_rows import KIND_NAMES
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.state.distinct import distinct


def _type(kind: int) -> bytes:
    return KIND_NAMES.get(kind, b"<NA>")


def _file(event: Event, fd: int) -> int:
    if event.process < 0:
        return -1
    return event.file_at(event.process_cell(P.FDOWNER), fd)


def _files(batch: Batch, indices: I64, fd: int) -> I64:
    rows = batch.process[indices].astype(np.int64)
    files = np.full(len(rows), -1, np.int64)
    known = rows >= 0
    if batch.lookup is not None and known.any():
        owners = batch.tables.processes.array[rows[known], P.FDOWNER]
        files[known] = batch.lookup.files(owners, np.full(len(owners), fd, np.int64), indices[known])
    return files


def _name_field(name: str, fd: int, summary: str) -> Field:
    def row(event: Event, argument: str | int | None) -> Value | None:
        file = _file(event, fd)
        return None if file < 0 else (event.text(event.file_cell(F.NAME, file)) or b"")

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        files = _files(batch, indices, fd)
        names = np.maximum(batch.tables.files.array[files, F.NAME], 0)
        return Column(np.where(files < 0, -1, names), text=True)

    return Field(name, ValueType.CHARBUF, summary, "/dev/null", row, bulk, number_format="na")


def _type_field(name: str, fd: int, summary: str) -> Field:
    def row(event: Event, argument: str | int | None) -> Value | None:
        file = _file(event, fd)
        return None if file < 0 else _type(event.file_cell(F.KIND, file))

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        files = _files(batch, indices, fd)
        kinds = np.where(files < 0, -99, batch.tables.files.array[files, F.KIND])
        values = np.full(len(files), -1, np.int64)
        for kind in distinct(kinds[files >= 0]).tolist():
            values[kinds == kind] = batch.tables.strings.intern(_type(kind))
        return Column(values, text=True)

    return Field(name, ValueType.CHARBUF, summary, "pipe", row, bulk, number_format="na")


_STREAMS = (("stdin", 0, "standard input"), ("stdout", 1, "standard output"), ("stderr", 2, "standard error"))

FIELDS: tuple[Field, ...] = (
    *(_type_field(f"proc.{name}.type", fd, f"Kind of descriptor {fd}, {what}.") for name, fd, what in _STREAMS),
    *(_name_field(f"proc.{name}.name", fd, f"Name of descriptor {fd}, {what}.") for name, fd, what in _STREAMS),
)
