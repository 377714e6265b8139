"""What is known of a process in an audit log, and the parameters of events that tell it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from tiercel.sources.audit_call import TEXT_LIMIT, AuditCall
from tiercel.sources.audit_values import NO_ID, register
from tiercel.sources.records import ThreadRecord

KEPT_BYTES = 4096
"""Bytes of the arguments of a process that are remembered."""

EXECUTIONS = frozenset({"execve", "execveat"})


@dataclass(slots=True)
class Known:
    """What readers have been told of a process. ``born``: it began after the log did; ``called``: it made a call."""

    pid: int
    ppid: int = 0
    born: bool = False
    called: bool = False
    comm: bytes = b""
    exe: bytes | None = None
    arguments: list[bytes] = field(default_factory=list)
    uid: int = NO_ID
    gid: int = NO_ID
    auid: int = NO_ID
    tty: int = 0
    cwd: bytes | None = None
    sockets: dict[int, tuple[int, bool]] = field(default_factory=dict)  # family, and whether it is used already
    cgroups: bytes = b""
    record: ThreadRecord | None = None  # what the running host said of it last
    children: set[int] = field(default_factory=set)  # results of its forks that were not seen as callers yet


def of_record(thread: ThreadRecord) -> Known:
    """Return what is known of a process of the running host."""
    arguments = [thread.exe, *thread.args.split(b"\0")[:-1]] if thread.exe else []
    known = Known(thread.pid, thread.ptid, born=True, called=True, comm=thread.comm, exe=thread.exepath or None)
    known.arguments, known.cwd = kept(arguments), thread.cwd or None
    known.uid, known.gid, known.auid = thread.uid, thread.gid, thread.loginuid
    known.tty, known.cgroups, known.record = thread.tty, thread.cgroups, thread
    return known


_WRITABLE, _MEMFD = 1, 4  # of execve_flags


def exe_flags(thread: ThreadRecord) -> int:
    """Return what is known of the program's file as the flags of an execution."""
    flags = _WRITABLE if thread.exe_writable else 0
    return flags | (_MEMFD if thread.exe_from_memfd else 0)


def identity(known: Known, pid: int, ppid: int) -> dict[str, object]:
    """Return the parameters that say which process it is and what it runs."""
    arguments = known.arguments
    return {
        "exe": arguments[0][:TEXT_LIMIT] if arguments else known.exe or known.comm,
        "args": arguments[1:],
        "tid": pid,
        "pid": pid,
        "ptid": ppid,
        "cwd": b"",
        "comm": known.comm,
    }


def execution(known: Known, call: AuditCall) -> dict[str, object]:
    """Return the parameters of an event that tells what ``known`` runs, as it was at ``call``."""
    return {
        **identity(known, call.pid, call.ppid),
        "res": 0,
        "tty": known.tty,
        "loginuid": known.auid,
        "uid": known.uid,
        "gid": known.gid,
        "trusted_exepath": known.exe,
    }


def executed(call: AuditCall) -> list[bytes]:
    """Return the arguments a program was executed with; where no record tells, its path."""
    arguments = call.arguments()
    if arguments is not None:
        return arguments
    path = call.paths[0].name if call.paths else None
    return [path] if path else []


def kept(arguments: list[bytes]) -> list[bytes]:
    """Return the first of these arguments, as many as are worth remembering of a process."""
    room, found = KEPT_BYTES, []
    for argument in arguments:
        room -= len(argument) + 1
        if room < 0:
            break
        found.append(argument)
    return found


def capabilities(call: AuditCall) -> dict[str, object]:
    """Return the capabilities a program got, where a record tells them."""
    fields = call.fields("BPRM_FCAPS")
    keys = {"cap_inheritable": b"pi", "cap_permitted": b"pp", "cap_effective": b"pe"}
    found = {name: register(fields.get(b"new_" + key, fields.get(key))) for name, key in keys.items()}
    return {name: value for name, value in found.items() if value is not None}


def become(known: Known, call: AuditCall) -> None:
    known.comm = call.comm
    known.exe = call.exe if call.exe is not None else known.exe
    known.auid, known.tty = call.auid, call.tty
    if call.name in EXECUTIONS and call.succeeded:
        known.uid, known.gid = call.uid, call.gid


def take_credentials(known: Known, call: AuditCall) -> None:
    asked = call.args[0 if call.name in ("setuid", "setgid") else 1]
    if asked is None:
        return
    asked &= 0xFFFFFFFF
    if call.name.endswith("uid"):
        known.uid = asked
    else:
        known.gid = asked


def directory_after(cwd: bytes | None, call: AuditCall) -> bytes | None:
    """Return the directory that a chdir led to, None when that cannot be told."""
    path = call.paths[-1].name if call.paths else None
    if path is None or (cwd is None and not path.startswith(b"/")):
        return None
    return posixpath.normpath(posixpath.join(cwd or b"/", path))


def titled(call: AuditCall) -> list[bytes]:
    """Return the arguments of the process title when it is that of the running program; it can be an older one's."""
    title = call.title()
    if not title or call.exe is None:
        return []
    name = posixpath.basename(title[0]).removeprefix(b"-")
    program = posixpath.basename(call.exe)
    return title if name and (program.startswith(name) or name == call.comm) else []
