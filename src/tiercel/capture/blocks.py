"""The blocks of a capture, as bytes.

A block is its type, its length, its body padded to four bytes, and the length again. Those that describe the host come
first: machine, interfaces, users, processes, descriptors. Every entry of a list starts with its own length, so a reader
can skip what it does not know (the capture format of libscap, version 1.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tiercel.model.columns import FdKind
from tiercel.model.world import Group, Interface, Machine, User
from tiercel.sources.records import FdRecord, ThreadRecord

SECTION_HEADER = 0x0A0D0D0A
BYTE_ORDER_MAGIC = 0x1A2B3C4D
VERSION = (1, 2)
MACHINE_INFO = 0x201
PROCESS_LIST = 0x215
EVENT = 0x216
EVENT_WITH_FLAGS = 0x217
DESCRIPTOR_LIST = 0x218
INTERFACE_LIST = 0x219
USER_LIST = 0x220
EVENT_LARGE = 0x221
EVENT_WITH_FLAGS_LARGE = 0x222

PATH_LIMIT = 1024
FD_NAME_LIMIT = 1023  # bytes of a descriptor's name that readers take
"""Bytes of a path that libscap stores; longer ones make its reader refuse the file."""
LIST_LIMIT = 4096
"""Bytes of arguments, of environment, and of cgroups that it stores."""
NAME_LIMIT = 255
"""Bytes of a user's or group's name."""


def block(kind: int, body: bytes) -> bytes:
    """Return a whole block."""
    padding = -len(body) % 4
    length = 12 + len(body) + padding
    return struct.pack("<II", kind, length) + body + bytes(padding) + struct.pack("<I", length)


def section_header() -> bytes:
    """Return the block every capture starts with."""
    return block(SECTION_HEADER, struct.pack("<IHHq", BYTE_ORDER_MAGIC, *VERSION, -1))


def machine_info(machine: Machine) -> bytes:
    """Return the machine info block; the hostname is cut to 127 bytes."""
    hostname = machine.hostname.encode("utf-8", "surrogateescape")[:127]
    body = struct.pack(
        "<IQQ128sQQQQ",
        machine.cpus,
        machine.memory,
        machine.max_pid,
        hostname,
        machine.boot_ts,
        machine.flags,
        0,
        0,
    )
    return block(MACHINE_INFO, body)


def interface_list(interfaces: Iterable[Interface]) -> bytes:
    """Return the interface list; IPv4 entries come before IPv6 ones."""
    entries: dict[int, list[bytes]] = {4: [], 16: []}
    for interface in interfaces:
        width = len(interface.address)
        if width not in entries:
            raise ValueError(f"interface {interface.name!r} has an address of {width} bytes, not 4 or 16")
        entry = struct.pack("<HH", 1 if width == 4 else 2, len(interface.name))
        for address in (interface.address, interface.netmask, interface.broadcast):
            entry += address[:width].ljust(width, b"\0")
        entry += struct.pack("<Q", interface.speed) + interface.name
        entries[width].append(struct.pack("<I", len(entry)) + entry)
    return block(INTERFACE_LIST, b"".join(entries[4] + entries[16]))


def user_list(users: Iterable[User], groups: Iterable[Group]) -> bytes:
    """Return the user list: users, then groups."""
    body = bytearray()
    for user in users:
        entry = struct.pack("<BII", 0, user.uid & 0xFFFFFFFF, user.gid & 0xFFFFFFFF)
        entry += _text(user.name, NAME_LIMIT) + _text(user.home, PATH_LIMIT) + _text(user.shell, PATH_LIMIT)
        body += struct.pack("<I", 4 + len(entry)) + entry
    for group in groups:
        entry = struct.pack("<BI", 1, group.gid & 0xFFFFFFFF) + _text(group.name, NAME_LIMIT)
        body += struct.pack("<I", 4 + len(entry)) + entry
    return block(USER_LIST, bytes(body))


def process_list(threads: Iterable[ThreadRecord]) -> bytes:
    """Return the process list with the fields of its last version."""
    body = bytearray()
    for thread in threads:
        entry = thread_entry(thread)
        body += struct.pack("<I", 4 + len(entry)) + entry
    return block(PROCESS_LIST, bytes(body))


def thread_entry(thread: ThreadRecord) -> bytes:
    """Return one thread as it stands in the process list, without the leading length."""
    return b"".join(
        (
            struct.pack("<qqqqq", thread.tid, thread.pid, thread.ptid, thread.sid, thread.vpgid),
            _text(thread.comm, PATH_LIMIT),
            _text(thread.exe, PATH_LIMIT),
            _text(thread.exepath, PATH_LIMIT),
            _text(thread.args, LIST_LIMIT),
            _text(thread.cwd, PATH_LIMIT),
            struct.pack("<qIII", thread.fdlimit, thread.flags, thread.uid & 0xFFFFFFFF, thread.gid & 0xFFFFFFFF),
            struct.pack("<IIIQQ", thread.vmsize, thread.vmrss, thread.vmswap, thread.pfmajor, thread.pfminor),
            _text(thread.env, LIST_LIMIT),
            struct.pack("<qq", thread.vtid, thread.vpid),
            _text(thread.cgroups, LIST_LIMIT),
            _text(thread.root, PATH_LIMIT),
            struct.pack(
                "<QII?", thread.pidns_init_start_ts, thread.tty, thread.loginuid & 0xFFFFFFFF, thread.exe_writable
            ),
            struct.pack("<QQQ", thread.cap_inheritable, thread.cap_permitted, thread.cap_effective),
            struct.pack("<?QQQ", thread.exe_upper_layer, thread.exe_ino, thread.exe_ino_ctime, thread.exe_ino_mtime),
            struct.pack("<??q", thread.exe_from_memfd, thread.exe_lower_layer, thread.pgid),
        )
    )


def descriptor_list(tid: int, descriptors: Iterable[FdRecord]) -> bytes:
    """Return the open descriptors of one process; those of unknown kind are left out, as libscap does."""
    body = bytearray(struct.pack("<q", tid))
    for descriptor in descriptors:
        if descriptor.type in (FdKind.UNINITIALIZED, FdKind.UNKNOWN):
            continue
        entry = struct.pack("<qQB", descriptor.fd, descriptor.ino, descriptor.type) + _target(descriptor)
        body += struct.pack("<I", 4 + len(entry)) + entry
    return block(DESCRIPTOR_LIST, bytes(body))


def _target(descriptor: FdRecord) -> bytes:
    kind = descriptor.type
    if kind in (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK):
        width = 4 if kind == FdKind.IPV4_SOCK else 16
        ends = descriptor.sip[:width].ljust(width, b"\0") + descriptor.dip[:width].ljust(width, b"\0")
        return ends + struct.pack("<HHB", descriptor.sport, descriptor.dport, descriptor.l4proto)
    if kind in (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK):
        width = 4 if kind == FdKind.IPV4_SERVSOCK else 16
        end = descriptor.ip[:width].ljust(width, b"\0")
        return end + struct.pack("<HB", descriptor.port, descriptor.l4proto)
    name = _text(descriptor.fname, FD_NAME_LIMIT)
    if kind == FdKind.UNIX_SOCK:
        return struct.pack("<QQ", descriptor.source, descriptor.destination) + name
    if kind == FdKind.FILE_V2:
        return struct.pack("<I", descriptor.open_flags) + name + struct.pack("<I", descriptor.dev)
    return name


def _text(text: bytes, limit: int) -> bytes:
    text = text[:limit]
    return struct.pack("<H", len(text)) + text
