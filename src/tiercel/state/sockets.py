"""Sockets: their addresses as libsinsp 0.25.4 keeps, changes and prints them.

What is known of a socket is 40 bytes laid out as libsinsp's ``sinsp_sockinfo`` union (``fdinfo.h``, ``tuples.h``). A
socket that changes its kind, say from a listening to a connected one, goes on with the same bytes read in the new
layout; what a field shows then follows from that, so the layout is kept as it is:

================  ==========================================================================
kind              bytes
================  ==========================================================================
IPv4 connected    source 0:4, destination 4:8, ports 8:10 and 10:12, protocol 12
IPv6 connected    source 0:16, destination 16:32, ports 32:34 and 34:36, protocol 36
IPv4 server       address 0:4, port 4:6, protocol 6
IPv6 server       address 0:16, port 16:18, protocol 18
unix              kernel addresses of both ends, 0:8 and 8:16
================  ==========================================================================

Addresses are in network order, ports little endian. Event parameters hold one byte of address family, then address
and port (``SOCKADDR``) or source and destination with their ports (``SOCKTUPLE``).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from tiercel.model.columns import FdFlag, FdKind
from tiercel.model.world import Interface
from tiercel.state.paths import printable

NOTHING = bytes(40)
"""A socket of which nothing is known yet."""

AF_UNIX = 1
AF_INET = 2
AF_INET6 = 10
AF_NETLINK = 16

L4_UNKNOWN = 0
L4_NONE = 1
L4_TCP = 2
L4_UDP = 3
L4_ICMP = 4
L4_RAW = 5

_AF_UNIX = AF_UNIX
_AF_INET = AF_INET
_AF_INET6 = AF_INET6
_L4_NONE = L4_NONE
_L4_TCP = L4_TCP
_L4_UDP = L4_UDP
_L4_ICMP = L4_ICMP
_L4_RAW = L4_RAW
_IPV4 = int(FdKind.IPV4_SOCK)
_IPV6 = int(FdKind.IPV6_SOCK)
_IPV4_SERVER = int(FdKind.IPV4_SERVSOCK)
_IPV6_SERVER = int(FdKind.IPV6_SERVSOCK)
_MAPPED = bytes(10) + b"\xff\xff"
_ANY6 = bytes(16)
_LOOPBACK6 = bytes(15) + b"\x01"
_LOOPBACK4 = b"\x7f\x00\x00\x01"
_ROLES = int(FdFlag.ROLE_CLIENT | FdFlag.ROLE_SERVER)


def is_address(data: bytes) -> bool:
    """Whether ``data`` is a complete ``SOCKADDR``. Families not known here pass."""
    if not data:
        return False
    if data[0] == _AF_INET:
        return len(data) >= 7
    if data[0] == _AF_INET6:
        return len(data) >= 19
    if data[0] == _AF_UNIX:
        return len(data) >= 2 and data[len(data) - 1] == 0
    return True


def is_tuple(data: bytes) -> bool:
    """Whether ``data`` is a complete ``SOCKTUPLE``. Families not known here pass."""
    if not data:
        return False
    if data[0] == _AF_INET:
        return len(data) >= 13
    if data[0] == _AF_INET6:
        return len(data) >= 37
    if data[0] == _AF_UNIX:
        return len(data) >= 18 and data[len(data) - 1] == 0
    return True


def is_mapped(address: bytes) -> bool:
    """Whether 16 bytes of address stand for an IPv4 one; ``::`` does too."""
    return address[:12] == _MAPPED or address == _ANY6


def ip_text(address: bytes) -> bytes:
    """Return 4 or 16 bytes of address as text."""
    if len(address) == 4:
        return b"%d.%d.%d.%d" % (address[0], address[1], address[2], address[3])
    return socket.inet_ntop(socket.AF_INET6, address).encode()


def port_of(two: bytes) -> int:
    return two[0] | two[1] << 8


def end_text(address: bytes, port: bytes) -> bytes:
    if len(address) == 4:
        return b"%d.%d.%d.%d:%d" % (address[0], address[1], address[2], address[3], port_of(port))
    return b"%s:%d" % (ip_text(address), port_of(port))


def pair_text(source: bytes, sport: bytes, destination: bytes, dport: bytes) -> bytes:
    return end_text(source, sport) + b"->" + end_text(destination, dport)


def address_text(data: bytes) -> bytes:
    """Return a non-empty ``SOCKADDR`` as text."""
    family = data[0]
    if family == _AF_UNIX:
        return printable(data[1:].partition(b"\0")[0])
    if family == _AF_INET:
        return end_text(data[1:5], data[5:7]) if len(data) == 7 else b"INVALID IPv4"
    if family == _AF_INET6:
        return end_text(data[1:17], data[17:19]) if len(data) == 19 else b"INVALID IPv6"
    return b"family %d" % family


def tuple_text(data: bytes) -> bytes:
    """Return a ``SOCKTUPLE`` as text."""
    if not data:
        return b"NULL"
    family = data[0]
    if family == _AF_INET:
        if len(data) != 13:
            return b"INVALID IPv4"
        return pair_text(data[1:5], data[5:7], data[7:11], data[11:13])
    if family == _AF_INET6:
        if len(data) != 37:
            return b"INVALID IPv6"
        source, sport, destination, dport = data[1:17], data[17:19], data[19:35], data[35:37]
        if is_mapped(source) and is_mapped(destination):
            return pair_text(source[12:], sport, destination[12:], dport)
        return pair_text(source, sport, destination, dport)
    if family == _AF_UNIX:
        if len(data) < 17:
            return b"INVALID unix"
        ends = int.from_bytes(data[1:9], "little"), int.from_bytes(data[9:17], "little")
        return b"%x->%x %s" % (*ends, printable(data[17:].partition(b"\0")[0]))
    return b"family %d" % family


def protocol(kind: int, known: bytes) -> int:
    """Return the transport protocol of a socket of this kind."""
    if kind == _IPV4:
        return known[12]
    if kind == _IPV6:
        return known[36]
    if kind == _IPV4_SERVER:
        return known[6]
    if kind == _IPV6_SERVER:
        return known[18]
    return _L4_NONE


def shown_protocol(kind: int, flags: int, known: bytes) -> int:
    """Return the protocol as ``fd.l4proto`` shows it: nothing before the socket has a role, unless it is raw."""
    found = protocol(kind, known)
    if kind in (_IPV4, _IPV6) and found != _L4_RAW and not flags & _ROLES:
        return _L4_NONE
    return found


def set_protocol(kind: int, known: bytes, l4: int) -> bytes:
    at = 12
    if kind == _IPV6:
        at = 36
    elif kind == _IPV4_SERVER:
        at = 6
    elif kind == _IPV6_SERVER:
        at = 18
    return known[:at] + bytes((l4,)) + known[at + 1 :]


def overlay(known: bytes, at: int, part: bytes) -> bytes:
    """Return ``known`` with ``part`` written at ``at``."""
    return known[:at] + part + known[at + len(part) :]


def ends(kind: int, known: bytes) -> tuple[bytes, bytes, int, int]:
    """Return source and destination address, and their ports. A server socket is a destination only."""
    if kind == _IPV4:
        return known[0:4], known[4:8], port_of(known[8:10]), port_of(known[10:12])
    if kind == _IPV6:
        return known[0:16], known[16:32], port_of(known[32:34]), port_of(known[34:36])
    if kind == _IPV4_SERVER:
        return b"", known[0:4], 0, port_of(known[4:6])
    if kind == _IPV6_SERVER:
        return b"", known[0:16], 0, port_of(known[16:18])
    return b"", b"", 0, 0


def name(kind: int, known: bytes) -> bytes:
    """Return the name of a connected IP socket (``sinsp_utils::sockinfo_to_str``)."""
    l4 = protocol(kind, known)
    if kind == _IPV4:
        source, destination = known[0:4], known[4:8]
        if l4 in (_L4_TCP, _L4_UDP):
            return pair_text(source, known[8:10], destination, known[10:12])
        if l4 in (_L4_ICMP, _L4_RAW):
            return ip_text(source) + b"->" + ip_text(destination)
        return b"<unknown>"
    source, destination = known[0:16], known[16:32]
    mapped = is_mapped(source) and is_mapped(destination)
    if l4 in (_L4_TCP, _L4_UDP):
        if mapped:  # libsinsp takes the ports from where an IPv4 socket has them
            return pair_text(source[12:], known[8:10], destination[12:], known[10:12])
        return pair_text(source, known[32:34], destination, known[34:36])
    if l4 == _L4_ICMP:
        if mapped:
            source, destination = source[12:], destination[12:]
        return ip_text(source) + b"->" + ip_text(destination)
    return b"<unknown>"


def merge4(kind: int, known: bytes, source: bytes, sport: bytes, destination: bytes, dport: bytes) -> bytes:
    """Enter the ends of an IPv4 connection.

    ``known`` itself comes back when nothing changed, also when it holds the same two ends the other way round.
    """
    if kind == _IPV4 and known[:12] in (
        source + destination + sport + dport,
        destination + source + dport + sport,
    ):
        return known
    new = source + destination + sport + dport + known[12:]
    return known if new == known else new


def merge6(kind: int, known: bytes, source: bytes, sport: bytes, destination: bytes, dport: bytes) -> bytes:
    """Enter the ends of an IPv6 connection, as :func:`merge4` does."""
    if kind == _IPV6 and known[:36] in (
        source + destination + sport + dport,
        destination + source + dport + sport,
    ):
        return known
    new = source + destination + sport + dport + known[36:]
    return known if new == known else new


def believed(ends: bytes, told: bytes, entered: bytes) -> bytes:
    """Return the complete tuple ``ends`` of a connect with the destination to believe.

    ``told`` is the address read when the call returned, ``entered`` when it began. Where the kernel knows no better
    than ``told``, which the caller may have changed meanwhile, ``entered`` holds.
    """
    if ends[0] == _AF_INET:
        at, size = 7, 6
    elif ends[0] == _AF_INET6:
        at, size = 19, 18
    elif ends[0] == _AF_UNIX:
        at, size = 17, len(ends) - 17
    else:
        return ends
    if not (is_address(told) and is_address(entered) and told[0] == ends[0] == entered[0]):
        return ends
    if ends[0] == _AF_UNIX:
        if ends[at:].partition(b"\0")[0] != told[1:].partition(b"\0")[0]:
            return ends
        return ends[:at] + entered[1:]
    if told[1 : 1 + size] != ends[at : at + size]:
        return ends
    return ends[:at] + entered[1 : 1 + size]


def swap(kind: int, known: bytes) -> bytes:
    """Exchange the two ends."""
    if kind == _IPV4:
        return known[4:8] + known[0:4] + known[10:12] + known[8:10] + known[12:]
    return known[16:32] + known[0:16] + known[34:36] + known[32:34] + known[36:]


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The host's interfaces, to fill in an end of a connection that is not known."""

    known: list[Interface]

    def infer(self, other: bytes) -> bytes:
        """Return the local address that speaks with ``other``: itself, one of its network, else any but loopback."""
        size = len(other)
        same = [interface for interface in self.known if len(interface.address) == size]
        for interface in same:
            if interface.address == other:
                return other
        for interface in same:
            if size == 16:
                if interface.address[:8] == other[:8]:
                    return interface.address
            elif _masked(interface.address, interface.netmask) == _masked(other, interface.netmask):
                return interface.address
        for interface in same:
            if interface.address != (_LOOPBACK6 if size == 16 else _LOOPBACK4):
                return interface.address
        return bytes(size)

    def complete(self, kind: int, known: bytes) -> bytes:
        """Fill in an address that is missing, unless that would connect a port with itself."""
        if kind == _IPV4:
            size = 4
        elif kind == _IPV6:
            size = 16
        else:
            return known
        source, destination = known[:size], known[size : 2 * size]
        none = bytes(size)
        if source != none and destination != none:
            return known
        other = destination if source == none else source
        found = self.infer(other)
        sport, dport = known[2 * size : 2 * size + 2], known[2 * size + 2 : 2 * size + 4]
        if found == other and sport == dport:
            return known
        return overlay(known, 0 if source == none else size, found)


def _masked(address: bytes, mask: bytes) -> bytes:
    return bytes(a & m for a, m in zip(address, mask, strict=False))
