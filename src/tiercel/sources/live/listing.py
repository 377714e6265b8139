"""Open descriptors as the kernel lists them: ``struct listed`` of ``probe/listing.h``, one after the other.

Against ``/proc`` this is one pass without gaps, and it tells both ends of every socket, in whatever network namespace.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator

from tiercel.model.columns import FdKind
from tiercel.sources.live.descriptors import named
from tiercel.sources.records import FdRecord

_LISTED = struct.Struct("<Ii4Q4I4H2HB3x16s16s")
_INET, _INET6, _UNIX, _NETLINK = 2, 10, 1, 16
_RAW = 3  # type of socket
_L4 = {6: 2, 17: 3, 1: 4, 58: 4}  # by number of the protocol
_L4_RAW = 5
_LISTENING = 10  # state of a TCP socket
_TCP, _UDP = 6, 17
_NOWHERE = bytes(16)


def descriptors_in(listed: bytes) -> Iterator[tuple[int, int, FdRecord]]:
    """Yield for each descriptor its process, when that started (ns of the boot clock), and what is known of it."""
    at = 0
    while at + _LISTED.size <= len(listed):
        fields = _LISTED.unpack_from(listed, at)
        size, pid, start, ino, own, peer, fd, flags, dev, mount, mode = fields[:11]
        name = listed[at + _LISTED.size : at + size].partition(b"\0")[0]
        at += max(size, _LISTED.size)
        if stat.S_ISSOCK(mode):
            record = _socket(FdRecord(fd, ino, source=own, destination=peer), name, fields[11:])
        else:
            record = named(fd, ino, name, mode)
            if record.type in (FdKind.FILE_V2, FdKind.DIRECTORY):
                record.dev, record.open_flags, record.mount_id = dev, flags, mount
        yield pid, start, record


def _socket(record: FdRecord, name: bytes, about: tuple[int, int, int, int, int, int, bytes, bytes]) -> FdRecord:
    family, kind, proto, near_port, far_port, state, near, far = about
    if family == _UNIX:
        record.type, record.fname = FdKind.UNIX_SOCK, name
        return record
    record.source = record.destination = 0
    if family == _NETLINK:
        record.type = FdKind.NETLINK
    elif family in (_INET, _INET6):
        size = 4 if family == _INET else 16
        record.l4proto = _L4_RAW if kind == _RAW else _L4.get(proto, 0)
        if (proto == _TCP and state == _LISTENING) or (proto == _UDP and near_port and far == _NOWHERE):
            record.type = FdKind.IPV4_SERVSOCK if family == _INET else FdKind.IPV6_SERVSOCK
            record.ip, record.port = near[:size], near_port
        else:
            record.type = FdKind.IPV4_SOCK if family == _INET else FdKind.IPV6_SOCK
            record.sip, record.sport, record.dip, record.dport = near[:size], near_port, far[:size], far_port
    else:
        record.type, record.fname = FdKind.UNSUPPORTED, b"socket:[%d]" % record.ino
    return record
