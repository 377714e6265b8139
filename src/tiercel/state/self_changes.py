"""What a thread changes about itself: directory, ids, capabilities, limits, memory.

Rules as in libsinsp 0.25.4 (``parsers.cpp``), which also says what is not followed: names set with prctl and process
groups set with setpgid.

Compiled with Cython (types in ``self_changes.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiercel.model.columns import F, P
from tiercel.model.tables import Rows
from tiercel.state.paths import concatenate
from tiercel.state.reader import Reader
from tiercel.state.texts import UNKNOWN, Texts
from tiercel.state.threads import CLONE_NEWUSER, Thread, ThreadTable
from tiercel.wire.event_table import BY_CONSTANT

if TYPE_CHECKING:
    from tiercel.state.descriptors import Descriptors

ALL_CAPABILITIES = (1 << 41) - 1

_CHDIR = BY_CONSTANT["SYSCALL_CHDIR_X"]
_FCHDIR = BY_CONSTANT["SYSCALL_FCHDIR_X"]
_GETCWD = BY_CONSTANT["SYSCALL_GETCWD_X"]
_SETSID = BY_CONSTANT["SYSCALL_SETSID_X"]
_SETRESUID = BY_CONSTANT["SYSCALL_SETRESUID_X"]
_SETREUID = BY_CONSTANT["SYSCALL_SETREUID_X"]
_SETUID = BY_CONSTANT["SYSCALL_SETUID_X"]
_SETRESGID = BY_CONSTANT["SYSCALL_SETRESGID_X"]
_SETREGID = BY_CONSTANT["SYSCALL_SETREGID_X"]
_SETGID = BY_CONSTANT["SYSCALL_SETGID_X"]
_CAPSET = BY_CONSTANT["SYSCALL_CAPSET_X"]
_UNSHARE = BY_CONSTANT["SYSCALL_UNSHARE_X"]
_SETNS = BY_CONSTANT["SYSCALL_SETNS_X"]
_PRCTL = BY_CONSTANT["SYSCALL_PRCTL_X"]
_GETRLIMIT = BY_CONSTANT["SYSCALL_GETRLIMIT_X"]
_SETRLIMIT = BY_CONSTANT["SYSCALL_SETRLIMIT_X"]
_PRLIMIT = BY_CONSTANT["SYSCALL_PRLIMIT_X"]
_BRK = BY_CONSTANT["SYSCALL_BRK_4_X"]
_MMAP = BY_CONSTANT["SYSCALL_MMAP_X"]
_MMAP2 = BY_CONSTANT["SYSCALL_MMAP2_X"]
_MUNMAP = BY_CONSTANT["SYSCALL_MUNMAP_X"]

_RLIMIT_NOFILE = 7
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_CWD = int(P.CWD)
_ROOT = int(P.ROOT)
_SID = int(P.SID)
_UID = int(P.UID)
_GID = int(P.GID)
_CAP_PERMITTED = int(P.CAP_PERMITTED)
_CAP_EFFECTIVE = int(P.CAP_EFFECTIVE)
_CAP_INHERITABLE = int(P.CAP_INHERITABLE)


class SelfChanges:
    """Applies events that change their own thread."""

    def __init__(self, table: ThreadTable, reader: Reader, texts: Texts, descriptors: Descriptors, files: Rows) -> None:
        self.table = table
        self.reader = reader
        self.texts = texts
        self.descriptors = descriptors
        self.files = files

    def event(self, i: int, type: int, thread: Thread) -> None:
        """Handle event ``i`` of ``thread``, one of the types above."""
        reader = self.reader
        if type in (_BRK, _MMAP, _MUNMAP, _MMAP2):
            if not reader.empty(i, 1):
                thread.vmsize = reader.u32(reader.span(i, 1))
            if not reader.empty(i, 3):
                thread.vmrss = reader.u32(reader.span(i, 2))
                thread.vmswap = reader.u32(reader.span(i, 3))
            return
        result = reader.i64(reader.span(i, 0))
        if result < 0:
            return
        if type in (_CHDIR, _GETCWD):
            self.enter_directory(i, thread, self.texts.text(reader.span(i, 1)))
        elif type == _FCHDIR:
            file = self.descriptors.row(thread.owner, reader.i64(reader.span(i, 1))) if thread.owner >= 0 else -1
            if file >= 0:
                name = self.texts.strings.values[self.files.data[file, F.NAME]]
                self.enter_directory(i, thread, name)
        elif type == _PRCTL:
            self._subreaper(i, thread)
        elif type == _PRLIMIT:
            if result == 0:
                self._limit_of_other(i, thread)
        elif type in (_GETRLIMIT, _SETRLIMIT):
            if reader.u8(reader.span(i, 3)) == _RLIMIT_NOFILE:
                self._limit(i, thread.main, reader.i64(reader.span(i, 1)))
        elif type == _CAPSET:
            self._capabilities(
                i,
                thread,
                reader.i64(reader.span(i, 1)),
                reader.i64(reader.span(i, 2)),
                reader.i64(reader.span(i, 3)),
            )
        elif type in (_UNSHARE, _SETNS):
            if reader.u32(reader.span(i, 1 if type == _UNSHARE else 2)) & CLONE_NEWUSER:
                self._capabilities(i, thread, ALL_CAPABILITIES, ALL_CAPABILITIES, ALL_CAPABILITIES)
        elif type == _SETSID:
            self._set(i, thread, _SID, result)
        elif result != 0:
            return
        elif type in (_SETRESUID, _SETREUID):
            self._set_id(i, thread, _UID, 2)
        elif type == _SETUID:
            self._set_id(i, thread, _UID, 1)
        elif type in (_SETRESGID, _SETREGID):
            self._set_id(i, thread, _GID, 2)
        elif type == _SETGID:
            self._set_id(i, thread, _GID, 1)

    def chroot(self, i: int, thread: Thread) -> None:
        """Handle event ``i``, a return from chroot."""
        reader = self.reader
        if reader.i64(reader.span(i, 0)) != 0:
            return
        path = self.texts.text(reader.span(i, 1))
        strings = self.texts.strings
        if path != UNKNOWN and path[:1] != b"/":
            path = concatenate(strings.values[self.table.rows.data[thread.row, _CWD]], path)
        self._set(i, thread, _ROOT, strings.intern(path))

    def enter_directory(self, i: int, thread: Thread, path: bytes) -> None:
        """Set the directory of the process; a relative path starts from the one ``thread`` itself was given last."""
        main = thread.main
        if main is None:
            return
        strings = self.texts.strings
        cwd = concatenate(strings.values[thread.cwd], path)
        if not cwd.endswith(b"/"):
            cwd += b"/"
        number = strings.intern(cwd)
        if number != main.cwd:
            main.cwd = number
            self._show_all(i, main)

    def _show_all(self, i: int, main: Thread) -> None:
        if main.group is None:
            self.table.show(main, i)
        else:
            self.table.spread(main.group, i)

    def _set(self, i: int, thread: Thread, column: int, value: int) -> None:
        if self.table.rows.data[thread.row, column] != value:
            row = self.table.touch(thread, i)
            self.table.rows.data[row, column] = value

    def _set_id(self, i: int, thread: Thread, column: int, k: int) -> None:
        if not self.reader.empty(i, k):
            self._set(i, thread, column, self.reader.u32(self.reader.span(i, k)))

    def _capabilities(self, i: int, thread: Thread, inheritable: int, permitted: int, effective: int) -> None:
        self._set(i, thread, _CAP_INHERITABLE, inheritable)
        self._set(i, thread, _CAP_PERMITTED, permitted)
        self._set(i, thread, _CAP_EFFECTIVE, effective)

    def _subreaper(self, i: int, thread: Thread) -> None:
        reader = self.reader
        option = reader.u32(reader.span(i, 1))
        if thread.group is not None and (option in (_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER)):
            thread.group.reaper = reader.i64(reader.span(i, 3)) != 0

    def _limit(self, i: int, main: Thread | None, limit: int) -> None:
        if main is not None and limit != -1 and main.fdlimit != limit:
            main.fdlimit = limit
            self._show_all(i, main)

    def _limit_of_other(self, i: int, thread: Thread) -> None:
        reader = self.reader
        limit = reader.i64(reader.span(i, 1))
        if reader.u8(reader.span(i, 6)) != _RLIMIT_NOFILE or limit == -1 or reader.empty(i, 5):
            return
        tid = reader.i64(reader.span(i, 5))
        other = thread if tid == 0 else self.table.get(tid, i)
        if other is not None and not other.is_invalid():
            self._limit(i, other.main, limit)
