"""One event of a batch, for code that looks at events one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tiercel.model.batch import Batch
from tiercel.model.columns import F, P
from tiercel.wire.event_table import EVENTS
from tiercel.wire.event_table import Event as EventType


@dataclass(frozen=True, slots=True)
class Event:
    """Event ``index`` of ``batch``."""

    batch: Batch
    index: int

    @property
    def type(self) -> EventType:
        return EVENTS[int(self.batch.types[self.index])]

    @property
    def num(self) -> int:
        return int(self.batch.num[self.index])

    @property
    def ts(self) -> int:
        """ns since epoch"""
        return int(self.batch.ts[self.index])

    @property
    def params(self) -> int:
        """How many parameters this event carries."""
        first = self.batch.first
        return int(first[self.index + 1] - first[self.index])

    def param(self, k: int) -> bytes | None:
        """Return the bytes of parameter ``k``, None when the event has fewer."""
        batch, j = self.batch, int(self.batch.first[self.index]) + k
        if k < 0 or j >= batch.first[self.index + 1]:
            return None
        start = int(batch.start[j])
        return bytes(batch.data[start : start + int(batch.length[j])])

    @property
    def process(self) -> int:
        """Row of the calling thread, -1 when unknown."""
        return int(self.batch.process[self.index])

    @property
    def file(self) -> int:
        """Row of the descriptor the event is about, -1 without one."""
        return int(self.batch.file[self.index])

    def process_cell(self, column: P, row: int | None = None) -> int:
        """Return a cell of the caller's row, or of ``row``."""
        return int(self.batch.tables.processes.array[self.process if row is None else row, column])

    def file_cell(self, column: F, row: int | None = None) -> int:
        return int(self.batch.tables.files.array[self.file if row is None else row, column])

    def text(self, number: int) -> bytes | None:
        """Return the interned string with this number, None for -1."""
        return self.batch.tables.strings.get(number)

    def process_at(self, tid: int) -> int:
        """Return the row that thread ``tid`` had just after this event, -1 when there was no such thread."""
        lookup = self.batch.lookup
        return -1 if lookup is None else lookup.process(tid, self.index)

    def file_at(self, owner: int, fd: int) -> int:
        """Return the row of descriptor ``fd`` in the table of thread ``owner`` just after this event, -1 if closed."""
        lookup = self.batch.lookup
        return -1 if lookup is None else lookup.file(owner, fd, self.index)
