"""Fields about the thread that made the event: ids, capabilities, cgroups, page faults, times."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tiercel.fields.bulk import I64, Cell, Derived, derived_text
from tiercel.fields.make import number, text, truth
from tiercel.fields.model import Argument, BulkGetter, Column, Field, RowGetter, Value, ValueType
from tiercel.fields.process_text import CAP_EFFECTIVE, CAP_INHERITABLE, CAP_PERMITTED, CGROUPS, cgroups
from tiercel.fields.process_usage import Counter, counted, memory
from tiercel.fields.subjects import CALLER, IS_MAIN_THREAD, caller_text
from tiercel.fields.thread_cpu import CPU_FIELDS
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.event import Event


def _is_main(tables: Tables, tid: int, pid: int, flags: int) -> int:
    return int(tid == pid or flags & IS_MAIN_THREAD != 0)


_IS_MAIN = Derived(_is_main, P.TID, P.PID, P.FLAGS)


def _tid_row(event: Event, argument: str | int | None) -> Value | None:
    tid = int(event.batch.tid[event.index])
    return tid if -1 <= tid <= 0xFFFFFFFF else None


def _tid_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    tids = batch.tid[indices]
    return Column(tids, valid=(tids >= -1) & (tids <= 0xFFFFFFFF))


def _name_tid_row(event: Event, argument: str | int | None) -> Value | None:
    if event.process < 0:
        return None
    return (event.text(event.process_cell(P.COMM)) or b"") + str(int(event.batch.tid[event.index])).encode()


@cache
def _cgroup(subsystem: str) -> tuple[RowGetter, BulkGetter]:
    wanted = subsystem.encode()

    def path(tables: Tables, number: int) -> bytes | None:
        return next((path for name, path in cgroups(tables.strings.get(number)) if name == wanted), None)

    return caller_text(derived_text(path, P.CGROUPS))


def _cgroup_row(event: Event, argument: str | int | None) -> Value | None:
    return _cgroup(str(argument))[0](event, None)


def _cgroup_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    return _cgroup(str(argument))[1](batch, indices, None)


def _main_only(column: int, factor: int = 1) -> Counter:
    kilobytes = memory(column)

    def values(batch: Batch, indices: I64) -> NDArray[np.generic]:
        rows = batch.process[indices].astype(np.int64)
        main = (rows >= 0) & (_IS_MAIN.many(batch.tables, rows) != 0)
        return np.where(main, kilobytes(batch, indices).astype(np.uint64) * np.uint64(factor), np.uint64(0))

    return values


def _faults(column: int) -> Counter:
    return lambda batch, indices: batch.faults[indices, column]


def _never_row(event: Event, argument: str | int | None) -> Value | None:
    return 0


def _never_bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    return Column(np.zeros(len(indices), np.uint64))


def _zero(batch: Batch, indices: I64) -> NDArray[np.generic]:
    return np.zeros(len(indices), np.uint64)


_INT64, _UINT64, _TEXT, _REL = ValueType.INT64, ValueType.UINT64, ValueType.CHARBUF, ValueType.RELTIME

FIELDS: tuple[Field, ...] = (
    Field(
        "thread.tid", _INT64, "Id of the thread that made the event.", "2950", _tid_row, _tid_bulk, number_format="id"
    ),
    truth("thread.ismain", CALLER, _IS_MAIN, "Whether the thread is the main one of its process."),
    number(
        "thread.vtid",
        _INT64,
        CALLER,
        Cell(P.VTID),
        "Id of the thread inside its own pid namespace.",
        "22",
        none=-1,
        number_format="id",
    ),
    Field(
        "thread.nametid",
        _TEXT,
        "Name of the process followed by the thread id.",
        "bash2950",
        _name_tid_row,
        number_format="na",
        unlisted=True,
    ),
    text("thread.cap_permitted", CALLER, CAP_PERMITTED, "Capabilities the thread may use.", "CAP_CHOWN CAP_KILL"),
    text("thread.cap_inheritable", CALLER, CAP_INHERITABLE, "Capabilities kept across an exec.", "CAP_NET_RAW"),
    text("thread.cap_effective", CALLER, CAP_EFFECTIVE, "Capabilities in force.", "CAP_CHOWN CAP_KILL"),
    text("thread.cgroups", CALLER, CGROUPS, "All cgroups of the thread as subsystem=path.", "cpu=/ memory=/user.slice"),
    Field(
        "thread.cgroup",
        _TEXT,
        "Path of the thread's cgroup in one subsystem, as in thread.cgroup.memory.",
        "/system.slice/docker.service",
        _cgroup_row,
        _cgroup_bulk,
        Argument.REQUIRED,
        key=True,
        number_format="na",
    ),
    counted("thread.pfmajor", _UINT64, _faults(0), "Page faults of the thread that needed the disk.", "3"),
    counted("thread.pfminor", _UINT64, _faults(1), "Page faults of the thread that did not.", "720"),
    Field(
        "thread.exectime",
        _REL,
        "Processor time of the thread last switched away from; 0 without scheduler events.",
        "0",
        _never_row,
        _never_bulk,
        number_format="dec",
    ),
    counted("thread.totexectime", _REL, _zero, "Processor time of the thread so far; 0 without scheduler events.", "0"),
    *CPU_FIELDS,
    counted("thread.vmsize", _UINT64, _main_only(0), "Virtual memory in KB, 0 except for the main thread.", "14792"),
    counted("thread.vmrss", _UINT64, _main_only(1), "Memory in RAM in KB, 0 except for the main thread.", "7604"),
    *(
        Field(
            shown.name,
            _UINT64,
            shown.summary,
            shown.example,
            shown.row,
            shown.bulk,
            number_format="dec",
            unlisted=True,
        )
        for shown in (
            counted("thread.vmsize.b", _UINT64, _main_only(0, 1024), "The same in bytes.", "15147008"),
            counted("thread.vmrss.b", _UINT64, _main_only(1, 1024), "The same in bytes.", "7786496"),
        )
    ),
)
