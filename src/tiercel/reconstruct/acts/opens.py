"""Acts: files opened for reading or writing, or created."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields.evt_columns import I64
from tiercel.fields.fd_rows import FILE, cell, rows_of
from tiercel.model.batch import Batch
from tiercel.model.columns import F
from tiercel.reconstruct.acts.found import Found, denied, each, numbers, of_types, result, texts, types
from tiercel.wire.flag_table import FLAGS

_CREAT_CALL = types("SYSCALL_CREAT_X")
TYPES = _CREAT_CALL | types("SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_OPEN_BY_HANDLE_AT_X")

_FLAGS = dict(FLAGS["file_flags"])
_WRONLY, _CREAT, _EXCL, _TRUNC, _APPEND = (
    _FLAGS[name] for name in ("O_WRONLY", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND")
)
_DIRECTORY, _CREATED = _FLAGS["O_DIRECTORY"], _FLAGS["O_F_CREATED"]
_TOLD = _CREAT | _EXCL | _TRUNC | _APPEND | _CREATED
_WORDS = {_CREAT: "O_CREAT", _EXCL: "O_EXCL", _TRUNC: "O_TRUNC", _APPEND: "O_APPEND", _CREATED: "created"}


def _words(flags: int) -> str | None:
    return "|".join(word for bit, word in _WORDS.items() if flags & bit) or None


def find(batch: Batch, at: I64) -> Iterator[Found]:
    """Yield successful opens of files, and those that were not allowed. Directories opened for reading are left out."""
    if not len(at):
        return
    flags = numbers(batch, at, "flags")
    flags[np.isin(at, of_types(batch, at, _CREAT_CALL))] = _WRONLY | _CREAT | _TRUNC | _CREATED
    res = result(batch, at)
    rows = rows_of(batch, at)
    file = np.where(rows >= 0, FILE[cell(batch, rows, F.KIND)], (flags & _DIRECTORY) == 0)
    writes = (flags & _WRONLY) != 0
    kept = np.where(res >= 0, file, denied(res) & (writes | ((flags & _DIRECTORY) == 0)))
    at, flags, res, writes = at[kept], flags[kept], res[kept], writes[kept]
    created = writes & (res >= 0) & (((flags & _CREATED) != 0) | ((flags & (_CREAT | _EXCL)) == _CREAT | _EXCL))
    names = texts(batch, at, "fd.name")
    inodes = numbers(batch, at, "ino")
    details = each(batch, flags & _TOLD, _words)
    for kind, chosen in (("open_read", ~writes), ("open_write", writes & ~created), ("create", created)):
        if chosen.any():
            which = np.flatnonzero(chosen)
            yield Found(
                kind,
                at[which],
                object=names[which],
                detail=None if kind == "open_read" else details[which],
                res=np.minimum(res[which], 0),
                ok=res[which] >= 0,
                inode=inodes[which],
                merge=kind != "create",
            )
