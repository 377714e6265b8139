"""Values of the fields of sockets: addresses, ports, networks.

A connection's first end is the client. Which end is this side's follows from the addresses of the machine, or of the
container.
"""

from __future__ import annotations

import socket

import numpy as np

from tiercel.fields.evt_columns import I64, Argument, Mask, both, constant, joined
from tiercel.fields.fd_rows import CONNECTION, INET, SERVER, cell, kind_mask, rows_of
from tiercel.fields.model import BulkGetter, Column
from tiercel.model.batch import Batch
from tiercel.model.columns import F, FdFlag, FdKind, P
from tiercel.model.world import World

_ROLES = int(FdFlag.ROLE_CLIENT | FdFlag.ROLE_SERVER)
_V4 = kind_mask(FdKind.IPV4_SOCK, FdKind.IPV4_SERVSOCK)


def _packed(text: object) -> bytes:
    try:
        return socket.inet_pton(socket.AF_INET, str(text or ""))
    except OSError:
        return b""


def is_local(world: World | None, container: bytes, address: bytes, num: int) -> bool:
    """Return whether an address is one of this machine's, or of the container the caller is in.

    For IPv6 it is enough that the first 64 bits are those of an interface; processes in containers have none.
    """
    if world is None:
        return False
    if len(address) == 16:
        return not container and any(
            len(interface.address) == 16 and interface.address[:8] == address[:8] for interface in world.interfaces
        )
    if container:
        known = world.container(container, num)
        own = known.info.get("ip") if known is not None else None
        if not own:
            return any(
                _packed(versions[-1].info.get("ip")) == address for versions in world.containers.values() if versions
            )
        if _packed(own) == address:
            return True
    return any(interface.address == address for interface in world.interfaces)


def locals_(batch: Batch, indices: I64, addresses: I64) -> Mask:
    """Return whether the addresses with these string numbers are this side's, for each event's caller."""
    strings = batch.tables.strings
    process = batch.process[indices]
    containers = np.where(process >= 0, batch.tables.processes.array[process, P.CONTAINER], -1)
    keys, first, inverse = np.unique(addresses * (1 << 32) + containers, return_index=True, return_inverse=True)
    verdicts = np.zeros(len(keys), np.bool_)
    for n, at in enumerate(first.tolist()):
        container = strings.get(int(containers[at])) or b""
        address = strings.get(int(addresses[at]))
        num = int(batch.num[indices[at]])
        verdicts[n] = address is not None and is_local(batch.world, container, address, num)
    return verdicts[inverse]


class Ends:
    """The descriptors of a selection of events, as connections."""

    def __init__(self, batch: Batch, indices: I64) -> None:
        self.batch = batch
        self.indices = indices
        self.rows = rows_of(batch, indices)
        self.kinds = np.where(self.rows >= 0, cell(batch, self.rows, F.KIND), FdKind.UNINITIALIZED)
        self.has_role = (cell(batch, self.rows, F.FLAGS) & _ROLES != 0) & (self.rows >= 0)
        self.connection = CONNECTION[self.kinds]
        self.server = SERVER[self.kinds]

    def cell(self, column: F) -> I64:
        return cell(self.batch, self.rows, column)

    def mine_first(self, where: Mask) -> Mask:
        """Return whether the first end is this side's, false outside ``where``."""
        mine = np.zeros(len(self.indices), np.bool_)
        if where.any():
            mine[where] = locals_(self.batch, self.indices[where], self.cell(F.SIP)[where])
        return mine


def ends_of(batch: Batch, indices: I64) -> Ends:
    """Return the connections of a selection; fields asked one after the other share them."""
    known = batch.derived.get("fd.ends")
    if known is not None and known.indices is indices:
        ends: Ends = known
        return ends
    ends = batch.derived["fd.ends"] = Ends(batch, indices)
    return ends


def _client(batch: Batch, indices: I64, argument: Argument) -> Column:
    ends = ends_of(batch, indices)
    return Column(np.where(ends.connection & ends.has_role, ends.cell(F.SIP), -1), text=True)


def _server(batch: Batch, indices: I64, argument: Argument) -> Column:
    ends = ends_of(batch, indices)
    return Column(np.where((ends.connection | ends.server) & ends.has_role, ends.cell(F.DIP), -1), text=True)


def side(batch: Batch, indices: I64, local: bool, first: F, second: F) -> tuple[I64, Mask]:
    """Return the cell of this side (``first`` when it is the client) or of the other, and where there is one."""
    ends = ends_of(batch, indices)
    there = ends.connection & ends.has_role
    mine = ends.mine_first(there)
    return np.where(mine == local, ends.cell(first), ends.cell(second)), there


