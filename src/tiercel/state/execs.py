"""Threads that run another program: execve and execveat.

Rules as in libsinsp 0.25.4 (``parse_execve_exit`` in ``parsers.cpp``). Old captures lack the path the kernel opened; it
is then made of the call's own arguments, which only the enter event has.

Compiled with Cython (types in ``execs.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiercel.model.columns import ExeFlag, F, P
from tiercel.model.tables import Rows
from tiercel.state.paths import concatenate
from tiercel.state.reader import Reader
from tiercel.state.texts import UNKNOWN, Texts, exepath
from tiercel.state.threads import (
    ACTIVE,
    CHILD_IN_PIDNS,
    CLONE_INVERTED,
    CLOSED,
    IS_MAIN_THREAD,
    NAME_CHANGED,
    PIPE_DST,
    PIPE_SRC,
    Thread,
    ThreadTable,
)
from tiercel.wire.event_table import BY_CONSTANT

if TYPE_CHECKING:
    from tiercel.state.descriptors import Descriptors

AT_FDCWD = -100
AT_EMPTY_PATH = 1

_EXECVEAT_E = BY_CONSTANT["SYSCALL_EXECVEAT_E"]
_TID = int(P.TID)
_PID = int(P.PID)
_PTID = int(P.PTID)
_VTID = int(P.VTID)
_VPID = int(P.VPID)
_VPGID = int(P.VPGID)
_PGID = int(P.PGID)
_COMM = int(P.COMM)
_EXE = int(P.EXE)
_EXEPATH = int(P.EXEPATH)
_ARGS = int(P.ARGS)
_CWD = int(P.CWD)
_CGROUPS = int(P.CGROUPS)
_UID = int(P.UID)
_GID = int(P.GID)
_LOGINUID = int(P.LOGINUID)
_TTY = int(P.TTY)
_FLAGS = int(P.FLAGS)
_CAP_PERMITTED = int(P.CAP_PERMITTED)
_CAP_EFFECTIVE = int(P.CAP_EFFECTIVE)
_CAP_INHERITABLE = int(P.CAP_INHERITABLE)
_EXE_INO = int(P.EXE_INO)
_EXE_CTIME = int(P.EXE_CTIME)
_EXE_MTIME = int(P.EXE_MTIME)
_EXE_FLAGS = int(P.EXE_FLAGS)
_LASTEXEC_TS = int(P.LASTEXEC_TS)
_EXE_CTIME_TO_CLONE = int(P.EXE_CTIME_TO_CLONE)


class Call:
    """What an enter event of execve or execveat asked for, kept until its exit."""

    def __init__(self, type: int, path: bytes, dirfd: int, flags: int) -> None:
        self.type = type
        self.path = path
        self.dirfd = dirfd
        self.flags = flags
        self.interrupted = False  # by another enter event of the thread: then it is not to be trusted


def exe_flags(flags: int) -> int:
    """Return the :class:`ExeFlag` bits of an event's execve flags, whose last two bits are the other way round."""
    bits = flags & (ExeFlag.WRITABLE | ExeFlag.UPPER_LAYER)
    if flags & 4:
        bits |= ExeFlag.FROM_MEMFD
    if flags & 8:
        bits |= ExeFlag.LOWER_LAYER
    return bits


