"""The state of the kernel's audit subsystem, asked over netlink.

Numbers are those of linux/audit.h; netlink(7) describes messages.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

_NETLINK_AUDIT = 9
_GET, _ERROR = 1000, 2
_REQUEST, _ACK = 1, 4
_HEADER = struct.Struct("=IHHII")
_STATUS = struct.Struct("=8I")
_PATIENCE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """``enabled`` is 0, 1, or 2 for locked; ``pid`` the process that records are sent to, 0 for none."""

    enabled: int
    pid: int
    backlog_limit: int
    lost: int


def audit_status() -> AuditStatus:
    """Return the state. Raises OSError where the kernel does not tell."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT) as link:
        link.settimeout(_PATIENCE)
        link.bind((0, 0))
        link.send(_HEADER.pack(_HEADER.size, _GET, _REQUEST | _ACK, 1, 0))
        while True:
            answer = link.recv(8192)
            if len(answer) < _HEADER.size + 4:
                raise OSError("an answer is too short")
            kind = _HEADER.unpack_from(answer)[1]
            if kind == _ERROR:
                (number,) = struct.unpack_from("=i", answer, _HEADER.size)
                if number:
                    raise OSError(-number, os.strerror(-number))
            elif kind == _GET and len(answer) >= _HEADER.size + _STATUS.size:
                _, enabled, _, pid, _, limit, lost, _ = _STATUS.unpack_from(answer, _HEADER.size)
                return AuditStatus(enabled, pid, limit, lost)
