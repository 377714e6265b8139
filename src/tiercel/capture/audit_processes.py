"""Who is who in an audit log: processes as their records show them, and the events that tell a reader so.

Every record says who called, but how that process came about is often not recorded: logs usually hold executions and
opened files, seldom forks. What is missing is told by events that readers do not see (state only): a process that must
have begun since the log did is cloned from its parent just before its first call, one that changed its directory, ids
or program unrecorded changes them just before the next call that shows it. A process that may have been there before
goes into the process list; nothing is claimed about its start.

On a running host the processes of the start are known, all others must have begun since, and what records do not tell
(the container, the environment, a parent that made no call) the host is asked for.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable

from tiercel.capture.audit_identity import (
    EXECUTIONS,
    Known,
    become,
    directory_after,
    exe_flags,
    executed,
    execution,
    identity,
    kept,
    of_record,
    take_credentials,
    titled,
)
from tiercel.capture.parameters import texts
from tiercel.sources.audit_address import AF_INET, AF_INET6, AF_UNIX
from tiercel.sources.audit_call import TEXT_LIMIT, AuditCall
from tiercel.sources.audit_values import NO_ID
from tiercel.sources.records import ThreadRecord

MAX_PROCESSES = 16_384
"""Most processes known at a time; the one known longest without a call is forgotten first."""

MAX_GONE = 65_536
"""Most ids remembered of processes that ended or were forgotten."""

MAX_LISTED = 16_384
"""Most processes of the process list."""

LIST_BYTES = 16 << 20
"""Most bytes of texts in the process list."""

ARGUMENTS_BYTES = 4096
"""Bytes of a process's arguments that the process list holds."""

MAX_ANCESTORS = 32
"""Most unknown ancestors of a process that the running host is asked for."""

ENVIRONMENT_BYTES = 8 << 10
"""Bytes of the environment of an executed program that are kept."""

MAX_DETAILS = 1 << 18
"""Most sockets, and children that made no call yet, that are remembered of all processes together."""

CLONES = {
    "clone": "SYSCALL_CLONE_20_X",
    "clone3": "SYSCALL_CLONE3_X",
    "fork": "SYSCALL_FORK_20_X",
    "vfork": "SYSCALL_VFORK_20_X",
}
_CREDENTIALS = frozenset({"setuid", "setreuid", "setresuid", "setgid", "setregid", "setresgid"})
_SHOWN_AS_UNKNOWN = -1
_CHILD_IN_PIDNS = 1 << 29
_SAME_START = 50_000_000  # ns: starts are known to 10 ms, through a clock that may be set meanwhile
_DATAGRAM_PORTS = frozenset({0, 53, 67, 68, 69, 123, 137, 138, 161, 162, 500, 514, 1900, 4500, 5353})
_STREAM, _DATAGRAM = 1, 2

Emit = Callable[..., None]
"""Writes an event: time (ns), process id, constant, whether readers see it, and its parameters by name."""

Look = Callable[[int, int], ThreadRecord | None]
"""Tells what a process of the running host was at an event, by id and serial number (0 for now), or is now."""


