"""The events of a segment, or those of some types, as a batch whose columns are read when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tiercel.model.batch import Batch, Tables
from tiercel.store import interning
from tiercel.store.arrow import valid
from tiercel.store.parquet import joined
from tiercel.store.spans import rearranged
from tiercel.store.stored_lookup import StoredLookup
from tiercel.wire.event_table import EVENTS

if TYPE_CHECKING:
    from tiercel.store.segment import Segment

I64 = NDArray[np.int64]

_U32 = 1 << 32


class StoredBatch(Batch):
    """A :class:`Batch` over a segment.

    Its columns are the slots of a batch; one that is not filled yet is read from the segment. Every event is visible.

    Raises:
        InputError: the segment is not what it says, also later, when a column is first asked for.
    """

    __slots__ = ("__weakref__", "_file_base", "_files", "_groups", "_order", "_process_base", "_read_rows", "_segment")

    def __init__(self, segment: Segment, tables: Tables, types: Collection[int] | None = None) -> None:
        self._segment = segment
        self._files = [segment.file(name) for name in ("events", "strings", "processes", "files", "descriptors")]
        self.tables = tables
        self.derived = {}
        manifest = segment.manifest
        self.previous_ts, self.first_ts = manifest.previous_ts, manifest.capture_ts
        self._groups: list[int] | None = None
        wanted = None if types is None else set(types)
        if wanted is not None:
            self._groups = [at for at, group in enumerate(manifest.groups) if not wanted.isdisjoint(group)]
        file = segment.file("events")
        table = self._read(["num", "type_id"])
        nums = file.numbers(table.column(0))
        kinds = file.numbers(table.column(1))
        if len(kinds) and not 0 <= int(kinds.min()) <= int(kinds.max()) < len(EVENTS):
            raise file.fault("an event has a type that is not in the event table")
        self._read_rows = len(nums)
        kept = slice(None) if wanted is None else np.flatnonzero(_members(wanted)[kinds])
        order = np.argsort(nums[kept], kind="stable")
        self._order = order if isinstance(kept, slice) else kept[order]
        nums = nums[self._order]
        if len(nums) and (int(nums[0]) < 0 or np.any(nums[1:] == nums[:-1])):
            raise file.fault("events are not numbered apart")
        self.count = len(nums)
        self.num = nums.view(np.uint64)
        self.types = kinds[self._order].view(np.uint16)
        known = interning.strings(segment.file("strings"), tables)
        base, count, lives = interning.processes(segment.file("processes"), tables, known)
        self._process_base = (base, count)
        self._file_base = interning.files(segment.file("files"), tables, known)
        descriptors = segment.file("descriptors")
        # nothing that it holds refers back to the batch, which is large and to be freed at once
        self.lookup = StoredLookup(nums, lambda: lives, partial(interning.descriptors, descriptors, *self._file_base))

    def __repr__(self) -> str:
        return f"StoredBatch({self._segment.path.name}, {self.count} events)"

    def __getattr__(self, name: str) -> Any:
        load = _LOADERS.get(name)
        if load is None:
            raise AttributeError(name)
        load(self)
        return object.__getattribute__(self, name)

    def times_before(self) -> NDArray[np.uint64]:
        """Return for each event the time of the event before it in the segment, of whichever type."""
        file = self._segment.file("events")
        table = file.read(["num", "ts"])
        nums = file.numbers(table.column(0))
        times = file.numbers(table.column(1)).view(np.uint64)
        order = np.argsort(nums, kind="stable")
        nums, times = nums[order], times[order]
        at = np.searchsorted(nums, self.num.view(np.int64)) - 1
        return np.where(at >= 0, times[at], np.uint64(self.previous_ts))

    def _read(self, columns: list[str]) -> pa.Table:
        return self._segment.file("events").read(columns, self._groups)

    def _arranged(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a column as it was read in the order of the batch."""
        if len(values) != self._read_rows:
            raise self._segment.file("events").fault("columns differ in length")
        return values[self._order]

    def _column(self, name: str) -> NDArray[Any]:
        return self._arranged(self._segment.file("events").numbers(self._read([name]).column(0)))

    def _rows(self, name: str, rows: tuple[int, int]) -> NDArray[np.int32]:
        """Return a column of row numbers, as numbers of the shared tables."""
        base, count = rows
        numbers = self._column(name)
        if len(numbers) and not -1 <= int(numbers.min()) <= int(numbers.max()) < count:
            raise self._segment.file("events").fault(f"column {name} refers to rows that are not there")
        found: NDArray[np.int32] = np.where(numbers >= 0, numbers + np.int32(base), np.int32(-1))
        return found

    def _load_descriptor(self) -> None:
        column = self._read(["fd"]).column(0)
        file = self._segment.file("events")
        there = [valid(chunk) for chunk in column.chunks]
        self.has_fd = self._arranged(np.concatenate(there) if there else np.zeros(0, bool))
        self.fd = self._arranged(file.numbers(column))

    def _load_parameters(self) -> None:
        file = self._segment.file("events")
        try:
            lists = joined(list(file.lists("params", self._groups)))
            self.first, self.start, self.length = rearranged(lists.first, lists.codes, lists.offsets, self._order)
        except ValueError as error:
            raise file.fault(error) from None
        held: Any = lists.data
        self.data = held  # read where it is: a copy would take as long as reading it

    def _load_memory(self) -> None:
        columns = [self._column(name) for name in ("vmsize", "vmrss", "vmswap")]
        if any(len(column) and not 0 <= int(column.min()) <= int(column.max()) < _U32 for column in columns):
            raise self._segment.file("events").fault("a size of memory is out of range")
        self.memory = np.stack(columns, axis=1).astype(np.uint32)

    def _load_faults(self) -> None:
        self.faults = np.stack([self._column(name) for name in ("majflt", "minflt")], axis=1).view(np.uint64)


def _members(types: Collection[int]) -> NDArray[np.bool_]:
    """Return for each type number whether it is one of these."""
    member = np.zeros(len(EVENTS), bool)
    member[[number for number in types if 0 <= number < len(EVENTS)]] = True
    return member


def _plain(name: str, type: type[np.generic] | None = None) -> Callable[[StoredBatch], None]:
    def load(batch: StoredBatch) -> None:
        values = batch._column(name)
        setattr(batch, name, values if type is None else values.view(type))

    return load


def _load_process(batch: StoredBatch) -> None:
    batch.process = batch._rows("process", batch._process_base)


def _load_file(batch: StoredBatch) -> None:
    batch.file = batch._rows("file", batch._file_base)


def _load_visible(batch: StoredBatch) -> None:
    batch.visible = np.ones(batch.count, bool)


def _load_world(batch: StoredBatch) -> None:
    batch.world = batch._segment.world


_LOADERS: dict[str, Callable[[StoredBatch], None]] = {
    "ts": _plain("ts", np.uint64),
    "tid": _plain("tid"),
    "cpu": _plain("cpu", np.uint16),
    "name_changed": _plain("name_changed"),
    "fdcount": _plain("fdcount"),
    "threads": _plain("threads"),
    "children": _plain("children"),
    "visible": _load_visible,
    "world": _load_world,
    "process": _load_process,
    "file": _load_file,
    "fd": StoredBatch._load_descriptor,
    "has_fd": StoredBatch._load_descriptor,
    "data": StoredBatch._load_parameters,
    "first": StoredBatch._load_parameters,
    "start": StoredBatch._load_parameters,
    "length": StoredBatch._load_parameters,
    "memory": StoredBatch._load_memory,
    "faults": StoredBatch._load_faults,
}
"""Fills a column of a batch, by its name."""
