"""``proc.ppid.duration``: how long the parent has been running."""

from __future__ import annotations

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64
from tiercel.fields.lineage_walk import LINEAGE
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.fields.subjects import PARENT, steady_lineages
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

# When the start of the parent is unknown, Falco goes on to answer with the number of descriptors the process has open.
# Rules that compare durations see that number, so it is the same here.


def _row(event: Event, argument: str | int | None) -> Value | None:
    parent = PARENT.row(event, None)
    if parent < 0:
        return None
    started = event.process_cell(P.CLONE_TS, parent)
    if started == 0:
        return int(event.batch.fdcount[event.index])
    return (event.ts - started) & 0xFFFFFFFFFFFFFFFF


def _bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    def ask(at: I64) -> Column:
        parents = PARENT.rows(batch, at, None)
        return Column(batch.tables.processes.array[parents, P.CLONE_TS].view(np.uint64), valid=parents >= 0)

    starts = steady.spread(batch, indices, LINEAGE, steady_lineages, ask)
    started = starts.values
    count = batch.fdcount[indices].astype(np.uint64)
    return Column(np.where(started == 0, count, batch.ts[indices] - started), valid=starts.valid)


PARENT_AGE = Field(
    "proc.ppid.duration",
    ValueType.RELTIME,
    "Time from the start of the parent process to the event, in nanoseconds.",
    "3648959200",
    _row,
    _bulk,
)
