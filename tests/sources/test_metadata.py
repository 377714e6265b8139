"""Blocks that describe the host, in every version."""

from __future__ import annotations

import struct

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.model.columns import FdKind
from tiercel.model.world import Group, Interface, User, World
from tiercel.sources import metadata
from tiercel.sources.capture import Capture
from tiercel.sources.metadata import MetadataError
from tiercel.sources.records import NO_UID, FdRecord, ThreadRecord


def text(value: bytes) -> bytes:
    return struct.pack("<H", len(value)) + value


def thread(version: int, tail: bytes = b"") -> bytes:
    """One entry of a process list of ``version``; ``tail`` holds the optional fields."""
    out = struct.pack("<qqq", 11, 10, 1)
    out += struct.pack("<q", 9) if version >= 6 else b""
    out += struct.pack("<q", 8) if version >= 8 else b""
    out += text(b"bash") + text(b"-bash")
    out += text(b"/bin/bash") if version >= 7 else b""
    out += text(b"-c\0true") + text(b"/root") + struct.pack("<qIII", 1024, 3, 1000, 1001)
    out += struct.pack("<IIIQQ", 1, 2, 3, 4, 5) if version >= 2 else b""
    out += text(b"A=1\0") if version >= 3 else b""
    out += struct.pack("<qq", 21, 20) + text(b"cpu=/x\0") if version >= 4 else b""
    out += text(b"/") if version >= 5 else b""
    out += tail
    return struct.pack("<I", len(out) + 4) + out if version >= 9 else out


TAIL_OLD = struct.pack("<IBQQQ", 500, 1, 6, 7, 8)
TAIL_NEW = struct.pack("<QI", 99, 34816) + TAIL_OLD + struct.pack("<BQQQBBq", 1, 12, 13, 14, 1, 1, 15)


@pytest.mark.parametrize("version", range(1, 10))
def test_process_lists(version: int) -> None:
    threads: list[ThreadRecord] = []
    metadata.processes(thread(version) * 2 + b"\0\0", version, threads)
    assert len(threads) == 2
    expected = ThreadRecord(
        11, 10, 1, comm=b"bash", exe=b"-bash", args=b"-c\0true\0", cwd=b"/root", fdlimit=1024, flags=3, uid=1000,
        gid=1001,
    )  # fmt: skip
    if version >= 2:
        expected.vmsize, expected.vmrss, expected.vmswap, expected.pfmajor, expected.pfminor = 1, 2, 3, 4, 5
    if version >= 3:
        expected.env = b"A=1\0"
    if version >= 4:
        expected.vtid, expected.vpid, expected.cgroups = 21, 20, b"cpu=/x\0"
    if version >= 5:
        expected.root = b"/"
    if version >= 6:
        expected.sid = 9
    if version >= 7:
        expected.exepath = b"/bin/bash"
    if version >= 8:
        expected.vpgid = 8
    assert threads == [expected, expected]


def test_optional_fields_before_libs_0_10() -> None:
    threads: list[ThreadRecord] = []
    metadata.processes(thread(9, TAIL_OLD), 9, threads)
    (got,) = threads
    assert (got.pidns_init_start_ts, got.tty) == (0, 0)
    assert (got.loginuid, got.exe_writable, got.cap_effective) == (500, True, 8)


def test_optional_fields_of_today_and_later() -> None:
    threads: list[ThreadRecord] = []
    metadata.processes(thread(9, TAIL_NEW + b"of tomorrow") + thread(9), 9, threads)
    got, bare = threads
    assert (got.pidns_init_start_ts, got.tty, got.loginuid) == (99, 34816, 500)
    assert (got.cap_inheritable, got.cap_permitted, got.cap_effective) == (6, 7, 8)
    assert (got.exe_ino, got.exe_ino_ctime, got.exe_ino_mtime, got.pgid) == (12, 13, 14, 15)
    assert got.exe_upper_layer
    assert got.exe_lower_layer
    assert got.exe_from_memfd
    assert bare.loginuid == NO_UID


def test_entries_before_a_fault_are_kept() -> None:
    threads: list[ThreadRecord] = []
    with pytest.raises(MetadataError, match="ends inside an entry"):
        metadata.processes(thread(5) + thread(5)[:40], 5, threads)
    assert len(threads) == 1


A, B = bytes(range(16)), bytes(range(16, 32))

DESCRIPTORS = [
    (FdKind.IPV4_SOCK, b"\1\2\3\4\5\6\7\x08" + struct.pack("<HHB", 80, 443, 1)),
    (FdKind.IPV6_SOCK, A + B + struct.pack("<HHB", 80, 443, 2)),
    (FdKind.IPV4_SERVSOCK, b"\1\2\3\4" + struct.pack("<HB", 80, 1)),
    (FdKind.IPV6_SERVSOCK, bytes(16) + struct.pack("<HB", 80, 1)),
    (FdKind.UNIX_SOCK, struct.pack("<QQ", 5, 6) + text(b"/run/x")),
    (FdKind.FILE_V2, struct.pack("<I", 1) + text(b"/etc/passwd")),
    (FdKind.PIDFD, text(b"pidfd")),
    (99, b""),
]


