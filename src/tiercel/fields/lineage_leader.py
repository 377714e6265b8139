"""Leaders of a process's session and groups: the thread with that id, or the oldest ancestor that shares it."""

from __future__ import annotations

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64, NOBODY, UNNAMED
from tiercel.fields.lineage_walk import levels, walk_from
from tiercel.fields.make import text
from tiercel.fields.model import Field
from tiercel.fields.process_text import COMM, EXE, EXEPATH
from tiercel.fields.subjects import CHILD_IN_PIDNS, find, finds, steady_lineages
from tiercel.state.batch import Batch
from tiercel.state.columns import P
from tiercel.state.event import Event


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
        name = f"leader by {self.column.name}"
        flags = batch.derived.get(f"steady {name}")
        if flags is None:
            flags = steady_lineages(batch) & steady.same_rows(batch, self._rows)
            batch.derived[f"steady {name}"] = flags
        return steady.rows(batch, indices, name, flags, self._rows)

    def _rows(self, batch: Batch, indices: I64) -> I64:
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

FIELDS: tuple[Field, ...] = (
    text("proc.sname", SESSION, COMM, "Name of the session leader.", "bash"),
    text("proc.sid.exe", SESSION, EXE, "First argument of the session leader's command line.", "/bin/bash"),
    text("proc.sid.exepath", SESSION, EXEPATH, "Full path of the session leader's executable.", "/usr/bin/bash"),
    text("proc.vpgid.name", GROUP, COMM, "Name of the process group's leader, by proc.vpgid.", "sh"),
    text("proc.vpgid.exe", GROUP, EXE, "First argument of that leader's command line.", "sh"),
    text("proc.vpgid.exepath", GROUP, EXEPATH, "Full path of that leader's executable.", "/usr/bin/dash"),
    text("proc.pgid.name", HOST_GROUP, COMM, "Name of the process group's leader, by proc.pgid.", "curl"),
    text("proc.pgid.exe", HOST_GROUP, EXE, "First argument of that leader's command line.", "curl"),
    text("proc.pgid.exepath", HOST_GROUP, EXEPATH, "Full path of that leader's executable.", "/usr/bin/curl"),
)
