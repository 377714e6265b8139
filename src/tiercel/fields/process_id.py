"""Numbers that identify a process, when it started, and whether it leads its session or group."""

from __future__ import annotations

import numpy as np

from tiercel.fields.bulk import I64, Cell, Derived
from tiercel.fields.make import number, truth
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.fields.subjects import CALLER
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.event import Event

_HIDDEN = -(1 << 63)


def _shown(tables: Tables, pid: int) -> int:
    return pid if -1 <= pid <= 0xFFFFFFFF else _HIDDEN


SHOWN_PID = Derived(_shown, P.PID)
"""The process id, ``_HIDDEN`` for ids that sources without real ids make up."""


def _same(tables: Tables, a: int, b: int) -> int:
    return int(a == b)


def _age_row(event: Event, argument: str | int | None) -> Value | None:
    if event.process < 0:
        return None
    started = event.process_cell(P.CLONE_TS)
    return None if started == 0 else (event.ts - started) & 0xFFFFFFFFFFFFFFFF


def _age_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    rows = batch.process[indices]
    started = batch.tables.processes.array[rows, P.CLONE_TS].view(np.uint64)
    return Column(batch.ts[indices] - started, valid=(rows >= 0) & (started != 0))


_INT64 = ValueType.INT64

FIELDS: tuple[Field, ...] = (
    number(
        "proc.pid",
        _INT64,
        CALLER,
        SHOWN_PID,
        "Id of the process as the host sees it.",
        "2868",
        none=_HIDDEN,
        number_format="id",
    ),
    number(
        "proc.vpid",
        _INT64,
        CALLER,
        Cell(P.VPID),
        "Id of the process inside its own pid namespace.",
        "7",
        none=-1,
        number_format="id",
    ),
    number("proc.sid", _INT64, CALLER, Cell(P.SID), "Session id, in the process's namespace.", "2", number_format="id"),
    number(
        "proc.vpgid",
        _INT64,
        CALLER,
        Cell(P.VPGID),
        "Process group id inside the process's own pid namespace.",
        "22",
        number_format="id",
    ),
    number(
        "proc.pgid", _INT64, CALLER, Cell(P.PGID), "Process group id as the host sees it.", "2950", number_format="id"
    ),
    number(
        "proc.tty",
        ValueType.UINT32,
        CALLER,
        Cell(P.TTY),
        "Number of the controlling terminal, 0 for a process without one.",
        "34816",
        number_format="id",
    ),
    Field(
        "proc.duration",
        ValueType.RELTIME,
        "Time from the start of the process to the event, in nanoseconds.",
        "477244",
        _age_row,
        _age_bulk,
    ),
    number(
        "proc.pid.ts",
        ValueType.RELTIME,
        CALLER,
        Cell(P.CLONE_TS),
        "When the process started, in nanoseconds since the epoch.",
        "1795309484776814250",
        none=0,
    ),
    truth("proc.is_sid_leader", CALLER, Derived(_same, P.SID, P.VPID), "Whether the process leads its session."),
    truth(
        "proc.is_vpgid_leader",
        CALLER,
        Derived(_same, P.VPGID, P.VPID),
        "Whether the process leads its group, by ids of its own pid namespace; true for what was typed at a shell.",
    ),
    truth(
        "proc.is_pgid_leader",
        CALLER,
        Derived(_same, P.PGID, P.PID),
        "Whether the process leads its group, by host ids.",
    ),
)
