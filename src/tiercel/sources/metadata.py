"""The blocks that describe the host: machine, processes, descriptors, interfaces, users.

Each function reads the body of one block and stops at the first entry that does not fit; what was read before stays.
Lists of version 2 (and process lists of version 9) say the length of each entry, so that entries could grow: fields
are read as long as the entry holds them, the rest is skipped.

References: libscap's ``scap_savefile.c`` (libs 0.25.4).
"""

from __future__ import annotations

from tiercel.model.columns import FdKind
from tiercel.model.world import Group, Interface, Machine, User, World
from tiercel.sources.records import FdRecord, ThreadRecord

LEAST_ENTRY = 4
"""Fewer bytes than this at the end of a list are padding."""

_MAX_PATH = 1024
_MAX_LIST = 4096  # arguments, environment, cgroups
_MAX_CREDENTIAL = 255  # names of users and groups
_BEFORE_0_10 = 29  # bytes at the end of a process entry written before libs 0.10

_FILE_LIKE = frozenset(
    {
        FdKind.FIFO, FdKind.FILE, FdKind.DIRECTORY, FdKind.UNSUPPORTED, FdKind.EVENT, FdKind.SIGNALFD,
        FdKind.EVENTPOLL, FdKind.INOTIFY, FdKind.TIMERFD, FdKind.NETLINK, FdKind.BPF, FdKind.USERFAULTFD,
        FdKind.IOURING, FdKind.MEMFD, FdKind.PIDFD,
    }
)  # fmt: skip


class MetadataError(Exception):
    """A block that describes the host does not hold what its type promises."""


class Cursor:
    """Takes values off a block body from front to back."""

    def __init__(self, body: bytes, what: str) -> None:
        self.body, self.at, self.what = body, 0, what
        self.end = len(body)

    @property
    def left(self) -> int:
        return self.end - self.at

    def raw(self, size: int) -> bytes:
        if size > self.left:
            raise MetadataError(f"{self.what} ends inside an entry")
        self.at += size
        return self.body[self.at - size : self.at]

    def uint(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "little")

    def int64(self) -> int:
        return int.from_bytes(self.raw(8), "little", signed=True)

    def counted(self, most: int) -> bytes:
        """Take bytes preceded by their 2-byte length."""
        size = self.uint(2)
        if size > most:
            raise MetadataError(f"{self.what} holds a text of {size} bytes, at most {most} are allowed")
        return self.raw(size)

    def text(self, most: int = _MAX_PATH) -> bytes:
        """Take a text, which ends at its first NUL."""
        return self.counted(most).split(b"\0", 1)[0]

    def texts(self) -> bytes:
        """Take texts that each end in NUL; older writers left out the last one."""
        held = self.counted(_MAX_LIST)
        return held + b"\0" if held and not held.endswith(b"\0") else held


class Entry:
    """One entry of a list: a cursor that, where the entry says its length, ends and resumes there."""

    def __init__(self, cursor: Cursor, sized: bool) -> None:
        self.cursor = cursor
        start = cursor.at
        size = cursor.uint(4) if sized else 0  # counts itself; 0 for an entry that does not say
        self.sized = size > 0
        self.stop = start + size
        if self.sized and not cursor.at <= self.stop <= cursor.end:
            raise MetadataError(f"{cursor.what} holds an entry of impossible length")

    def holds(self, size: int) -> bool:
        """Whether an optional field of ``size`` bytes is there."""
        return self.sized and self.cursor.at + size <= self.stop

    def optional(self, size: int, otherwise: int = 0) -> int:
        return self.cursor.uint(size) if self.holds(size) else otherwise

    def close(self) -> None:
        """Skip fields this version does not know."""
        if self.sized:
            if self.cursor.at > self.stop:
                raise MetadataError(f"{self.cursor.what} holds an entry longer than it says")
            self.cursor.at = self.stop


def machine(body: bytes) -> Machine:
    """Read a machine info block."""
    cursor = Cursor(body, "machine info")
    cpus, memory, max_pid = cursor.uint(4), cursor.uint(8), cursor.uint(8)
    hostname = cursor.raw(128).split(b"\0", 1)[0].decode(errors="replace")
    boot_ts = cursor.uint(8)
    return Machine(cpus, memory, max_pid, hostname, boot_ts, flags=cursor.uint(8))


def processes(body: bytes, version: int, into: list[ThreadRecord]) -> None:
    """Read a process list block of ``version`` 1 to 9."""
    cursor = Cursor(body, "process list")
    while cursor.left >= LEAST_ENTRY:
        entry = Entry(cursor, sized=version >= 9)
        thread = ThreadRecord(cursor.int64(), pid=cursor.int64(), ptid=cursor.int64())
        if version >= 6:
            thread.sid = cursor.int64()
        if version >= 8:
            thread.vpgid = cursor.int64()
        thread.comm = cursor.text()
        thread.exe = cursor.text()
        if version >= 7:
            thread.exepath = cursor.text()
        thread.args = cursor.texts()
        thread.cwd = cursor.text()
        thread.fdlimit = cursor.int64()
        thread.flags, thread.uid, thread.gid = cursor.uint(4), cursor.uint(4), cursor.uint(4)
        if version >= 2:
            thread.vmsize, thread.vmrss, thread.vmswap = cursor.uint(4), cursor.uint(4), cursor.uint(4)
            thread.pfmajor, thread.pfminor = cursor.uint(8), cursor.uint(8)
        if version >= 3:
            thread.env = cursor.texts()
        if version >= 4:
            thread.vtid, thread.vpid = cursor.int64(), cursor.int64()
            thread.cgroups = cursor.counted(_MAX_LIST)
        if version >= 5:
            thread.root = cursor.text()
        _process_tail(thread, entry)
        entry.close()
        into.append(thread)