class Processes:
    """Follows the processes of one host. ``threads`` is the process list, complete when the log has ended."""

    def __init__(self, emit: Emit, look: Look | None = None) -> None:
        self._emit = emit
        self._look = look
        self._asked: tuple[AuditCall | None, ThreadRecord | None] = (None, None)
        self._known: dict[int, Known] = {}
        self._gone: dict[int, None] = {}
        self._details = 0
        self._listed_bytes = 0
        self.threads: list[ThreadRecord] = []

    def begin(self, threads: Iterable[ThreadRecord]) -> None:
        """Know these processes of the running host, as its readers do."""
        for thread in threads:
            if thread.tid == thread.pid:
                self._known[thread.pid] = of_record(thread)

    def sweep(self, ts: int, alive: Collection[int]) -> None:
        """Tell of the end of processes that are not among those the host has now."""
        for pid in [pid for pid in self._known if pid not in alive]:
            self._emit(ts, pid, "PROCEXIT_1_E", False, status=0, ret=0, sig=0, core=0, reaper_tid=0)
            self.ended(pid)

    def before(self, call: AuditCall) -> Known:
        """Tell what must be known for ``call`` to be read rightly; return its process."""
        known = self._known.pop(call.pid, None)
        if known is not None and self._began_anew(known, call):
            self._emit(call.ts, call.pid, "PROCEXIT_1_E", False, status=0, ret=0, sig=0, core=0, reaper_tid=0)
            self.ended(call.pid)
            known = None
        if known is None or not known.called or self._reused(known, call):
            known = self._first(known, call)
        self._known[call.pid] = known  # last: forgotten last
        while len(self._known) > MAX_PROCESSES:
            self.ended(next(iter(self._known)))
        self._catch_up(known, call)
        return known

    def after(self, known: Known, call: AuditCall) -> None:
        """Remember what ``call`` changed, as readers of its event will."""
        if not call.succeeded:
            return
        if call.name in EXECUTIONS:
            become(known, call)
            known.arguments = kept(executed(call))
        elif call.name in _CREDENTIALS:
            take_credentials(known, call)
            self._catch_up_ids(known, call)  # -1 leaves an id as it was, which readers of the event do not follow
        elif call.name in CLONES and call.exit:
            known.children.add(call.exit)
            self._count(1)
        elif call.name == "chdir":
            known.cwd = directory_after(known.cwd, call)
        elif call.name in ("fchdir", "chroot", "pivot_root", "setns"):
            known.cwd = None  # the next record with a directory tells

    def told(self, pid: int, exe: bytes, uid: int, auid: int) -> None:
        """Learn of a process from a record that is no system call, such as a login."""
        known = self._known.get(pid)
        if (known is not None and known.exe is not None) or pid in self._gone or self._list_is_full():
            return
        if self._look is not None:
            return  # the list is made already
        comm = posixpath.basename(exe)[:15]
        self._known[pid] = Known(pid, called=True, comm=comm, exe=exe, uid=uid, auid=auid)
        self._list(ThreadRecord(pid, pid, 0, comm=comm, exe=exe, exepath=exe, uid=uid, gid=NO_ID, loginuid=auid))

    def ended(self, pid: int) -> None:
        """Forget a process; the next one with its id began after the log did."""
        self._known.pop(pid, None)
        self._gone[pid] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def _count(self, details: int) -> None:
        self._details += details
        if self._details > MAX_DETAILS:
            self._details = 0
            for known in self._known.values():
                known.sockets.clear()
                known.children.clear()

    def _list_is_full(self) -> bool:
        full = len(self.threads) >= MAX_LISTED or self._listed_bytes >= LIST_BYTES
        return full or len(self._known) >= MAX_PROCESSES

    def _list(self, thread: ThreadRecord) -> None:
        self.threads.append(thread)
        self._listed_bytes += sum(map(len, (thread.comm, thread.exe, thread.exepath, thread.args, thread.cwd)))

    # how a process comes to be known

    @staticmethod
    def _reused(known: Known, call: AuditCall) -> bool:
        """Whether the id now belongs to another process: it executes something and has a parent it cannot have got."""
        return (
            call.name in EXECUTIONS and call.succeeded and call.ppid > 1 and known.ppid > 1 and call.ppid != known.ppid
        )

    def _began_anew(self, known: Known, call: AuditCall) -> bool:
        """Whether the running host says that the id belongs to a process which began later than the one known."""
        if call.name not in EXECUTIONS or not known.record:
            return False
        record = self._ask(call)
        return record is not None and record.clone_ts > known.record.clone_ts + _SAME_START

    def _first(self, known: Known | None, call: AuditCall) -> Known:
        executes = call.name in EXECUTIONS and call.succeeded
        if self._look is not None:
            self._gone.pop(call.pid, None)
            return self._cloned(self._relative(call.ppid, call.ts), call, executes)
        parent = self._known.get(call.ppid)
        anew = (known is not None and known.called) or call.pid in self._gone
        self._gone.pop(call.pid, None)
        heard_of = known is not None and not anew  # as the parent of another
        forked = parent is not None and (parent.born or call.pid in parent.children)
        if anew or forked or (executes and not heard_of) or self._list_is_full():
            return self._cloned(parent, call, executes)
        if parent is None and call.ppid > 0:
            self._known.setdefault(call.ppid, Known(call.ppid))
        return self._listed(call, executes)

    def _cloned(self, parent: Known | None, call: AuditCall, executes: bool) -> Known:
        """Tell that the process was made by its parent, whose program it runs until it executes another."""
        new = Known(call.pid, call.ppid, born=True, called=True)
        new.record = self._ask(call)
        if parent is not None and parent.called:
            parent.children.discard(call.pid)
            new.comm, new.exe, new.arguments = parent.comm, parent.exe, parent.arguments
            new.auid, new.tty, new.cwd = parent.auid, parent.tty, parent.cwd
            new.uid, new.gid = parent.uid, parent.gid
            new.cgroups = parent.cgroups
            new.sockets = dict(parent.sockets)
            self._count(len(new.sockets))
        else:
            new.uid, new.gid = call.uid, call.gid
            if not executes:
                new.comm, new.arguments = call.comm, titled(call)
        if new.record is not None:
            new.cgroups = new.record.cgroups or new.cgroups
        self._begun(new, call.ts)
        return new

    def _begun(self, new: Known, ts: int) -> None:
        record = new.record
        self._emit(
            ts,
            new.pid,
            "SYSCALL_CLONE_20_X",
            False,
            **identity(new, new.pid, new.ppid),
            res=0,
            flags=_CHILD_IN_PIDNS if record is not None and record.flags & _CHILD_IN_PIDNS else 0,
            uid=new.uid,
            gid=new.gid,
            vtid=_SHOWN_AS_UNKNOWN if record is None else record.vtid,
            vpid=_SHOWN_AS_UNKNOWN if record is None else record.vpid,
            cgroups=new.cgroups or None,
        )

    def _relative(self, pid: int, ts: int) -> Known | None:
        """Return the parent of a process that began; one without a call so far is made known as the host says it is."""
        unknown: list[Known] = []
        while pid > 0 and pid not in self._known and len(unknown) < MAX_ANCESTORS and self._look is not None:
            record = self._look(pid, 0)
            if record is None:
                break
            unknown.append(of_record(record))
            pid = record.ptid
        for known in reversed(unknown):
            self._gone.pop(known.pid, None)
            self._known[known.pid] = known
            self._begun(known, ts)
        return unknown[0] if unknown else self._known.get(pid)

    def _ask(self, call: AuditCall) -> ThreadRecord | None:
        """Return what the running host says of the caller, asked once for each call."""
        if self._look is None:
            return None
        if self._asked[0] is not call:
            self._asked = call, self._look(call.pid, call.event.serial)
        return self._asked[1]

    def looked_up(self, known: Known, call: AuditCall) -> dict[str, object]:
        """Return the parameters of an execution that only the running host tells; as far as the program still runs."""
        if self._look is None:
            return {}
        record = self._ask(call)
        if record is None:
            none = {"cap_inheritable": 0, "cap_permitted": 0, "cap_effective": 0} if call.uid else {}  # as exec does
            return {"cgroups": known.cgroups or None, **none}
        known.record, known.cgroups = record, record.cgroups or known.cgroups
        values: dict[str, object] = {
            "cgroups": known.cgroups or None, "vpgid": record.vpgid, "pgid": record.pgid,
        }  # fmt: skip
        if record.exepath == call.exe:
            values |= {
                "env": record.env[:ENVIRONMENT_BYTES], "flags": exe_flags(record), "exe_ino": record.exe_ino,
                "exe_ino_ctime": record.exe_ino_ctime, "exe_ino_mtime": record.exe_ino_mtime,
                "cap_inheritable": record.cap_inheritable, "cap_permitted": record.cap_permitted,
                "cap_effective": record.cap_effective,
            }  # fmt: skip
        return values

    def _listed(self, call: AuditCall, executes: bool) -> Known:
        """Put the process into the list of those that may have been there before the log began."""
        new = Known(call.pid, call.ppid, called=True, auid=call.auid, tty=call.tty, uid=call.uid, gid=call.gid)
        new.cwd = call.cwd
        if not executes:
            become(new, call)
            new.arguments = titled(call)
        self._list(
            ThreadRecord(
                call.pid,
                call.pid,
                call.ppid,
                comm=new.comm,
                exe=(new.arguments[0] if new.arguments else new.exe or b"")[:TEXT_LIMIT],
                exepath=new.exe or b"",
                args=texts(new.arguments[1:])[:ARGUMENTS_BYTES],
                cwd=new.cwd or b"",
                uid=new.uid,
                gid=new.gid,
                loginuid=new.auid,
                tty=new.tty,
            )
        )
        return new

    # what changed without a record

    def _catch_up(self, known: Known, call: AuditCall) -> None:
        known.ppid = call.ppid
        if call.cwd is not None and call.cwd != known.cwd:
            known.cwd = call.cwd
            self._emit(call.ts, call.pid, "SYSCALL_CHDIR_X", False, res=0, path=call.cwd)
        if call.name in EXECUTIONS and call.succeeded:
            return  # the event itself tells the rest
        if (call.exe is not None and call.exe != known.exe) or call.auid != known.auid or call.tty != known.tty:
            if call.exe is not None and call.exe != known.exe:
                known.arguments = titled(call)
            become(known, call)
            self._emit(call.ts, call.pid, "SYSCALL_EXECVE_19_X", False, **execution(known, call))
        if call.name not in _CREDENTIALS or not call.succeeded:
            self._catch_up_ids(known, call)

    def _catch_up_ids(self, known: Known, call: AuditCall) -> None:
        if call.uid != known.uid:
            known.uid = call.uid
            self._emit(call.ts, call.pid, "SYSCALL_SETRESUID_X", False, res=0, ruid=-1, euid=call.uid, suid=-1)
        if call.gid != known.gid:
            known.gid = call.gid
            self._emit(call.ts, call.pid, "SYSCALL_SETRESGID_X", False, res=0, rgid=-1, egid=call.gid, sgid=-1)

    # sockets

    def before_socket(self, known: Known, call: AuditCall) -> None:
        """Tell of the socket that ``call`` uses unless its making was recorded.

        Whether it is a stream or sends datagrams no record says then; the port decides, as services have theirs.
        """
        address, fd = call.address, call.args[0]
        if address is None or fd is None or address.family not in (AF_UNIX, AF_INET, AF_INET6):
            return
        fd &= 0x7FFFFFFF
        family, used = known.sockets.get(fd, (-1, True))
        if family != address.family or (used and call.name == "connect"):
            port = address.ip[1] if address.ip else -1
            kind = _DATAGRAM if call.name == "sendto" or port in _DATAGRAM_PORTS else _STREAM
            self._emit(
                call.ts, call.pid, "SOCKET_SOCKET_X", False, fd=fd, domain=address.family, type=kind, proto=0, flags=0
            )
        self._note(known, fd, address.family, True)

    def made_socket(self, known: Known, call: AuditCall) -> None:
        """Remember a socket whose making was recorded."""
        if call.succeeded and call.exit is not None and call.args[0] is not None:
            self._note(known, call.exit, call.args[0] & 0xFF, False)

    def _note(self, known: Known, fd: int, family: int, used: bool) -> None:
        known.sockets[fd] = (family, used)
        self._count(1)
