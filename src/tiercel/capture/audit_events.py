"""The events that the records of one host become, whether from a log or as they happen."""

from __future__ import annotations

from collections.abc import Callable

from tiercel.capture.audit_calls import CALLS
from tiercel.capture.audit_identity import EXECUTIONS, Known, capabilities, executed, execution, identity
from tiercel.capture.audit_marks import Marks
from tiercel.capture.audit_names import Names
from tiercel.capture.audit_processes import CLONES, Look, Processes
from tiercel.capture.parameters import encode
from tiercel.capture.writer import CaptureWriter
from tiercel.model.world import World
from tiercel.sources.audit_address import Address
from tiercel.sources.audit_call import MAX_PID, AuditCall, AuditCallError, call_of
from tiercel.sources.audit_event import AuditEvent
from tiercel.sources.audit_flags import clone_flags
from tiercel.sources.audit_gaps import Serials
from tiercel.sources.audit_log import AuditProblems
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_types import PARTS
from tiercel.sources.audit_values import NO_ID, number, text
from tiercel.sources.audit_values import identity as user_id
from tiercel.wire.event_table import BY_CONSTANT
from tiercel.wire.syscall_table import CODES

_STATE_ONLY = 1  # the flag of events that readers do not see
_FROM_MEMFD = 4  # of execve_flags
_GENERIC = "GENERIC_X"
_SOCKET_USERS = frozenset({"connect", "bind", "sendto", "sendmsg"})
_CONNECTING = frozenset({"connect", "sendto", "sendmsg"})

Near = Callable[[AuditCall], Address | None]
"""Tells the near end of the connection that a call made or used."""


