"""The ends of sockets, from their descriptors or from the address a call was given."""

from __future__ import annotations

import numpy as np

from tiercel.fields.evt_columns import I64, Mask
from tiercel.fields.fd_net import locals_
from tiercel.fields.fd_rows import CONNECTION, INET, SERVER, UNIX, TextMap, cell
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdFlag
from tiercel.model.event import Event
from tiercel.reconstruct.acts.found import NONE, Ends, made
from tiercel.state.sockets import NOTHING, protocol

_PROTOCOLS = {2: b"tcp", 3: b"udp", 4: b"icmp", 5: b"raw"}  # SCAP_L4_*
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10


def _protocols(batch: Batch, rows: I64) -> I64:
    intern = batch.tables.strings.intern
    table = np.full(256, -1, np.int64)
    for number, name in _PROTOCOLS.items():
        table[number] = intern(name)
    found = np.where(rows >= 0, table[cell(batch, rows, F.L4PROTO) & 0xFF], -1)
    # a socket that never came to be connected shows none, but what it was made for is kept
    known = np.where((rows >= 0) & (found < 0) & INET[cell(batch, rows, F.KIND)], cell(batch, rows, F.SOCKET), -1)
    for index in np.flatnonzero(known >= 0).tolist():
        socket = batch.tables.strings.get(int(known[index]))
        if socket is not None and len(socket) == len(NOTHING):
            found[index] = table[protocol(int(cell(batch, rows[index : index + 1], F.KIND)[0]), socket)]
    unix = (rows >= 0) & UNIX[cell(batch, rows, F.KIND)]
    found[unix] = intern(b"unix")
    return found


def _own_end_first(batch: Batch, at: I64, rows: I64, connected: Mask) -> Mask:
    """Return whether the first end is this side's: a client's, or where no role is known, one of its addresses."""
    flags = cell(batch, rows, F.FLAGS)
    first: Mask = (flags & FdFlag.ROLE_CLIENT) != 0
    unknown = connected & ~first & ((flags & FdFlag.ROLE_SERVER) == 0)
    if unknown.any():
        first[unknown] = locals_(batch, at[unknown], cell(batch, rows[unknown], F.SIP))
    return first


def of_rows(batch: Batch, at: I64, rows: I64) -> Ends:
    """Return the ends of the sockets in these descriptor rows, -1 and files among them."""
    kinds = np.where(rows >= 0, cell(batch, rows, F.KIND), 0)
    connected, server = CONNECTION[kinds] & (rows >= 0), SERVER[kinds] & (rows >= 0)
    first = _own_end_first(batch, at, rows, connected)
    sip, dip, sport, dport = (cell(batch, rows, column) for column in (F.SIP, F.DIP, F.SPORT, F.DPORT))
    own = np.where(first, sip, dip)
    return Ends(
        np.where(connected, own, np.where(server, dip, -1)),
        np.where(connected, np.where(first, sport, dport), np.where(server, dport, NONE)),
        np.where(connected, np.where(first, dip, sip), -1),
        np.where(connected, np.where(first, dport, sport), NONE),
        _protocols(batch, rows),
    )


def address_of(data: bytes | None) -> tuple[bytes, int] | None:
    """Return (raw address, port) of a ``SOCKADDR`` parameter, None when it is of another family or damaged."""
    if data and data[0] == _AF_INET and len(data) == 7:
        return data[1:5], int.from_bytes(data[5:7], "little")
    if data and data[0] == _AF_INET6 and len(data) == 19:
        return data[1:17], int.from_bytes(data[17:19], "little")
    return None


def path_of(data: bytes | None) -> bytes | None:
    """Return the path of a unix ``SOCKADDR`` parameter; an abstract one begins with ``@``."""
    if not data or data[0] != _AF_UNIX:
        return None
    path = data[1:]
    if path[:1] == b"\0":
        return (b"@" + path[1:].partition(b"\0")[0]) if path.strip(b"\0") else None
    return path.partition(b"\0")[0] or None


def given(batch: Batch, at: I64, rows: I64, parameter: int, local: bool) -> Ends:
    """Return ends of which only the one is known that the call was given in this parameter."""
    found = [address_of(Event(batch, i).param(parameter)) for i in at.tolist()]
    addresses = made(batch, [None if end is None else end[0] for end in found])
    ports = np.array([NONE if end is None else end[1] for end in found], np.int64)
    nobody, none = np.full(len(at), -1, np.int64), np.full(len(at), NONE, np.int64)
    protocols = _protocols(batch, rows)
    if local:
        return Ends(addresses, ports, nobody, none, protocols)
    return Ends(nobody, none, addresses, ports, protocols)


def choose(where: Mask, these: Ends, those: Ends) -> Ends:
    """Return ``these`` where the mask holds, else ``those``."""
    return Ends(
        np.where(where, these.laddr, those.laddr),
        np.where(where, these.lport, those.lport),
        np.where(where, these.raddr, those.raddr),
        np.where(where, these.rport, those.rport),
        np.where(where, these.proto, those.proto),
    )


def is_inet(batch: Batch, rows: I64) -> Mask:
    return (rows >= 0) & INET[cell(batch, rows, F.KIND)]


def is_unix(batch: Batch, rows: I64) -> Mask:
    return (rows >= 0) & UNIX[cell(batch, rows, F.KIND)]


_SOCKET_PATH = TextMap(lambda name: path if (path := name.rpartition(b" ")[2])[:1] in (b"/", b"@") else None)
"""Path of a unix socket from its name, which begins with kernel addresses."""


def names(batch: Batch, rows: I64) -> I64:
    """Return what sockets are called, -1 for a unix socket without a path."""
    found = np.where(rows >= 0, cell(batch, rows, F.NAME), -1)
    unix = is_unix(batch, rows)
    found[unix] = _SOCKET_PATH.many(batch.tables, found[unix])
    return found