class Execs:
    """Applies execve events."""

    def __init__(self, table: ThreadTable, reader: Reader, texts: Texts, descriptors: Descriptors, files: Rows) -> None:
        self.table = table
        self.reader = reader
        self.texts = texts
        self.descriptors = descriptors
        self.files = files

    def enter(self, i: int, type: int, thread: Thread) -> None:
        """Keep what enter event ``i`` asks for."""
        reader = self.reader
        if type == _EXECVEAT_E:
            path = self.texts.text(reader.span(i, 1))
            thread.call = Call(type, path, reader.i64(reader.span(i, 0)), reader.u32(reader.span(i, 2)))
        elif not reader.empty(i, 0):
            thread.call = Call(type, self.texts.text(reader.span(i, 0)), AT_FDCWD, 0)

    def exit(self, i: int, ts: int, thread: Thread) -> None:
        """Handle event ``i``, a return from execve in ``thread``."""
        table = self.table
        reader = self.reader
        texts = self.texts
        if reader.i64(reader.span(i, 0)) < 0:
            return
        group = thread.group
        if thread.is_dead():
            thread.flags &= ~CLOSED & 0xFFFFFFFF
            if group is not None:
                group.alive += 1
        row = table.touch(thread, i)
        exe = texts.number(reader.span(i, 1))
        comm = exe if reader.empty(i, 13) else texts.number(reader.span(i, 13))
        args = texts.items(reader.span(i, 2))
        data = table.rows.data
        data[row, _EXE] = exe
        data[row, _COMM] = comm
        data[row, _ARGS] = args
        data[row, _LASTEXEC_TS] = ts
        thread.pid = reader.i64(reader.span(i, 4))
        data[row, _PID] = thread.pid
        if thread.is_invalid():
            thread.ptid = reader.i64(reader.span(i, 5))
            data[row, _PTID] = thread.ptid
            if not thread.flags & CHILD_IN_PIDNS:
                thread.vtid = thread.tid
                data[row, _VTID] = thread.tid
                data[row, _VPID] = thread.pid
            table.relate(thread, i)
            group = thread.group
            data = table.rows.data  # may have grown
        thread.fdlimit = reader.i64(reader.span(i, 7))
        if not reader.empty(i, 12):
            thread.pfmajor = reader.u64(reader.span(i, 8))
            thread.pfminor = reader.u64(reader.span(i, 9))
            thread.vmsize = reader.u32(reader.span(i, 10))
            thread.vmrss = reader.u32(reader.span(i, 11))
            thread.vmswap = reader.u32(reader.span(i, 12))
        if not reader.empty(i, 15):
            thread.env = texts.items(reader.span(i, 15))
        if not reader.empty(i, 14):
            data[row, _CGROUPS] = texts.cgroups(reader.span(i, 14), data[row, _CGROUPS])
        if not reader.empty(i, 16):
            data[row, _TTY] = reader.u32(reader.span(i, 16))
        self._exepath(i, thread, row)
        self._identity(i, thread, row)
        if thread.owner >= 0:
            self.descriptors.exec(thread.owner)
        kept = PIPE_SRC | PIPE_DST | IS_MAIN_THREAD | CLONE_INVERTED
        thread.flags = (thread.flags & kept) | ACTIVE | NAME_CHANGED
        data[row, _FLAGS] = thread.flags
        thread.bind()
        if group is not None and group.alive > 1 and table.budget >= len(group.members):
            table.budget -= len(group.members)
            for member in list(group.members.values()):
                if not member.is_main() and member.tid != thread.tid:
                    table.remove(member.tid, i)
        if group is None:
            table.show(thread, i)
        else:
            table.spread(group, i)

    def _exepath(self, i: int, thread: Thread, row: int) -> None:
        reader = self.reader
        call = thread.call
        if not reader.empty(i, 27):
            path = self.texts.text(reader.span(i, 27))
        elif call is not None and not call.interrupted:
            path = self._called(call, thread, row)
        else:
            return
        self.table.rows.data[row, _EXEPATH] = self.texts.strings.intern(exepath(path))

    def _called(self, call: Call, thread: Thread, row: int) -> bytes:
        """Return the path that the arguments of ``call`` name."""
        strings = self.texts.strings.values
        path = call.path
        cwd = strings[self.table.rows.data[row, _CWD]]
        if call.type != _EXECVEAT_E:
            return UNKNOWN if path == UNKNOWN else concatenate(cwd, path)
        if path[:1] == b"/":
            directory = b"."
        elif call.dirfd == AT_FDCWD:
            directory = cwd
        else:
            file = self.descriptors.row(thread.owner, call.dirfd) if thread.owner >= 0 else -1
            if file < 0:
                return UNKNOWN
            directory = strings[self.files.data[file, F.NAME]]
            if directory and not directory.endswith(b"/"):
                directory += b"/"
        if call.flags & AT_EMPTY_PATH:
            return concatenate(b"", directory)
        return UNKNOWN if path == UNKNOWN else concatenate(directory, path)

    def _identity(self, i: int, thread: Thread, row: int) -> None:
        """Session, credentials and the file that is run."""
        reader = self.reader
        data = self.table.rows.data
        if not reader.empty(i, 17):
            data[row, _VPGID] = reader.i64(reader.span(i, 17))
        if not reader.empty(i, 18):
            data[row, _LOGINUID] = reader.u32(reader.span(i, 18))
        if not reader.empty(i, 19):
            data[row, _EXE_FLAGS] = exe_flags(reader.u32(reader.span(i, 19)))
        if not reader.empty(i, 22):
            data[row, _CAP_INHERITABLE] = reader.i64(reader.span(i, 20))
            data[row, _CAP_PERMITTED] = reader.i64(reader.span(i, 21))
            data[row, _CAP_EFFECTIVE] = reader.i64(reader.span(i, 22))
        if not reader.empty(i, 25):
            ctime = reader.i64(reader.span(i, 24))
            data[row, _EXE_INO] = reader.i64(reader.span(i, 23))
            data[row, _EXE_CTIME] = ctime
            data[row, _EXE_MTIME] = reader.i64(reader.span(i, 25))
            if thread.clone_ts != 0:
                data[row, _EXE_CTIME_TO_CLONE] = wrapped(thread.clone_ts - ctime)
        if not reader.empty(i, 26):
            data[row, _UID] = reader.u32(reader.span(i, 26))
        data[row, _PGID] = -1 if reader.empty(i, 28) else reader.i64(reader.span(i, 28))
        if not reader.empty(i, 29):
            data[row, _GID] = reader.u32(reader.span(i, 29))


def wrapped(difference: int) -> int:
    """Return a difference of two 64-bit numbers as 64 bits hold it."""
    if difference > 0x7FFFFFFFFFFFFFFF:
        return difference - 0x10000000000000000
    if difference < -0x8000000000000000:
        return difference + 0x10000000000000000
    return difference
