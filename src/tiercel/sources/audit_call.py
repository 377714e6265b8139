"""A system call as the records of one event tell it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tiercel.sources import audit_address
from tiercel.sources.audit_address import Address, SocketAddress
from tiercel.sources.audit_event import AuditEvent
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_syscalls import ARCHITECTURES, SOCKETCALLS, syscall_name
from tiercel.sources.audit_values import (
    NO_ID,
    device,
    identity,
    number,
    octal,
    plain,
    raw_text,
    register,
    terminal,
    text,
)

TEXT_LIMIT = 4096
"""Bytes of a path or name that are kept."""

ARGUMENTS_LIMIT = 32 << 10
"""Bytes of a program's arguments that are kept."""

MAX_PID = (1 << 31) - 1

_ARGUMENT = re.compile(rb"a([0-9]{1,6})(?:\[([0-9]{1,4})\])?")
_DELETED = b" (deleted)"


class AuditCallError(ValueError):
    """An event whose system call cannot be told; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class AuditPath:
    """One PATH record. ``kind`` is its ``nametype``: NORMAL, PARENT, CREATE, DELETE, UNKNOWN."""

    name: bytes | None
    kind: bytes
    inode: int | None
    device: int | None
    mode: int | None


@dataclass(slots=True)
class AuditCall:
    """A system call that returned, or one that ended its process.

    ``args`` are the first four arguments as unsigned 64-bit numbers, None where the record lacks them; ``exit`` is what
    the call returned, minus the error number when it failed, None when it did not return. Ids that are not set are all
    ones. ``exe`` is without the kernel's note that the file was deleted. ``near`` is the near end of a connection,
    which no record tells.
    """

    event: AuditEvent
    name: str
    number: int
    architecture: str
    args: tuple[int | None, ...]
    exit: int | None
    pid: int
    ppid: int
    uid: int
    gid: int
    auid: int
    tty: int
    comm: bytes
    exe: bytes | None
    cwd: bytes | None
    paths: list[AuditPath] = field(default_factory=list)
    address: SocketAddress | None = None
    near: Address | None = None

    @property
    def ts(self) -> int:
        return self.event.ts

    @property
    def succeeded(self) -> bool:
        return self.exit is not None and self.exit >= 0

    def fields(self, kind: str) -> dict[bytes, bytes]:
        """Return the fields of the first record of type ``kind``, none when there is no such record."""
        record = self.event.first(kind)
        return {} if record is None else record.fields

    def arguments(self) -> list[bytes] | None:
        """Return the arguments the executed program was given, ``argv[0]`` first, None when no record tells them."""
        records = self.event.all("EXECVE")
        return _arguments(records) if records else None

    def title(self) -> list[bytes]:
        """Return the command line as the kernel last saw it: at most 128 bytes, and sometimes of an earlier program."""
        found = raw_text(self.fields("PROCTITLE").get(b"proctitle"))
        return found.rstrip(b"\0").split(b"\0") if found else []


def call_of(event: AuditEvent) -> AuditCall | None:
    """Return the system call of ``event``, None when it has none.

    Raises :class:`AuditCallError` when its record lacks what makes it one: a number, an architecture, a process.
    """
    record = event.first("SYSCALL")
    if record is None:
        return None
    fields = record.fields
    pid, code = number(fields.get(b"pid")), number(fields.get(b"syscall"))
    if pid is None or not 0 < pid <= MAX_PID:
        raise AuditCallError("the SYSCALL record has no process id")
    if code is None or not 0 <= code <= 0xFFFFFFFF:
        raise AuditCallError("the SYSCALL record has no system call number")
    architecture = ARCHITECTURES.get(register(fields.get(b"arch")) or 0, "")
    name = syscall_name(architecture, code) or plain(fields.get(b"SYSCALL", b"")).decode("ascii", "replace")
    args = tuple(register(fields.get(b"a%d" % i)) for i in range(4))
    if name == "socketcall":
        name, args = _socketcall(event, args)
    ppid = number(fields.get(b"ppid"))
    exe = text(fields.get(b"exe"))
    return AuditCall(
        event=event,
        name=name,
        number=code,
        architecture=architecture,
        args=args,
        exit=number(fields.get(b"exit")),
        pid=pid,
        ppid=ppid if ppid is not None and 0 <= ppid <= MAX_PID else 0,
        uid=_id(fields, b"euid", b"uid"),
        gid=_id(fields, b"egid", b"gid"),
        auid=_id(fields, b"auid"),
        tty=terminal(fields.get(b"tty")),
        comm=(text(fields.get(b"comm")) or b"")[:TEXT_LIMIT],
        exe=exe[:TEXT_LIMIT].removesuffix(_DELETED) if exe else None,
        cwd=_cwd(event),
        paths=[_path(path) for path in _in_order(event.all("PATH"))],
        address=_address(event),
    )


def _id(fields: dict[bytes, bytes], *keys: bytes) -> int:
    """Return the first of these fields that holds an id."""
    for key in keys:
        found = identity(fields.get(key))
        if found is not None:
            return found
    return NO_ID


def _cwd(event: AuditEvent) -> bytes | None:
    record = event.first("CWD")
    found = text(record.fields.get(b"cwd")) if record else None
    return found[:TEXT_LIMIT] if found and found.startswith(b"/") else None


def _in_order(records: list[AuditRecord]) -> list[AuditRecord]:
    return sorted(records, key=lambda record: number(record.fields.get(b"item")) or 0)


def _path(record: AuditRecord) -> AuditPath:
    fields = record.fields
    name = text(fields.get(b"name"))
    inode = number(fields.get(b"inode"))
    return AuditPath(
        None if name is None else name[:TEXT_LIMIT],
        plain(fields.get(b"nametype", b"UNKNOWN")),
        inode if inode is not None and inode >= 0 else None,
        device(fields.get(b"dev")),
        octal(fields.get(b"mode")),
    )


def _address(event: AuditEvent) -> SocketAddress | None:
    record = event.first("SOCKADDR")
    if record is None:
        return None
    data = raw_text(record.fields.get(b"saddr"))
    found = audit_address.from_bytes(data) if data else None
    if found is None and b"SADDR" in record.fields:
        found = audit_address.from_translation(record.fields[b"SADDR"])
    return found


def _socketcall(event: AuditEvent, args: tuple[int | None, ...]) -> tuple[str, tuple[int | None, ...]]:
    """Return the call that i386's ``socketcall`` stands for, with its own arguments."""
    asked = args[0] or 0
    record = event.first("SOCKETCALL")
    own = {} if record is None else record.fields
    name = SOCKETCALLS[asked] if 0 < asked < len(SOCKETCALLS) else "socketcall"
    return name, tuple(register(own.get(b"a%d" % i)) for i in range(4))


def _arguments(records: list[AuditRecord]) -> list[bytes]:
    """Put the arguments together; long ones come in pieces, ``a1[0]``, ``a1[1]`` …, in several records."""
    pieces: dict[int, dict[int, bytes]] = {}
    room = ARGUMENTS_LIMIT
    for record in records:
        for key, value in record.fields.items():
            found = _ARGUMENT.fullmatch(key)
            if found and room > 0:
                piece = (raw_text(value) or b"").replace(b"\0", b"")[:room]
                room -= len(piece) + 1
                pieces.setdefault(int(found[1]), {})[int(found[2] or 0)] = piece
    return [b"".join(piece for _, piece in sorted(parts.items())) for _, parts in sorted(pieces.items())]
