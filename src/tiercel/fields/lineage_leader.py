"""Leaders of a process's session and groups: the thread with that id, or the oldest ancestor that shares it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64, NOBODY, UNNAMED, Reading, text_getters
from tiercel.fields.lineage_walk import levels, walk_from
from tiercel.fields.model import Column, Field, ValueType
from tiercel.fields.process_text import COMM, EXE, EXEPATH
from tiercel.fields.subjects import CHILD_IN_PIDNS, find, finds, steady_lineages
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event


class Leader:
    """The leader by the id in ``column``; without one, names are empty.

    A ``virtual`` id names a thread of the process's own pid namespace, so it can be looked up only for processes of the
    first namespace.
    """

    def __init__(self, column: P, virtual: bool) -> None:
        self.column = column
        self.virtual = virtual

    def row(self, event: Event, argument: str | int | None) -> int:
        caller = event.process
        if caller < 0:
            return NOBODY
        wanted = event.process_cell(self.column)
        if wanted == -1:
            return UNNAMED
        if not (self.virtual and self._namespaced(event)):
            leader = find(event, wanted)
            if leader >= 0:
                return leader
        leader = UNNAMED
        for row in walk_from(event, caller):
            if event.process_cell(self.column, row) != wanted:
                break
            leader = row
        return leader

    @staticmethod
    def _namespaced(event: Event) -> bool:
        vtid = event.process_cell(P.VTID)
        return bool(event.process_cell(P.FLAGS) & CHILD_IN_PIDNS) or 0 <= vtid != event.process_cell(P.TID)

    def rows(self, batch: Batch, indices: I64, argument: str | int | None) -> I64:
        callers = batch.process[indices].astype(np.int64)
        table = batch.tables.processes.array
        wanted = table[callers, self.column]
        leaders = np.where(callers < 0, NOBODY, UNNAMED)
        searching = (callers >= 0) & (wanted != -1)
        known = searching.copy()
        if self.virtual:
            vtids = table[callers, P.VTID]
            known &= (table[callers, P.FLAGS] & CHILD_IN_PIDNS) == 0
            known &= (vtids < 0) | (vtids == table[callers, P.TID])
        found = finds(batch, wanted[known], indices[known])
        leaders[known] = np.where(found >= 0, found, UNNAMED)
        searching &= leaders < 0
        for positions, rows in levels(batch, indices, np.where(searching, callers, NOBODY)):
            same = searching[positions] & (table[rows, self.column] == wanted[positions])
            searching[positions[~same]] = False
            leaders[positions[same]] = rows[same]
            if not searching.any():
                break
        return leaders


SESSION = Leader(P.SID, virtual=True)
GROUP = Leader(P.VPGID, virtual=True)
HOST_GROUP = Leader(P.PGID, virtual=False)


def _steadies(leader: Leader) -> Callable[[Batch], steady.Flags]:
    def flags(batch: Batch) -> steady.Flags:
        return steady_lineages(batch) & steady.same_rows(batch, lambda b, at: leader.rows(b, at, None))

    return flags


def _text(name: str, leader: Leader, reading: Reading, summary: str, example: str) -> Field:
    row, bulk = text_getters(leader, reading)
    flags = _steadies(leader)

    def spread(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        kept = f"leader by {leader.column.name}"
        return steady.spread(batch, indices, kept, flags, lambda at: bulk(batch, at, None))

    return Field(name, ValueType.CHARBUF, summary, example, row, spread, number_format="na")


FIELDS: tuple[Field, ...] = (
    _text("proc.sname", SESSION, COMM, "Name of the session leader.", "bash"),
    _text("proc.sid.exe", SESSION, EXE, "First argument of the session leader's command line.", "/bin/bash"),
    _text("proc.sid.exepath", SESSION, EXEPATH, "Full path of the session leader's executable.", "/usr/bin/bash"),
    _text("proc.vpgid.name", GROUP, COMM, "Name of the process group's leader, by proc.vpgid.", "sh"),
    _text("proc.vpgid.exe", GROUP, EXE, "First argument of that leader's command line.", "sh"),
    _text("proc.vpgid.exepath", GROUP, EXEPATH, "Full path of that leader's executable.", "/usr/bin/dash"),
    _text("proc.pgid.name", HOST_GROUP, COMM, "Name of the process group's leader, by proc.pgid.", "curl"),
    _text("proc.pgid.exe", HOST_GROUP, EXE, "First argument of that leader's command line.", "curl"),
    _text("proc.pgid.exepath", HOST_GROUP, EXEPATH, "Full path of that leader's executable.", "/usr/bin/curl"),
)
