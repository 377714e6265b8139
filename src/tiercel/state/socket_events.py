"""Events about sockets: who speaks with whom, in which role.

The rules are libsinsp 0.25.4's (``parsers.cpp``). The client is the source and the server the destination of a
connection, whichever end the caller is; so the two ends are exchanged once the role shows that they were told the
other way round.

Compiled with Cython (types in ``socket_events.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.model.world import World
from tiercel.state import sockets
from tiercel.state.fd_events import tuples
from tiercel.state.open_events import OpenEvents
from tiercel.state.threads import ThreadTable
from tiercel.wire.event_table import BY_CONSTANT

STEADY = 1 << 16
"""Most connections remembered as settled before the memory starts anew."""

_NAME = int(F.NAME)
_KIND = int(F.KIND)
_FLAGS = int(F.FLAGS)
_OPENFLAGS = int(F.OPENFLAGS)
_FAMILY = int(F.FAMILY)
_L4PROTO = int(F.L4PROTO)
_SIP = int(F.SIP)
_DIP = int(F.DIP)
_SPORT = int(F.SPORT)
_DPORT = int(F.DPORT)
_UNIX_SOURCE = int(F.UNIX_SOURCE)
_UNIX_DEST = int(F.UNIX_DEST)
_SOCKET = int(F.SOCKET)

_AF_INET6 = sockets.AF_INET6
_AF_INET = sockets.AF_INET
_AF_NETLINK = sockets.AF_NETLINK
_AF_UNIX = sockets.AF_UNIX
_L4_ICMP = sockets.L4_ICMP
_L4_RAW = sockets.L4_RAW
_L4_TCP = sockets.L4_TCP
_L4_UDP = sockets.L4_UDP
_L4_UNKNOWN = sockets.L4_UNKNOWN
_NOTHING = sockets.NOTHING
_IPV4 = int(FdKind.IPV4_SOCK)
_IPV6 = int(FdKind.IPV6_SOCK)
_IPV4_SERVER = int(FdKind.IPV4_SERVSOCK)
_IPV6_SERVER = int(FdKind.IPV6_SERVSOCK)
_UNIX = int(FdKind.UNIX_SOCK)
_NETLINK = int(FdKind.NETLINK)
_UNKNOWN = int(FdKind.UNKNOWN)
_UNINITIALIZED = int(FdKind.UNINITIALIZED)

_CLIENT = int(FdFlag.ROLE_CLIENT)
_SERVER = int(FdFlag.ROLE_SERVER)
_CONNECTED = int(FdFlag.SOCKET_CONNECTED)
_UNCONNECTED = ~int(FdFlag.CONNECTION_PENDING | FdFlag.CONNECTION_FAILED)
_EINPROGRESS = 115
_O_CLOEXEC = 1 << 12

_ACCEPT4 = BY_CONSTANT["SOCKET_ACCEPT4_6_X"]
_SEND = BY_CONSTANT["SOCKET_SEND_X"]
_SENDTO = BY_CONSTANT["SOCKET_SENDTO_X"]
_SENDMSG = BY_CONSTANT["SOCKET_SENDMSG_X"]
_RECVMMSG = BY_CONSTANT["SOCKET_RECVMMSG_X"]
_SENDMMSG = BY_CONSTANT["SOCKET_SENDMMSG_X"]

_FAMILIES = {_IPV4: 2, _IPV4_SERVER: 2, _IPV6: 10, _IPV6_SERVER: 10, _UNIX: 1, _NETLINK: 16}


class SocketEvents(OpenEvents):
    """Handles everything that makes a socket or tells more about one.

    While a socket is worked on, ``kind``, ``flags``, ``name`` (string number) and ``known`` hold its state; ``known``
    is laid out as :mod:`tiercel.state.sockets` says.
    """

    def __init__(self, tables: Tables, threads: ThreadTable, world: World | None = None) -> None:
        OpenEvents.__init__(self, tables, threads)
        self.interfaces = sockets.Interfaces([] if world is None else world.interfaces)
        self.tuple_cells = tuples()
        self.tuple_at = self.tuple_cells.data
        self.steady: set[tuple[int, bytes]] = set()
        self.made: dict[tuple[int, int, int, int], int] = {}  # family, type, protocol, flags: row of a new socket
        self.kind = 0
        self.flags = 0
        self.name = 0
        self.known = _NOTHING

    def _take(self) -> None:
        """Start to work on the socket the event is about."""
        data = self.files.data
        self.kind = data[self.file_row, _KIND]
        self.flags = data[self.file_row, _FLAGS]
        self.name = data[self.file_row, _NAME]
        known = data[self.file_row, _SOCKET]
        self.known = _NOTHING if known < 0 else self.strings.values[known]

    def _commit(self) -> None:
        """Give the descriptor the row of the state worked out."""
        row = self.files.copy(self.file_row)
        self._describe(row)
        self.change(self.intern(row, self.fd))

    def _describe(self, row: int) -> None:
        """Fill the columns of ``row`` that follow from the state worked out."""
        data = self.files.data
        kind = self.kind
        data[row, _KIND] = kind
        data[row, _FLAGS] = self.flags
        data[row, _NAME] = self.name
        data[row, _SOCKET] = self.strings.intern(self.known)
        data[row, _FAMILY] = _FAMILIES.get(kind, 0)
        data[row, _L4PROTO] = sockets.shown_protocol(kind, self.flags, self.known)
        source, destination, sport, dport = sockets.ends(kind, self.known)
        data[row, _SIP] = self.strings.intern(source) if source else -1
        data[row, _DIP] = self.strings.intern(destination) if destination else -1
        data[row, _SPORT] = sport
        data[row, _DPORT] = dport
        if kind == _UNIX:
            data[row, _UNIX_SOURCE] = int.from_bytes(self.known[0:8], "little", signed=True)
            data[row, _UNIX_DEST] = int.from_bytes(self.known[8:16], "little", signed=True)

    def add(self, fd: int, openflags: int) -> None:
        """Open ``fd`` as a new socket with the state worked out."""
        row = self.draft(self.kind)
        self.files.data[row, _OPENFLAGS] = openflags
        self._describe(row)
        self.put(fd, self.intern(row, fd))

    def add_socket(self, fd: int, domain: int, type: int, protocol: int, openflags: int) -> None:
        """Open ``fd`` as an unconnected socket of this family, type and protocol."""
        made = (domain, type, protocol, openflags)
        row = self.made.get(made)
        if row is not None:
            self.put(fd, row)
            return
        self.kind = _UNKNOWN
        self.flags = 0
        self.name = 0
        self.known = _NOTHING
        if domain == _AF_UNIX:
            self.kind = _UNIX
        elif domain in (_AF_INET, _AF_INET6):
            self.kind = _IPV4 if domain == _AF_INET else _IPV6
            l4 = _L4_UNKNOWN
            if protocol == 0:
                low = type & 0xFF  # the higher bits may hold SOCK_NONBLOCK and SOCK_CLOEXEC
                if low == 1:
                    l4 = _L4_TCP
                elif low == 2:
                    l4 = _L4_UDP
            elif protocol in (6, 17, 1):
                l4 = {6: _L4_TCP, 17: _L4_UDP, 1: _L4_ICMP}[protocol]
                if type == 3:
                    l4 = _L4_RAW
            elif protocol == 255:
                l4 = _L4_RAW
            self.known = sockets.set_protocol(self.kind, self.known, l4)
        elif domain == _AF_NETLINK:
            self.kind = _NETLINK
        self.add(fd, openflags)
        if self.file_row >= 0:
            if len(self.made) >= STEADY:
                self.made.clear()
            self.made[made] = self.file_row

    def socket(self) -> None:
        reader = self.reader
        fd = self.result()
        if fd < 0:
            return
        i = self.index
        self.add_socket(
            fd,
            reader.u32(reader.span(i, 1)),
            reader.u32(reader.span(i, 2)),
            reader.u32(reader.span(i, 3)),
            reader.u32(reader.span(i, 4)),
        )

    def socketpair(self) -> None:
        """Handle socketpair; the event is about the first socket, but shows the number of the second."""
        if self.result() < 0:
            return
        reader = self.reader
        i = self.index
        one = reader.i64(reader.span(i, 1))
        two = reader.i64(reader.span(i, 2))
        if one == two:
            return
        source = reader.u64(reader.span(i, 3))
        peer = reader.u64(reader.span(i, 4))
        self.kind = _UNIX
        self.flags = 0
        self.name = 0
        self.known = source.to_bytes(8, "little") + peer.to_bytes(8, "little") + bytes(24)
        row = self.draft(_UNIX)
        self._describe(row)
        row = self.intern(row, one)
        self.put(one, row)
        first = self.file_row
        self.put(two, row)
        self.file_row = first

    def bind(self) -> None:
        """Handle bind: with a port it makes a server socket."""
        if self.file_row < 0 or self.result() < 0:
            return
        data = self.reader.raw(self.reader.span(self.index, 1))
        if not sockets.is_address(data):
            return
        self._take()
        known = self.known
        if data[0] == _AF_INET and data[5:7] != b"\0\0":
            self.kind = _IPV4_SERVER
            self.known = sockets.overlay(known, 0, data[1:7] + known[12:13])
            self.flags |= _SERVER
        elif data[0] == _AF_INET6 and data[17:19] != b"\0\0":
            if sockets.is_mapped(data[1:17]):
                self.kind = _IPV4_SERVER
                self.known = sockets.overlay(known, 0, data[13:19] + known[36:37])
            else:
                self.kind = _IPV6_SERVER
                self.known = sockets.overlay(known, 0, data[1:19] + known[36:37])
            self.flags |= _SERVER
        self.name = self.strings.intern(sockets.address_text(data))
        self._commit()

    def connect(self) -> None:
        if self.file_row < 0:
            return
        result = self.result()
        if result < 0 and result != -_EINPROGRESS:
            return
        self._take()
        self.flags = self.flags & _UNCONNECTED | _CONNECTED
        reader = self.reader
        call = self.call
        ends = reader.raw(reader.span(self.index, 1))
        if not ends:
            if call is not None and sockets.is_address(call.address):
                self._aim(call.address)
        elif sockets.is_tuple(ends):
            if call is not None:
                ends = sockets.believed(ends, reader.raw(reader.span(self.index, 3)), call.address)
            self._connected(ends)
        self._commit()

    def _aim(self, target: bytes) -> None:
        """Enter where a socket connects to when the driver could not tell its own end."""
        if target[0] == _AF_INET:
            self.kind = _IPV4
            self.known = sockets.overlay(self.known, 4, target[1:5])
            self.known = sockets.overlay(self.known, 10, target[5:7])
        elif target[0] == _AF_INET6:
            if sockets.is_mapped(target[1:17]):
                self.kind = _IPV4
                self.known = sockets.overlay(self.known, 4, target[13:17])
                self.known = sockets.overlay(self.known, 10, target[17:19])
            else:
                self.kind = _IPV6
                self.known = sockets.overlay(self.known, 34, target[17:19])
                self.known = sockets.overlay(self.known, 16, target[1:17])
        else:
            self.name = self.strings.intern(b"NULL")

    def _connected(self, ends: bytes) -> None:
        """Enter both ends of a connection the caller made."""
        if ends[0] == _AF_INET or ends[0] == _AF_INET6:
            before = self.known
            if ends[0] == _AF_INET:
                self.kind = _IPV4
                self.known = sockets.merge4(_IPV4, before, ends[1:5], ends[5:7], ends[7:11], ends[11:13])
            elif sockets.is_mapped(ends[1:17]) and sockets.is_mapped(ends[19:35]):
                self.kind = _IPV4
                self.known = sockets.merge4(_IPV4, before, ends[13:17], ends[17:19], ends[31:35], ends[35:37])
            else:
                self.kind = _IPV6
                self.known = sockets.merge6(_IPV6, before, ends[1:17], ends[17:19], ends[19:35], ends[35:37])
            if self.known is not before and self.flags & _SERVER and self.kind == _IPV4 and self.known[12] == _L4_UDP:
                self.known = sockets.swap(self.kind, self.known)
            self.name = self.strings.intern(sockets.name(self.kind, self.known))
        else:
            if self.kind != _UNIX:
                return
            if len(ends) < 17:
                return
            self.known = sockets.overlay(self.known, 0, ends[1:17])
            if ends[0] == _AF_UNIX:
                self.name = self.strings.intern(sockets.tuple_text(ends))
        if not self.flags & (_CLIENT | _SERVER):
            self.flags |= _CLIENT

    def accept(self, type: int) -> None:
        fd = self.result()
        thread = self.thread
        if fd < 0 or thread is None:
            return
        self.fd = fd
        reader = self.reader
        ends = reader.raw(reader.span(self.index, 1))
        if not sockets.is_tuple(ends):
            return
        blank = _NOTHING
        if ends[0] == _AF_INET:
            self.kind = _IPV4
            self.known = sockets.merge4(_UNINITIALIZED, blank, ends[1:5], ends[5:7], ends[7:11], ends[11:13])
        elif ends[0] == _AF_INET6:
            if sockets.is_mapped(ends[1:17]) and sockets.is_mapped(ends[19:35]):
                self.kind = _IPV4
                self.known = sockets.merge4(_UNINITIALIZED, blank, ends[13:17], ends[17:19], ends[31:35], ends[35:37])
            else:
                self.kind = _IPV6
                self.known = sockets.merge6(_UNINITIALIZED, blank, ends[1:17], ends[17:19], ends[19:35], ends[35:37])
        elif ends[0] == _AF_UNIX:
            self.kind = _UNIX
            self.known = sockets.overlay(blank, 0, ends[1:17])
        else:
            return
        if self.kind != _UNIX:
            self.known = sockets.set_protocol(self.kind, self.known, _L4_TCP)
        self.name = self.strings.intern(sockets.tuple_text(ends))
        self.flags = _SERVER | _CONNECTED
        openflags = 0
        if type == _ACCEPT4:
            openflags = reader.u32(reader.span(self.index, 5)) & _O_CLOEXEC
        self.add(fd, openflags)

    def _infer(self) -> None:
        """Make a UDP socket for a send on a descriptor that was not known."""
        if self.result() < 0:
            return
        reader = self.reader
        ends = reader.raw(reader.span(self.index, 4))
        if ends and (ends[0] == _AF_INET or ends[0] == _AF_INET6):
            self.add_socket(reader.i64(reader.span(self.index, 2)), ends[0], 2, 17, 0)

    def transfer(self, type: int, incoming: bool) -> None:
        """Handle a read or write: a socket is connected when it succeeds, and may tell its ends."""
        at = self.tuple_at[type]
        if self.file_row < 0:
            if type not in (_SEND, _SENDTO, _SENDMSG):
                return
            self._infer()
            if self.file_row < 0:
                return
        kind = self.files.data[self.file_row, _KIND]
        speaks = kind in (_IPV4, _IPV6)
        if at < 0 and (not speaks or self.files.data[self.file_row, _FLAGS] & _CONNECTED):
            return
        if self.result() < 0:
            return
        if type in (_RECVMMSG, _SENDMMSG) and self.reader.empty(self.index, 0):
            return  # as old captures have them: without any parameter
        if speaks and not self.files.data[self.file_row, _FLAGS] & _CONNECTED:
            row = self.files.copy(self.file_row)
            self.files.data[row, _FLAGS] = self.files.data[row, _FLAGS] & _UNCONNECTED | _CONNECTED
            self.change(self.intern(row, self.fd))
        if at >= 0:
            self._told(at, incoming)

    def _told(self, at: int, incoming: bool) -> None:
        """Learn from parameter ``at``, which holds both ends as seen from the caller's side of the transfer."""
        ends = self.reader.raw(self.reader.span(self.index, at))
        if not ends:
            return
        known = (self.file_row << 1 | incoming, ends)
        if known in self.steady:
            return
        self._take()
        if self.name != 0 and self.kind == _IPV4 and self.known[12] == _L4_TCP:
            return
        before = self.file_row
        learned = self._learn(ends)
        if learned:
            if self.kind == _IPV4 or self.kind == _IPV6:
                if not self.flags & (_CLIENT | _SERVER):
                    self.flags |= self._guess(incoming)
                if self.flags & (_CLIENT if incoming else _SERVER):
                    self.known = sockets.swap(self.kind, self.known)
                self.name = self.strings.intern(sockets.name(self.kind, self.known))
            else:
                self.name = self.strings.intern(sockets.tuple_text(ends))
        self._commit()
        if not learned and self.file_row == before:
            if len(self.steady) >= STEADY:
                self.steady.clear()
            self.steady.add(known)

    def _learn(self, ends: bytes) -> bool:
        """Enter both ends of a transfer. Return False when they say nothing new."""
        if not sockets.is_tuple(ends):
            return False
        before = self.known
        if ends[0] == _AF_INET:
            if self.kind == _IPV4_SERVER:
                before = sockets.overlay(before, 12, before[6:7])
            kind = self.kind = _IPV4
            self.known = sockets.merge4(kind, before, ends[1:5], ends[5:7], ends[7:11], ends[11:13])
            if self.known is before:
                return False
        elif ends[0] == _AF_INET6:
            if sockets.is_mapped(ends[1:17]) and sockets.is_mapped(ends[19:35]):
                self.kind = _IPV4
                self.known = sockets.merge4(_IPV4, before, ends[13:17], ends[17:19], ends[31:35], ends[35:37])
            else:
                self.known = sockets.merge6(self.kind, before, ends[1:17], ends[17:19], ends[19:35], ends[35:37])
            if self.known is before:
                return False
        elif ends[0] == _AF_UNIX:
            self.kind = _UNIX
            self.known = sockets.overlay(before, 0, ends[1:17])
            return True
        if (self.kind == _IPV4 or self.kind == _IPV6) and sockets.protocol(self.kind, self.known) == 0:
            self.known = sockets.set_protocol(self.kind, self.known, _L4_UDP)
        self.known = self.interfaces.complete(self.kind, self.known)
        return True

    def _guess(self, incoming: bool) -> int:
        """Return the role of a socket that never showed one: a server owns the port it is spoken to on."""
        sport = sockets.port_of(self.known[8:10])
        dport = sockets.port_of(self.known[10:12])
        bound = self.kind == _IPV4  # its own end counts too
        uses = bound
        if not bound:
            data = self.files.data
            for fd, row in ({} if self.table is None else self.table).items():
                if fd == self.fd:
                    continue
                kind = data[row, _KIND]
                if kind in (_IPV4, _IPV4_SERVER) and data[row, _DPORT] == dport:
                    bound = True
                if kind == _IPV4 and data[row, _SPORT] == sport:
                    uses = True
        if not bound:
            return _CLIENT
        if not uses:
            return _SERVER
        return _SERVER if incoming else _CLIENT
