"""Values of the ``fdlist`` fields: one entry per descriptor of a poll, separated by commas."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tiercel.fields.evt_columns import Argument
from tiercel.fields.model import RowGetter
from tiercel.fields.params_text import address
from tiercel.model.columns import F, FdKind, P
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT

_POLLS = frozenset({BY_CONSTANT["SYSCALL_POLL_X"], BY_CONSTANT["SYSCALL_PPOLL_X"]})
_CONNECTIONS = (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK)
_SERVERS = (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK)

# what a field shows of a descriptor number and its row (-1 when not open); None leaves the descriptor out
Shown = Callable[[Event, int, int], bytes | None]


def _descriptors(data: bytes) -> list[int]:
    count = int.from_bytes(data[:2], "little")
    ends = range(2, min(2 + count * 10, len(data) - 9), 10)
    return [struct.unpack_from("<q", data, at)[0] for at in ends]


def _getter(shown: Shown) -> RowGetter:
    def row(event: Event, argument: Argument) -> bytes | None:
        if event.batch.types[event.index] not in _POLLS or event.process < 0:
            return None
        owner = event.process_cell(P.FDOWNER)
        entries = []
        for fd in _descriptors(event.param(1) or b""):
            entry = shown(event, fd, event.file_at(owner, fd))
            if entry is not None:
                entries.append(entry)
        text = b",".join(entries)
        return text or None

    return row


def _number(event: Event, fd: int, row: int) -> bytes | None:
    return b"%d" % fd


def _name(event: Event, fd: int, row: int) -> bytes | None:
    return (event.text(event.file_cell(F.NAME, row)) if row >= 0 else b"") or b"<NA>"


def _address(column: F, servers: bool) -> Shown:
    def shown(event: Event, fd: int, row: int) -> bytes | None:
        kind = event.file_cell(F.KIND, row) if row >= 0 else FdKind.UNINITIALIZED
        if kind not in _CONNECTIONS and not (servers and kind in _SERVERS):
            return None
        packed = event.text(event.file_cell(column, row)) or b""
        if kind == FdKind.IPV6_SERVSOCK:
            packed = packed[:4]  # libsinsp shows the first four bytes as if they were an IPv4 address
        return address(packed) if len(packed) in (4, 16) else None

    return shown


def _port(column: F) -> Shown:
    def shown(event: Event, fd: int, row: int) -> bytes | None:
        if row < 0 or event.file_cell(F.KIND, row) not in _CONNECTIONS:
            return None
        return b"%d" % event.file_cell(column, row)

    return shown


ROW: dict[str, RowGetter] = {
    "fdlist.nums": _getter(_number),
    "fdlist.names": _getter(_name),
    "fdlist.cips": _getter(_address(F.SIP, False)),
    "fdlist.sips": _getter(_address(F.DIP, True)),
    "fdlist.cports": _getter(_port(F.SPORT)),
    "fdlist.sports": _getter(_port(F.DPORT)),
}
