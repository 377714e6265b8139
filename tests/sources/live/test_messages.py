"""Data that comes in parts, and messages with what they carry."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from tests.sources.live.host import of, one, types, watch_script, watchable


@watchable
def test_data_in_parts_is_put_together(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    script = f"""
import ctypes, os
libc = ctypes.CDLL(None)
class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
def vectors(*parts): return (Vector * len(parts))(*[Vector(part, len(part)) for part in parts])
fd = os.open({path!r}, os.O_CREAT | os.O_RDWR, 0o600)
os.writev(fd, [b"first,", b"", b"second,", b"third"])
libc.syscall(296, fd, vectors(b"FIR", b"ST"), 2, 0, 0)
os.lseek(fd, 0, 0)
os.readv(fd, [bytearray(3), bytearray(4), bytearray(100)])
libc.syscall(295, fd, vectors(b"?" * 2, b"?" * 5), 2, 6, 0)
os.writev(fd, [b"x" * 50, b"y" * 50])
try: os.writev(99, [b"un", b"written"])
except OSError: pass
try: os.readv(99, [bytearray(4)])
except OSError: pass
"""
    wanted = ("SYSCALL_READV_X", "SYSCALL_WRITEV_X", "SYSCALL_PREADV_X", "SYSCALL_PWRITEV_X", "SYSCALL_OPENAT_2_X")
    _, events = watch_script(script, types(*wanted))
    fd = next(event.number("fd") for event in of(events, "SYSCALL_OPENAT_2_X") if event.text("name") == path)
    written = one(events, "SYSCALL_WRITEV_X", res=18, data=b"first,second,third", fd=fd, size=18)
    assert written.file == path.encode()
    one(events, "SYSCALL_PWRITEV_X", res=5, data=b"FIRST", fd=fd, size=5, pos=0)
    one(events, "SYSCALL_READV_X", res=18, size=18, data=b"FIRST,second,third", fd=fd)
    one(events, "SYSCALL_PREADV_X", res=7, size=7, data=b"second,", fd=fd, pos=6)
    one(events, "SYSCALL_WRITEV_X", res=100, data=b"x" * 50 + b"y" * 30, size=100)
    one(events, "SYSCALL_WRITEV_X", res="EBADF", data=b"unwritten", fd=99, size=9)
    one(events, "SYSCALL_READV_X", res="EBADF", data=b"", size=0, fd=99)


@watchable
def test_as_much_data_is_kept_as_is_asked_for(tmp_path: Path) -> None:
    script = f"""