def _process_tail(thread: ThreadRecord, entry: Entry) -> None:
    """Read the optional fields of a process entry."""
    if not entry.sized:
        return
    if entry.stop - entry.cursor.at > _BEFORE_0_10:
        # these two were put in the middle by libs 0.10
        thread.pidns_init_start_ts = entry.optional(8)
        thread.tty = entry.optional(4)
    thread.loginuid = entry.optional(4, thread.loginuid)
    thread.exe_writable = bool(entry.optional(1))
    thread.cap_inheritable = entry.optional(8)
    thread.cap_permitted = entry.optional(8)
    thread.cap_effective = entry.optional(8)
    thread.exe_upper_layer = bool(entry.optional(1))
    thread.exe_ino = entry.optional(8)
    thread.exe_ino_ctime = entry.optional(8)
    thread.exe_ino_mtime = entry.optional(8)
    thread.exe_from_memfd = bool(entry.optional(1))
    thread.exe_lower_layer = bool(entry.optional(1))
    if entry.holds(8):
        thread.pgid = entry.cursor.int64()


def descriptors(body: bytes, version: int, into: list[tuple[int, list[FdRecord]]]) -> None:
    """Read a descriptor list block: the thread it belongs to and its open descriptors."""
    cursor = Cursor(body, "descriptor list")
    records: list[FdRecord] = []
    into.append((cursor.int64(), records))
    while cursor.left >= LEAST_ENTRY:
        entry = Entry(cursor, sized=version >= 2)
        record = FdRecord(cursor.int64(), ino=cursor.uint(8), type=cursor.uint(1))
        _descriptor_info(record, cursor, entry)
        entry.close()
        records.append(record)


def _descriptor_info(record: FdRecord, cursor: Cursor, entry: Entry) -> None:
    """Read what depends on the descriptor's type."""
    kind = record.type
    if kind in (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK):
        size = 4 if kind == FdKind.IPV4_SOCK else 16
        record.sip, record.dip = cursor.raw(size), cursor.raw(size)
        record.sport, record.dport, record.l4proto = cursor.uint(2), cursor.uint(2), cursor.uint(1)
    elif kind in (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK):
        record.ip = cursor.raw(4 if kind == FdKind.IPV4_SERVSOCK else 16)
        record.port, record.l4proto = cursor.uint(2), cursor.uint(1)
    elif kind == FdKind.UNIX_SOCK:
        record.source, record.destination = cursor.uint(8), cursor.uint(8)
        record.fname = cursor.text(_MAX_PATH - 1)
    elif kind == FdKind.FILE_V2:
        record.open_flags = cursor.uint(4)
        record.fname = cursor.text(_MAX_PATH - 1)
        record.dev = entry.optional(4)
    elif kind in _FILE_LIKE:
        record.fname = cursor.text(_MAX_PATH - 1)
    elif kind != FdKind.UNKNOWN:
        record.fname = b"unknown-type:[%d]" % kind  # of a newer writer
        record.type = FdKind.UNSUPPORTED


def interfaces(body: bytes, version: int, world: World) -> None:
    """Read an interface list block; it replaces what was known."""
    world.interfaces.clear()
    cursor = Cursor(body, "interface list")
    while cursor.left >= LEAST_ENTRY:
        stop = cursor.uint(4) + cursor.at if version >= 2 else 0  # here the length does not count itself
        kind, name_size = cursor.uint(2), cursor.uint(2)
        if kind not in (1, 2, 3, 4) or name_size >= _MAX_PATH:
            raise MetadataError("interface list holds an interface of unknown type")
        size = 4 if kind in (1, 3) else 16
        address, netmask, broadcast = cursor.raw(size), cursor.raw(size), cursor.raw(size)
        speed = cursor.uint(8) if kind in (1, 2) else 0
        name = cursor.raw(name_size).split(b"\0", 1)[0]
        world.interfaces.append(Interface(name, address, netmask, broadcast, speed))
        if version >= 2:
            if not cursor.at <= stop <= cursor.end:
                raise MetadataError("interface list holds an entry of impossible length")
            cursor.at = stop


def users(body: bytes, version: int, world: World) -> None:
    """Read a user list block; it replaces what was known of the host's users and groups."""
    for table in (world.users, world.groups):
        for key in [key for key in table if key[0] == b""]:
            del table[key]
    cursor = Cursor(body, "user list")
    while cursor.left >= LEAST_ENTRY:
        entry = Entry(cursor, sized=version >= 2)
        if cursor.uint(1) == 0:
            uid, gid = cursor.uint(4), cursor.uint(4)
            name, home, shell = (cursor.text(_MAX_CREDENTIAL) for _ in range(3))
            world.users[b"", uid] = User(uid, gid, name, home, shell)
        else:
            gid = cursor.uint(4)
            world.groups[b"", gid] = Group(gid, cursor.text(_MAX_CREDENTIAL))
        entry.close()
