"""Sockets followed through events made by hand: names, roles, who is client and who server."""

from __future__ import annotations

import socket

from tests.state.synthetic import Call, u32
from tests.state.test_descriptors import TID, Scene, close, read
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.sources.records import FdRecord

HTTP = (8080).to_bytes(2, "little")
HIGH = (33614).to_bytes(2, "little")
US = bytes((10, 0, 0, 1))
THEM = bytes((10, 0, 0, 2))
ANY6 = bytes(16)
MAPPED = bytes(10) + b"\xff\xff"


def made(fd: int, domain: int = 2, type: int = 1) -> Call:
    return ("SOCKET_SOCKET_X", (fd, u32(domain), u32(type), u32(0), u32(0)))


def ends(source: bytes, sport: bytes, destination: bytes, dport: bytes) -> bytes:
    return (b"\x02" if len(source) == 4 else b"\x0a") + source + sport + destination + dport


def connected(fd: int, tuple: bytes, result: int = 0) -> Call:
    return ("SOCKET_CONNECT_X", (result, tuple, fd, b""))


def roles(scene: Scene, k: int) -> int:
    return scene.cell(scene.seen[k][2], F.FLAGS)


def test_tcp_client() -> None:
    there = ends(US, HIGH, THEM, HTTP)
    scene = Scene().play(made(3), connected(3, there, -115), read(3), close(3))
    assert scene.names() == [b"", *[b"10.0.0.1:33614->10.0.0.2:8080"] * 3]
    assert [changed for *_, changed in scene.seen] == [False, True, False, False]
    assert roles(scene, 1) == FdFlag.ROLE_CLIENT | FdFlag.SOCKET_CONNECTED
    row = scene.seen[1][2]
    assert (scene.text(row, F.SIP), scene.text(row, F.DIP)) == (US, THEM)
    assert (scene.cell(row, F.SPORT), scene.cell(row, F.DPORT)) == (33614, 8080)


def test_refused_connection_says_nothing() -> None:
    scene = Scene().play(made(3), connected(3, ends(US, HIGH, THEM, HTTP), -111))
    assert scene.names() == [b"", b""]


def test_server() -> None:
    scene = Scene().play(
        made(3, 10),
        ("SOCKET_BIND_X", (0, b"\x0a" + ANY6 + HTTP, 3)),
        ("SOCKET_ACCEPT_5_X", (4, ends(MAPPED + THEM, HIGH, MAPPED + US, HTTP), b"\0", u32(0), u32(5))),
        read(4),
    )
    assert scene.names() == [b"", b":::8080", b"10.0.0.2:33614->10.0.0.1:8080", b"10.0.0.2:33614->10.0.0.1:8080"]
    assert scene.seen[2][1] == 4
    assert roles(scene, 1) == FdFlag.ROLE_SERVER
    assert roles(scene, 2) == FdFlag.ROLE_SERVER | FdFlag.SOCKET_CONNECTED
    server = scene.seen[1][2]
    assert scene.cell(server, F.KIND) == FdKind.IPV4_SERVSOCK
    assert (scene.cell(server, F.SIP), scene.text(server, F.DIP)) == (-1, bytes(4))


def test_udp_name_follows_the_peer() -> None:
    def sent(k: int) -> Call:
        return ("SOCKET_SENDTO_X", (1, b"x", 3, u32(1), ends(US, HIGH, bytes((10, 0, 0, k)), HTTP)))

    scene = Scene().play(made(3, type=2), sent(2), sent(2), sent(3))
    assert scene.names()[1:] == [b"10.0.0.1:33614->10.0.0.%d:8080" % k for k in (2, 2, 3)]
    assert [changed for *_, changed in scene.seen] == [False, True, False, True]


def test_datagram_server_sees_its_clients_as_source() -> None:
    scene = Scene().play(
        made(3, type=2),
        ("SOCKET_BIND_X", (0, b"\x02" + US + HTTP, 3)),
        ("SOCKET_RECVFROM_X", (1, b"x", ends(THEM, HIGH, US, HTTP), 3, u32(1))),
        ("SOCKET_SENDTO_X", (1, b"x", 3, u32(1), ends(US, HTTP, THEM, HIGH))),
    )
    assert scene.names()[1:] == [b"10.0.0.1:8080", *[b"10.0.0.2:33614->10.0.0.1:8080"] * 2]


def test_send_on_an_unknown_descriptor_makes_a_udp_socket() -> None:
    scene = Scene().play(("SOCKET_SENDTO_X", (1, b"x", 9, u32(1), ends(US, HIGH, THEM, HTTP))))
    assert scene.names() == [b"10.0.0.1:33614->10.0.0.2:8080"]
    assert scene.cell(scene.seen[0][2], F.L4PROTO) == 3


def test_unix_sockets() -> None:
    both = b"\x01" + (0xAB).to_bytes(8, "little") + (0xCD).to_bytes(8, "little") + b"/dev/log\0"
    scene = Scene().play(made(3, 1, 2), connected(3, both), ("SOCKET_SOCKETPAIR_X", (0, 5, 6, 1, 2)))
    assert scene.names() == [b"", b"ab->cd /dev/log", b""]
    assert scene.seen[2][1] == 6
    assert sorted(scene.open()) == [3, 5, 6]


def test_connections_of_the_initial_list() -> None:
    scene = Scene()
    scene.descriptors.load(
        TID,
        [
            FdRecord(3, type=FdKind.IPV4_SERVSOCK, ip=bytes(4), port=8080, l4proto=2),
            FdRecord(4, type=FdKind.IPV4_SOCK, sip=US, dip=THEM, sport=8080, dport=33614, l4proto=2),
            FdRecord(5, type=FdKind.IPV4_SOCK, sip=US, dip=THEM, sport=5000, dport=443, l4proto=2),
            FdRecord(6, type=FdKind.IPV6_SOCK, sip=MAPPED + US, dip=MAPPED + THEM, sport=1, dport=2, l4proto=3),
            FdRecord(7, type=FdKind.UNIX_SOCK, source=1, destination=2, fname=b"/run/x"),
            FdRecord(8, type=99),
        ],
    )
    scene.descriptors.loaded()
    assert scene.open() == {
        3: b"0.0.0.0:8080",
        4: b"10.0.0.2:33614->10.0.0.1:8080",
        5: b"10.0.0.1:5000->10.0.0.2:443",
        6: b"10.0.0.1:1->10.0.0.2:2",
        7: b"/run/x",
    }
    scene.play(read(4), read(5), read(7))
    assert [bool(roles(scene, k) & FdFlag.ROLE_SERVER) for k in range(3)] == [True, False, True]


def test_ipv6_client() -> None:
    one, two = (socket.inet_pton(socket.AF_INET6, text) for text in ("fe80::1", "2001:db8::2"))
    scene = Scene().play(made(3, 10), connected(3, ends(one, HIGH, two, HTTP)))
    assert scene.names()[1] == b"fe80::1:33614->2001:db8::2:8080"
