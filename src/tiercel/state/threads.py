"""Threads as they are now: who belongs to which group, who is whose child, and the process row each one has.

:class:`Thread` holds what changes too often or is asked for too often to live in a row: counters, kinship, the row
number itself. Everything a field shows lives in the row. A row is never changed once an event refers to it, so
:meth:`ThreadTable.touch` gives a thread a fresh copy the first time an event changes it, and notes what it replaced.

The rules of kinship (who is the main thread, who inherits orphans, what stays when a main thread exits before its
threads) follow libsinsp 0.25.4: ``thread_manager.cpp``, ``thread_group_info.h`` and ``threadinfo.h``.

Compiled with Cython (types in ``threads.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiercel.model.columns import P
from tiercel.model.tables import Rows, Strings

if TYPE_CHECKING:
    from tiercel.state.execs import Call

CLONE_FILES = 1 << 0
CLONE_NEWPID = 1 << 6
CLONE_PARENT = 1 << 8
CLONE_THREAD = 1 << 13
CLONE_INVERTED = 1 << 16  # the child's event came first and made the thread
NAME_CHANGED = 1 << 17
CLOSED = 1 << 18  # exited, still held because its threads live
ACTIVE = 1 << 19
CLONE_NEWUSER = 1 << 20
PIPE_SRC = 1 << 21
PIPE_DST = 1 << 22
CLONE_VFORK = 1 << 27
CHILD_IN_PIDNS = 1 << 29
IS_MAIN_THREAD = 1 << 30

CAPACITY = 262_144
"""Most threads kept at a time, as in libsinsp; a capture that asks for more is lying or leaking."""

KIN = 262_144
"""Most updates of other threads that the events of one batch may cause. Real events cause few; a made-up capture must
not multiply its size by the size of the table."""

_GENERATIONS = 4096  # ancestors looked at for a reaper
_EXPIRED_CHILDREN = 10  # this many dead children are remembered before the count is cleaned
_NO_ID = 0xFFFFFFFF  # uid or gid that is not known
_COMM = int(P.COMM)
_CONTAINER = int(P.CONTAINER)
_CWD = int(P.CWD)
_ENV = int(P.ENV)
_EXE = int(P.EXE)
_FDLIMIT = int(P.FDLIMIT)
_FDOWNER = int(P.FDOWNER)
_FLAGS = int(P.FLAGS)
_GID = int(P.GID)
_LOGINUID = int(P.LOGINUID)
_PGID = int(P.PGID)
_PID = int(P.PID)
_PTID = int(P.PTID)
_REAPER = int(P.REAPER)
_SID = int(P.SID)
_TID = int(P.TID)
_UID = int(P.UID)
_VPGID = int(P.VPGID)
_VPID = int(P.VPID)
_VTID = int(P.VTID)


class Group:
    """A thread group: the threads of one process."""

    def __init__(self, pid: int, reaper: bool, first: Thread) -> None:
        self.pid = pid
        self.reaper = reaper  # adopts the orphans of its descendants
        self.alive = 1
        self.first: Thread | None = first  # the main thread when it is known
        self.members: dict[int, Thread] = {first.tid: first}


class Thread:
    """One thread.

    ``ptid`` is -1 for a placeholder (a thread seen before anything is known of it); such a thread has no group.
    ``owner`` is the tid under which its descriptors are kept, -1 when that is unknown. ``cwd`` and ``env`` (string
    numbers) and ``fdlimit`` are its own; its row shows those of the main thread.
    """

    def __init__(self, tid: int) -> None:
        self.tid = tid
        self.pid = -1
        self.ptid = -1
        self.vtid = -1
        self.reaper = -1
        self.owner = tid
        self.flags = NAME_CHANGED
        self.row = -1
        self.touched = -1
        self.clone_ts = 0
        self.fdlimit = -1
        self.cwd = 0
        self.env = 0
        self.vmsize = 0
        self.vmrss = 0
        self.vmswap = 0
        self.pfmajor = 0
        self.pfminor = 0
        self.main: Thread | None = None
        self.group: Group | None = None
        self.parent: Thread | None = None  # whose ``children`` hold this one
        self.children: dict[int, Thread] = {}
        self.expired = 0  # dead children not yet forgotten
        self.unexpired = 0  # children counted as living
        self.gone = False  # no longer in the table
        self.call: Call | None = None  # the execve it is in

    def is_main(self) -> bool:
        return self.tid == self.pid or (self.flags & IS_MAIN_THREAD) != 0

    def is_invalid(self) -> bool:
        """Whether too little is known of it to have a parent or a group."""
        return self.tid < 0 or self.pid < 0 or self.ptid < 0

    def is_dead(self) -> bool:
        return (self.flags & CLOSED) != 0

    def in_pid_namespace(self) -> bool:
        return (self.flags & CHILD_IN_PIDNS) != 0 or (self.tid != self.vtid and self.vtid >= 0)

    def bind(self) -> None:
        """Work out ``main`` and ``owner`` anew."""
        self.main = None
        if self.is_main():
            self.main = self
        elif self.group is not None and self.group.first is not None and self.group.first.is_main():
            self.main = self.group.first
        if not self.flags & CLONE_FILES:
            self.owner = self.tid
        elif self.main is not None:
            self.owner = self.main.tid
        else:
            self.owner = -1

    def living(self) -> int:
        """Return how many threads of the group live, the main thread included."""
        return self.group.alive if self.group is not None else 0

    def others(self) -> int:
        """Return how many threads of the group live, the main thread not included."""
        if self.group is None:
            return 0
        if self.main is not None and not self.main.is_dead():
            return self.group.alive - 1
        return self.group.alive


class ThreadTable:
    """All threads by tid, and the log of what the current batch changed.

    Entry ``k`` of the log says: at event ``log_index[k]``, thread ``log_tid[k]`` got another row (or began, or ended),
    and had row ``log_row[k]`` before (-1: did not exist). ``removed`` collects the tids that ended, for whoever keeps
    something by tid; they empty it.
    """

    def __init__(self, rows: Rows, strings: Strings, capacity: int = CAPACITY) -> None:
        self.rows = rows
        self.capacity = capacity
        self.threads: dict[int, Thread] = {}
        self.groups: dict[int, Group] = {}
        self.base = 0  # events in earlier batches, so that ``touched`` never repeats
        self.budget = KIN
        self.removed: list[int] = []
        self.log_tid: list[int] = []
        self.log_index: list[int] = []
        self.log_row: list[int] = []
        self.unknown = strings.intern(b"<NA>")
        self.nowhere = strings.intern(b"./")  # cwd of a thread whose main thread is unknown

    def begin(self, events: int) -> None:
        """Start the log of a batch; ``events`` is the length of the batch before it."""
        self.base += events + 1
        self.budget = KIN
        self.log_tid = []
        self.log_index = []
        self.log_row = []

    def find(self, tid: int) -> Thread | None:
        return self.threads.get(tid)

    def full(self) -> bool:
        return len(self.threads) >= self.capacity

    def get(self, tid: int, index: int) -> Thread | None:
        """Return thread ``tid``, a new placeholder when it is not known, None when the table is full."""
        found = self.threads.get(tid)
        if found is not None or self.full():
            return found
        thread = Thread(tid)
        thread.row = self.blank(tid)
        thread.bind()
        self.put(thread, index)
        return thread

    def blank(self, tid: int) -> int:
        """Append the row of a thread of which only the tid is known."""
        row = self.rows.blank()
        data = self.rows.data
        data[row, _TID] = tid
        data[row, _PID] = -1
        data[row, _PTID] = -1
        data[row, _REAPER] = -1
        data[row, _VTID] = -1
        data[row, _VPID] = -1
        data[row, _SID] = -1
        data[row, _VPGID] = -1
        data[row, _PGID] = -1
        data[row, _COMM] = self.unknown
        data[row, _EXE] = self.unknown
        data[row, _CONTAINER] = -1
        data[row, _UID] = _NO_ID
        data[row, _GID] = _NO_ID
        data[row, _LOGINUID] = _NO_ID
        data[row, _FLAGS] = NAME_CHANGED
        data[row, _CWD] = self.nowhere
        data[row, _FDOWNER] = tid
        return row

    def note(self, tid: int, index: int, row: int) -> None:
        self.log_tid.append(tid)
        self.log_index.append(index)
        self.log_row.append(row)

    def touch(self, thread: Thread, index: int) -> int:
        """Return a row of ``thread`` that event ``index`` may change."""
        if thread.touched != self.base + index:
            if self.threads.get(thread.tid) is thread:
                self.note(thread.tid, index, thread.row)
                thread.row = self.rows.copy(thread.row)
            thread.touched = self.base + index
        return thread.row

    def put(self, thread: Thread, index: int) -> None:
        """Enter ``thread``, whose own row is filled in, replacing any thread of the same tid."""
        before = self.threads.get(thread.tid)
        self.note(thread.tid, index, -1 if before is None else before.row)
        if before is not None:
            self._forget(before)
        self.threads[thread.tid] = thread
        thread.gone = False
        thread.touched = self.base + index
        self.show(thread, index)

    def add(self, thread: Thread, index: int) -> bool:
        """Enter ``thread`` with its group and parent. Return False, changing nothing, when the table is full."""
        if self.full():
            return False
        self.relate(thread, index)
        self.put(thread, index)
        return True

    def relate(self, thread: Thread, index: int) -> None:
        """Give ``thread`` its group and its parent. Placeholders get neither."""
        if thread.is_invalid() or thread.group is not None:
            thread.bind()
            return
        group = self.groups.get(thread.pid)
        if group is None:
            vpid = self.rows.data[thread.row, _VPID]
            group = Group(thread.pid, thread.pid == 1 or vpid == 1, thread)
            self.groups[thread.pid] = group
            thread.group = group
            thread.bind()
        else:
            group.members[thread.tid] = thread
            group.alive += 1
            thread.group = group
            if thread.is_main():
                group.first = thread
                self.spread(group, index)
            else:
                thread.bind()
        if thread.pid == 1:
            return
        parent = self.threads.get(thread.ptid)
        if parent is None or parent.is_invalid():
            self.set_parent(thread, 0, index)
        else:
            self.adopt(parent, thread, index)

    def set_parent(self, thread: Thread, ptid: int, index: int) -> None:
        """Change ``thread.ptid``, in its row too."""
        thread.ptid = ptid
        if self.rows.data[thread.row, _PTID] != ptid:
            row = self.touch(thread, index)
            self.rows.data[row, _PTID] = ptid

    def adopt(self, parent: Thread, child: Thread, index: int) -> None:
        """Make ``child`` a child of ``parent``."""
        if child.parent is not None and child.parent.children.get(child.tid) is child:
            del child.parent.children[child.tid]
        parent.children[child.tid] = child
        parent.unexpired += 1
        child.parent = parent
        self.set_parent(child, parent.tid, index)

    def spread(self, group: Group, index: int) -> None:
        """Bring the threads of ``group`` up to date with its main thread, as far as the budget goes."""
        if group.first is not None:
            group.first.bind()
            self.show(group.first, index)
        if self.budget < len(group.members):
            return
        self.budget -= len(group.members) - 1
        for member in list(group.members.values()):
            member.bind()
            self.show(member, index)

    def show(self, thread: Thread, index: int) -> None:
        """Make the row of ``thread`` show its owner and what it has from the main thread."""
        cwd = self.nowhere
        env = thread.env
        limit = 0
        main = thread.main
        if main is not None:
            cwd = main.cwd
            env = main.env
            limit = main.fdlimit
        row = thread.row
        if (
            self.rows.data[row, _CWD] != cwd
            or self.rows.data[row, _ENV] != env
            or self.rows.data[row, _FDLIMIT] != limit
            or self.rows.data[row, _FDOWNER] != thread.owner
        ):
            row = self.touch(thread, index)
            self.rows.data[row, _CWD] = cwd
            self.rows.data[row, _ENV] = env
            self.rows.data[row, _FDLIMIT] = limit
            self.rows.data[row, _FDOWNER] = thread.owner

    def remove(self, tid: int, index: int) -> None:
        """Take thread ``tid`` out: hand its children to a reaper, and end its group with its last living thread.

        A main thread stays, marked closed, while other threads of its group live.
        """
        thread = self.threads.get(tid)
        if thread is None:
            return
        group = thread.group
        if group is None or thread.is_invalid():
            self._lose_child(thread.ptid)
            self._erase(tid, index)
            return
        if not thread.is_dead():
            group.alive -= 1
            thread.flags |= CLOSED
        if thread.children or thread.expired:
            self._orphan(thread, index)
        if group.alive == 0:
            self._lose_child(thread.ptid)
            self.groups.pop(thread.pid, None)
            self._erase(thread.pid, index)
        if not thread.is_main():
            self._lose_child(thread.ptid)
            self._erase(tid, index)

    def _orphan(self, thread: Thread, index: int) -> None:
        """Hand the children of ``thread`` to the reaper its exit event named, or to the one found by the rules."""
        reaper = None
        if thread.reaper > 0:
            reaper = self.get(thread.reaper, index)
        if reaper is None or reaper.is_invalid():
            reaper = self._find_reaper(thread)
        if reaper is thread:
            reaper = None
        if reaper is not None:
            thread.reaper = reaper.tid
            if reaper.pid != thread.pid and reaper.group is not None:
                reaper.group.reaper = True
        children = list(thread.children.values())
        if self.budget < len(children):
            children = []
        self.budget -= len(children)
        thread.children = {}
        thread.expired = 0
        thread.unexpired = 0
        for child in children:
            child.parent = None
            if reaper is None:
                self.set_parent(child, 0, index)
            else:
                self.adopt(reaper, child, index)

    def _find_reaper(self, thread: Thread) -> Thread | None:
        """A living thread of the same group, else of the nearest ancestor group that reaps in the same namespace."""
        found = self._first_alive(thread.group, thread)
        if found is not None:
            return found
        inside = thread.in_pid_namespace()
        seen = {thread.tid}
        parent = self.threads.get(thread.ptid)
        while parent is not None and parent.tid not in seen and len(seen) < _GENERATIONS:
            seen.add(parent.tid)
            if parent.in_pid_namespace() != inside:
                return None
            if parent.group is not None and parent.group.reaper:
                found = self._first_alive(parent.group, None)
                if found is not None:
                    return found
            parent = self.threads.get(parent.ptid)
        return None

    def _first_alive(self, group: Group | None, besides: Thread | None) -> Thread | None:
        if group is None or group.alive <= 0:
            return None
        first = group.first
        if first is not None and first is not besides and not first.is_dead() and not first.gone:
            return first
        for member in group.members.values():
            if member is not besides and not member.is_dead():
                return member
        return None

    def _lose_child(self, ptid: int) -> None:
        parent = self.threads.get(ptid)
        if parent is None:
            return
        parent.unexpired -= 1
        left = len(parent.children) + parent.expired - parent.unexpired
        if left < 0 or left >= _EXPIRED_CHILDREN:
            parent.expired = 0

    def _erase(self, tid: int, index: int) -> None:
        thread = self.threads.pop(tid, None)
        if thread is not None:
            self.note(tid, index, thread.row)
            self._forget(thread)

    def _forget(self, thread: Thread) -> None:
        """Untie a thread that left the table from its parent and its group."""
        thread.gone = True
        thread.main = None  # itself, often: let it be freed at once
        self.removed.append(thread.tid)
        parent = thread.parent
        if parent is not None and parent.children.get(thread.tid) is thread:
            del parent.children[thread.tid]
            parent.expired += 1
        thread.parent = None
        group = thread.group
        if group is not None:
            if group.members.get(thread.tid) is thread:
                del group.members[thread.tid]
            if group.first is thread:
                group.first = None
                if self.budget >= len(group.members):
                    self.budget -= len(group.members)
                    for member in list(group.members.values()):
                        member.bind()
