"""The state of the audit subsystem: who owns it, how much may wait, and how much was lost."""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from tiercel.sources.audit_live.netlink import GET, SET, AuditRefused, AuditSocket
from tiercel.sources.live.errors import LiveError

OFF, ON, LOCKED = 0, 1, 2

_FIELDS = 11
_STATUS = struct.Struct(f"<{_FIELDS}I")
_PLACES = {"enabled": (1, 1), "pid": (4, 3), "backlog_limit": (16, 5), "wait_time": (32, 9)}
"""The bit of each value that may be set, and its place."""


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """``enabled`` is :data:`OFF`, :data:`ON` or :data:`LOCKED` (until the host is started anew); ``pid`` is that of
    the daemon that gets the records, 0 without one; ``backlog_limit`` (records, 0: any number) bounds what waits for
    it, and a process whose record finds no room waits up to ``wait_time`` (jiffies); ``lost`` counts records that found
    none all the same."""

    enabled: int
    pid: int
    backlog_limit: int
    lost: int
    backlog: int
    wait_time: int


def read_status(control: AuditSocket) -> AuditStatus:
    """Return the state. Raises LiveError when this process may not ask for it."""
    try:
        answer = control.ask(GET)[0]
    except AuditRefused as error:
        raise LiveError(why_refused(error)) from None
    _, enabled, _, pid, _, limit, lost, backlog, _, wait, _ = _STATUS.unpack(
        answer[: _STATUS.size].ljust(_STATUS.size, b"\0")
    )
    return AuditStatus(enabled, pid, limit, lost, backlog, wait)


def set_status(control: AuditSocket, name: str, value: int) -> None:
    """Set ``enabled``, ``pid``, ``backlog_limit`` or ``wait_time``. Raises AuditRefused when the kernel does not."""
    control.request(SET, _setting(name, value))


def ask_status(control: AuditSocket, name: str, value: int) -> None:
    """Set the same without waiting for an answer."""
    control.send(SET, _setting(name, value))


def _setting(name: str, value: int) -> bytes:
    values = [0] * _FIELDS
    values[0], place = _PLACES[name]
    values[place] = value
    return _STATUS.pack(*values)


def why_refused(error: OSError) -> str:
    """Return what a refusal of the audit subsystem means."""
    if error.errno == errno.ECONNREFUSED:
        return "audit records are out of reach in a container with user or process ids of its own: run it on the host"
    if error.errno in (errno.EPERM, errno.EACCES):
        return (
            "the kernel does not let this process control auditing: it takes root (CAP_AUDIT_CONTROL) on the host, "
            "not in a container with process ids of its own"
        )
    return f"the audit subsystem refuses: {error.strerror or error}"
