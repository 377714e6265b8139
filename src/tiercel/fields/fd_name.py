"""Values of the fields that name a descriptor: its path, directory, file name, with the container in front.

When the descriptor is unknown, as after a failed open, the name comes from the event's own arguments.
"""

from __future__ import annotations

import re

import numpy as np

from tiercel.fields.evt_args import number_param, text_param
from tiercel.fields.evt_columns import I64, Argument, both, joined, numbers_at, text_ids
from tiercel.fields.evt_flags import renderer
from tiercel.fields.fd_rows import DIRECTORY, FILE, PairMap, TextMap, cell, per_row, row_of_event, rows_of
from tiercel.fields.model import BulkGetter, Column, Value
from tiercel.fields.params_render import AT_FDCWD
from tiercel.fields.params_text import join_path
from tiercel.fields.span_texts import intern_spans
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_FROM_ARGUMENT = frozenset(
    BY_CONSTANT[name]
    for name in (
        "SYSCALL_OPEN_X",
        "SOCKET_ACCEPT_5_X",
        "SOCKET_ACCEPT4_6_X",
        "SYSCALL_CREAT_X",
        "SOCKET_CONNECT_X",
    )
)
_OPENAT = frozenset({BY_CONSTANT["SYSCALL_OPENAT_2_X"], BY_CONSTANT["SYSCALL_OPENAT2_X"]})
_BY_HANDLE = BY_CONSTANT["SYSCALL_OPEN_BY_HANDLE_AT_X"]
_NAMES_ITSELF = np.zeros(len(EVENTS), np.bool_)
_NAMES_ITSELF[[*_FROM_ARGUMENT, *_OPENAT, _BY_HANDLE]] = True
_ENTERS = np.array([event.is_enter for event in EVENTS])


def directory_of(event: Event, dirfd: int, path: bytes) -> bytes:
    """Return what a path starts from that is relative to ``dirfd``, ``<UNKNOWN>`` when that is not known."""
    if path[:1] == b"/":
        return b"."
    if event.process < 0:
        return b"<UNKNOWN>"
    if dirfd == AT_FDCWD:
        return event.text(event.process_cell(P.CWD)) or b""
    row = event.file_at(event.process_cell(P.FDOWNER), dirfd)
    if row < 0:
        return b"<UNKNOWN>"
    name = event.text(event.file_cell(F.NAME, row)) or b""
    return name if name[-1:] in (b"", b"/") else name + b"/"


def name_from_event(event: Event, raw: bool) -> bytes | None:
    """Return the name that the event's arguments give."""
    kind = int(event.batch.types[event.index])
    if _ENTERS[kind]:
        return None
    if kind in _FROM_ARGUMENT:
        return renderer(event.batch).argument(event.index, 1) if event.params > 1 else b""
    if kind == _BY_HANDLE:
        return text_param(event, 3) or b""
    if kind not in _OPENAT:
        return b""
    dirfd, path = number_param(event, 1), text_param(event, 2)
    if not event.param(2) or path is None:
        return None
    if raw:
        return path
    return None if dirfd is None else join_path(directory_of(event, dirfd, path), path)


def _join(tables: Tables, directory: int, path: int) -> int:
    strings = tables.strings
    return strings.intern(join_path(strings.values[directory], strings.values[path]))


_JOINED = PairMap(_join)
_UNSETTLED = -4


def _names(batch: Batch, indices: I64, rows: I64, column: F) -> I64:
    """Return the string numbers of names, from the rows and where there is none from the events."""
    values = np.where(rows >= 0, cell(batch, rows, column), -1)
    unknown = batch.has_fd[indices] & (rows < 0)
    if unknown.any():
        types = batch.types[indices]
        values[unknown & ~_ENTERS[types]] = 0
        told = unknown & _NAMES_ITSELF[types]
        raw = column is F.NAMERAW
        values[told] = _told_names(batch, indices[told], raw)
    return values


def _told_names(batch: Batch, indices: I64, raw: bool) -> I64:
    """Return the string numbers of the names that these events' arguments give."""
    values = np.full(len(indices), _UNSETTLED, np.int64)
    openat = np.flatnonzero(np.isin(batch.types[indices], list(_OPENAT)))
    if len(openat):
        values[openat] = _opened_names(batch, indices[openat], raw)
    rest = np.flatnonzero(values == _UNSETTLED)
    values[rest] = text_ids(batch, [name_from_event(Event(batch, i), raw) for i in indices[rest].tolist()])
    return values


