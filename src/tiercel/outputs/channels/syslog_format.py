"""Alerts as syslog messages: RFC 3164 as the system's library writes it, and RFC 5424."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime

from tiercel.outputs.channels.settings import Format
from tiercel.outputs.queue_record import Record

FACILITIES = {
    name: number
    for number, name in enumerate(
        ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"]
        + ["", "", "", ""]
        + [f"local{i}" for i in range(8)]
    )
    if name
}

ID_ELEMENT = "tiercel@32473"
"""Names the structured data that holds the alert's id; 32473 is the number kept for examples."""

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Formatter:
    """Makes messages.

    Args:
        facility: a name of :data:`FACILITIES`.
        ident: the name of the program in messages.
        host: whether RFC 3164 names the host: to a remote server, not to the local socket.
    """

    def __init__(self, format: Format, facility: str, ident: str, host: bool) -> None:
        self.format, self.ident = format, ident
        self.base = FACILITIES[facility] * 8
        self.name = socket.gethostname() or "-"
        self.host = f"{self.name} " if host else ""
        self.pid = os.getpid()

    def __call__(self, record: Record) -> bytes:
        """Return a message, without an end of line; ends of lines inside become spaces."""
        priority = self.base | record.priority
        if self.format is Format.RFC3164:
            at = time.localtime(record.time / 1e9)
            when = f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
            head = f"<{priority}>{when} {self.host}{self.ident}[{self.pid}]: "
        else:
            seconds, ns = divmod(record.time, 1_000_000_000)
            when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns // 1000:06d}Z"
            data = f'[{ID_ELEMENT} id="{record.id}"]'
            head = f"<{priority}>1 {when} {self.name} {self.ident} {self.pid} alert {data} "
        return head.encode("ascii", "replace") + record.line.replace(b"\n", b" ").replace(b"\0", b" ")