def _address(local: bool) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values, there = side(batch, indices, local, F.SIP, F.DIP)
        return Column(np.where(there, values, -1), text=True)

    return bulk


def _port(local: bool) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values, there = side(batch, indices, local, F.SPORT, F.DPORT)
        return Column(values, valid=there)

    return bulk


def _client_port(batch: Batch, indices: I64, argument: Argument) -> Column:
    ends = ends_of(batch, indices)
    return Column(ends.cell(F.SPORT), valid=ends.connection & ends.has_role)


def _server_port(batch: Batch, indices: I64, argument: Argument) -> Column:
    ends = ends_of(batch, indices)
    return Column(ends.cell(F.DPORT), valid=(ends.connection & ends.has_role) | ends.server)


def _port_text(ports: I64, batch: Batch, there: Mask) -> I64:
    """Return the string numbers of ports as text; services are not resolved to names, as in Falco."""
    values = np.full(len(ports), -1, np.int64)
    distinct, inverse = np.unique(ports[there], return_inverse=True)
    intern = batch.tables.strings.intern
    values[there] = np.array([intern(b"%d" % port) for port in distinct.tolist()], np.int64)[inverse]
    return values


def _client_protocol(batch: Batch, indices: I64, argument: Argument) -> Column:
    """Empty for a descriptor that has a role but is no connection."""
    ends = ends_of(batch, indices)
    values = _port_text(ends.cell(F.SPORT), batch, ends.connection & ends.has_role)
    values[ends.has_role & ~ends.connection] = 0
    return Column(values, text=True)


def _server_protocol(batch: Batch, indices: I64, argument: Argument) -> Column:
    """Empty for a listening socket."""
    ends = ends_of(batch, indices)
    values = _port_text(ends.cell(F.DPORT), batch, ends.connection & ends.has_role)
    values[ends.server] = 0
    return Column(values, text=True)


def _protocol(local: bool) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values, there = side(batch, indices, local, F.SPORT, F.DPORT)
        return Column(_port_text(values, batch, there), text=True)

    return bulk


def pairs(batch: Batch, indices: I64, first: F, second: F, text: bool) -> Column:
    """Return both ends of connections as lists, a listening socket's one end as a list of one."""
    ends = ends_of(batch, indices)
    there = INET[ends.kinds]
    counts = np.where(ends.connection, 2, np.where(there, 1, 0))
    offsets = np.zeros(len(indices) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    values = np.empty(int(offsets[-1]), np.int64)
    values[offsets[:-1][ends.connection]] = ends.cell(first)[ends.connection]
    values[offsets[1:][there] - 1] = ends.cell(second)[there]
    return Column(values, text=text, valid=there, offsets=offsets)


def either_address(batch: Batch, indices: I64, argument: Argument) -> Column:
    return pairs(batch, indices, F.SIP, F.DIP, True)


def either_port(batch: Batch, indices: I64, argument: Argument) -> Column:
    return pairs(batch, indices, F.SPORT, F.DPORT, False)


def _is_server(batch: Batch, indices: I64, argument: Argument) -> Column:
    ends = ends_of(batch, indices)
    values = ends.server.copy()
    if ends.connection.any():
        addresses = ends.cell(F.DIP)[ends.connection]
        values[ends.connection] = locals_(batch, indices[ends.connection], addresses)
    return Column(values, valid=ends.rows >= 0)


ROW, BULK = joined(
    {
        "fd.ip": both(either_address),
        "fd.cip": both(_client),
        "fd.sip": both(_server),
        "fd.lip": both(_address(True)),
        "fd.rip": both(_address(False)),
        "fd.port": both(either_port),
        "fd.cport": both(_client_port),
        "fd.sport": both(_server_port),
        "fd.lport": both(_port(True)),
        "fd.rport": both(_port(False)),
        "fd.proto": both(either_port),
        "fd.cproto": both(_client_protocol),
        "fd.sproto": both(_server_protocol),
        "fd.lproto": both(_protocol(True)),
        "fd.rproto": both(_protocol(False)),
        "fd.net": both(either_address),
        "fd.cnet": both(_client),
        "fd.snet": both(_server),
        "fd.lnet": both(_address(True)),
        "fd.rnet": both(_address(False)),
        "fd.is_server": both(_is_server),
    },
    # names of hosts are not looked up: a replay must not depend on, nor tell, the network
    {name: constant(None) for name in ("fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name")},
)
"""Row and bulk getters by field name."""