def _opened_names(batch: Batch, indices: I64, raw: bool) -> I64:
    """Return the names of ``openat`` events whose path is absolute or relative to the working directory.

    The others, and those that lack a parameter, are left unsettled.
    """
    values = np.full(len(indices), _UNSETTLED, np.int64)
    first = batch.first[indices].astype(np.int64)
    whole = np.flatnonzero(batch.first[indices + 1] - first > 2)
    first = first[whole]
    whole = whole[(batch.length[first + 1] == 8) & (batch.length[first + 2] > 0)]
    first = batch.first[indices[whole]].astype(np.int64)
    start, length = batch.start[first + 2].astype(np.int64), batch.length[first + 2].astype(np.int64)
    paths = intern_spans(batch, start, length, cut=True)
    plain = paths != batch.tables.strings.intern(b"(NULL)")
    if raw:
        values[whole[plain]] = paths[plain]
        return values
    processes = batch.process[indices[whole]].astype(np.int64)
    absolute = numbers_at(batch, start, 1, signed=False) == ord("/")
    here = numbers_at(batch, batch.start[first + 1].astype(np.int64), 8, signed=True) == AT_FDCWD
    settled = plain & (absolute | (here & (processes >= 0)))
    directories = np.full(len(whole), batch.tables.strings.intern(b"."), np.int64)
    relative = settled & ~absolute
    cwd = batch.tables.processes.array[processes[relative], P.CWD]
    directories[relative] = np.maximum(cwd, 0)
    values[whole[settled]] = _JOINED.many(batch.tables, directories[settled], paths[settled])
    return values


def _name(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(_names(batch, indices, rows_of(batch, indices), F.NAME), text=True)


def _name_row(event: Event, argument: Argument) -> Value | None:
    row = row_of_event(event)
    if row >= 0:
        return event.text(event.file_cell(F.NAME, row))
    return name_from_event(event, False) if event.batch.has_fd[event.index] else None


def directory_part(path: bytes) -> bytes:
    """Return the directory of a file; a path that ends in a slash stays as it is."""
    at = path.rfind(b"/")
    if at <= 0:
        return b"/"
    return path[:at] if at < len(path) - 1 else path


def file_part(path: bytes) -> bytes:
    """Return the name of a file; a path that ends in a slash stays as it is."""
    at = path.rfind(b"/")
    if at < 0:
        return b"/"
    return path[at + 1 :] if at < len(path) - 1 else path


_DIRECTORY_PART = TextMap(directory_part)
_FILE_PART = TextMap(file_part)
_SINGLE_SLASHES = TextMap(lambda path: re.sub(rb"/{2,}", b"/", path))


def _directories(batch: Batch, indices: I64) -> I64:
    rows = rows_of(batch, indices)
    names = _names(batch, indices, rows, F.NAME)
    kinds = cell(batch, rows, F.KIND)
    known = rows >= 0
    values = np.where(known & DIRECTORY[kinds], names, -1)
    cut = np.where(known, FILE[kinds], names >= 0)
    values[cut] = _DIRECTORY_PART.many(batch.tables, names[cut])
    return values


def _directory(batch: Batch, indices: I64, argument: Argument) -> Column:
    return Column(_directories(batch, indices), text=True)


def _filename(batch: Batch, indices: I64, argument: Argument) -> Column:
    rows = rows_of(batch, indices)
    values = np.full(len(indices), -1, np.int64)
    files = (rows >= 0) & FILE[cell(batch, rows, F.KIND)]
    values[files] = _FILE_PART.many(batch.tables, cell(batch, rows[files], F.NAME))
    return Column(values, text=True)


def _nameraw(batch: Batch, indices: I64, argument: Argument) -> Column:
    rows = rows_of(batch, indices)
    names = _names(batch, indices, rows, F.NAMERAW)
    names[(rows >= 0) & (names < 0)] = 0
    return Column(_SINGLE_SLASHES.many(batch.tables, names), text=True)


def _in_container(tables: Tables, container: int, name: int) -> int:
    strings = tables.strings
    return strings.intern((strings.get(container) or b"") + b":" + (strings.get(name) or b""))


_IN_CONTAINER = PairMap(_in_container)


def _with_container(directory: bool) -> BulkGetter:
    def bulk(batch: Batch, indices: I64, argument: Argument) -> Column:
        names = _directories(batch, indices) if directory else _name(batch, indices, None).values.astype(np.int64)
        there = names >= 0
        containers = batch.tables.processes.array[batch.process[indices[there]], P.CONTAINER]
        values = np.full(len(indices), -1, np.int64)
        values[there] = _IN_CONTAINER.many(batch.tables, np.maximum(containers, 0), names[there])
        return Column(values, text=True)

    return bulk


ROW, BULK = joined(
    {
        "fd.name": (_name_row, _name),
        "fd.directory": both(per_row(_directory)),
        "fd.filename": both(per_row(_filename)),
        "fd.nameraw": both(_nameraw),
        "fd.containername": both(_with_container(False)),
        "fd.containerdirectory": both(_with_container(True)),
    }
)
"""Row and bulk getters by field name."""
