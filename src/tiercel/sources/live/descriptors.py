"""Open descriptors as ``/proc`` shows them; sockets are found by their inode in the tables of ``/proc/PID/net``."""

from __future__ import annotations

import os
import stat

from tiercel.model.columns import FdKind
from tiercel.sources.live.root import host_path
from tiercel.sources.records import FdRecord

PROC = host_path("/proc")

_KINDS = {
    b"anon_inode:[eventfd]": FdKind.EVENT,
    b"anon_inode:[eventpoll]": FdKind.EVENTPOLL,
    b"anon_inode:inotify": FdKind.INOTIFY,
    b"anon_inode:[signalfd]": FdKind.SIGNALFD,
    b"anon_inode:[timerfd]": FdKind.TIMERFD,
    b"anon_inode:[io_uring]": FdKind.IOURING,
    b"anon_inode:[userfaultfd]": FdKind.USERFAULTFD,
    b"anon_inode:[pidfd]": FdKind.PIDFD,
    b"anon_inode:bpf-map": FdKind.BPF,
    b"anon_inode:bpf-prog": FdKind.BPF,
}
_FLAGS = (
    (0o100, 4), (0o2000, 8), (0o10000, 16), (0o200, 32), (0o4000, 64), (0o4010000, 128), (0o1000, 256),
    (os.O_DIRECT, 512), (os.O_DIRECTORY, 1024), (0o2000000, 4096),
)  # fmt: skip
_TCP, _UDP, _ICMP, _RAW = 2, 3, 4, 5
_LISTENING = "0A"


def open_flags(flags: int) -> int:
    """Return the flags of an open file as the drivers number them."""
    way = flags & 3
    return (2 if way == 1 else 3 if way == 2 else 1) | sum(to for of, to in _FLAGS if flags & of)


class Sockets:
    """The sockets of each network namespace, read when first asked for."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, FdRecord]] = {}

    def find(self, pid: int, inode: int) -> FdRecord | None:
        """Return what is known of a socket of process ``pid``."""
        try:
            space = os.readlink(f"{PROC}/{pid}/ns/net")
        except OSError:
            return None
        if space not in self._of:
            self._of[space] = _sockets(f"{PROC}/{pid}/net")
        return self._of[space].get(inode)


def descriptor(pid: int, fd: int, sockets: Sockets) -> FdRecord | None:
    """Return descriptor ``fd`` of process ``pid``, None when it was closed meanwhile."""
    base = f"{PROC}/{pid}/fd/{fd}"
    try:
        name = os.fsencode(os.readlink(base))
        info = os.stat(base)
    except OSError:
        return None
    if name.startswith(b"socket:["):
        found = sockets.find(pid, info.st_ino)
        record = FdRecord(fd, info.st_ino, FdKind.UNSUPPORTED, name)
        if found is not None:
            for field in ("type", "fname", "sip", "dip", "sport", "dport", "ip", "port", "l4proto", "source"):
                setattr(record, field, getattr(found, field))
        return record
    record = named(fd, info.st_ino, name, info.st_mode)
    if record.type in (FdKind.FILE_V2, FdKind.DIRECTORY):
        record.dev = info.st_dev & 0xFFFFFFFF
        record.open_flags, record.mount_id = _details(pid, fd)
    return record


def named(fd: int, ino: int, name: bytes, mode: int) -> FdRecord:
    """Return a descriptor that is no socket, from the name ``/proc`` gives it and its mode."""
    if name.startswith(b"pipe:[") or stat.S_ISFIFO(mode):
        return FdRecord(fd, ino, FdKind.FIFO, name)
    if name.startswith(b"anon_inode:"):
        return FdRecord(fd, ino, _KINDS.get(name, FdKind.UNSUPPORTED), name)
    if name.startswith(b"/memfd:"):
        return FdRecord(fd, ino, FdKind.MEMFD, name.removeprefix(b"/memfd:").removesuffix(b" (deleted)"))
    kind = FdKind.DIRECTORY if stat.S_ISDIR(mode) else FdKind.FILE_V2
    return FdRecord(fd, ino, kind, name.removesuffix(b" (deleted)"))


def _details(pid: int, fd: int) -> tuple[int, int]:
    """Return open flags and mount of a descriptor."""
    flags, mount = 0, 0
    try:
        with open(f"{PROC}/{pid}/fdinfo/{fd}", "rb") as file:
            for line in file:
                if line.startswith(b"flags:"):
                    flags = open_flags(int(line.split()[1], 8))
                elif line.startswith(b"mnt_id:"):
                    mount = int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return flags, mount


def _sockets(folder: str) -> dict[int, FdRecord]:
    found: dict[int, FdRecord] = {}
    for table, proto in (("tcp", _TCP), ("udp", _UDP), ("raw", _RAW), ("icmp", _ICMP)):
        for version, suffix in ((4, ""), (6, "6")):
            for line in _lines(f"{folder}/{table}{suffix}"):
                _internet(line.split(), proto, version, found)
    for line in _lines(f"{folder}/unix"):
        words = line.split(None, 7)
        if len(words) >= 7 and words[6].isdigit():
            path = os.fsencode(words[7]) if len(words) > 7 else b""
            found[int(words[6])] = FdRecord(
                0, int(words[6]), FdKind.UNIX_SOCK, path.removeprefix(b"@"), source=int(words[0].rstrip(":"), 16)
            )
    for line in _lines(f"{folder}/netlink"):
        words = line.split()
        if len(words) >= 10 and words[9].isdigit():
            found[int(words[9])] = FdRecord(0, int(words[9]), FdKind.NETLINK)
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()[1:]
    except OSError:
        return []


def _internet(words: list[str], proto: int, version: int, found: dict[int, FdRecord]) -> None:
    if len(words) < 10 or not words[9].isdigit():
        return
    (local, local_port), (remote, remote_port) = (_end(word) for word in words[1:3])
    record = FdRecord(0, int(words[9]), l4proto=proto)
    if (proto == _TCP and words[3] == _LISTENING) or (proto == _UDP and not any(remote)):
        record.type = FdKind.IPV4_SERVSOCK if version == 4 else FdKind.IPV6_SERVSOCK
        record.ip, record.port = local, local_port
    else:
        record.type = FdKind.IPV4_SOCK if version == 4 else FdKind.IPV6_SOCK
        record.sip, record.sport, record.dip, record.dport = local, local_port, remote, remote_port
    found[record.ino] = record


def _end(word: str) -> tuple[bytes, int]:
    """Return address and port of one end: numbers of the kernel's byte order, 4 bytes each, in hexadecimal."""
    address, _, port = word.partition(":")
    raw = bytes.fromhex(address)
    return b"".join(raw[k : k + 4][::-1] for k in range(0, len(raw), 4)), int(port, 16)
