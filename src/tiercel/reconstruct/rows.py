"""Acts as rows of Python, for code that follows them one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Ends = tuple[str, str | None, str | None, int | None, str | None, int | None]


@dataclass(frozen=True, slots=True)
class Act:
    """One row of :data:`tiercel.reconstruct.schema.ACTS`; times in ns since epoch."""

    act: int
    ts: int
    num: int
    host: str
    kind: str
    process: int | None
    pid: int
    name: str
    user: str | None
    uid: int | None
    container: str
    object: str | None
    target: str | None
    detail: str | None
    res: int | None
    ok: bool
    count: int
    bytes: int | None
    last_ts: int
    inode: int | None
    laddr: str | None
    lport: int | None
    raddr: str | None
    rport: int | None
    proto: str | None

    @property
    def ends(self) -> Ends:
        """What a connection is known by on this side: host, protocol, own address and port, the other's."""
        return self.host, self.proto, self.laddr, self.lport, self.raddr, self.rport

    @property
    def socket_path(self) -> str | None:
        """Path of a unix socket, None for one without; addresses in the kernel before it are left out."""
        path = self.raddr or (self.object or "").rpartition(" ")[2].rpartition("->")[2]
        return path if path[:1] in ("/", "@") else None


_COLUMNS = tuple(field.name for field in fields(Act))
_CHUNK = 100_000


def of_kinds(acts: pa.Table, kinds: Collection[str]) -> pa.Table:
    """Return the acts of these kinds."""
    return acts.filter(pc.is_in(acts["kind"], pa.array(sorted(kinds), pa.string())))


def of_processes(acts: pa.Table, processes: Collection[int]) -> pa.Table:
    """Return the acts of these processes."""
    return acts.filter(pc.is_in(acts["process"], pa.array(sorted(processes), pa.int64())))


def of_objects(acts: pa.Table, wanted: Callable[[str], bool]) -> pa.Table:
    """Return the acts whose object is wanted; asked once for each distinct one."""
    distinct = pc.unique(acts["object"]).to_pylist()
    chosen = [text for text in distinct if text is not None and wanted(text)]
    return acts.filter(pc.is_in(acts["object"], pa.array(chosen, pa.string())))


def without(acts: pa.Table, kinds: Collection[str]) -> pa.Table:
    """Return the acts that are not of these kinds."""
    return acts.filter(pc.invert(pc.is_in(acts["kind"], pa.array(sorted(kinds), pa.string()))))


def each(acts: pa.Table) -> Iterator[Act]:
    """Yield the acts of a table in its order; null names, hosts and containers are empty."""
    for start in range(0, acts.num_rows, _CHUNK):
        part = acts.slice(start, _CHUNK)
        columns: list[list[Any]] = [part[name].to_pylist() for name in _COLUMNS]
        for name in ("host", "kind", "name", "container"):
            place = _COLUMNS.index(name)
            columns[place] = [value or "" for value in columns[place]]
        place = _COLUMNS.index("count")
        columns[place] = [1 if value is None else value for value in columns[place]]
        first, last = columns[_COLUMNS.index("ts")], _COLUMNS.index("last_ts")
        columns[last] = [begin if end is None else end for begin, end in zip(first, columns[last], strict=True)]
        for values in zip(*columns, strict=True):
            yield Act(*values)
