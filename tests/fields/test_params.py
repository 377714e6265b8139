"""Rendering of parameters, on events made by hand."""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from tiercel.fields.params import Renderer
from tiercel.fields.params_text import join_path, sanitize
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, FdKind, P
from tiercel.model.world import User, World
from tiercel.wire.event_table import BY_CONSTANT, EVENTS


class OneProcess:
    """Answers every lookup with the same thread, and descriptor 3 with the same file."""

    def __init__(self, process: int, file: int) -> None:
        self._process, self._file = process, file

    def process(self, tid: int, index: int) -> int:
        return self._process if tid == 7 else -1

    def file(self, owner: int, fd: int, index: int) -> int:
        return self._file if fd == 3 else -1

    def processes(self, tids: Any, indices: Any) -> Any:
        return np.where(tids == 7, self._process, -1)

    def files(self, owners: Any, fds: Any, indices: Any) -> Any:
        return np.where(fds == 3, self._file, -1)


def batch_of(*events: tuple[str, list[bytes]]) -> Batch:
    tables = Tables()
    process = tables.processes.blank()
    row = tables.processes.array[process]
    row[P.TID] = row[P.PID] = row[P.FDOWNER] = 7
    row[P.COMM] = tables.strings.intern(b"bash")
    row[P.CWD] = tables.strings.intern(b"/home/eve/")
    row[P.CONTAINER] = -1
    file = tables.files.blank()
    tables.files.array[file, F.KIND] = FdKind.FILE_V2
    tables.files.array[file, F.NAME] = tables.strings.intern(b"/etc/passwd")
    data = bytearray()
    first, start, length = [0], [], []
    for _, params in events:
        for param in params:
            start.append(len(data))
            length.append(len(param))
            data += param
        first.append(len(start))
    n = len(events)
    i32 = np.int32
    batch = Batch(
        tables=tables,
        data=bytes(data),
        count=n,
        num=np.arange(1, n + 1, dtype=np.uint64),
        ts=np.arange(n, dtype=np.uint64),
        tid=np.full(n, 7, dtype=np.int64),
        cpu=np.zeros(n, dtype=np.uint16),
        types=np.array([BY_CONSTANT[name] for name, _ in events], dtype=np.uint16),
        first=np.array(first, dtype=i32),
        start=np.array(start, dtype=i32),
        length=np.array(length, dtype=i32),
        process=np.full(n, process, dtype=i32),
        file=np.full(n, -1, dtype=i32),
        fd=np.zeros(n, dtype=np.int64),
        has_fd=np.zeros(n, dtype=np.bool_),
        name_changed=np.zeros(n, dtype=np.bool_),
        fdcount=np.zeros(n, dtype=i32),
        threads=np.ones(n, dtype=i32),
        children=np.zeros(n, dtype=i32),
        memory=np.zeros((n, 3), dtype=np.uint32),
        faults=np.zeros((n, 2), dtype=np.uint64),
    )
    lookup: Any = OneProcess(process, file)
    batch.lookup = lookup
    batch.world = World(users={(b"", 1000): User(1000, 1000, b"eve", b"/home/eve", b"/bin/sh")})
    return batch