@pytest.mark.parametrize("version", [1, 2])
def test_descriptor_lists(version: int) -> None:
    body = struct.pack("<q", 7)
    for fd, (kind, info) in enumerate(DESCRIPTORS):
        entry = struct.pack("<qQB", fd, 100 + fd, kind) + info
        if kind == FdKind.FILE_V2 and version == 2:
            entry += struct.pack("<I", 2049)
        body += struct.pack("<I", len(entry) + 4) + entry if version == 2 else entry
    lists: list[tuple[int, list[FdRecord]]] = []
    metadata.descriptors(body, version, lists)
    ((tid, got),) = lists
    assert tid == 7
    assert got == [
        FdRecord(0, 100, FdKind.IPV4_SOCK, sip=b"\1\2\3\4", dip=b"\5\6\7\x08", sport=80, dport=443, l4proto=1),
        FdRecord(1, 101, FdKind.IPV6_SOCK, b"", sip=A, dip=B, sport=80, dport=443, l4proto=2),
        FdRecord(2, 102, FdKind.IPV4_SERVSOCK, ip=b"\1\2\3\4", port=80, l4proto=1),
        FdRecord(3, 103, FdKind.IPV6_SERVSOCK, ip=bytes(16), port=80, l4proto=1),
        FdRecord(4, 104, FdKind.UNIX_SOCK, source=5, destination=6, fname=b"/run/x"),
        FdRecord(5, 105, FdKind.FILE_V2, open_flags=1, fname=b"/etc/passwd", dev=2049 if version == 2 else 0),
        FdRecord(6, 106, FdKind.PIDFD, fname=b"pidfd"),
        FdRecord(7, 107, FdKind.UNSUPPORTED, fname=b"unknown-type:[99]"),
    ]  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
def test_interface_lists(version: int) -> None:
    entries = [
        struct.pack("<HH4s4s4sQ", 1, 4, b"\x0a\0\0\1", b"\xff\0\0\0", b"\x0a\0\0\xff", 1000) + b"eth0",
        struct.pack("<HH4s4s4s", 3, 2, b"\x7f\0\0\1", b"\xff\0\0\0", bytes(4)) + b"lo",
        struct.pack("<HH16s16s16s", 4, 2, bytes(15) + b"\1", b"\xff" * 16, bytes(16)) + b"lo",
    ]
    world = World(interfaces=[Interface(b"old", b"", b"")])
    body = b"".join(struct.pack("<I", len(entry)) + entry if version == 2 else entry for entry in entries)
    metadata.interfaces(body + b"\0\0", version, world)
    assert world.interfaces == [
        Interface(b"eth0", b"\x0a\0\0\1", b"\xff\0\0\0", b"\x0a\0\0\xff", 1000),
        Interface(b"lo", b"\x7f\0\0\1", b"\xff\0\0\0", bytes(4)),
        Interface(b"lo", bytes(15) + b"\1", b"\xff" * 16, bytes(16)),
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_user_lists(version: int) -> None:
    entries = [
        b"\0" + struct.pack("<II", 0, 0) + text(b"root") + text(b"/root") + text(b"/bin/sh"),
        b"\1" + struct.pack("<I", 4) + text(b"adm"),
    ]
    world = World(groups={(b"", 1): Group(1, b"old"), (b"abc", 1): Group(1, b"in a container")})
    body = b"".join(struct.pack("<I", len(entry) + 4) + entry if version == 2 else entry for entry in entries)
    metadata.users(body, version, world)
    assert world.users == {(b"", 0): User(0, 0, b"root", b"/root", b"/bin/sh")}
    assert world.groups == {(b"", 4): Group(4, b"adm"), (b"abc", 1): Group(1, b"in a container")}


@pytest.mark.parametrize(
    "read",
    [
        lambda body: metadata.machine(body),
        lambda body: metadata.processes(body, 9, []),
        lambda body: metadata.descriptors(body, 2, []),
        lambda body: metadata.interfaces(body, 2, World()),
        lambda body: metadata.users(body, 2, World()),
    ],
)
@pytest.mark.parametrize("body", [b"\xff" * 5, b"\xff" * 100, b"\5\0\0\0" * 30])
def test_nonsense(read, body: bytes) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MetadataError):
        read(body)


@needs_reference
def test_a_recorded_host() -> None:
    path = SHARED / "captures/modern/a-seed-webshell"
    with Capture(next(path.glob("*.scap"))) as capture:
        assert capture.world.machine.hostname == "node-1"
        assert capture.world.machine.cpus > 0
        assert capture.world.users[b"", 0].name == b"root"
        assert capture.threads
        assert capture.threads[0].exepath.startswith(b"/")
