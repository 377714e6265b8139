"""Small batches made by hand: a few processes, one event each."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tests.fields.oracle_values import values
from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Value
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.model.world import World

I64 = NDArray[np.int64]


class FixedLookup:
    """Threads and descriptors that never change, but for the ``changes``: (index, tid, row from then on)."""

    def __init__(
        self,
        threads: dict[int, int],
        files: dict[tuple[int, int], int],
        changes: list[tuple[int, int, int]],
    ) -> None:
        self.threads, self.open, self.changes = threads, files, changes

    def process(self, tid: int, index: int) -> int:
        row = self.threads.get(tid, -1)
        for since, changed, now in self.changes:
            if changed == tid and since <= index:
                row = now
        return row

    def file(self, owner: int, fd: int, index: int) -> int:
        return self.open.get((owner, fd), -1)

    def processes(self, tids: I64, indices: I64) -> I64:
        asked = zip(tids.tolist(), indices.tolist(), strict=True)
        return np.array([self.process(tid, index) for tid, index in asked], np.int64)

    def files(self, owners: I64, fds: I64, indices: I64) -> I64:
        keys = zip(owners.tolist(), fds.tolist(), strict=True)
        return np.array([self.open.get(key, -1) for key in keys], np.int64)


class Sample:
    """Processes by tid; ``batch()`` has one event of each, and last an event without a process."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.world = World()
        self.rows: dict[int, int] = {}
        self.open: dict[tuple[int, int], int] = {}
        self.changes: list[tuple[int, int, int]] = []

    def process(self, tid: int, **cells: int | bytes) -> None:
        """Add a thread; cells are named as in :class:`P`, texts are bytes."""
        self.rows[tid] = self.row(tid, **cells)

    def row(self, tid: int, **cells: int | bytes) -> int:
        """Add a row of a thread, and return its number."""
        row = self.tables.processes.blank()
        defaults: dict[str, int | bytes] = {
            "PID": tid, "PTID": 0, "VTID": tid, "VPID": tid, "CONTAINER": -1, "FDOWNER": tid, "LOGINUID": 0xFFFFFFFF
        }  # fmt: skip
        for name, value in {"TID": tid, **defaults, **cells}.items():
            number = self.tables.strings.intern(value) if isinstance(value, bytes) else value
            self.tables.processes.array[row, P[name]] = number
        return row

    def file(self, owner: int, fd: int, kind: int, name: bytes) -> None:
        """Add an open descriptor."""
        row = self.tables.files.blank()
        self.tables.files.array[row, F.KIND] = kind
        self.tables.files.array[row, F.NAME] = self.tables.strings.intern(name)
        self.open[owner, fd] = row

    def batch(self, ts: int = 1000, times: int = 1) -> Batch:
        """Return the batch, its events ``times`` times over."""
        rows = np.array([*self.rows.values(), -1] * times, np.int32)
        n = len(rows)
        zeros = np.zeros(n, np.int32)
        batch = Batch(
            tables=self.tables,
            data=b"",
            count=n,
            num=np.arange(1, n + 1, dtype=np.uint64),
            ts=np.full(n, ts, np.uint64),
            tid=np.array([*self.rows, -1] * times, np.int64),
            cpu=np.zeros(n, np.uint16),
            types=np.full(n, 5, np.uint16),
            first=np.zeros(n + 1, np.int32),
            start=zeros,
            length=zeros,
            process=rows,
            file=zeros - 1,
            fd=np.zeros(n, np.int64),
            has_fd=np.zeros(n, bool),
            name_changed=np.zeros(n, bool),
            fdcount=np.full(n, 3, np.int32),
            threads=np.ones(n, np.int32),
            children=zeros,
            memory=np.zeros((n, 3), np.uint32),
            faults=np.zeros((n, 2), np.uint64),
        )
        batch.lookup = cast(Any, FixedLookup(self.rows, self.open, self.changes))
        batch.world = self.world
        return batch

    def ask(self, name: str, argument: str | int | None = None, ts: int = 1000) -> dict[int, Value | None]:
        """Return a field's value by tid (-1: the event without a process), having checked that both getters agree."""
        batch, asked = self.batch(ts), FIELDS[name]
        tids = [*self.rows, -1]
        rows = [asked.row(Event(batch, i), argument) for i in range(batch.count)]
        if asked.bulk is not None:
            backwards = np.arange(batch.count)[::-1].copy()
            assert values(asked.bulk(batch, backwards, argument), batch)[::-1] == rows
            assert values(asked.bulk(batch, np.arange(batch.count), argument), batch) == rows
            assert values(asked.bulk(batch, np.zeros(0, np.int64), argument), batch) == []
            again = self.batch(ts, times=3)
            each = [asked.row(Event(again, i), argument) for i in range(again.count)]
            assert values(asked.bulk(again, np.arange(again.count), argument), again) == each
        return dict(zip(tids, rows, strict=True))

    def shown(self, name: str, tid: int, argument: str | int | None = None) -> Value | None:
        """Return what output shows of a field for one thread."""
        return FIELDS[name].output(Event(self.batch(), list(self.rows).index(tid)), argument)
