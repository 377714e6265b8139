"""Events that open files, and others that make one new descriptor.

Compiled with Cython (types in ``open_events.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.state.fd_events import Action
from tiercel.state.fd_tables import Entered, FdTables
from tiercel.state.paths import concatenate
from tiercel.state.text_index import TextIndex
from tiercel.state.threads import ThreadTable
from tiercel.wire.event_table import BY_CONSTANT

_AT_FDCWD = -100
JOINED = 1 << 14
"""Joined paths remembered; a newer one takes the place of an older one."""

OPENED = 1 << 12
"""Rows of opened files remembered, likewise."""

ENTERED = 1 << 16
"""Most calls remembered as entered before the memory starts anew."""

_NAME = int(F.NAME)
_NAMERAW = int(F.NAMERAW)
_FLAGS = int(F.FLAGS)
_OPENFLAGS = int(F.OPENFLAGS)
_DEV = int(F.DEV)
_INO = int(F.INO)
_PID = int(F.PID)
_FILE_V2 = int(FdKind.FILE_V2)
_DIRECTORY = int(FdKind.DIRECTORY)
_FIFO = int(FdKind.FIFO)
_MEMFD = int(FdKind.MEMFD)
_PIDFD = int(FdKind.PIDFD)
_UNINITIALIZED = int(FdKind.UNINITIALIZED)
_OPEN = int(Action.OPEN)
_OPENAT = int(Action.OPENAT)
_OPENAT2 = int(Action.OPENAT2)
_CREAT = int(Action.CREAT)
_O_F_CREATED = 1 << 14
_O_DIRECTORY = 1 << 10
_O_CLOEXEC = 1 << 12
_UPPER_LAYER = 1 << 15
_LOWER_LAYER = 1 << 16
_OVERLAY_UPPER = int(FdFlag.OVERLAY_UPPER)
_OVERLAY_LOWER = int(FdFlag.OVERLAY_LOWER)
_JOINED = JOINED - 1
_MIX1, _MIX2, _MIX3, _MIX4 = 0x1E3779B1, 0x05EBCA6B, 0x42B2AE35, 0x27D4EB2F
_OPENED = OPENED - 1
_CLOEXEC_BITS = 1 << 12 | 1  # O_CLOEXEC; EPOLL_CLOEXEC and MFD_CLOEXEC are the same bit

_CREAT_E = BY_CONSTANT["SYSCALL_CREAT_E"]
_OPENAT_E = BY_CONSTANT["SYSCALL_OPENAT_2_E"]
_OPENAT2_E = BY_CONSTANT["SYSCALL_OPENAT2_E"]
_CONNECT_E = BY_CONSTANT["SOCKET_CONNECT_E"]
_PIPE2 = BY_CONSTANT["SYSCALL_PIPE2_X"]
_DUP3 = BY_CONSTANT["SYSCALL_DUP3_X"]

_SINGLES = {
    "SYSCALL_EVENTFD_X": FdKind.EVENT,
    "SYSCALL_EVENTFD2_X": FdKind.EVENT,
    "SYSCALL_SIGNALFD_X": FdKind.SIGNALFD,
    "SYSCALL_SIGNALFD4_X": FdKind.SIGNALFD,
    "SYSCALL_TIMERFD_CREATE_X": FdKind.TIMERFD,
    "SYSCALL_INOTIFY_INIT_X": FdKind.INOTIFY,
    "SYSCALL_INOTIFY_INIT1_X": FdKind.INOTIFY,
    "SYSCALL_BPF_2_X": FdKind.BPF,
    "SYSCALL_USERFAULTFD_X": FdKind.USERFAULTFD,
    "SYSCALL_IO_URING_SETUP_X": FdKind.IOURING,
    "SYSCALL_EPOLL_CREATE_X": FdKind.EVENTPOLL,
    "SYSCALL_EPOLL_CREATE1_X": FdKind.EVENTPOLL,
}
_SINGLE_FLAGS = {  # parameter with the open flags
    "SYSCALL_EVENTFD2_X": 1,
    "SYSCALL_INOTIFY_INIT1_X": 1,
    "SYSCALL_SIGNALFD4_X": 1,
    "SYSCALL_TIMERFD_CREATE_X": 2,
}


class OpenEvents(FdTables):
    """Handles open and its relatives, pipes, duplicates and descriptors of anonymous inodes."""

    def __init__(self, tables: Tables, threads: ThreadTable) -> None:
        FdTables.__init__(self, tables, threads)
        self.texts = TextIndex(self.strings)
        self.join_keys_held: NDArray[np.int64] = np.full(JOINED, -1, dtype=np.int64)  # see _join
        self.join_numbers_held: NDArray[np.int64] = np.zeros(JOINED, dtype=np.int64)
        self.opened_held: NDArray[np.int64] = np.zeros(OPENED, dtype=np.int64)  # row plus one, see _opened
        self.join_keys = self.join_keys_held.data
        self.join_numbers = self.join_numbers_held.data
        self.opened = self.opened_held.data
        self.unknown_directory = self.strings.intern(b"<UNKNOWN>")
        self.here = self.strings.intern(b"./")
        self.dot = self.strings.intern(b".")
        self.kinds: dict[int, int] = {BY_CONSTANT[name]: int(kind) for name, kind in _SINGLES.items()}
        self.flag_params: dict[int, int] = {BY_CONSTANT[name]: k for name, k in _SINGLE_FLAGS.items()}
        self.epoll1 = BY_CONSTANT["SYSCALL_EPOLL_CREATE1_X"]
        self.sparse = False  # files that nobody asks about were left out: a descriptor not known is one of them

    def open(self, action: int) -> None:
        """Handle an event of the open family that named a path."""
        reader = self.reader
        i = self.index
        fd = self.result()
        if fd < 0:
            return
        flags = 0
        dev = 0
        ino = 0
        if action in (_OPENAT, _OPENAT2):
            name_at = 2
            inode_at = 6 if action == _OPENAT else 7
            flags = reader.u32(reader.span(i, 3))
        elif action == _OPEN:
            name_at = 1
            inode_at = 5
            flags = reader.u32(reader.span(i, 2))
        elif action == _CREAT:
            name_at = 1
            inode_at = 4
            layer = reader.u16(reader.span(i, 5))
            if layer & 1:
                flags = _UPPER_LAYER
            elif layer & 2:
                flags = _LOWER_LAYER
        else:  # open_by_handle_at, whose path is absolute
            name_at = 3
            inode_at = 5
            flags = reader.u32(reader.span(i, 2))
        dev = reader.u32(reader.span(i, inode_at - 1))
        ino = reader.i64(reader.span(i, inode_at))
        raw = self.texts.number(reader, reader.span(i, name_at))
        j = reader.span(i, 1)
        has_dirfd = reader.length(j) != 0
        dirfd = reader.i64(j)
        call = self.call
        if call is not None and call.path >= 0:
            raw = call.path
            if action != _CREAT:
                flags = call.flags | (flags & ~(_O_F_CREATED - 1))
            dirfd = call.dirfd
            has_dirfd = call.has_dirfd
        name: bytes = self.strings.values[raw]
        if name and name[0] == 47:
            full = self._join(self.dot, raw, False)
        elif action in (_OPEN, _CREAT):
            full = self._join(self._cwd(), raw, False)
        elif action in (_OPENAT, _OPENAT2):
            full = self.at_directory(dirfd, raw) if has_dirfd else self._join(0, raw, False)
        else:
            full = self._join(0, raw, False)
        self.put(fd, self._opened(fd, flags, dev, ino, full, raw))

    def _opened(self, fd: int, flags: int, dev: int, ino: int, full: int, raw: int) -> int:
        """Return the row of a file opened like this."""
        at = (raw * _MIX1 ^ full * _MIX2 ^ ino * _MIX3 ^ flags * _MIX4) & _OPENED
        row = self.opened[at] - 1
        data = self.files.data
        if (
            row >= 0
            and data[row, _NAMERAW] == raw
            and data[row, _NAME] == full
            and data[row, _INO] == ino
            and data[row, _OPENFLAGS] == flags
            and data[row, _DEV] == dev
        ):
            return row  # what else a row of an opened file holds follows from these
        row = self.draft(_DIRECTORY if flags & _O_DIRECTORY else _FILE_V2)
        data = self.files.data
        data[row, _OPENFLAGS] = flags
        data[row, _DEV] = dev
        data[row, _INO] = ino
        data[row, _NAME] = full
        data[row, _NAMERAW] = raw
        if flags & _UPPER_LAYER:
            data[row, _FLAGS] |= _OVERLAY_UPPER
        if flags & _LOWER_LAYER:
            data[row, _FLAGS] |= _OVERLAY_LOWER
        row = self.intern(row, fd)
        self.opened[at] = row + 1
        return row

    def enter(self, type: int) -> None:
        """Keep what the enter event of an open or connect says."""
        reader = self.reader
        i = self.index
        thread = self.thread
        if thread is None or (type != _CONNECT_E and reader.empty(i, 0)):
            return
        call = self.entered.get(thread.tid)
        if call is None:
            if len(self.entered) >= ENTERED:
                self.entered.clear()
                self.live = 0
            call = Entered()
            self.entered[thread.tid] = call
        if not call.live:
            self.live += 1
        call.begin(type)
        if type == _CONNECT_E:
            call.address = reader.raw(reader.span(i, 1))
        else:
            at = 1 if type in (_OPENAT_E, _OPENAT2_E) else 0
            path = self.texts.number(reader, reader.span(i, at))
            if path != self.texts.absent:
                call.path = path
            if type != _CREAT_E:
                call.flags = reader.u32(reader.span(i, at + 1))
            if at:
                call.dirfd = reader.i64(reader.span(i, 0))
                call.has_dirfd = True

    def _cwd(self) -> int:
        """Return the working directory of the caller as a string number."""
        thread = self.thread
        if thread is None or thread.main is None:
            return self.here
        return thread.main.cwd

    def at_directory(self, dirfd: int, raw: int) -> int:
        """Return relative path ``raw`` as seen from descriptor ``dirfd`` of the caller (string numbers)."""
        if dirfd == _AT_FDCWD:
            return self._join(self._cwd(), raw, False)
        row = self.find(dirfd)
        if row < 0:
            return self._join(self.unknown_directory, raw, False)
        return self._join(self.files.data[row, _NAME], raw, True)

    def _join(self, base: int, raw: int, slash: bool) -> int:
        """Join two strings by number, after a slash where ``slash`` asks for one; what is asked twice is kept."""
        key = ((base << 1 | slash) << 31) | raw
        at = (base * _MIX2 ^ raw * _MIX1) & _JOINED
        if self.join_keys[at] == key:
            return self.join_numbers[at]
        directory = self.strings.values[base]
        if slash and directory and not directory.endswith(b"/"):
            directory += b"/"
        full = self.strings.intern(concatenate(directory, self.strings.values[raw]))
        self.join_keys[at] = key
        self.join_numbers[at] = full
        return full

    def single(self, type: int) -> None:
        """Handle an event that made one descriptor of a kind that follows from its type."""
        fd = self.result()
        if fd < 0:
            return
        row = self.draft(self.kinds[type])
        if type in self.flag_params:
            self.files.data[row, _OPENFLAGS] = self.reader.u16(self.reader.span(self.index, self.flag_params[type]))
        elif type == self.epoll1 and self.reader.u32(self.reader.span(self.index, 1)) & 1:
            self.files.data[row, _OPENFLAGS] = _O_CLOEXEC
        self.put(fd, self.intern(row, fd))

    def pipe(self, type: int) -> None:
        """Handle a pipe; the event is about its write end."""
        if self.result() < 0:
            return
        reader = self.reader
        row = self.draft(_FIFO)
        self.files.data[row, _INO] = reader.i64(reader.span(self.index, 3))
        if type == _PIPE2:
            self.files.data[row, _OPENFLAGS] = reader.u32(reader.span(self.index, 4))
        fd = reader.i64(reader.span(self.index, 1))
        row = self.intern(row, fd)
        self.put(fd, row)
        self.put(reader.i64(reader.span(self.index, 2)), row)

    def memfd(self) -> None:
        """Handle memfd_create. One that failed leaves an entry under its error number, as in libsinsp."""
        reader = self.reader
        fd = self.result()
        row = self.draft(_MEMFD if fd >= 0 else _UNINITIALIZED)
        if fd >= 0:
            self.files.data[row, _NAME] = self.texts.number(reader, reader.span(self.index, 1))
            self.files.data[row, _OPENFLAGS] = reader.u32(reader.span(self.index, 2))
        self.put(fd, self.intern(row, fd))

    def pidfd_open(self) -> None:
        fd = self.result()
        if fd < 0:
            return
        reader = self.reader
        pid = reader.i64(reader.span(self.index, 1))
        row = self.draft(_PIDFD)
        self.files.data[row, _NAME] = self.strings.intern(b"/proc/%d" % pid)
        self.files.data[row, _OPENFLAGS] = reader.u32(reader.span(self.index, 2))
        self.files.data[row, _PID] = pid
        self.put(fd, self.intern(row, fd))

    def pidfd_getfd(self) -> None:
        """Handle a descriptor taken over from another process."""
        reader = self.reader
        holder = self.find(reader.i64(reader.span(self.index, 1)))
        if holder < 0 or self.files.data[holder, 0] != _PIDFD:
            return
        other = self.threads.find(self.files.data[holder, _PID])
        target = reader.i64(reader.span(self.index, 2))
        if other is None or other.owner < 0 or target < 0:
            return
        row = self.row(other.owner, target)
        if row >= 0:
            self.copy(row, self.result(), True)

    def copy(self, row: int, fd: int, cloexec: bool) -> None:
        """Open ``fd`` as a duplicate of ``row``. Its name was known, so it does not count as changed."""
        flags = self.files.data[row, _OPENFLAGS]
        wanted = flags & ~_CLOEXEC_BITS
        if cloexec:
            wanted |= _O_CLOEXEC
        name = self.files.data[row, _NAME]
        self.put(fd, self.with_flags(row, wanted))
        self.old_name = name

    def with_flags(self, row: int, wanted: int) -> int:
        """Return ``row`` with other open flags."""
        if self.files.data[row, _OPENFLAGS] == wanted:
            return row
        new = self.files.copy(row)
        self.files.data[new, _OPENFLAGS] = wanted
        return self.intern(new, self.fd)

    def dup(self, type: int) -> None:
        fd = self.result()
        if fd < 0:
            return
        if self.file_row < 0:
            if self.sparse:
                self._forget(fd)
            return
        cloexec = type == _DUP3 and (self.reader.u32(self.reader.span(self.index, 3)) & _O_CLOEXEC) != 0
        self.copy(self.file_row, fd, cloexec)

    def fcntl(self) -> None:
        """Handle F_DUPFD, F_DUPFD_CLOEXEC and F_SETFD."""
        reader = self.reader
        command = reader.u8(reader.span(self.index, 2))
        if command != 1 and command != 26 and command != 3:
            return
        fd = self.result()
        if fd < 0 or self.file_row < 0:
            return
        if command != 3:
            self.copy(self.file_row, fd, command == 26)
            return
        wanted = self.files.data[self.file_row, _OPENFLAGS] & ~_CLOEXEC_BITS
        if reader.u8(reader.span(self.index, 3)) & 1:
            wanted |= _O_CLOEXEC
        self.change(self.with_flags(self.file_row, wanted))

    def close(self) -> None:
        """Handle close: the descriptor goes when the next event comes."""
        if self.file_row >= 0 and self.result() >= 0:
            self._forget(self.fd)

    def _forget(self, fd: int) -> None:
        thread = self.thread
        if thread is not None:
            self.closing_owner = thread.owner
            self.closing_table = self.table
            self.closing_fd = fd

    def close_range(self) -> None:
        reader = self.reader
        table = self.table
        thread = self.thread
        if table is None or thread is None or self.result() < 0:
            return
        first = reader.u32(reader.span(self.index, 1))
        last = reader.u32(reader.span(self.index, 2))
        marks = (reader.u32(reader.span(self.index, 3)) & 4) != 0  # CLOSE_RANGE_CLOEXEC
        owner = thread.owner
        for fd in [fd for fd in table if first <= fd <= last]:
            if not marks:
                self.remove(owner, table, fd)
                continue
            row: int = table[fd]
            new = self.with_flags(row, self.files.data[row, _OPENFLAGS] | _O_CLOEXEC)
            if new != row:
                self.log.note(owner, fd, self.index, row)
                table[fd] = new
