"""Threads and descriptors of the running host as ``/proc`` shows them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator

from tiercel.sources.live.descriptors import Sockets, descriptor
from tiercel.sources.live.root import host_path
from tiercel.sources.records import NO_UID, FdRecord, ThreadRecord

_THREAD, _FILES, _VM, _SIGHAND = 1 << 13, 1 << 0, 1 << 15, 1 << 11
_IN_PIDNS = 1 << 29
PROC = host_path("/proc")
_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_LIST = 16 << 10  # bytes of arguments or environment


def read_threads() -> Iterator[ThreadRecord]:
    """Yield the threads there are, each process before its threads; those that end meanwhile are left out."""
    offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    for pid in pids():
        main = _thread(pid, pid, offset, None)
        if main is None:
            continue
        yield main
        for tid in _numbers(f"{PROC}/{pid}/task"):
            if tid != pid and (thread := _thread(pid, tid, offset, main)) is not None:
                yield thread


def read_process(pid: int) -> ThreadRecord | None:
    """Return the first thread of a process as it is now, None when it is gone."""
    return _thread(pid, pid, time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME), None)


def read_thread(pid: int, tid: int) -> ThreadRecord | None:
    """Return one thread of process ``pid``, None when it ended."""
    offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    main = None if tid == pid else _thread(pid, pid, offset, None)
    return _thread(pid, tid, offset, main)


def read_descriptors(processes: Iterable[int]) -> Iterator[tuple[int, list[FdRecord]]]:
    """Yield for each of the processes its id and its descriptors."""
    sockets = Sockets()
    for pid in processes:
        records = [record for fd in _numbers(f"{PROC}/{pid}/fd") if (record := descriptor(pid, fd, sockets))]
        if records:
            yield pid, records


def pids() -> list[int]:
    """Return the ids of the processes there are, in order."""
    return _numbers(PROC)


def _numbers(folder: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(folder) if name.isdigit())
    except OSError:
        return []


def _read(path: str, most: int = 1 << 20) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            out = bytearray()
            while len(out) < most and (part := file.read(min(most - len(out), 65536))):
                out += part
            return bytes(out)
    except OSError:
        return b""


def _link(path: str) -> bytes:
    try:
        return os.fsencode(os.readlink(path))
    except OSError:
        return b""


def _thread(pid: int, tid: int, offset: int, main: ThreadRecord | None) -> ThreadRecord | None:
    """Return one thread; ``main`` is the first thread of its process, None for that itself."""
    base = f"{PROC}/{pid}/task/{tid}"
    status = dict(line.split(b":", 1) for line in _read(f"{base}/status").splitlines() if b":" in line)
    stat = _read(f"{base}/stat").rpartition(b")")[2].split()
    if b"Tgid" not in status or len(stat) < 22:
        return None
    record = ThreadRecord(tid, pid=pid)
    record.comm = _read(f"{base}/comm").removesuffix(b"\n")
    record.ptid, record.pgid, record.sid = int(stat[1]), int(stat[2]), int(stat[3])
    record.tty = int(stat[4])
    record.pfminor, record.pfmajor = int(stat[7]), int(stat[9])
    record.clone_ts = offset + int(stat[19]) * _TICK
    _fill_status(record, status)
    if main is None:
        _fill_process(record, f"{PROC}/{pid}")
    else:
        share(record, main)
        record.flags |= _THREAD | _FILES | _VM | _SIGHAND
    return record


_SHARED = (
    "exe", "exepath", "args", "env", "cwd", "root", "cgroups", "loginuid", "fdlimit", "exe_writable", "exe_upper_layer",
    "exe_lower_layer", "exe_from_memfd", "exe_ino", "exe_ino_ctime", "exe_ino_mtime", "pidns_init_start_ts",
)  # fmt: skip


def share(record: ThreadRecord, main: ThreadRecord) -> None:
    """Give a thread what it has in common with the first one of its process."""
    for name in _SHARED:
        setattr(record, name, getattr(main, name))


def _fill_status(record: ThreadRecord, status: dict[bytes, bytes]) -> None:
    def last(key: bytes, default: int) -> int:
        words = status.get(key, b"").split()
        return int(words[-1]) if words else default

    record.vtid, record.vpid = last(b"NSpid", record.tid), last(b"NStgid", record.pid)
    record.vpgid = last(b"NSpgid", record.pgid)
    if len(status.get(b"NSpid", b"").split()) > 1:
        record.flags |= _IN_PIDNS
    uids, gids = status.get(b"Uid", b"0 0").split(), status.get(b"Gid", b"0 0").split()
    record.uid, record.gid = int(uids[1]), int(gids[1])
    for key, name in ((b"CapInh", "cap_inheritable"), (b"CapPrm", "cap_permitted"), (b"CapEff", "cap_effective")):
        setattr(record, name, int(status.get(key, b"0"), 16))
    for key, name in ((b"VmSize", "vmsize"), (b"VmRSS", "vmrss"), (b"VmSwap", "vmswap")):
        setattr(record, name, int((status.get(key, b"0").split() or [b"0"])[0]))


def _fill_process(record: ThreadRecord, base: str) -> None:
    arguments = _read(f"{base}/cmdline", _LIST)
    record.exe, _, record.args = arguments.partition(b"\0")
    if not arguments:
        record.exe = record.comm
    record.env = _read(f"{base}/environ", _LIST)
    record.exepath = _link(f"{base}/exe").removesuffix(b" (deleted)")
    record.cwd = _link(f"{base}/cwd") or b"/"
    record.root = _link(f"{base}/root") or b"/"
    record.cgroups = _cgroups(_read(f"{base}/cgroup"))
    login = _read(f"{base}/loginuid")
    record.loginuid = int(login) if login.isdigit() else NO_UID
    for line in _read(f"{base}/limits").splitlines():
        if line.startswith(b"Max open files"):
            limit = line.split()[3]
            record.fdlimit = int(limit) if limit.isdigit() else -1
    try:
        info = os.stat(f"{base}/exe")
    except OSError:
        return
    record.exe_ino, record.exe_ino_ctime, record.exe_ino_mtime = info.st_ino, info.st_ctime_ns, info.st_mtime_ns
    record.exe_from_memfd = record.exepath.startswith(b"/memfd:")
    record.exe_writable = _writable(record, base, info)


def _writable(record: ThreadRecord, base: str, info: os.stat_result) -> bool:
    """Return whether the process may change its own executable: as owner, by mode, or by capability."""
    with contextlib.suppress(OSError):
        if os.statvfs(f"{base}/exe").f_flag & os.ST_RDONLY:
            return False
    if record.uid == info.st_uid or record.cap_effective & (1 << 1 | 1 << 3):
        return True
    groups = {b"%d" % record.gid}
    for line in _read(f"{base}/status").splitlines():
        if line.startswith(b"Groups:"):
            groups.update(line.split()[1:])
    return bool(info.st_mode & 0o2 or (info.st_mode & 0o20 and b"%d" % info.st_gid in groups))


_SUBSYSTEMS = ("cpuset", "cpu", "cpuacct", "io", "memory")


def _cgroups(text: bytes) -> bytes:
    """Return the cgroups as events hold them; where there is one hierarchy for all, it stands for each."""
    unified = b"/"
    paths: dict[str, bytes] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(b":")
        names, _, path = rest.partition(b":")
        if not names:
            unified = path
        for name in names.decode("utf-8", "replace").split(","):
            paths["io" if name == "blkio" else name] = path
    return b"".join(name.encode() + b"=" + paths.get(name, unified) + b"\0" for name in _SUBSYSTEMS)
