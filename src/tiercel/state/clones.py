"""Threads that begin: clone, clone3, fork and vfork, as their caller and as their child returns from them.

Both returns are events, in either order, and either may be missing. Inside a pid namespace the caller sees ids that
mean nothing outside, so only the child's return tells of the new thread. Rules as in libsinsp 0.25.4
(``parse_clone_exit_caller`` and ``parse_clone_exit_child`` in ``parsers.cpp``).

Compiled with Cython (types in ``clones.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiercel.model.columns import P
from tiercel.state.reader import Reader
from tiercel.state.texts import Texts
from tiercel.state.threads import (
    CHILD_IN_PIDNS,
    CLONE_FILES,
    CLONE_INVERTED,
    CLONE_NEWPID,
    CLONE_PARENT,
    CLONE_THREAD,
    CLONE_VFORK,
    Thread,
    ThreadTable,
)
from tiercel.wire.event_table import BY_CONSTANT

if TYPE_CHECKING:
    from tiercel.state.descriptors import Descriptors

STALE = 2_000_000_000
"""ns after which a thread in the table cannot be the one whose clone just returned."""

REMEMBERED_EXITS = 8192
"""Exits remembered, so that a caller returning late does not bring a dead child back."""

_VFORK = BY_CONSTANT["SYSCALL_VFORK_20_X"]
_TID = int(P.TID)
_PID = int(P.PID)
_PTID = int(P.PTID)
_REAPER = int(P.REAPER)
_VTID = int(P.VTID)
_VPID = int(P.VPID)
_COMM = int(P.COMM)
_EXE = int(P.EXE)
_ARGS = int(P.ARGS)
_CWD = int(P.CWD)
_CGROUPS = int(P.CGROUPS)
_CONTAINER = int(P.CONTAINER)
_UID = int(P.UID)
_GID = int(P.GID)
_FLAGS = int(P.FLAGS)
_CLONE_TS = int(P.CLONE_TS)
_LASTEXEC_TS = int(P.LASTEXEC_TS)
_PIDNS_START_TS = int(P.PIDNS_START_TS)


class Clones:
    """Makes threads of clone events."""

    def __init__(
        self, table: ThreadTable, reader: Reader, texts: Texts, descriptors: Descriptors, boot_ts: int
    ) -> None:
        self.table = table
        self.reader = reader
        self.texts = texts
        self.descriptors = descriptors
        self.boot_ts = boot_ts
        self.exits: dict[tuple[int, int], int] = {}

    def exited(self, tid: int, ptid: int, ts: int) -> None:
        """Remember that child ``tid`` of ``ptid`` exited about ``ts``."""
        key = (ptid & 0xFFFFFFFF, tid & 0xFFFFFFFF)
        self.exits.pop(key, None)
        if len(self.exits) >= REMEMBERED_EXITS:
            del self.exits[next(iter(self.exits))]
        self.exits[key] = ts

    def recently_exited(self, tid: int, ptid: int, ts: int) -> bool:
        at = self.exits.get((ptid & 0xFFFFFFFF, tid & 0xFFFFFFFF))
        return at is not None and 0 <= ts - at < STALE

    def clone(self, i: int, type: int, tid: int, ts: int, thread: Thread | None) -> Thread | None:
        """Handle event ``i``, a return from a clone in thread ``tid``. Returns the thread the event is about."""
        child = self.reader.i64(self.reader.span(i, 0))
        if child < 0:
            return thread
        if child == 0:
            return self.child(i, tid, ts, thread)
        return self.caller(i, type, tid, ts, child)

    def caller(self, i: int, type: int, tid: int, ts: int, child_tid: int) -> Thread | None:
        """The caller returns: learn of a new caller, and make the child unless only the child can tell of itself."""
        table = self.table
        reader = self.reader
        caller = table.get(tid, i)
        if caller is None:
            return None
        valid = not caller.is_invalid()
        if not valid:
            row = table.touch(caller, i)
            caller.pid = reader.i64(reader.span(i, 4))
            caller.ptid = reader.i64(reader.span(i, 5))
            self._virtual(i, caller, tid)
            self._identify(caller, row)
            table.relate(caller, i)
            table.show(caller, i)
        flags = reader.u32(reader.span(i, 15))
        if flags & (CHILD_IN_PIDNS | CLONE_NEWPID | CLONE_PARENT) or tid != caller.vtid:
            return caller
        if flags & CLONE_VFORK or type == _VFORK or self.recently_exited(child_tid, tid, ts):
            return caller
        existing = table.find(child_tid)
        if existing is not None:
            if existing.flags & CLONE_INVERTED:
                return caller
            table.remove(child_tid, i)
            self.drop()
        thread = Thread(child_tid)
        thread.flags = flags
        leader = not flags & CLONE_THREAD
        if leader:
            thread.pid = child_tid
            thread.ptid = caller.tid
        else:
            thread.pid = caller.pid
            thread.ptid = caller.ptid
            thread.flags |= CLONE_FILES
        thread.vtid = child_tid
        row = self._row(i, thread, caller, valid, leader, ts)
        table.rows.data[row, _VPID] = thread.pid
        table.rows.data[row, _PIDNS_START_TS] = self.boot_ts
        if not leader:
            table.rows.data[row, _LASTEXEC_TS] = table.rows.data[caller.row, _LASTEXEC_TS]
        if not valid:
            self._same_program(caller, row, i)
        self._enter(i, thread, caller, valid and leader)
        return table.find(tid) if existing is not None else caller

    def child(self, i: int, tid: int, ts: int, thread: Thread | None) -> Thread | None:
        """The child returns: make it, unless its caller did just before."""
        table = self.table
        reader = self.reader
        if thread is not None and thread.clone_ts != 0:
            if 0 <= ts - thread.clone_ts < STALE:
                return thread
            table.remove(tid, i)
            self.drop()
        thread = Thread(tid)
        thread.pid = reader.i64(reader.span(i, 4))
        thread.ptid = reader.i64(reader.span(i, 5))
        vpid = self._virtual(i, thread, tid)
        thread.flags = reader.u32(reader.span(i, 15)) | CLONE_INVERTED
        leader = not thread.flags & CLONE_THREAD
        if not leader:
            thread.flags |= CLONE_FILES
        source = table.get(thread.ptid if leader else thread.pid, i)
        if source is None:
            return None
        valid = not source.is_invalid()
        if not valid and not leader:
            row = table.touch(source, i)
            source.pid = thread.pid
            source.ptid = thread.ptid
            source.vtid = vpid
            table.rows.data[row, _VPID] = vpid
            self._identify(source, row)
            table.relate(source, i)
            table.show(source, i)
        row = self._row(i, thread, source, valid, leader, ts)
        table.rows.data[row, _VPID] = vpid
        if not leader and valid:
            table.rows.data[row, _LASTEXEC_TS] = table.rows.data[source.row, _LASTEXEC_TS]
        if thread.flags & (CHILD_IN_PIDNS | CLONE_NEWPID) or tid != thread.vtid:
            table.rows.data[row, _PIDNS_START_TS] = 0
            if not reader.empty(i, 20):
                started = reader.i64(reader.span(i, 20))
                table.rows.data[row, _PIDNS_START_TS] = (started + self.boot_ts) & 0x7FFFFFFFFFFFFFFF
        else:
            table.rows.data[row, _PIDNS_START_TS] = self.boot_ts
        if not valid and not leader:
            self._same_program(source, row, i)
        return thread if self._enter(i, thread, source, valid and leader) else None

    def drop(self) -> None:
        """Let go of the descriptors of the threads that ended."""
        removed = self.table.removed
        while removed:
            self.descriptors.drop(removed.pop())

    def _virtual(self, i: int, thread: Thread, tid: int) -> int:
        """Set ``thread.vtid`` from the event; return the virtual pid. Old events lack both."""
        reader = self.reader
        if reader.empty(i, 19):
            thread.vtid = tid
            vpid = -1
        else:
            thread.vtid = reader.i64(reader.span(i, 18))
            vpid = reader.i64(reader.span(i, 19))
        if thread.row >= 0:
            self.table.rows.data[thread.row, _VPID] = vpid
        return vpid

    def _identify(self, thread: Thread, row: int) -> None:
        data = self.table.rows.data
        data[row, _TID] = thread.tid
        data[row, _PID] = thread.pid
        data[row, _PTID] = thread.ptid
        data[row, _VTID] = thread.vtid

    def _row(self, i: int, thread: Thread, source: Thread, valid: bool, leader: bool, ts: int) -> int:
        """Make the first row of ``thread``: the event's values over those of ``source`` where that one is known."""
        table = self.table
        reader = self.reader
        texts = self.texts
        row = table.rows.copy(source.row) if valid else table.blank(thread.tid)
        thread.row = row
        self._identify(thread, row)
        exe = texts.number(reader.span(i, 1))
        args = texts.items(reader.span(i, 2))
        comm = exe if reader.empty(i, 13) else texts.number(reader.span(i, 13))
        groups = 0 if reader.empty(i, 14) else texts.cgroups(reader.span(i, 14), 0)
        data = table.rows.data
        data[row, _REAPER] = -1
        data[row, _EXE] = exe
        data[row, _ARGS] = args
        data[row, _COMM] = comm
        data[row, _CGROUPS] = groups
        data[row, _CONTAINER] = -1
        data[row, _UID] = reader.u32(reader.span(i, 16))
        data[row, _GID] = reader.u32(reader.span(i, 17))
        data[row, _FLAGS] = thread.flags
        data[row, _CLONE_TS] = ts
        data[row, _LASTEXEC_TS] = 0
        thread.clone_ts = ts
        thread.fdlimit = reader.i64(reader.span(i, 7))
        if not reader.empty(i, 12):
            thread.pfmajor = reader.u64(reader.span(i, 8))
            thread.pfminor = reader.u64(reader.span(i, 9))
            thread.vmsize = reader.u32(reader.span(i, 10))
            thread.vmrss = reader.u32(reader.span(i, 11))
            thread.vmswap = reader.u32(reader.span(i, 12))
        if valid and leader:
            thread.cwd = data[source.row, _CWD]
            thread.env = source.env
        return row

    def _same_program(self, thread: Thread, row: int, i: int) -> None:
        """What a thread of unknown past runs is what its new relative in ``row`` runs."""
        own = self.table.touch(thread, i)
        data = self.table.rows.data
        data[own, _EXE] = data[row, _EXE]
        data[own, _COMM] = data[row, _COMM]
        data[own, _ARGS] = data[row, _ARGS]

    def _enter(self, i: int, thread: Thread, source: Thread, inherit: bool) -> bool:
        owner = source.owner
        if not self.table.add(thread, i):
            return False
        self.drop()
        if inherit and owner >= 0:
            self.descriptors.fork(owner, thread.tid)
        return True
