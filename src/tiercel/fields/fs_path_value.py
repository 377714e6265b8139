"""Values of the ``fs.path`` fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tiercel.fields.evt_args import charbufs, number_param, text_param
from tiercel.fields.evt_columns import I64, Argument, integers, spans, text_ids
from tiercel.fields.fd_name import directory_of, name_from_event
from tiercel.fields.fd_rows import PairMap, TextMap, cell, row_of_event, rows_of
from tiercel.fields.model import BulkGetter, Column, RowGetter
from tiercel.fields.params_text import join_path
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, FdKind, P
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT, EVENTS


@dataclass(frozen=True, slots=True)
class Paths:
    """Which arguments of an event hold its paths; ``fd`` stands for the descriptor's own name."""

    name: str = ""
    source: str = ""
    target: str = ""
    returns_fd: bool = False  # success is any result but -1, otherwise 0 only


_PATHS = {
    "SYSCALL_MKDIR_2_X": Paths("path"),
    "SYSCALL_MKDIRAT_X": Paths("path"),
    "SYSCALL_RMDIR_2_X": Paths("path"),
    "SYSCALL_UNLINK_2_X": Paths("path"),
    "SYSCALL_UNLINKAT_2_X": Paths("name"),
    "SYSCALL_OPEN_X": Paths("name", returns_fd=True),
    "SYSCALL_OPENAT_2_X": Paths("name", returns_fd=True),
    "SYSCALL_OPENAT2_X": Paths("name", returns_fd=True),
    "SYSCALL_FCHMODAT_X": Paths("filename"),
    "SYSCALL_CHMOD_X": Paths("filename"),
    "SYSCALL_FCHMOD_X": Paths("fd"),
    "SYSCALL_CHOWN_X": Paths("path"),
    "SYSCALL_LCHOWN_X": Paths("path"),
    "SYSCALL_FCHOWN_X": Paths("fd"),
    "SYSCALL_FCHOWNAT_X": Paths("pathname"),
    "SYSCALL_QUOTACTL_X": Paths("special"),
    "SYSCALL_RENAME_X": Paths(source="oldpath", target="newpath"),
    "SYSCALL_RENAMEAT_X": Paths(source="oldpath", target="newpath"),
    "SYSCALL_RENAMEAT2_X": Paths(source="oldpath", target="newpath"),
    "SYSCALL_LINK_2_X": Paths(source="newpath", target="oldpath"),
    "SYSCALL_LINKAT_2_X": Paths(source="newpath", target="oldpath"),
    "SYSCALL_SYMLINK_X": Paths(source="linkpath", target="target"),
    "SYSCALL_SYMLINKAT_X": Paths(source="linkpath", target="target"),
    "SYSCALL_MOUNT_X": Paths(source="dev", target="dir"),
    "SYSCALL_UMOUNT_1_X": Paths("name"),
    "SYSCALL_UMOUNT2_X": Paths("name"),
}
_BY_TYPE = {BY_CONSTANT[constant]: paths for constant, paths in _PATHS.items()}

_OPENAT = frozenset({BY_CONSTANT["SYSCALL_OPENAT_2_X"], BY_CONSTANT["SYSCALL_OPENAT2_X"]})
_FROM_DIRFD = frozenset(
    BY_CONSTANT[name]
    for name in (
        "SYSCALL_NEWFSTATAT_X",
        "SYSCALL_FCHOWNAT_X",
        "SYSCALL_FCHMODAT_X",
        "SYSCALL_MKDIRAT_X",
        "SYSCALL_UNLINKAT_2_X",
        "SYSCALL_MKNODAT_X",
    )
)
_SYMLINKAT = BY_CONSTANT["SYSCALL_SYMLINKAT_X"]
_RENAMEAT2 = BY_CONSTANT["SYSCALL_RENAMEAT2_X"]


def _raw(event: Event, paths: Paths, which: str) -> bytes | None:
    """Return the path as the program gave it, None when the call failed or has no such path."""
    wanted: str = getattr(paths, which)
    result = number_param(event, 0)
    if not wanted or result is None or (result == -1 if paths.returns_fd else result != 0):
        return None
    if wanted == "fd":
        row = row_of_event(event)
        if row >= 0:
            return event.text(event.file_cell(F.NAME, row))
        return name_from_event(event, False) if event.batch.has_fd[event.index] else None
    names = [param.name for param in event.type.params]
    return text_param(event, names.index(wanted))


def _dirfd(event: Event) -> bytes:
    """Return the name of the directory descriptor the event is about."""
    row = row_of_event(event)
    if row < 0 or event.file_cell(F.KIND, row) != FdKind.DIRECTORY:
        return b"<UNKNOWN>"
    name = event.text(event.file_cell(F.NAME, row)) or b""
    return name if name[-1:] in (b"", b"/") else name + b"/"


