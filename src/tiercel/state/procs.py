"""The threads a capture starts with, from its process list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tiercel.model.columns import ExeFlag, P
from tiercel.state.paths import concatenate
from tiercel.state.texts import cgroups, exepath, items
from tiercel.state.threads import ACTIVE, NAME_CHANGED, Thread

if TYPE_CHECKING:
    from tiercel.model.tables import Strings
    from tiercel.sources.records import ThreadRecord
    from tiercel.state.containers import ContainerIds
    from tiercel.state.threads import ThreadTable

_TEXT_COLUMNS = ((P.COMM, "comm"), (P.EXE, "exe"), (P.ROOT, "root"))
_COLUMNS = (
    (P.SID, "sid"),
    (P.VPGID, "vpgid"),
    (P.PGID, "pgid"),
    (P.VTID, "vtid"),
    (P.VPID, "vpid"),
    (P.UID, "uid"),
    (P.GID, "gid"),
    (P.LOGINUID, "loginuid"),
    (P.TTY, "tty"),
    (P.CAP_PERMITTED, "cap_permitted"),
    (P.CAP_EFFECTIVE, "cap_effective"),
    (P.CAP_INHERITABLE, "cap_inheritable"),
    (P.EXE_INO, "exe_ino"),
    (P.EXE_CTIME, "exe_ino_ctime"),
    (P.EXE_MTIME, "exe_ino_mtime"),
    (P.CLONE_TS, "clone_ts"),
    (P.PIDNS_START_TS, "pidns_init_start_ts"),
)
_EXE_FLAGS = (
    ("exe_writable", ExeFlag.WRITABLE),
    ("exe_upper_layer", ExeFlag.UPPER_LAYER),
    ("exe_lower_layer", ExeFlag.LOWER_LAYER),
    ("exe_from_memfd", ExeFlag.FROM_MEMFD),
)


def _signed(value: int) -> int:
    """Return an unsigned 64-bit number as a cell holds it."""
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def load(
    records: Iterable[ThreadRecord], table: ThreadTable, strings: Strings, containers: ContainerIds, index: int
) -> None:
    """Enter the threads of a process list, then relate them to each other.

    ``index`` is the event the list stands before; a list in mid-stream replaces what was known of its threads.
    """
    threads = []
    for record in records:
        if table.full():
            break
        thread = Thread(record.tid)
        thread.pid = record.pid
        thread.ptid = record.ptid
        thread.vtid = record.vtid
        thread.flags = (record.flags | ACTIVE | NAME_CHANGED) & 0xFFFFFFFF
        thread.clone_ts = record.clone_ts
        thread.fdlimit = record.fdlimit
        thread.vmsize = record.vmsize
        thread.vmrss = record.vmrss
        thread.vmswap = record.vmswap
        thread.pfmajor = record.pfmajor
        thread.pfminor = record.pfminor
        if thread.is_main():
            thread.env = strings.intern(items(record.env))
            cwd = concatenate(b"", record.cwd)
            thread.cwd = strings.intern(cwd if cwd.endswith(b"/") else cwd + b"/")
        row = table.blank(record.tid)
        data = table.rows.array
        thread.row = row
        data[row, P.PID] = record.pid
        data[row, P.PTID] = record.ptid
        data[row, P.FLAGS] = thread.flags
        for column, name in _COLUMNS:
            data[row, column] = _signed(getattr(record, name))
        for column, name in _TEXT_COLUMNS:
            data[row, column] = strings.intern(getattr(record, name))
        data[row, P.EXEPATH] = strings.intern(exepath(record.exepath))
        data[row, P.ARGS] = strings.intern(items(record.args))
        data[row, P.CGROUPS] = strings.intern(cgroups(record.cgroups) or b"")
        data[row, P.CONTAINER] = containers.of(int(data[row, P.CGROUPS]))
        data[row, P.EXE_FLAGS] = sum(bit for name, bit in _EXE_FLAGS if getattr(record, name))
        thread.bind()
        table.put(thread, index)
        threads.append(thread)
    for thread in threads:
        if not thread.gone:
            table.relate(thread, index)
            table.show(thread, index)