import os
fd = os.open({str(tmp_path / "file")!r}, os.O_CREAT | os.O_RDWR, 0o600)
os.writev(fd, [b"x" * 3000, b"y" * 3000])
os.write(fd, b"z" * 9000)
"""
    _, events = watch_script(script, types("SYSCALL_WRITEV_X", "SYSCALL_WRITE_X"), snaplen=5000)
    one(events, "SYSCALL_WRITEV_X", res=6000, data=b"x" * 3000 + b"y" * 2000)
    one(events, "SYSCALL_WRITE_X", res=9000, data=b"z" * 5000)


@watchable
def test_messages_with_descriptors(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    script = f"""
import array, os, socket
near, far = socket.socketpair()
passed = os.open("/etc/hostname", os.O_RDONLY)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [passed]))]
near.sendmsg([b"take ", b"this"], rights)
far.recvmsg(5, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
far.recvmsg_into([bytearray(2), bytearray(20)])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 0))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); other.bind(("127.0.0.1", 0))
other.connect(udp.getsockname()); udp.connect(other.getsockname())
other.sendmsg([b"to ", b"you"])
udp.recvmsg(100)
third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
third.sendmsg([b"named"], [], 0, ("127.0.0.1", 7))
unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); unix.bind({path!r})
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendmsg([b"local"], [], 0, {path!r})
try: other.sendmsg([b"lost"], [], 0, ("255.255.255.255", 9))
except OSError: pass
os.write(1, b"")
"""
    wanted = ("SOCKET_SENDMSG_X", "SOCKET_RECVMSG_X", "SOCKET_SOCKETPAIR_X", "SOCKET_CONNECT_X", "SOCKET_SOCKET_X")
    _, events = watch_script(script, types(*wanted, "SYSCALL_OPENAT_2_X"))
    one(events, "SOCKET_SENDMSG_X", res=9, data=b"take this", size=9)
    received = one(events, "SOCKET_RECVMSG_X", res=5, size=5, data=b"take ")
    control = received.params["msgcontrol"] or b""
    length, level, kind, fd = struct.unpack("<QiiI", control[:20])
    assert (length, level, kind) == (20, socket.SOL_SOCKET, socket.SCM_RIGHTS)
    assert fd > 2
    one(events, "SOCKET_RECVMSG_X", res=4, size=4, data=b"this", msgcontrol=b"")
    udp, other = [event.params["addr"] or b"" for event in of(events, "SOCKET_CONNECT_X")][:2]
    ends = b"\x02" + other[1:] + udp[1:]
    assert one(events, "SOCKET_SENDMSG_X", res=6, data=b"to you").params["tuple"] == ends
    assert one(events, "SOCKET_RECVMSG_X", res=6, data=b"to you").params["tuple"] == ends
    named = one(events, "SOCKET_SENDMSG_X", res=5, data=b"named").params["tuple"] or b""
    assert named[7:] == bytes([127, 0, 0, 1, 7, 0])
    local = one(events, "SOCKET_SENDMSG_X", res=5, data=b"local")
    assert (local.params["tuple"] or b"").endswith(path.encode() + b"\0")
    one(events, "SOCKET_SENDMSG_X", res="EACCES", data=b"lost", size=4, tuple=b"")


_MANY = """
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
class Header(ctypes.Structure): _fields_ = [
    ("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Vector)), ("iovlen", ctypes.c_size_t),
    ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_size_t),
    ("length", ctypes.c_size_t)]
def headers(texts):
    made = (Header * len(texts))()
    for k, parts in enumerate(texts):
        vectors = (Vector * len(parts))(*[Vector(part, len(part)) for part in parts])
        made[k].iov, made[k].iovlen = vectors, len(parts)
    return made
far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); far.bind(("127.0.0.1", 0))
near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); near.bind(("127.0.0.1", 0)); near.connect(far.getsockname())
far.connect(near.getsockname())
sent = headers([[b"one"], [b"two ", b"parts"], [b"three"]])
libc.sendmmsg(near.fileno(), sent, 3, 0)
room = headers([[bytes(bytearray(20))], [bytes(bytearray(4)), bytes(bytearray(20))], [bytes(bytearray(20))]])
libc.recvmmsg(far.fileno(), room, 3, 0x40, None)
libc.sendmmsg(99, sent, 3, 0)
"""


@watchable
def test_an_event_for_each_of_several_messages() -> None:
    _, events = watch_script(_MANY, types("SOCKET_SENDMMSG_X", "SOCKET_RECVMMSG_X", "SOCKET_CONNECT_X"))
    far, near = [event.params["addr"] or b"" for event in of(events, "SOCKET_CONNECT_X")][:2]
    ends = b"\x02" + near[1:] + far[1:]
    sent = of(events, "SOCKET_SENDMMSG_X")
    assert [event.params["data"] for event in sent] == [b"one", b"two parts", b"three", b""]
    assert [event.number("res") for event in sent] == [3, 9, 5, -9]
    assert [event.number("size") for event in sent] == [3, 9, 5, 0]
    assert [event.params["tuple"] for event in sent] == [ends, ends, ends, b""]
    received = of(events, "SOCKET_RECVMMSG_X")
    assert [event.params["data"] for event in received] == [b"one", b"two parts", b"three"]
    assert [event.number("size") for event in received] == [3, 9, 5]
    assert len({event.number("fd") for event in received}) == 1
    assert all(event.params["msgcontrol"] == b"" for event in received)