def _base(event: Event, which: str, path: bytes) -> bytes:
    """Return what a relative path starts from."""
    kind = event.type.number
    if kind in _FROM_DIRFD:
        return _dirfd(event)
    if kind == _SYMLINKAT:
        return _dirfd(event) if which == "source" else b"<UNKNOWN>"
    if kind == _RENAMEAT2:
        dirfd = number_param(event, 3 if which == "target" else 1)
        return b"<UNKNOWN>" if dirfd is None else directory_of(event, dirfd, path)
    return event.text(event.process_cell(P.CWD)) or b""


def _resolved(event: Event, which: str, path: bytes) -> bytes | None:
    if event.process < 0:
        return None
    if path[:1] == b"/":
        return join_path(b"", path)
    if event.type.number in _OPENAT:
        row = row_of_event(event)
        return join_path(b"", b"<UNKNOWN>" if row < 0 else event.text(event.file_cell(F.NAME, row)) or b"")
    return join_path(_base(event, which, path), path)


def _getters(which: str, raw: bool) -> tuple[RowGetter, BulkGetter]:
    def row(event: Event, argument: Argument) -> bytes | None:
        paths = _BY_TYPE.get(int(event.batch.types[event.index]))
        path = None if paths is None else _raw(event, paths, which)
        return path if raw or path is None else _resolved(event, which, path)

    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        values = np.full(len(indices), -1, np.int64)
        types = batch.types[indices]
        for number in np.flatnonzero(np.bincount(types, minlength=1)).tolist():
            paths = _BY_TYPE.get(number)
            if paths is None or not getattr(paths, which):
                continue
            at = np.flatnonzero(types == number)
            if getattr(paths, which) == "fd":
                values[at] = text_ids(batch, [row(Event(batch, i), None) for i in indices[at].tolist()])
            else:
                values[at] = _of_type(batch, indices[at], number, which, raw)
        return Column(values, text=True)

    return row, bulk


_NUMBERED = [[param.name for param in event.params] for event in EVENTS]
_ABSOLUTE = TextMap(lambda path: join_path(b"", path) if path[:1] == b"/" else None)
_CLEAN = TextMap(lambda path: join_path(b"", path))


def _from_directory(tables: Tables, directory: int, path: int) -> int:
    strings = tables.strings
    return strings.intern(join_path(strings.get(directory) or b"", strings.get(path) or b""))


_JOINED = PairMap(_from_directory)


def _of_type(batch: Batch, indices: I64, number: int, which: str, raw: bool) -> I64:
    """Return the string numbers of the paths of events that are all of one type."""
    paths = _BY_TYPE[number]
    position = np.full(len(EVENTS), _NUMBERED[number].index(getattr(paths, which)), np.int16)
    results, there = integers(batch, indices, np.zeros(len(EVENTS), np.int16), 8, True)
    there &= results != -1 if paths.returns_fd else results == 0
    start, length, has_path = spans(batch, indices, position)
    there &= has_path
    names = charbufs(batch, start[there], length[there])
    values = np.full(len(indices), -1, np.int64)
    if raw:
        values[there] = names
        return values
    process = batch.process[indices[there]]
    found = _ABSOLUTE.many(batch.tables, names)
    relative = (found < 0) & (process >= 0)
    if relative.any():
        wanted = indices[there][relative]
        if number in _OPENAT:
            rows = rows_of(batch, wanted)
            unknown = batch.tables.strings.intern(b"<UNKNOWN>")
            opened = np.maximum(np.where(rows >= 0, cell(batch, rows, F.NAME), unknown), 0)
            found[relative] = _CLEAN.many(batch.tables, opened)
        elif number in _FROM_DIRFD or number in (_SYMLINKAT, _RENAMEAT2):
            shown = [
                _resolved(Event(batch, i), which, _raw(Event(batch, i), paths, which) or b"") for i in wanted.tolist()
            ]
            found[relative] = text_ids(batch, shown)
        else:
            directories = batch.tables.processes.array[process[relative], P.CWD]
            found[relative] = _JOINED.many(batch.tables, np.maximum(directories, 0), names[relative])
    found[process < 0] = -1
    values[there] = found
    return values


_FIELDS = {
    "fs.path." + which + ("raw" if raw else ""): _getters(which, raw)
    for which in ("name", "source", "target")
    for raw in (False, True)
}
ROW: dict[str, RowGetter] = {name: getters[0] for name, getters in _FIELDS.items()}
BULK: dict[str, BulkGetter] = {name: getters[1] for name, getters in _FIELDS.items()}
