"""Who owns the audit subsystem, and how its records are to be had.

One process at a time is the audit daemon: it gets every record, and the kernel waits for it. Where there is none,
tiercel becomes it, so that records neither fill the kernel's log nor get lost. Beside a daemon the kernel sends copies
to a group that tiercel joins; where even that is not allowed, the daemon's own dispatcher or log has them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tiercel.sources.audit_live import status
from tiercel.sources.audit_live.auditing import is_running
from tiercel.sources.audit_live.dispatcher import DispatchedRecords, FollowedRecords, log_path, socket_path
from tiercel.sources.audit_live.netlink import AuditRefused, AuditSocket
from tiercel.sources.audit_live.records import QUEUE, NetlinkRecords
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.live.errors import LiveError
from tiercel.sources.live.root import host_path, own_pid

log = logging.getLogger(__name__)


class Records(Protocol):
    """Somewhere records come from. ``overruns`` counts how often some were lost on the way here, ``unread`` what was no
    record; ``fileno`` is what to wait for, negative when there is nothing to wait for."""

    @property
    def overruns(self) -> int: ...

    @property
    def unread(self) -> int: ...

    def fileno(self) -> int: ...

    def read(self, most: int) -> list[AuditRecord]: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Reading:
    """Where the records come from. ``way`` says it to the user; ``owner``: this process is the audit daemon."""

    records: Records
    way: str
    owner: bool = False

    def own(self) -> bool:
        """Become the audit daemon, whose records come to this socket; say whether it was so."""
        if not isinstance(self.records, NetlinkRecords):
            return False
        try:
            status.set_status(self.records.socket, "pid", own_pid())
        except AuditRefused as error:
            log.debug("cannot become the audit daemon: %s", error.strerror)
            return False
        return True

    def own_again(self) -> None:
        """Ask to become it once more, without waiting for an answer, which comes among the records."""
        if isinstance(self.records, NetlinkRecords):
            status.ask_status(self.records.socket, "pid", own_pid())


def open_records(daemon: int, way: str = "auto") -> Reading:
    """Return the records of this host.

    Args:
        daemon: id of the process that is the audit daemon, 0 without one.
        way: "unicast", "multicast", "socket", "log", a path of either of these, or "auto".

    Raises:
        LiveError: there is no way to them, or not the one asked for.
    """
    if way.startswith("/"):
        return _path(Path(way))
    if way == "socket":
        return _path(Path(host_path(str(socket_path(Path(host_path("/etc/audit/plugins.d/af_unix.conf")))))))
    if way == "log":
        return _path(Path(host_path(str(log_path(Path(host_path("/etc/audit/auditd.conf")))))))
    if daemon and not is_running(daemon):
        daemon = 0  # it was killed: the kernel learns of it with the next record
    if way == "unicast" or (way == "auto" and not daemon):
        reading = _own()
        if reading is not None:
            return reading
        if way == "unicast":
            raise LiveError("another process is the audit daemon already")
    who = f"beside the audit daemon (process {daemon})" if daemon else "as copies"
    try:
        return Reading(NetlinkRecords(AuditSocket(records=True, buffer=QUEUE)), f"from the kernel, {who}")
    except LiveError as error:
        if way == "multicast":
            raise
        refused = error
    for other in ("socket", "log"):
        try:
            return open_records(daemon, other)
        except LiveError as error:
            log.debug("%s", error)
    raise refused


def _own() -> Reading | None:
    """Become the audit daemon; None when there is one after all."""
    socket = AuditSocket(buffer=QUEUE)
    reading = Reading(NetlinkRecords(socket), "from the kernel, as the audit daemon of this host", owner=True)
    if reading.own():
        return reading
    socket.close()
    return None


def _path(path: Path) -> Reading:
    if path.is_socket():
        return Reading(DispatchedRecords(path), f"from auditd, through {path}")
    return Reading(FollowedRecords(path), f"from auditd's log {path}")
