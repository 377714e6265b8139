"""Which descriptors are open: one table per owner, rows shared by descriptors that are alike.

The base of :class:`tiercel.state.descriptors.Descriptors`. A table maps descriptor numbers to rows of
``Tables.files``. A row says what a descriptor points at, and is never changed: what changes gets another row. Rows
that are alike in every column but ``F.FD`` are one row, however often the same file is opened.

Compiled with Cython (types in ``fd_tables.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import cython  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, FdKind
from tiercel.model.tables import Rows, Strings
from tiercel.state.fd_log import FdLog
from tiercel.state.reader import Reader
from tiercel.state.threads import Thread, ThreadTable

CAPACITY = 4096
"""Most descriptors kept for one owner, as in libsinsp."""

HELD = 1 << 20
"""Most descriptors kept for all owners together: forks copy tables, and a hostile capture can fork without end."""

_CAPACITY = CAPACITY
_HELD = HELD
_WIDTH = int(F.COUNT)
_KIND = int(F.KIND)
_NAME = int(F.NAME)
_FLAGS = int(F.FLAGS)
_OPENFLAGS = int(F.OPENFLAGS)
_L4PROTO = int(F.L4PROTO)
_SIP = int(F.SIP)
_DIP = int(F.DIP)
_FD = int(F.FD)
_SOCKET = int(F.SOCKET)
_MASK = 0x3FFFFFFFFFFFFFFF
_MIX = 0x9E3779B97F4A7C15
_PROBES = 64  # rows that clash more often than this are not shared: hostile input must not make this slow
_UNINITIALIZED = int(FdKind.UNINITIALIZED)
_NO_PROTOCOL = 1
_NOBODY = -(1 << 62)
_RECENT = 0xFF


class Entered:
    """What an enter event said, kept for the exit event of the same call.

    A caller can change a path or an address while the call runs; what libsinsp believes is what the call was entered
    with. ``path`` is a string number, -1 for none; ``address`` a ``SOCKADDR``. ``live`` is whether the call still runs:
    the object is used again for the next call of the thread.
    """

    def __init__(self) -> None:
        self.begin(0)
        self.live = False

    def begin(self, type: int) -> None:
        """Another call is entered."""
        self.type = type
        self.live = True
        self.path = -1
        self.flags = 0
        self.dirfd = 0
        self.has_dirfd = False
        self.address = b""


class FdTables:
    """Open descriptors by owner, and the event at hand.

    While an event is handled, ``fd`` is the descriptor it is about (-1 none) and ``file_row`` its row; ``has_fd`` says
    whether the event has descriptor fields at all.
    """

    def __init__(self, tables: Tables, threads: ThreadTable) -> None:
        self.files: Rows = tables.files
        self.strings: Strings = tables.strings
        self.threads = threads
        self.tables: dict[int, dict[int, int]] = {}
        self.held = 0  # descriptors in all of them
        self.log = FdLog()
        self.slot_count = 1 << 12
        self.slot_cells: NDArray[np.int64] = np.zeros(self.slot_count, dtype=np.int64)
        self.slots = self.slot_cells
        self.slots_used = 0
        self.index = 0
        self.fd = -1
        self.file_row = -1
        self.has_fd = False
        self.name_changed = False
        self.old_name = 0
        self.thread: Thread | None = None
        self.table: dict[int, int] | None = None
        self.table_owner = _NOBODY  # whose table that is
        self.recent_tables: list[dict[int, int] | None] = [None] * (_RECENT + 1)  # by the low bits of their owner
        self.recent_cells: NDArray[np.int64] = np.full(_RECENT + 1, _NOBODY, dtype=np.int64)
        self.recent_owners = self.recent_cells.data
        self.entered: dict[int, Entered] = {}  # by tid
        self.live = 0  # of them
        self.call: Entered | None = None
        self.closing_fd = -1
        self.closing_owner = -1
        self.closing_table: dict[int, int] | None = None

    def begin(self, batch: Batch, reader: Reader) -> None:
        """Start a batch that ``reader`` has loaded: its log starts empty."""
        self.reader = reader
        self._finish_close()
        self.log.clear()
        self.index = -1

    def of(self, owner: int) -> dict[int, int] | None:
        """Return the table of ``owner``, None when it has none."""
        if owner < 0:
            return self.tables.get(owner)
        at = owner & _RECENT
        if self.recent_owners[at] != owner:
            self.recent_tables[at] = self.tables.get(owner)
            self.recent_owners[at] = owner
        return self.recent_tables[at]

    def replaced(self, owner: int) -> None:
        """Take note that ``owner`` has another table now, or none."""
        self.table_owner = _NOBODY
        at = owner & _RECENT
        self.recent_owners[at] = _NOBODY
        self.recent_tables[at] = None

    def select(self, owner: int) -> None:
        """Make ``table`` the one of ``owner``, None when it has none."""
        if owner != self.table_owner:
            self.table = self.of(owner)
            self.table_owner = owner

    def result(self) -> int:
        """Return what the system call of the event returned."""
        j = self.reader.span(self.index, 0)
        size = self.reader.length(j)
        if size == 8:
            return self.reader.i64(j)
        if size == 4:
            return self.reader.i32(j)
        return 0

    def find(self, fd: int) -> int:
        """Return the row of the caller's descriptor ``fd``, -1 when it is not open."""
        if fd < 0 or self.table is None:
            return -1
        found = self.table.get(fd)
        return -1 if found is None else found

    def put(self, fd: int, row: int) -> None:
        """Open descriptor ``fd`` of the caller; the event is about it from now on."""
        table = self.table
        thread = self.thread
        if thread is None or thread.owner < 0:
            return
        self.fd = fd
        self.file_row = -1
        self.old_name = 0
        if table is None:
            table = {}
            self.tables[thread.owner] = table
            self.replaced(thread.owner)
            self.table = table
            self.table_owner = thread.owner
        found = table.get(fd)
        if found is None:
            if len(table) >= _CAPACITY or self.held >= _HELD:
                return
            self.held += 1
        self.log.note(thread.owner, fd, self.index, -1 if found is None else found)
        table[fd] = row
        self.file_row = row

    def change(self, row: int) -> None:
        """Give the descriptor the event is about another row."""
        if row != self.file_row:
            thread = self.thread
            table = self.table
            if thread is not None and table is not None:
                self.log.note(thread.owner, self.fd, self.index, self.file_row)
                table[self.fd] = row
            self.file_row = row

    def draft(self, kind: int) -> int:
        """Return a new last row, blank but for its kind, to be filled in and handed to :meth:`intern`."""
        row = self.files.blank()
        for column in range(_WIDTH):
            self.files.data[row, column] = 0
        self.files.data[row, _KIND] = kind
        self.files.data[row, _L4PROTO] = _NO_PROTOCOL
        self.files.data[row, _SIP] = -1
        self.files.data[row, _DIP] = -1
        self.files.data[row, _SOCKET] = -1
        return row

    def intern(self, row: int, fd: int) -> int:
        """Return an older row like ``row``, the last one, or ``row`` itself when there is none."""
        at = self._hash(row) & (self.slot_count - 1)
        for _ in range(_PROBES):
            other: int = self.slots[at] - 1
            if other < 0:
                break
            for column in range(_WIDTH):
                if column != _FD and self.files.data[row, column] != self.files.data[other, column]:
                    break
            else:
                self.files.count -= 1
                return other
            at = (at + 1) & (self.slot_count - 1)
        else:
            at = -1
        self.files.data[row, _FD] = fd
        if at >= 0:
            self.slots[at] = row + 1
            self.slots_used += 1
            if self.slots_used * 2 > self.slot_count:
                self.share()
        return row

    def _hash(self, row: int) -> int:
        """Return a number of 62 bits that is the same for rows alike in all but ``F.FD``."""
        self.files.data[row, _FD] = 0
        if not cython.compiled:
            return hash(self.files.array[row].tobytes()) & _MASK
        mixed: int = 0
        for column in range(_WIDTH):
            mixed = (mixed ^ self.files.data[row, column]) * _MIX
            mixed ^= mixed >> 29
        return mixed & _MASK

    def share(self) -> None:
        """Enter all rows into a new hash table, of a size that leaves room for as many again."""
        while self.slot_count < self.files.count * 4:
            self.slot_count *= 2
        self.slot_cells = np.zeros(self.slot_count, dtype=np.int64)
        self.slots = self.slot_cells
        self.slots_used = 0
        for row in range(self.files.count):
            fd = self.files.data[row, _FD]
            at = self._hash(row) & (self.slot_count - 1)
            self.files.data[row, _FD] = fd
            for _ in range(_PROBES):
                if self.slots[at] == 0:
                    self.slots[at] = row + 1
                    self.slots_used += 1
                    break
                at = (at + 1) & (self.slot_count - 1)

    def _finish_close(self) -> None:
        """Take out what the event before closed: it was still there for whoever looked at that event."""
        if self.closing_owner < 0:
            return
        table = self.closing_table
        if table is not None:
            found = table.get(self.closing_fd)
            if found is not None:
                self.log.note(self.closing_owner, self.closing_fd, self.index, found)
                del table[self.closing_fd]
                self.held -= 1
        self.closing_owner = -1
        self.closing_table = None

    def fork(self, parent: int, child: int) -> None:
        """Give owner ``child`` a copy of the descriptors of owner ``parent``, in place of its own."""
        self._finish_close()
        before = self.tables.get(child)
        self.log.note_table(child, self.index, before)
        if before is not None:
            self.held -= len(before)
        table = self.tables.get(parent)
        if table is None or self.held + len(table) > _HELD:
            self.tables[child] = {}
        else:
            self.tables[child] = dict(table)
            self.held += len(table)
        self.replaced(child)

    def exec(self, owner: int) -> None:
        """Close the descriptors of ``owner`` that do not survive an exec."""
        self._finish_close()
        table = self.tables.get(owner)
        if table is None:
            return
        for fd in [fd for fd, row in table.items() if self._closes_on_exec(row)]:
            self.remove(owner, table, fd)

    def remove(self, owner: int, table: dict[int, int], fd: int) -> None:
        """Close ``fd``, which is open in ``table`` of ``owner``, at once."""
        self.log.note(owner, fd, self.index, table.pop(fd))
        self.held -= 1

    def _closes_on_exec(self, row: int) -> bool:
        flags = self.files.data[row, _OPENFLAGS]
        if flags & 0x1000:  # O_CLOEXEC
            return True
        kind = self.files.data[row, _KIND]
        return bool(flags & 1) and (kind == 12 or kind == 20)  # EPOLL_CLOEXEC, MFD_CLOEXEC

    def drop(self, owner: int) -> None:
        """Forget the descriptors of ``owner``, which ended."""
        self._finish_close()
        table = self.tables.pop(owner, None)
        self.replaced(owner)
        if table is not None:
            self.held -= len(table)
            self.log.note_table(owner, self.index, table)

    def count(self, owner: int) -> int:
        """Return how many descriptors ``owner`` has open."""
        self.select(owner)
        table = self.table
        return 0 if table is None else len(table)

    def row(self, owner: int, fd: int) -> int:
        """Return the row of descriptor ``fd`` of ``owner``, -1 when it is not open."""
        table = self.of(owner)
        if table is None:
            return -1
        found = table.get(fd)
        return -1 if found is None else found

    def row_at(self, owner: int, fd: int, index: int) -> int:
        """Return the row of descriptor ``fd`` of ``owner`` just after event ``index`` of the batch, -1 when closed."""
        return self.log.before(owner, fd, index, self.row(owner, fd))

    def table_at(self, owner: int, index: int) -> dict[int, int]:
        """Return all descriptors of ``owner``, number to row, just after event ``index`` of the batch."""
        return self.log.table_before(owner, index, self.tables.get(owner, {}))