class AuditEvents:
    """Turns the events of one host into those of a capture.

    ``serials`` knows which events are missing, ``processes`` who is who.

    Args:
        world: the host; names of users that the records tell are added.
        writer: where the events go.
        marks: takes the records that become no event.
        problems: takes what could not be read.
        look: tells of a process what the running host knows of it; None for a log, whose host is elsewhere.
        near: the same for the near end of a connection.
    """

    def __init__(
        self,
        world: World,
        writer: CaptureWriter,
        marks: Marks,
        problems: AuditProblems,
        look: Look | None = None,
        near: Near | None = None,
    ) -> None:
        self._near = near
        self._writer = writer
        self._marks = marks
        self._problems = problems
        self._names = Names(world)
        self.serials = Serials(world.machine.hostname)
        self.processes = Processes(self._emit, look)

    def take(self, event: AuditEvent) -> None:
        """Add an event; whatever it is, it becomes an event of the capture, marks, or a problem."""
        self.serials.add(event)
        for record in event.records:
            self._names.learn(record)
        if event.lost:
            self._problems.add(event.place, f"{event.lost} records beyond the most that one event may have")
        call: AuditCall | None = None
        try:
            call = call_of(event)
            told = call is None or self._tell(call)
        except (AuditCallError, ValueError) as problem:
            record = event.records[0]
            self._problems.add(event.place, str(problem), record.line)
            told = False
        marked = False
        for record in event.records:
            if record.type == "SYSCALL" and not told:
                self._marks.add(record, event.place, b"" if call is None else _summary(call))
                marked = True
            elif record.type not in PARTS:
                self._mark(record, event.place)
                marked = True
        if call is None and not marked and told:
            self._problems.add(event.place, "records of an event without its first one", event.records[0].line)

    # events

    def _emit(self, ts: int, pid: int, constant: str, visible: bool, /, **values: object) -> None:
        self._writer.write(
            ts, pid, BY_CONSTANT[constant], encode(constant, **values), flags=0 if visible else _STATE_ONLY
        )

    def _tell(self, call: AuditCall) -> bool:
        """Write the event of a call and what must be known before; return whether it has one."""
        if call.name in ("exit", "exit_group"):
            self._exit(call)
            return True
        if call.exit is None or not call.name:
            return False
        known = self.processes.before(call)
        whole = True
        if call.name in EXECUTIONS:
            self._execute(known, call)
        elif call.name in CLONES:
            self._clone(known, call)
        elif call.name in CALLS:
            if call.name in _SOCKET_USERS:
                self.processes.before_socket(known, call)
                self._find_near(call)
            event = CALLS[call.name]
            values = {name: value(call) for name, value in event.parameters.items()}
            self._emit(call.ts, call.pid, event.constant, True, **values)
            if call.name == "socket":
                self.processes.made_socket(known, call)
        else:
            self._generic(call)
            whole = not call.paths  # such an event has no place for them
        self.processes.after(known, call)
        return whole

    def _find_near(self, call: AuditCall) -> None:
        if self._near is not None and call.address is not None and call.address.ip and call.name in _CONNECTING:
            call.near = self._near(call)

    def _generic(self, call: AuditCall) -> None:
        values = {"ID": CODES.get(call.name, 0), "nativeID": call.number & 0xFFFF}
        self._emit(call.ts, call.pid, _GENERIC, True, **values)

    def _exit(self, call: AuditCall) -> None:
        """End a process with exit_group. A plain exit may end one thread only, which has no id of its own here."""
        self.processes.before(call)
        if call.name == "exit":
            self._generic(call)
            return
        code = (call.args[0] or 0) & 0xFF
        self._emit(call.ts, call.pid, "PROCEXIT_1_E", True, status=code << 8, ret=code, sig=0, core=0, reaper_tid=0)
        self.processes.ended(call.pid)

    def _execute(self, known: Known, call: AuditCall) -> None:
        constant = "SYSCALL_EXECVE_19_X" if call.name == "execve" else "SYSCALL_EXECVEAT_X"
        named = call.paths[0] if call.paths else None
        if call.succeeded:
            told = Known(call.pid, comm=call.comm, exe=call.exe, arguments=executed(call))
            told.auid, told.tty, told.uid, told.gid = call.auid, call.tty, call.uid, call.gid
            values = execution(told, call) | self.processes.looked_up(known, call) | capabilities(call)
        else:
            values = execution(known, call)
            values |= {"exe": named.name if named else None, "args": [], "trusted_exepath": known.exe}
        if constant == "SYSCALL_EXECVE_19_X":
            values["filename"] = named.name if named else None
        if call.succeeded and call.exe is not None and call.exe.startswith(b"/memfd:"):
            values["flags"] = _FROM_MEMFD
        if call.succeeded and named is not None:
            values["exe_ino"] = named.inode
        self._emit(call.ts, call.pid, constant, True, **(values | {"res": call.exit}))

    def _clone(self, known: Known, call: AuditCall) -> None:
        flags = call.args[0] if call.name == "clone" else None
        self._emit(
            call.ts,
            call.pid,
            CLONES[call.name],
            True,
            **identity(known, call.pid, call.ppid),
            res=call.exit,
            flags=None if flags is None else clone_flags(flags & 0xFFFFFFFF),
            uid=known.uid,
            gid=known.gid,
            vtid=-1,
            vpid=-1,
        )

    # marks

    def _mark(self, record: AuditRecord, place: str) -> None:
        self._marks.add(record, place)
        fields = record.fields
        pid, exe = number(fields.get(b"pid")), text(fields.get(b"exe"))
        if pid is None or not 0 < pid <= MAX_PID:
            return
        if exe and exe.startswith(b"/") and len(exe) <= 1024:
            uid, auid = user_id(fields.get(b"uid")), user_id(fields.get(b"auid"))
            self.processes.told(pid, exe, NO_ID if uid is None else uid, NO_ID if auid is None else auid)
        if record.type == "ANOM_ABEND":
            signal = (number(fields.get(b"sig")) or 0) & 0x7F
            self._emit(record.ts, pid, "PROCEXIT_1_E", True, status=signal, ret=0, sig=signal, core=0, reaper_tid=0)
            self.processes.ended(pid)


def _summary(call: AuditCall) -> bytes:
    """Return what a call without an event of its own was, and the paths it was given."""
    paths = [path.name for path in call.paths if path.name and path.kind != b"PARENT"]
    return b" ".join([call.name.encode("utf-8", "replace"), *paths])