def i64(value: int) -> bytes:
    return struct.pack("<q", value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


@pytest.mark.parametrize(
    ("constant", "params", "text"),
    [
        (
            "SYSCALL_OPENAT_2_X",
            [i64(3), i64(-100), b"a.txt\0", u32(4097), u32(0o644), u32(0), struct.pack("<Q", 12)],
            b"fd=3(<f>/etc/passwd) dirfd=-100(AT_FDCWD) name=a.txt(/home/eve/a.txt) "
            b"flags=4097(O_RDONLY|O_CLOEXEC) mode=0644 dev=0 ino=12",
        ),
        (
            "SYSCALL_OPENAT_2_X",
            [i64(-2), i64(3), b"x\xff\0", u32(0), b"", b"", b""],
            b"fd=-2(ENOENT) dirfd=3(<f>/etc/passwd) name=x\xef\xbf\xbd(/etc/passwd/x\xef\xbf\xbd) "
            b"flags=0(O_NONE) mode=<NA> dev=<NA> ino=<NA>",
        ),
        ("SYSCALL_READ_X", [i64(4), b"a\0\xffb", i64(9), u32(4)], b"res=4 data=a..b fd=9 size=4"),
        ("SYSCALL_READ_X", [i64(-11), b"", i64(9), u32(4)], b"res=-11(EAGAIN) data=NULL fd=9 size=4"),
        ("SYSCALL_KILL_X", [i64(0), i64(7), bytes([9])], b"res=0 pid=7(bash) sig=9(SIGKILL)"),
        ("SYSCALL_SETUID_X", [i64(0), u32(1000)], b"res=0 uid=1000(eve)"),
        ("SYSCALL_SETUID_X", [i64(0), u32(0xFFFFFFFF)], b"res=0 uid=-1(<NONE>)"),
        ("GENERIC_X", [struct.pack("<H", 3), struct.pack("<H", 0)], b""),
        (
            "SYSCALL_POLL_X",
            [i64(1), struct.pack("<H", 2) + struct.pack("<qh", 3, 1) + struct.pack("<qh", 5, 4), i64(-1)],
            b"res=1 fds=3:f1 5:?4 timeout=-1",
        ),
        (
            "SOCKET_CONNECT_X",
            [i64(0), bytes.fromhex("020a000007d2040a00000850c3"), i64(9), b""],
            b"res=0 tuple=10.0.0.7:1234->10.0.0.8:50000 fd=9 addr=<NA>",
        ),
    ],
)
def test_args(constant: str, params: list[bytes], text: bytes) -> None:
    batch = batch_of((constant, params))
    assert Renderer(batch).args(0) == text


def test_many_events_at_once() -> None:
    opened = ("SYSCALL_OPENAT_2_X", [i64(3), i64(-100), b"\xff\0", u32(1)])
    batch = batch_of(opened, ("GENERIC_X", [b"\3\0", b"\0\0"]), ("SYSCALL_KILL_X", [i64(0), i64(7), b"\x09"]))
    render = Renderer(batch)
    text, offsets = render.texts(np.arange(3), True)
    parts = [text[a:b] for a, b in pairwise(offsets.tolist())]
    assert parts == [render.args(i) for i in range(3)]
    assert parts[1] == b""


def test_arguments_of_any_bytes_are_rendered() -> None:
    """Damaged captures hold parameters of any length; none may stop the others from being shown."""
    random = Random(1)
    events = []
    for event in EVENTS:
        if event.name != "NA":
            sizes = [random.choice((0, 1, 4, 7, 8, 13, 37)) for _ in range(len(event.params) + random.choice((0, 2)))]
            events.append((event.constant, [random.randbytes(size) for size in sizes]))
    batch = batch_of(*events)
    render = Renderer(batch)
    for i in range(batch.count):
        render.args(i)
        for k in range(render.count(i)):
            render.argument(i, k)


def test_argument_is_the_resolved_part_where_there_is_one() -> None:
    batch = batch_of(("SYSCALL_OPENAT_2_X", [i64(-2), i64(-100), b"../b\0", u32(1)]))
    render = Renderer(batch)
    assert [render.argument(0, k) for k in range(4)] == [b"ENOENT", b"AT_FDCWD", b"/home/b", b"O_RDONLY"]


@pytest.mark.parametrize(
    ("base", "path", "joined"),
    [
        (b"/a/", b"b", b"/a/b"),
        (b"/a/", b"../../b/", b"/b"),
        (b"/a/", b"/x//y/./z/..", b"/x/y"),
        (b"", b"b/../c", b"c"),
        (b"/a/", b".", b"/a"),
        (b"/", b"..", b"/"),
        (b"/a/", b"..b", b"/a/..b"),
        (b"/a/", b"\x01\xc3\xa9", b"/a/\xef\xbf\xbd\xc3\xa9"),
        (b"/a/", b"x" * 1024, b"/DIR_TOO_LONG/FILENAME_TOO_LONG"),
    ],
)
def test_join_path(base: bytes, path: bytes, joined: bytes) -> None:
    assert join_path(base, path) == joined


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain", b"plain"),
        ("né €".encode(), "né €".encode()),
        (b"a\nb", "a\ufffdb".encode()),
        (b"\xe2\x82", "\ufffd".encode()),
        (b"\xe2\x82x", "\ufffdx".encode()),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd".encode()),
        (b"\xc2\x80", "\ufffd".encode()),
        (b"\xef\xbf\xbe", "\ufffd".encode()),
    ],
)
def test_sanitize(text: bytes, shown: bytes) -> None:
    assert sanitize(text) == shown
