"""Who forked whom, and what each was called at the time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_COLUMNS = (
    "host",
    "pid",
    "vpid",
    "start",
    "end",
    "parent",
    "name",
    "exepath",
    "cmdline",
    "cwd",
    "user",
    "uid",
    "loginuid",
    "tty",
    "sid",
    "container",
    "pod",
    "namespace",
    "first_ts",
    "last_ts",
    "execs",
    "from_start",
)
_CHAIN = 6  # names in a chain of processes; more do not help a reader


class Lineage:
    """The processes of a scene as a forest. Processes are named by their row in the table.

    Every column asked for often is an attribute, a list by row: ``host``, ``pid``, ``parent`` (row or None), ``name``,
    ``container`` ("" on the host), ``start`` (ns or None), ``execs`` (list of dicts) and so on.
    """

    host: list[str]
    pid: list[int]
    vpid: list[int | None]
    start: list[int | None]
    end: list[int | None]
    parent: list[int | None]
    name: list[str]
    exepath: list[str | None]
    cmdline: list[str | None]
    cwd: list[str | None]
    user: list[str | None]
    uid: list[int | None]
    loginuid: list[int | None]
    tty: list[int | None]
    sid: list[int | None]
    container: list[str]
    pod: list[str | None]
    namespace: list[str | None]
    first_ts: list[int | None]
    last_ts: list[int | None]
    execs: list[list[dict[str, Any]]]
    from_start: list[bool]

    def __init__(self, processes: pa.Table) -> None:
        for name in _COLUMNS:
            setattr(self, name, processes[name].to_pylist())
        for name, nothing in (("host", ""), ("name", ""), ("container", ""), ("execs", [])):
            setattr(self, name, [nothing if value is None else value for value in getattr(self, name)])
        self.count = processes.num_rows
        self.parent = [
            parent if parent is not None and 0 <= parent < self.count and parent != row else None
            for row, parent in enumerate(self.parent)
        ]
        self.children: dict[int, list[int]] = {}
        for row, parent in enumerate(self.parent):
            if parent is not None:
                self.children.setdefault(parent, []).append(row)
        self._exec_times = [[int(execution["ts"]) for execution in execs] for execs in self.execs]

    def inside(self, row: int) -> str:
        """Return which container a process is in, and of which pod that is, as far as it is known; "" on the host."""
        if not self.container[row]:
            return ""
        pod = self.pod[row]
        return self.container[row] + (f" of pod {'/'.join(filter(None, (self.namespace[row], pod)))}" if pod else "")

    def ancestors(self, row: int) -> Iterator[int]:
        """Yield parent, grandparent and so on; a circle in damaged evidence ends it."""
        seen = {row}
        above = self.parent[row]
        while above is not None and above not in seen:
            yield above
            seen.add(above)
            above = self.parent[above]

    def descendants(self, row: int) -> list[int]:
        """Return a process and all that came from it, itself first."""
        found, seen = [row], {row}
        for process in found:
            for child in self.children.get(process, ()):
                if child not in seen:
                    seen.add(child)
                    found.append(child)
        return found

    def name_at(self, row: int, ts: int | None) -> str:
        """Return the name a process had at ``ts``; one that had executed nothing yet has that of its parent."""
        if ts is None:
            return self.name[row]
        for _ in range(64):  # a long row of forks without an exec is rare
            times = self._exec_times[row]
            done = bisect_right(times, ts)
            if done:
                return self.execs[row][done - 1]["name"] or self.name[row]
            above = self.parent[row]
            if not times or above is None or self.from_start[row]:
                return self.name[row]
            start = self.start[row]
            ts = min(ts, start) if start is not None else ts
            row = above
        return self.name[row]

    def path(self, row: int, top: int | None = None) -> list[int]:
        """Return the processes from ``top`` (or the first known one) down to ``row``."""
        found = [row]
        if row != top:
            for above in self.ancestors(row):
                found.append(above)
                if above == top:
                    break
        return found[::-1]

    def chain(self, row: int, ts: int | None = None, top: int | None = None) -> str:
        """Return the names from ``top`` down to a process as of ``ts``, as in ``bash → evil.sh → cp``.

        Neighbours alike are named once, a chain of many is cut in the middle.
        """
        names: list[str] = []
        for process in self.path(row, top):
            name = self.name_at(process, ts) or "?"
            if not names or names[-1] != name:
                names.append(name)
        if len(names) > _CHAIN:
            names = [names[0], "…", *names[-(_CHAIN - 2) :]]
        return " → ".join(names)

    def common(self, rows: list[int]) -> int:
        """Return the nearest process that all of ``rows`` came from, or are; the first of them without one.

        Raises:
            ValueError: ``rows`` is empty.
        """
        if not rows:
            raise ValueError("no process to find an ancestor of")
        shared = [rows[0], *self.ancestors(rows[0])]
        for row in rows[1:]:
            own = {row, *self.ancestors(row)}
            shared = [process for process in shared if process in own]
        return shared[0] if shared else rows[0]
