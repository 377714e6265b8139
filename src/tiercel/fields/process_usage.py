"""What a process uses: descriptors, memory, threads. Most of it is counted per event, not kept in the process row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.bulk import I64
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

Counter = Callable[[Batch, I64], NDArray[np.generic]]
"""Takes the values for some events, all of which have a caller."""


def counted(
    name: str, type: ValueType, values: Counter, summary: str, example: str, number_format: str = "dec"
) -> Field:
    """Return a field that has a value whenever the caller is known."""

    def row(event: Event, argument: str | int | None) -> Value | None:
        if event.process < 0:
            return None
        value: Value = values(event.batch, np.array([event.index])).item()
        return value

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        known = batch.process[indices] >= 0
        return Column(values(batch, indices), valid=None if known.all() else known)

    return Field(name, type, summary, example, row, bulk, number_format=number_format)


def _open(batch: Batch, indices: I64) -> NDArray[np.generic]:
    return batch.fdcount[indices].astype(np.uint64)


def _limit(batch: Batch, indices: I64) -> I64:
    return np.asarray(batch.tables.processes.array[batch.process[indices], P.FDLIMIT])


def _usage(batch: Batch, indices: I64) -> NDArray[np.generic]:
    most = _limit(batch, indices)
    count = batch.fdcount[indices].astype(np.float64)
    percent = np.minimum(count * 100.0 / np.maximum(most, 1), 100.0)
    return np.asarray(np.where(most > 0, percent, 0.0))


def memory(column: int) -> Counter:
    """Return the counter of a column of ``Batch.memory``."""
    return lambda batch, indices: batch.memory[indices, column].astype(np.uint64)


def _threads(batch: Batch, indices: I64) -> NDArray[np.generic]:
    return batch.threads[indices].astype(np.uint64)


def _others(batch: Batch, indices: I64) -> NDArray[np.generic]:
    return batch.children[indices].astype(np.uint64)


_UINT64 = ValueType.UINT64

FIELDS: tuple[Field, ...] = (
    counted("proc.fdopencount", _UINT64, _open, "How many descriptors the process has open.", "8"),
    counted("proc.fdlimit", ValueType.INT64, _limit, "How many descriptors the process may open.", "1048576"),
    counted("proc.fdusage", ValueType.DOUBLE, _usage, "Open descriptors in percent of the limit.", "0.6", "na"),
    counted("proc.vmsize", _UINT64, memory(0), "Virtual memory of the process in KB.", "14792"),
    counted("proc.vmrss", _UINT64, memory(1), "Memory of the process that is in RAM, in KB.", "7604"),
    counted("proc.vmswap", _UINT64, memory(2), "Memory of the process that is swapped out, in KB.", "0"),
    counted("proc.nthreads", _UINT64, _threads, "How many threads of the process are alive.", "32"),
    counted("proc.nchilds", _UINT64, _others, "How many threads are alive besides the main thread.", "31"),
)
