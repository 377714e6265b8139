"""A snapshot of the state as the process and descriptor lists that every reader knows."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.model.columns import ExeFlag, F, FdKind, P
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.state.snapshot import Snapshot

_U64 = (1 << 64) - 1

NEWEST_KIND = FdKind.FILE_V2
"""Readers of 2022 give up on a list with a descriptor of a newer kind; such a one is listed as unsupported."""

_TEXTS = (
    (P.COMM, "comm"), (P.EXE, "exe"), (P.EXEPATH, "exepath"), (P.ARGS, "args"), (P.ENV, "env"), (P.CWD, "cwd"),
    (P.CGROUPS, "cgroups"), (P.ROOT, "root"),
)  # fmt: skip
_NUMBERS = (
    (P.PTID, "ptid"), (P.SID, "sid"), (P.VPGID, "vpgid"), (P.PGID, "pgid"), (P.VPID, "vpid"), (P.FDLIMIT, "fdlimit"),
)  # fmt: skip
_UNSIGNED = (
    (P.UID, "uid", 32), (P.GID, "gid", 32), (P.LOGINUID, "loginuid", 32), (P.TTY, "tty", 32),
    (P.CAP_PERMITTED, "cap_permitted", 64), (P.CAP_EFFECTIVE, "cap_effective", 64),
    (P.CAP_INHERITABLE, "cap_inheritable", 64), (P.EXE_INO, "exe_ino", 64), (P.EXE_CTIME, "exe_ino_ctime", 64),
    (P.EXE_MTIME, "exe_ino_mtime", 64), (P.PIDNS_START_TS, "pidns_init_start_ts", 64),
)  # fmt: skip
_OWN = ("pid", "vtid")
_U32 = ("flags", "vmsize", "vmrss", "vmswap")
_FAULTS = ("pfmajor", "pfminor")


def threads(snapshot: Snapshot) -> list[ThreadRecord]:
    """Return the threads of which more than the id is known, but for the one that has ended."""
    strings, ending = snapshot.strings, int(snapshot.ending[0, 0])
    rows = snapshot.processes[snapshot.cells("row")].tolist()
    own = {name: snapshot.cells(name).tolist() for name in (*_OWN, *_U32, *_FAULTS)}
    found = []
    for k, tid in enumerate(snapshot.cells("tid").tolist()):
        if own["pid"][k] < 0 or tid < 0 or tid == ending:
            continue
        record, row = ThreadRecord(tid), rows[k]
        for name in _OWN:
            setattr(record, name, own[name][k])
        for name in _U32:
            setattr(record, name, own[name][k] & 0xFFFFFFFF)
        for name in _FAULTS:
            setattr(record, name, own[name][k] & _U64)
        for column, name in _TEXTS:
            setattr(record, name, strings[row[column]] if row[column] >= 0 else b"")
        for column, name in _NUMBERS:
            setattr(record, name, row[column])
        for column, name, bits in _UNSIGNED:
            setattr(record, name, row[column] & (1 << bits) - 1)
        flags = row[P.EXE_FLAGS]
        record.exe_writable = bool(flags & ExeFlag.WRITABLE)
        record.exe_upper_layer = bool(flags & ExeFlag.UPPER_LAYER)
        record.exe_lower_layer = bool(flags & ExeFlag.LOWER_LAYER)
        record.exe_from_memfd = bool(flags & ExeFlag.FROM_MEMFD)
        found.append(record)
    return found


def descriptors(snapshot: Snapshot) -> Iterator[tuple[int, list[FdRecord]]]:
    """Yield for each thread that has descriptors of its own its id and them."""
    rows = snapshot.files.tolist()
    opened = snapshot.descriptors.tolist()
    closing = tuple(snapshot.ending[0, 1:3].tolist())
    at = 0
    for owner, count in snapshot.owners.tolist():
        records = [
            _descriptor(fd, rows[row], snapshot.strings)
            for fd, row in opened[at : at + count]
            if (owner, fd) != closing
        ]
        at += count
        yield owner, records


def _descriptor(fd: int, row: list[int], strings: list[bytes]) -> FdRecord:
    def text(column: int) -> bytes:
        return strings[row[column]] if row[column] >= 0 else b""

    kind = row[F.KIND]
    record = FdRecord(fd, row[F.INO] & _U64, kind, text(F.NAME))
    record.open_flags, record.dev = row[F.OPENFLAGS] & 0xFFFFFFFF, row[F.DEV] & 0xFFFFFFFF
    record.l4proto = row[F.L4PROTO] & 0xFF
    if kind in (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK):
        record.sip, record.dip = text(F.SIP), text(F.DIP)
        record.sport, record.dport = row[F.SPORT] & 0xFFFF, row[F.DPORT] & 0xFFFF
    elif kind in (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK):
        record.ip, record.port = text(F.DIP), row[F.DPORT] & 0xFFFF
    elif kind == FdKind.UNIX_SOCK:
        record.source, record.destination = row[F.UNIX_SOURCE] & _U64, row[F.UNIX_DEST] & _U64
    elif kind > NEWEST_KIND:
        record.type = FdKind.UNSUPPORTED
    return record
