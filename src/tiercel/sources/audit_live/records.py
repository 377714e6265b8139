"""Records as they come from the kernel: by themselves from its socket, without a daemon between."""

from __future__ import annotations

import errno
import re

from tiercel.sources.audit_live.netlink import AuditSocket
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_types import TYPES

QUEUE = 16 << 20
"""Bytes of records that may wait in the socket."""

_STAMP = re.compile(rb"audit\(([0-9]{1,10})\.([0-9]{3}):([0-9]{1,20})\):? ?")
_NS, _MS = 1_000_000_000, 1_000_000


class NetlinkRecords:
    """The records of a socket. ``overruns`` counts how often some did not fit into its queue, ``unread`` those that
    are no records."""

    def __init__(self, socket: AuditSocket) -> None:
        self.socket = socket
        self.overruns = 0
        self.unread = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self, most: int) -> list[AuditRecord]:
        """Return up to ``most`` of the records that are there; does not wait."""
        found: list[AuditRecord] = []
        for _ in range(most):
            try:
                message = self.socket.record()
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.overruns += 1
                continue
            if message is None:
                break
            record = record_of(*message)
            if record is None:
                self.unread += 1
            else:
                found.append(record)
        return found

    def close(self) -> None:
        self.socket.close()


def record_of(kind: int, text: bytes) -> AuditRecord | None:
    """Return the record of a message of the kernel, None when it has no time and serial number."""
    found = _STAMP.match(text)
    if found is None:
        return None
    seconds, fraction, serial = found.groups()
    ts = int(seconds) * _NS + int(fraction) * _MS
    name = TYPES.get(kind) or f"UNKNOWN[{kind}]"
    return AuditRecord(name, ts, int(serial), b"", text[found.end() :], text)
