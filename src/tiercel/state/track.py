"""Following processes and descriptors through the events of a batch.

:class:`Tracker` goes once over the events in order, keeps the threads and what they run up to date, and writes for each
event the process row, the descriptor and the counters as they are just after it. What lives on between batches is the
:class:`~tiercel.state.threads.ThreadTable` and the descriptor tables; what a batch changed is logged, so that the state
after any of its events can be asked for (:mod:`tiercel.state.lookup`).

The order of things within an event follows libsinsp 0.25.4 (``sinsp::next`` in ``sinsp.cpp``, ``reset`` and
``process_event`` in ``parsers.cpp``): a thread that exited and a descriptor that was closed go when the next event
comes; then the event's thread and descriptor are found; then the event changes them.

Compiled with Cython (types in ``track.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

import cython  # type: ignore[import-untyped]
import numpy as np

from tiercel.model.batch import Tables
from tiercel.model.columns import P
from tiercel.model.world import World
from tiercel.state.clones import Clones
from tiercel.state.compact import Compaction
from tiercel.state.containers import ContainerIds
from tiercel.state.descriptors import Descriptors
from tiercel.state.execs import Execs
from tiercel.state.lookup import Lookup
from tiercel.state.procs import load
from tiercel.state.reader import Reader
from tiercel.state.self_changes import SelfChanges
from tiercel.state.texts import Texts
from tiercel.state.threads import CLOSED, Thread, ThreadTable
from tiercel.state.world_events import apply
from tiercel.wire.event_table import EVENTS, EventFlag

if TYPE_CHECKING:
    from tiercel.model.batch import Batch
    from tiercel.sources.records import FdRecord, ThreadRecord


class Handling(IntEnum):
    """What tracking does with an event."""

    THREAD = 0  # only finds its thread
    NOTHING = 1  # not even that
    KNOWN_THREAD = 2  # finds its thread if there is one
    META = 3  # tells of a container, a user or a group
    CLONE = 4
    EXIT = 5
    EXEC_ENTER = 6
    EXEC = 7
    CHROOT = 8
    CHANGE = 9  # changes something of its own thread
    SWITCH = 10  # context switch


_HANDLED = {
    "SYSCALL_CLONE_20_X": Handling.CLONE,
    "SYSCALL_CLONE3_X": Handling.CLONE,
    "SYSCALL_FORK_20_X": Handling.CLONE,
    "SYSCALL_VFORK_20_X": Handling.CLONE,
    "PROCEXIT_1_E": Handling.EXIT,
    "SYSCALL_EXECVE_19_E": Handling.EXEC_ENTER,
    "SYSCALL_EXECVEAT_E": Handling.EXEC_ENTER,
    "SYSCALL_EXECVE_19_X": Handling.EXEC,
    "SYSCALL_EXECVEAT_X": Handling.EXEC,
    "SYSCALL_CHROOT_X": Handling.CHROOT,
    "SCHEDSWITCH_6_E": Handling.SWITCH,
    "PROCINFO_E": Handling.KNOWN_THREAD,
    "CONTAINER_JSON_2_E": Handling.META,
    "USER_ADDED_E": Handling.META,
    "USER_DELETED_E": Handling.META,
    "GROUP_ADDED_E": Handling.META,
    "GROUP_DELETED_E": Handling.META,
    "ASYNCEVENT_E": Handling.META,
    "PLUGINEVENT_E": Handling.NOTHING,
    "SYSCALL_CHDIR_X": Handling.CHANGE,
    "SYSCALL_FCHDIR_X": Handling.CHANGE,
    "SYSCALL_GETCWD_X": Handling.CHANGE,
    "SYSCALL_SETSID_X": Handling.CHANGE,
    "SYSCALL_SETRESUID_X": Handling.CHANGE,
    "SYSCALL_SETREUID_X": Handling.CHANGE,
    "SYSCALL_SETUID_X": Handling.CHANGE,
    "SYSCALL_SETRESGID_X": Handling.CHANGE,
    "SYSCALL_SETREGID_X": Handling.CHANGE,
    "SYSCALL_SETGID_X": Handling.CHANGE,
    "SYSCALL_CAPSET_X": Handling.CHANGE,
    "SYSCALL_UNSHARE_X": Handling.CHANGE,
    "SYSCALL_SETNS_X": Handling.CHANGE,
    "SYSCALL_PRCTL_X": Handling.CHANGE,
    "SYSCALL_GETRLIMIT_X": Handling.CHANGE,
    "SYSCALL_SETRLIMIT_X": Handling.CHANGE,
    "SYSCALL_PRLIMIT_X": Handling.CHANGE,
    "SYSCALL_BRK_4_X": Handling.CHANGE,
    "SYSCALL_MMAP_X": Handling.CHANGE,
    "SYSCALL_MMAP2_X": Handling.CHANGE,
    "SYSCALL_MUNMAP_X": Handling.CHANGE,
    "SYSCALL_CLOSE_RANGE_X": Handling.CHANGE,  # replaces the table of descriptors, see _run
}
_NONE = -(1 << 62)  # in place of a tid
_RECENT = 0xFF
_EXIT_PARAMS = 4  # of an exit event without the reaper

# as C numbers, see track.pxd
_THREAD, _NOTHING, _KNOWN_THREAD, _META, _CLONE, _EXIT, _EXEC_ENTER, _EXEC, _CHROOT, _CHANGE, _SWITCH = (
    int(handling) for handling in Handling
)
_CGROUPS = int(P.CGROUPS)
_CONTAINER = int(P.CONTAINER)
_CLOSED = CLOSED


class Tracker:
    """Follows one capture. Batches must be tracked in order, each before the next is decoded into the same tables.

    ``world`` is added to. ``threads`` and ``descriptors`` are the capture's process and descriptor lists. ``boot_ts``
    is added to the start of a pid namespace: ns from the epoch to the boot of a host that is watched. libsinsp takes it
    to be 0 on replay.
    """

    def __init__(
        self,
        tables: Tables,
        world: World,
        threads: Iterable[ThreadRecord] = (),
        descriptors: Iterable[tuple[int, list[FdRecord]]] = (),
        boot_ts: int = 0,
    ) -> None:
        self.tables = tables
        self.world = world
        self.reader = Reader()
        self.table = ThreadTable(tables.processes, tables.strings)
        self.texts = Texts(self.reader, tables.strings)
        self.containers = ContainerIds(tables.strings)
        self.descriptors = Descriptors(tables, self.table, world)
        self.clones = Clones(self.table, self.reader, self.texts, self.descriptors, boot_ts)
        self.execs = Execs(self.table, self.reader, self.texts, self.descriptors, tables.files)
        self.changes = SelfChanges(self.table, self.reader, self.texts, self.descriptors, tables.files)
        self.compaction = Compaction(tables, self.table, self.descriptors, len(tables.strings))
        self.lookup: Lookup | None = None
        self.leaving = _NONE  # thread that exited and goes with the next event
        self.events = 0  # of the batch before
        self.recent: list[Thread | None] = [None] * (_RECENT + 1)  # threads seen last, by the low bits of their tid
        self.handling = np.zeros(len(EVENTS), dtype=np.uint8)
        for event in EVENTS:
            handling = _HANDLED.get(event.constant, Handling.THREAD)
            if event.flags & EventFlag.SKIPPARSERESET and handling == Handling.THREAD:
                handling = Handling.NOTHING
            self.handling[event.number] = handling
        self.load(threads, descriptors)

    def load(self, threads: Iterable[ThreadRecord], descriptors: Iterable[tuple[int, list[FdRecord]]]) -> None:
        """Take in a process list and a descriptor list, as they stand before the next batch."""
        load(threads, self.table, self.tables.strings, self.containers, 0)
        self.clones.drop()
        for tid, records in descriptors:
            self.descriptors.load(tid, records)
        self.descriptors.loaded()

    def compact(self) -> None:
        """Drop what nothing alive refers to from the tables; starts a new epoch, ends the use of earlier batches."""
        self.compaction.run()
        self.texts.renumber()
        self.containers.renumber()
        self.lookup = None

    def track(self, batch: Batch) -> None:
        """Fill the tracking columns of ``batch``, set its ``lookup`` and ``world``.

        When the tables have grown large it first drops what earlier batches alone needed (``Tables.epoch`` goes up), so
        be done with those.

        Raises ValueError when an event has a type that is not in the event table, or a span outside the data.
        """
        count = batch.count
        if count and int(batch.types[:count].max()) >= len(EVENTS):
            raise ValueError(f"event type {int(batch.types[:count].max())} is not in the event table")
        if min(len(batch.types), len(batch.tid), len(batch.ts)) < count:
            raise ValueError(f"batch of {count} events has shorter columns")
        if self.compaction.due():
            self.compact()
        self.table.begin(self.events)
        self.events = count
        self.reader.load(batch)
        self.descriptors.begin(batch, self.reader)
        _allocate(batch, count)
        self._run(batch, count)
        following = Lookup(self.table, self.descriptors)
        if self.lookup is not None:
            self.lookup.close(following)
        self.lookup = following
        batch.lookup = following
        batch.world = self.world

    # columns have at least ``count`` entries, types and the low bits of a tid are in range
    @cython.boundscheck(False)  # type: ignore[untyped-decorator]
    def _run(self, batch: Batch, count: int) -> None:
        table = self.table
        descriptors = self.descriptors
        handling = self.handling.data
        types = batch.types.data
        tids = batch.tid.data
        times = batch.ts.view(np.int64).data
        c_process = batch.process.data
        c_file = batch.file.data
        c_fd = batch.fd.data
        c_has_fd = batch.has_fd.view(np.uint8).data
        c_changed = batch.name_changed.view(np.uint8).data
        c_fdcount = batch.fdcount.data
        c_threads = batch.threads.data
        c_children = batch.children.data
        c_memory = batch.memory.data
        c_faults = batch.faults.data
        recent = self.recent
        for i in range(count):
            if self.leaving != _NONE:
                self._leave(i, times[i])
            type = types[i]
            kind = handling[type]
            tid = tids[i]
            if kind in (_NOTHING, _META):
                thread = None
                if kind == _META:
                    apply(self.world, self.reader, self.texts, i, type, int(batch.num[i]))
            else:
                thread = recent[tid & _RECENT]
                if thread is None or thread.tid != tid or thread.gone:
                    thread = table.find(tid)
                    if (
                        thread is None
                        and kind != _KNOWN_THREAD
                        and kind != _CLONE
                        and kind != _EXIT
                        and kind != _SWITCH
                    ):
                        thread = table.get(tid, i)
                    recent[tid & _RECENT] = thread
                if kind != _THREAD:
                    thread = self._handle(i, kind, type, tid, times[i], thread)
                elif thread is not None and thread.call is not None:
                    if type & 1:
                        thread.call = None
                    else:
                        thread.call.interrupted = True
            descriptors.event(thread, i, type)
            c_file[i] = descriptors.file_row
            c_fd[i] = descriptors.fd
            c_has_fd[i] = descriptors.has_fd
            c_changed[i] = descriptors.name_changed
            if thread is None:
                c_process[i] = -1
                c_fdcount[i] = 0
                c_threads[i] = 0
                c_children[i] = 0
                c_memory[i, 0] = 0
                c_memory[i, 1] = 0
                c_memory[i, 2] = 0
                c_faults[i, 0] = 0
                c_faults[i, 1] = 0
                continue
            c_process[i] = thread.row
            main = thread.main
            if main is None:
                c_fdcount[i] = 0
            else:
                open_fds = descriptors.of(main.tid)
                c_fdcount[i] = 0 if open_fds is None else len(open_fds)
            group = thread.group
            if group is None:
                c_threads[i] = 0
                c_children[i] = 0
            else:
                alive = group.alive
                c_threads[i] = alive
                c_children[i] = alive - 1 if main is not None and not main.flags & _CLOSED else alive
            c_memory[i, 0] = thread.vmsize
            c_memory[i, 1] = thread.vmrss
            c_memory[i, 2] = thread.vmswap
            c_faults[i, 0] = thread.pfmajor
            c_faults[i, 1] = thread.pfminor

    def _leave(self, i: int, ts: int) -> None:
        """Take out the thread that exited with the event before."""
        tid = self.leaving
        self.leaving = _NONE
        self.descriptors.index = i
        thread = self.table.find(tid)
        self.clones.exited(tid, -1 if thread is None else thread.ptid, ts)
        self.table.remove(tid, i)
        self.clones.drop()

    def _handle(self, i: int, kind: int, type: int, tid: int, ts: int, thread: Thread | None) -> Thread | None:
        """Apply an event that does more than have a thread; return the thread it is then about."""
        self.descriptors.index = i
        if kind == _CLONE:
            thread = self.clones.clone(i, type, tid, ts, thread)
        elif thread is None or kind == _KNOWN_THREAD:
            return thread
        elif kind == _SWITCH:
            self._switch(i, thread)
            return thread
        elif kind == _CHANGE:
            self.changes.event(i, type, thread)
        elif kind == _EXEC:
            self.execs.exit(i, ts, thread)
            thread.call = None
            self.clones.drop()
        elif kind == _EXEC_ENTER:
            self.execs.enter(i, type, thread)
            return thread
        elif kind == _CHROOT:
            self.changes.chroot(i, thread)
        elif kind == _EXIT:
            self._exit(i, thread)
        if thread is None:
            return None
        if thread.call is not None:
            if type & 1:
                thread.call = None
            else:
                thread.call.interrupted = True
        if (kind in (_CLONE, _EXEC, _CHROOT)) and self.reader.i64(self.reader.span(i, 0)) >= 0:
            self._contain(i, tid)
        return thread

    def _exit(self, i: int, thread: Thread) -> None:
        """Mark a thread dead; it goes with the next event, so that this one is still seen as its own."""
        if thread.group is not None and not thread.is_dead():
            thread.group.alive -= 1
        thread.flags |= CLOSED
        self.leaving = thread.tid
        if thread.children or thread.expired:
            if self.reader.params(i) <= _EXIT_PARAMS:
                thread.reaper = -1
            elif not self.reader.empty(i, _EXIT_PARAMS):
                thread.reaper = self.reader.i64(self.reader.span(i, _EXIT_PARAMS))

    def _switch(self, i: int, thread: Thread) -> None:
        reader = self.reader
        if reader.empty(i, 5):
            return
        thread.pfmajor = reader.u64(reader.span(i, 1))
        thread.pfminor = reader.u64(reader.span(i, 2))
        main = thread.main
        if main is not None:
            main.vmsize = reader.u32(reader.span(i, 3))
            main.vmrss = reader.u32(reader.span(i, 4))
            main.vmswap = reader.u32(reader.span(i, 5))

    def _contain(self, i: int, tid: int) -> None:
        """Look for the container of thread ``tid`` in its cgroups."""
        thread = self.table.find(tid)
        if thread is None:
            return
        rows = self.tables.processes
        container = self.containers.of(rows.data[thread.row, _CGROUPS])
        if rows.data[thread.row, _CONTAINER] != container:
            row = self.table.touch(thread, i)
            rows.data[row, _CONTAINER] = container


def _allocate(batch: Batch, count: int) -> None:
    """Make the columns that tracking fills."""
    batch.process = np.empty(count, dtype=np.int32)
    batch.file = np.empty(count, dtype=np.int32)
    batch.fd = np.empty(count, dtype=np.int64)
    batch.has_fd = np.empty(count, dtype=np.bool_)
    batch.name_changed = np.empty(count, dtype=np.bool_)
    batch.fdcount = np.empty(count, dtype=np.int32)
    batch.threads = np.empty(count, dtype=np.int32)
    batch.children = np.empty(count, dtype=np.int32)
    batch.memory = np.empty((count, 3), dtype=np.uint32)
    batch.faults = np.empty((count, 2), dtype=np.uint64)
