"""The state between two batches as bytes, and a tracker made to go on from there.

The lists a capture starts with lack much of what tracking knows: when a thread began and executed its program, long
arguments, dead leaders of living groups, which end of a connection is the server, how a path was written. A snapshot
holds all of it, so that events replay from there as they did.

Layout: version (4 bytes), length of what follows once unpacked (8), then a zstd frame of tables, each with its number
of rows (4) and of columns (4) and int64 cells, and at last the strings: their lengths as a table, then their bytes.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from tiercel.model.columns import F, FdKind, P
from tiercel.model.tables import Rows
from tiercel.state.clones import STALE
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS
from tiercel.state.fd_tables import CAPACITY, HELD
from tiercel.state.sockets import NOTHING
from tiercel.state.threads import CAPACITY as MOST_THREADS
from tiercel.state.threads import Group, Thread
from tiercel.state.track import Tracker

I64 = NDArray[np.int64]

VERSION = 1
LIMIT = 256 << 20
"""Bytes of an unpacked snapshot; one that says more is not believed."""

_HEAD = struct.Struct("<IQ")
_SHAPE = struct.Struct("<II")
_LEVEL = 1
_ADDRESSES = (4, 16)  # bytes
_ABSENT = -(1 << 62)  # in place of a tid

OWN = (
    "tid", "pid", "ptid", "vtid", "reaper", "owner", "flags", "row", "clone_ts", "fdlimit", "cwd", "env", "vmsize",
    "vmrss", "vmswap", "pfmajor", "pfminor", "expired", "unexpired",
)  # fmt: skip
"""Columns of ``threads`` that are attributes of a :class:`~tiercel.state.threads.Thread`; they come first."""

_COLUMNS = (*OWN, "main", "parent")  # others by their tid
COLUMN = {name: k for k, name in enumerate(_COLUMNS)}
"""Place of a column of ``threads`` by its name."""


class SnapshotError(ValueError):
    """The bytes are no snapshot."""


@dataclass(slots=True)
class Snapshot:
    """The state as tables. Rows of ``processes``, ``files`` and strings are numbered anew, from 0.

    ``threads`` has a row for each thread, see :meth:`cells`. ``groups`` has one for each thread group: pid, whether it
    reaps, how many live, its first thread, whether it is the one known by its pid, how many members; ``members`` their
    tids. ``owners`` has tid and number of descriptors, ``descriptors`` number and row of each. ``exits`` has parent,
    child and time of threads that ended lately. ``ending`` is the thread, and owner and number of the descriptor, that
    go with the next event, and what times since boot are counted from (ns since the epoch). The last of ``strings``
    are the system calls that have been entered, as JSON.
    """

    threads: I64
    processes: I64
    files: I64
    groups: I64
    members: I64
    owners: I64
    descriptors: I64
    exits: I64
    ports: I64
    ending: I64
    strings: list[bytes]

    def encoded(self) -> bytes:
        """Return the snapshot as bytes."""
        return _encode([getattr(self, name) for name in _TABLES], self.strings)

    @classmethod
    def decoded(cls, body: bytes) -> Snapshot:
        """Read what :meth:`encoded` returned.

        Raises:
            SnapshotError: it was not that.
        """
        tables, strings = _decode(body)
        snapshot = cls(**dict(zip(_TABLES, tables, strict=True)), strings=strings)
        snapshot.check()
        return snapshot

    def cells(self, name: str) -> I64:
        """Return one column of the threads."""
        return self.threads[:, COLUMN[name]]

    def check(self) -> None:
        """Make sure that numbers of rows and strings are those of rows and strings.

        Raises:
            SnapshotError: they are not.
        """
        shapes = (len(_COLUMNS), int(P.COUNT), int(F.COUNT), 6, 1, 2, 2, 3, 1, 4)
        for name, width in zip(_TABLES, shapes, strict=True):
            if getattr(self, name).shape[1] != width:
                raise SnapshotError(f"{name} has other columns than expected")
        texts = len(self.strings)
        _within(self.cells("row"), 0, len(self.processes))
        _within(self.cells("cwd"), 0, texts)
        _within(self.cells("env"), 0, texts)
        for rows, columns in ((self.processes, PROCESS_TEXTS), (self.files, FILE_TEXTS)):
            for column in columns:
                _within(rows[:, column], -1, texts)
        _within(self.descriptors[:, 1], 0, len(self.files))
        _within(self.owners[:, 1], 0, CAPACITY + 1)
        _within(self.groups[:, 5], 0, len(self.members) + 1)
        _within(self.groups[:, 2], 0, MOST_THREADS + 1)
        _within(self.files[:, F.KIND], int(min(FdKind)), int(max(FdKind)) + 1)
        self._sizes(F.SOCKET, (len(NOTHING),))
        self._sizes(F.SIP, _ADDRESSES)
        self._sizes(F.DIP, _ADDRESSES)
        if int(self.owners[:, 1].sum()) != len(self.descriptors) or len(self.descriptors) > HELD:
            raise SnapshotError("other descriptors than counted")
        if int(self.groups[:, 5].sum()) != len(self.members):
            raise SnapshotError("other members than counted")
        if len(self.threads) > MOST_THREADS or len(self.ending) != 1 or not texts or self.strings[-1][:1] != b"{":
            raise SnapshotError("not what a snapshot holds")
        if len(np.unique(self.cells("tid"))) != len(self.threads):
            raise SnapshotError("a thread is there twice")

    def _sizes(self, column: F, sizes: tuple[int, ...]) -> None:
        for number in np.unique(self.files[:, column]).tolist():
            if number >= 0 and len(self.strings[number]) not in sizes:
                raise SnapshotError("an address of impossible length")


_TABLES = (
    "threads", "processes", "files", "groups", "members", "owners", "descriptors", "exits", "ports", "ending",
)  # fmt: skip


def _within(numbers: I64, least: int, end: int) -> None:
    if len(numbers) and not (least <= int(numbers.min()) and int(numbers.max()) < end):
        raise SnapshotError("a number outside its table")


def take(tracker: Tracker, ts: int = 0) -> Snapshot:
    """Return the state after the batch that was tracked last, whose last event has time ``ts`` (ns since the epoch)."""
    threads = list(tracker.table.threads.values())
    cells = _cells(threads)
    groups, members = _groups(tracker, threads)
    tables = {owner: table for owner, table in tracker.descriptors.tables.items() if table}
    owners = np.array([(owner, len(table)) for owner, table in tables.items()], np.int64).reshape(-1, 2)
    count = int(owners[:, 1].sum())
    descriptors = np.empty((count, 2), np.int64)
    descriptors[:, 0] = np.fromiter((fd for table in tables.values() for fd in table), np.int64, count)
    descriptors[:, 1] = np.fromiter((row for table in tables.values() for row in table.values()), np.int64, count)
    processes = _used(tracker.tables.processes, cells[:, COLUMN["row"]])
    files = _used(tracker.tables.files, descriptors[:, 1])
    strings = _texts(tracker, cells, processes, files)
    strings.append(_calls(tracker, threads))
    exits = [(parent, child, at) for (parent, child), at in tracker.clones.exits.items() if ts - at < STALE]
    closing = tracker.descriptors
    ending = tracker.leaving, closing.closing_owner, closing.closing_fd, tracker.clones.boot_ts
    return Snapshot(
        threads=cells, processes=processes, files=files, groups=groups, members=members, owners=owners,
        descriptors=descriptors, exits=np.array(exits, np.int64).reshape(-1, 3),
        ports=np.array(sorted(closing.server_ports), np.int64).reshape(-1, 1),
        ending=np.array([ending], np.int64), strings=strings,
    )  # fmt: skip


def _cells(threads: list[Thread]) -> I64:
    cells = np.empty((len(threads), len(_COLUMNS)), np.int64)
    for k, name in enumerate(OWN):
        values: Any = [getattr(thread, name) for thread in threads]
        kind = np.uint64 if name in ("pfmajor", "pfminor") else np.int64
        cells[:, k] = np.array(values, kind).view(np.int64)
    for name in ("main", "parent"):
        others = [getattr(thread, name) for thread in threads]
        cells[:, COLUMN[name]] = [_ABSENT if other is None or other.gone else other.tid for other in others]
    return cells


def _groups(tracker: Tracker, threads: list[Thread]) -> tuple[I64, I64]:
    table = tracker.table
    groups: list[Group] = list({id(thread.group): thread.group for thread in threads if thread.group}.values())
    rows = [
        (
            group.pid,
            group.reaper,
            group.alive,
            _ABSENT if group.first is None or group.first.gone else group.first.tid,
            table.groups.get(group.pid) is group,
            len(group.members),
        )
        for group in groups
    ]
    members = [tid for group in groups for tid in group.members]
    return np.array(rows, np.int64).reshape(-1, 6), np.array(members, np.int64).reshape(-1, 1)


def _used(rows: Rows, numbers: I64) -> I64:
    """Return the rows that ``numbers`` name, and make them name those."""
    kept, inverse = np.unique(numbers, return_inverse=True)
    numbers[:] = inverse.reshape(-1)
    return rows.array[kept]


def _texts(tracker: Tracker, cells: I64, processes: I64, files: I64) -> list[bytes]:
    """Return the strings in use, and make the cells name them by their place among those."""
    columns = [cells[:, COLUMN["cwd"]], cells[:, COLUMN["env"]]]
    columns += [processes[:, column] for column in PROCESS_TEXTS]
    columns += [files[:, column] for column in FILE_TEXTS]
    values = tracker.tables.strings.values
    numbers = np.zeros(len(values) + 1, np.bool_)
    for column in columns:
        numbers[column] = True  # -1 is the last
    numbers[-1] = False
    kept = np.flatnonzero(numbers)
    places = np.full(len(values) + 1, -1, np.int64)
    places[kept] = np.arange(len(kept))
    for column in columns:
        column[:] = places[column]
    return [values[number] for number in kept.tolist()]


def _calls(tracker: Tracker, threads: list[Thread]) -> bytes:
    strings = tracker.tables.strings
    execs = [
        [t.tid, t.call.type, t.call.path.decode("latin-1"), t.call.dirfd, t.call.flags, t.call.interrupted]
        for t in threads
        if t.call is not None
    ]
    entered = []
    for tid, call in tracker.descriptors.entered.items():
        if call.live:
            path = strings.get(call.path)
            entered.append(
                [
                    *(tid, call.type, None if path is None else path.decode("latin-1"), call.flags, call.dirfd),
                    *(bool(call.has_dirfd), call.address.decode("latin-1")),
                ]
            )
    return json.dumps({"execs": execs, "entered": entered}).encode()


def _encode(tables: list[I64], strings: list[bytes]) -> bytes:
    parts = []
    lengths = np.fromiter(map(len, strings), np.int64, len(strings)).reshape(-1, 1)
    for table in (*tables, lengths):
        parts.append(_SHAPE.pack(*table.shape))
        # column by column: cells below each other are alike
        parts.append(np.ascontiguousarray(table.T, dtype="<i8").tobytes())
    parts += strings
    size = sum(map(len, parts))
    return _HEAD.pack(VERSION, size) + zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(parts))


def _decode(body: bytes) -> tuple[list[I64], list[bytes]]:
    if len(body) < _HEAD.size:
        raise SnapshotError("too short")
    version, size = _HEAD.unpack_from(body)
    if version != VERSION or size > LIMIT:
        raise SnapshotError("of another version" if version != VERSION else "too large")
    try:
        data = _unpacked(body[_HEAD.size :], size)
    except zstandard.ZstdError as error:
        raise SnapshotError(str(error)) from None
    at, tables = 0, []
    for _ in range(len(_TABLES) + 1):
        if at + _SHAPE.size > len(data):
            raise SnapshotError("cut off")
        count, width = _SHAPE.unpack_from(data, at)
        at += _SHAPE.size
        if count * width * 8 > len(data) - at:
            raise SnapshotError("cut off")
        cells = np.frombuffer(data, "<i8", count * width, at).reshape(width, count)
        tables.append(np.ascontiguousarray(cells.T).astype(np.int64))
        at += count * width * 8
    lengths = tables.pop()
    if lengths.shape[1] != 1:
        raise SnapshotError("strings without lengths")
    strings = []
    for length in lengths[:, 0].tolist():
        if not 0 <= length <= len(data) - at:
            raise SnapshotError("cut off")
        strings.append(data[at : at + length])
        at += length
    return tables, strings


def _unpacked(body: bytes, size: int) -> bytes:
    """Return ``size`` bytes, whatever the frame says that it holds."""
    reader = zstandard.ZstdDecompressor().stream_reader(body)
    data = reader.read(size + 1)
    if len(data) != size:
        raise SnapshotError("other bytes than counted")
    return data
