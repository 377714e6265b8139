"""The file a process runs: whether it is writable or in memory, its inode and times."""

from __future__ import annotations

from tiercel.fields.bulk import Cell, Derived, signed, unsigned
from tiercel.fields.make import number, truth
from tiercel.fields.model import Field, ValueType
from tiercel.fields.subjects import CALLER
from tiercel.model.batch import Tables
from tiercel.model.columns import ExeFlag, P


def _flag(bit: ExeFlag) -> Derived:
    return Derived(lambda tables, flags: flags & bit, P.EXE_FLAGS)


def _since_namespace(tables: Tables, changed: int, started: int, executed: int, tid: int, pid: int) -> int:
    """Age of the namespace at the file's last change, known only for the thread that was seen to execute the file."""
    if executed == 0 or tid != pid or started == 0 or unsigned(changed) <= unsigned(started):
        return 0
    return signed(changed - started)


_ABS = ValueType.ABSTIME

FIELDS: tuple[Field, ...] = (
    truth(
        "proc.is_exe_writable",
        CALLER,
        _flag(ExeFlag.WRITABLE),
        "Whether the user who started the process may write its executable.",
    ),
    truth(
        "proc.is_exe_upper_layer",
        CALLER,
        _flag(ExeFlag.UPPER_LAYER),
        "Whether the executable is in the upper layer of an overlay: added or changed after the image was built.",
    ),
    truth(
        "proc.is_exe_lower_layer",
        CALLER,
        _flag(ExeFlag.LOWER_LAYER),
        "Whether the executable is in a lower layer of an overlay, that is part of the image.",
    ),
    truth(
        "proc.is_exe_from_memfd",
        CALLER,
        _flag(ExeFlag.FROM_MEMFD),
        "Whether the executable exists only in memory (memfd_create), which hides it from the disk.",
    ),
    number(
        "proc.exe_ino",
        ValueType.INT64,
        CALLER,
        Cell(P.EXE_INO),
        "Inode number of the executable, comparable with fd.ino.",
        "2559019",
        none=0,
    ),
    number(
        "proc.exe_ino.ctime",
        _ABS,
        CALLER,
        Cell(P.EXE_CTIME),
        "Last change of the executable's inode (contents, owner, mode), in nanoseconds since the epoch.",
        "1795309416420400532",
        none=0,
    ),
    number(
        "proc.exe_ino.mtime",
        _ABS,
        CALLER,
        Cell(P.EXE_MTIME),
        "Last change of the executable's contents, in nanoseconds since the epoch.",
        "1794309416420400532",
        none=0,
    ),
    number(
        "proc.exe_ino.ctime_duration_proc_start",
        _ABS,
        CALLER,
        Cell(P.EXE_CTIME_TO_CLONE),
        "Nanoseconds from the last change of the executable's inode to the start of the process that executed it.",
        "67500571",
        none=0,
    ),
    number(
        "proc.exe_ino.ctime_duration_pidns_start",
        _ABS,
        CALLER,
        Derived(_since_namespace, P.EXE_CTIME, P.PIDNS_START_TS, P.LASTEXEC_TS, P.TID, P.PID),
        "Nanoseconds from the start of the pid namespace to the last change of the executable's inode, if later.",
        "5303981974547",
        none=0,
    ),
    number(
        "proc.pidns_init_start_ts",
        ValueType.UINT64,
        CALLER,
        Cell(P.PIDNS_START_TS),
        "When the first process of the pid namespace started, in nanoseconds.",
        "5432792464456",
        none=0,
    ),
)
