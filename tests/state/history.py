"""Made-up events for the tests of tracking.

A :class:`History` is a tracker with its tables; ``happen`` tracks events given by name and parameters, one batch a
call, and the process of any of them can then be read by column name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tiercel.capture.parameters import encode, event_number
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import P
from tiercel.model.world import World
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.state.compact import PROCESS_TEXTS
from tiercel.state.track import Tracker

THREAD = 0x1 | 0x2 | 0x2000  # CLONE_FILES, CLONE_FS, CLONE_THREAD
VFORK = 1 << 27
IN_PIDNS = 1 << 29
SECOND = 1_000_000_000

Happening = tuple[int, str, dict[str, Any]]
"""Thread, event and its parameters."""


def make_batch(tables: Tables, happenings: list[Happening], since: int = SECOND, num: int = 1) -> Batch:
    """Return an untracked batch of events a millisecond apart; ``ts`` among the parameters sets another time."""
    data = bytearray()
    first, start, length, types, tids, times = [0], [], [], [], [], []
    for k, (tid, event, values) in enumerate(happenings):
        values = dict(values)
        times.append(values.pop("ts", since + k * 1_000_000))
        params = encode(event, **values)
        for value in params:
            start.append(len(data))
            length.append(len(value))
            data += value
        first.append(len(start))
        types.append(event_number(event))
        tids.append(tid)
    count = len(happenings)
    return Batch(
        tables=tables,
        data=data,
        count=count,
        num=np.arange(num, num + count, dtype=np.uint64),
        ts=np.array(times, dtype=np.uint64),
        tid=np.array(tids, dtype=np.int64),
        cpu=np.zeros(count, dtype=np.uint16),
        types=np.array(types, dtype=np.uint16),
        first=np.array(first, dtype=np.int32),
        start=np.array(start, dtype=np.int32),
        length=np.array(length, dtype=np.int32),
        visible=np.ones(count, dtype=np.bool_),
    )


def record(tid: int, ptid: int = 1, **values: Any) -> ThreadRecord:
    """Return a thread of the process list: a process of its own unless ``pid`` says otherwise."""
    name = b"p%d" % tid
    usual: dict[str, Any] = {"pid": tid, "vtid": tid, "vpid": tid, "comm": name, "exe": name, "cwd": b"/"}
    return ThreadRecord(tid=tid, ptid=ptid, **(usual | values))


class History:
    """A capture in the making: processes 1 and 100 to begin with, 100 the child of 1."""

    def __init__(self, *threads: ThreadRecord, descriptors: list[tuple[int, list[FdRecord]]] | None = None) -> None:
        self.tables = Tables()
        self.world = World()
        self.tracker = Tracker(
            self.tables, self.world, [record(1, 0), record(100), *threads], [] if descriptors is None else descriptors
        )
        self.now = SECOND

    def happen(self, *happenings: Happening) -> Batch:
        """Track the events and return their batch."""
        self.batch = make_batch(self.tables, list(happenings), self.now)
        self.now += len(happenings) * 1_000_000
        self.tracker.track(self.batch)
        return self.batch

    def row(self, row: int) -> dict[str, Any]:
        """Return the cells of a process row by lower-case column name, texts as bytes."""
        cells = self.tables.processes.array[row].tolist()
        return {
            column.name.lower(): self.tables.strings.get(cells[column]) if column in PROCESS_TEXTS else cells[column]
            for column in P
            if column is not P.COUNT
        }

    def process(self, index: int = -1) -> dict[str, Any]:
        """Return the process of event ``index`` of the last batch."""
        row = int(self.batch.process[index])
        assert row >= 0, "the event has no process"
        return self.row(row)

    def thread(self, tid: int, index: int) -> dict[str, Any] | None:
        """Return thread ``tid`` as it was just after event ``index`` of the last batch."""
        assert self.batch.lookup is not None
        row = self.batch.lookup.process(tid, index)
        return None if row < 0 else self.row(row)


def clone(caller: int, child: int, **values: Any) -> Happening:
    """The caller's return from clone."""
    given = {"exe": "p", "comm": "p", "args": [], "flags": 0, "uid": 0, "gid": 0, "vtid": caller, "vpid": caller}
    given |= {"fdlimit": 1024, "tid": caller, "pid": caller, "ptid": 1}
    return caller, "SYSCALL_CLONE_20_X", given | {"res": child} | values


def cloned(child: int, parent: int, **values: Any) -> Happening:
    """The child's return from clone."""
    given = {"exe": "p", "comm": "p", "args": [], "flags": 0, "uid": 0, "gid": 0, "vtid": child, "vpid": child}
    given |= {"fdlimit": 1024, "tid": child, "pid": child, "ptid": parent}
    return child, "SYSCALL_CLONE_20_X", given | {"res": 0} | values


def execve(tid: int, exe: str, *args: str, **values: Any) -> Happening:
    given = {"res": 0, "exe": exe, "args": list(args), "tid": tid, "pid": tid, "ptid": 1, "fdlimit": 1024}
    return tid, "SYSCALL_EXECVE_19_X", given | {"comm": exe.rpartition("/")[2], "trusted_exepath": exe} | values


def leave(tid: int, **values: Any) -> Happening:
    """The exit of a thread."""
    return tid, "PROCEXIT_1_E", {"status": 0, "ret": 0, "sig": 0, "core": 0} | values


def idle(tid: int) -> Happening:
    """An event that changes nothing."""
    return tid, "SYSCALL_ACCESS_X", {"res": 0, "name": "/"}
