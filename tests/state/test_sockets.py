"""Addresses of sockets: what they print as, and how they change."""

from __future__ import annotations

import socket

import pytest

from tiercel.model.columns import FdFlag, FdKind
from tiercel.model.world import Interface
from tiercel.state import sockets

HTTP = (8080).to_bytes(2, "little")
HIGH = (33614).to_bytes(2, "little")
LOCAL = bytes((127, 0, 0, 1))
PEER = bytes((10, 1, 2, 3))
LOCAL6 = socket.inet_pton(socket.AF_INET6, "::1")
PEER6 = socket.inet_pton(socket.AF_INET6, "2001:db8::5")
MAPPED = bytes(10) + b"\xff\xff"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", b"NULL"),
        (b"\x02" + LOCAL + HIGH + PEER + HTTP, b"127.0.0.1:33614->10.1.2.3:8080"),
        (b"\x02" + LOCAL, b"INVALID IPv4"),
        (b"\x0a" + LOCAL6 + HIGH + PEER6 + HTTP, b"::1:33614->2001:db8::5:8080"),
        (b"\x0a" + MAPPED + LOCAL + HIGH + MAPPED + PEER + HTTP, b"127.0.0.1:33614->10.1.2.3:8080"),
        (b"\x01" + bytes((1,)) + bytes(7) + bytes((2,)) + bytes(7) + b"/run/s\0", b"1->2 /run/s"),
        (b"\x10", b"family 16"),
    ],
)
def test_tuple_text(data: bytes, text: bytes) -> None:
    assert sockets.tuple_text(data) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x02" + PEER + HTTP, b"10.1.2.3:8080"),
        (b"\x0a" + bytes(16) + HTTP, b":::8080"),
        (b"\x01/dev/log\0", b"/dev/log"),
        (b"\x01\0abstract\0", b""),
        (b"\x10xx", b"family 16"),
    ],
)
def test_address_text(data: bytes, text: bytes) -> None:
    assert sockets.address_text(data) == text


@pytest.mark.parametrize("family", [1, 2, 10])
def test_short_parameters_are_not_valid(family: int) -> None:
    for size in range(1, 7):
        assert not sockets.is_tuple(bytes((family,)) + b"x" * (size - 1))
    assert not sockets.is_address(b"")
    assert not sockets.is_tuple(b"")


def test_the_same_ends_change_nothing() -> None:
    kind = int(FdKind.IPV4_SOCK)
    known = sockets.merge4(kind, sockets.NOTHING, LOCAL, HIGH, PEER, HTTP)
    assert sockets.ends(kind, known) == (LOCAL, PEER, 33614, 8080)
    assert sockets.merge4(kind, known, LOCAL, HIGH, PEER, HTTP) is known
    assert sockets.merge4(kind, known, PEER, HTTP, LOCAL, HIGH) is known
    assert sockets.ends(kind, sockets.swap(kind, known)) == (PEER, LOCAL, 8080, 33614)


def test_name_needs_a_protocol() -> None:
    kind = int(FdKind.IPV4_SOCK)
    known = sockets.merge4(kind, sockets.NOTHING, LOCAL, HIGH, PEER, HTTP)
    assert sockets.name(kind, known) == b"<unknown>"
    assert sockets.name(kind, sockets.set_protocol(kind, known, sockets.L4_UDP)) == b"127.0.0.1:33614->10.1.2.3:8080"
    assert sockets.name(kind, sockets.set_protocol(kind, known, sockets.L4_ICMP)) == b"127.0.0.1->10.1.2.3"


def test_protocol_shows_with_a_role() -> None:
    kind = int(FdKind.IPV6_SOCK)
    tcp = sockets.set_protocol(kind, sockets.NOTHING, sockets.L4_TCP)
    raw = sockets.set_protocol(kind, sockets.NOTHING, sockets.L4_RAW)
    assert sockets.shown_protocol(kind, 0, tcp) == sockets.L4_NONE
    assert sockets.shown_protocol(kind, FdFlag.ROLE_CLIENT, tcp) == sockets.L4_TCP
    assert sockets.shown_protocol(kind, 0, raw) == sockets.L4_RAW


def test_missing_end_is_inferred() -> None:
    kind = int(FdKind.IPV4_SOCK)
    interfaces = sockets.Interfaces(
        [
            Interface(b"lo", LOCAL, bytes((255, 0, 0, 0))),
            Interface(b"eth0", bytes((192, 168, 0, 9)), bytes((255, 255, 255, 0))),
            Interface(b"eth1", bytes((10, 1, 2, 9)), bytes((255, 255, 255, 0))),
        ]
    )
    known = sockets.merge4(kind, sockets.NOTHING, bytes(4), HIGH, PEER, HTTP)
    assert sockets.ends(kind, interfaces.complete(kind, known))[0] == bytes((10, 1, 2, 9))
    known = sockets.merge4(kind, sockets.NOTHING, bytes(4), HIGH, bytes((8, 8, 8, 8)), HTTP)
    assert sockets.ends(kind, interfaces.complete(kind, known))[0] == bytes((192, 168, 0, 9))
    assert sockets.ends(kind, sockets.Interfaces([]).complete(kind, known))[0] == bytes(4)


def test_what_a_call_was_entered_with_is_believed() -> None:
    other = bytes((1, 1, 1, 1))
    ends = b"\x02" + LOCAL + HIGH + PEER + HTTP
    entered = b"\x02" + other + HTTP
    assert sockets.believed(ends, b"\x02" + PEER + HTTP, entered)[7:] == other + HTTP
    assert sockets.believed(ends, b"\x02" + other + HTTP, entered) == ends  # the kernel knows better
    assert sockets.believed(ends, b"", entered) == ends
