"""Calls of 32-bit programs, which have other numbers, are seen as those of any other."""

from __future__ import annotations

import os
import platform
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from tests.sources.live.host import of, one, types, watch_command, watch_script, watchable

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="32-bit numbers are followed on x86_64")

_HEADER = struct.Struct("<16s2H5I6H")
_PROGRAM = struct.Struct("<8I")
_CODE = bytes.fromhex(
    "e8000000005d81e500f0ffff"  # the address of the page
    "8d9d00020000b80500000031c931d2cd80"  # open(page + 0x200, 0, 0)
    "8d9d40020000b80b0000008d8d800200008d9590020000cd80"  # execve(page + 0x240, page + 0x280, page + 0x290)
    "b801000000bb07000000cd80"  # exit(7)
)
_PAGE = 0x8048000


def _program() -> bytes:
    """Return a static program of 32 bits that opens a file, fails to execute another and exits."""
    image = bytearray(0x400)
    magic = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    _HEADER.pack_into(image, 0, magic, 2, 3, 1, _PAGE + 0x100, _HEADER.size, 0, 0, _HEADER.size, 32, 1, 0, 0, 0)
    _PROGRAM.pack_into(image, _HEADER.size, 1, 0, _PAGE, _PAGE, 0x400, 0x400, 7, 0x1000)
    for at, content in ((0x100, _CODE), (0x200, b"/etc/hostname"), (0x240, b"/no/such/program")):
        image[at : at + len(content)] = content
    struct.pack_into("<3I", image, 0x280, _PAGE + 0x2A0, _PAGE + 0x2A8, 0)
    struct.pack_into("<2I", image, 0x290, _PAGE + 0x2B0, 0)
    for at, text in ((0x2A0, b"asked\0"), (0x2A8, b"one\0"), (0x2B0, b"KEY=1\0")):
        image[at : at + len(text)] = text
    return bytes(image)


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program]).returncode == 7
    except OSError:
        return False


@watchable
def test_a_program_of_32_bits(tmp_path: Path) -> None:
    program = tmp_path / "small"
    program.write_bytes(_program())
    program.chmod(0o755)
    if not _runs(program):
        pytest.skip("this kernel runs no 32-bit programs")
    _, events = watch_command([str(program)], types("SYSCALL_OPEN_X", "SYSCALL_EXECVE_19_X"))
    info = os.stat("/etc/hostname")
    opened = one(events, "SYSCALL_OPEN_X", name="/etc/hostname", flags="O_RDONLY", dev=info.st_dev, ino=info.st_ino)
    assert opened.file == b"/etc/hostname"
    assert opened.process["EXEPATH"] == os.fsencode(program)
    one(
        events, "SYSCALL_EXECVE_19_X", res="ENOENT", filename="/no/such/program", exe="asked", args=["one"],
        env=["KEY=1"],
    )  # fmt: skip
    assert one(events, "PROCEXIT_1_E", ret=7).tid == opened.tid


_STUB = """
import ctypes, mmap, os, socket, struct
room = mmap.mmap(-1, 1 << 16, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, 7)  # below 4 GB
base = ctypes.addressof(ctypes.c_char.from_buffer(room))
room[:27] = bytes.fromhex("53558b078b5f048b4f088b570c8b77108b6f188b7f14cd805d5bc3")
code = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(base)
at = 0x100
def put(content):
    global at
    place = at
    room[place : place + len(content)] = content
    at += len(content) + 15 & ~15
    return base + place
def words(*numbers): return put(struct.pack("<%dI" % len(numbers), *[number & 0xffffffff for number in numbers]))
def call(number, *args):
    return code(words(number, *args, *[0] * (6 - len(args))))
def socketcall(number, *args): return call(102, number, words(*args))
"""


@watchable
def test_calls_by_their_32_bit_numbers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    script = (
        _STUB
        + f"""
path = {str(tmp_path / "file")!r}.encode()
fd = call(295, -100, put(path + b"\\0"), os.O_CREAT | os.O_RDWR, 0o600)
vectors = words(put(b"first,"), 6, put(b"second"), 6)
call(146, fd, vectors, 2)
call(181, fd, put(b"third"), 5, 7, 1)
call(140, fd, 1, 2, put(b"12345678"), 0)
call(10, put(b"/no/such/file\\0"))
s = socketcall(1, 2, 1, 0)
address = put(struct.pack("<HH4s8x", 2, socket.htons({port}), socket.inet_aton("127.0.0.1")))
socketcall(3, s, address, 16)
near, far = socket.socketpair()
socketcall(9, near.fileno(), put(b"sent"), 4, 0)
socketcall(10, far.fileno(), put(b"????"), 4, 0)
message = words(0, 0, vectors, 2, 0, 0, 0)
socketcall(16, near.fileno(), message, 0)
call(370, near.fileno(), message, 0)
call(174, 0); call(208, -1, 7, -1); call(74, put(b"x"), 9999)
call(6, fd)
"""
    )
    names = (
        "SYSCALL_OPENAT_2_X", "SYSCALL_WRITEV_X", "SYSCALL_PWRITE_X", "SYSCALL_LSEEK_X", "SYSCALL_UNLINK_2_X",
        "SOCKET_SOCKET_X", "SOCKET_CONNECT_X", "SOCKET_SEND_X", "SOCKET_RECV_X", "SOCKET_SENDMSG_X",
        "SYSCALL_SETRESUID_X", "SYSCALL_CLOSE_X",
    )  # fmt: skip
    _, events = watch_script(script, types(*names))
    file = os.fsencode(tmp_path / "file")
    made = one(events, "SYSCALL_OPENAT_2_X", name=str(tmp_path / "file"), mode=0o600, dirfd=-100)
    assert made.file == file
    fd = made.number("fd")
    assert fd >= 3
    assert one(events, "SYSCALL_WRITEV_X", res=12, fd=fd, data=b"first,second", size=12).file == file
    one(events, "SYSCALL_PWRITE_X", fd=fd, data=b"third", pos=7 + (1 << 32))
    one(events, "SYSCALL_LSEEK_X", fd=fd, offset=2 + (1 << 32), whence="SEEK_SET")
    one(events, "SYSCALL_UNLINK_2_X", res="ENOENT", path="/no/such/file")
    refused = one(events, "SOCKET_CONNECT_X", res="ECONNREFUSED", addr=("127.0.0.1", port))
    assert refused.number("fd") == one(events, "SOCKET_SOCKET_X", domain="AF_INET", type=1).number("fd")
    assert one(events, "SOCKET_SEND_X", res=4, data=b"sent", size=4).params["tuple"]
    assert one(events, "SOCKET_RECV_X", res=4, data=b"sent", size=4).params["tuple"]
    sent = [event for event in of(events, "SOCKET_SENDMSG_X") if event.params["data"] == b"first,second"]
    assert [(event.number("res"), event.number("size")) for event in sent] == [(12, 12), (12, 12)]
    one(events, "SYSCALL_SETRESUID_X", res=0, ruid=2**32 - 1, euid=7, suid=2**32 - 1)
    assert fd in [event.number("fd") for event in of(events, "SYSCALL_CLOSE_X") if event.file == file]
