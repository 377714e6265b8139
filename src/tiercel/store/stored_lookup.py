"""Threads and descriptors as of the events of a stored segment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiercel.store.intervals import START

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spans:
    """From event ``since`` on and before event ``until``, key ``first`` and ``second`` had row ``rows``.

    For threads the key is the tid and 0, for descriptors the owner and the number.
    """

    first: I64
    second: I64
    rows: I64
    since: I64
    until: I64


class _Keys:
    """Numbers pairs of numbers."""

    def __init__(self, first: I64, second: I64) -> None:
        self.firsts, one = np.unique(first, return_inverse=True)
        self.seconds, other = np.unique(second, return_inverse=True)
        self.pairs, self.own = np.unique(one.reshape(-1) * len(self.seconds) + other.reshape(-1), return_inverse=True)

    def find(self, first: I64, second: I64) -> I64:
        """Return the numbers of pairs, -1 for those that are not known."""
        one, there = _found(self.firsts, first)
        other, also = _found(self.seconds, second)
        number, known = _found(self.pairs, one * len(self.seconds) + other)
        return np.where(there & also & known, number, -1)


def _found(values: I64, asked: I64) -> tuple[I64, NDArray[np.bool_]]:
    """Return the places of numbers among sorted ones, and which of them are there."""
    at = np.minimum(np.searchsorted(values, asked), len(values) - 1)
    return at, values[at] == asked


class _Timeline:
    """Finds the row that a key had at an event, for many at a time."""

    def __init__(self, spans: Spans) -> None:
        self.empty = not len(spans.rows)
        if self.empty:
            return
        self.keys = _Keys(spans.first, spans.second)
        self.moments = np.unique(spans.since)
        self.span = len(self.moments) + 1
        key = self.keys.own.reshape(-1) * self.span + np.searchsorted(self.moments, spans.since) + 1
        order = np.argsort(key, kind="stable")
        self.at, self.rows, self.until = key[order], spans.rows[order], spans.until[order]

    def rows_at(self, first: I64, second: I64, nums: I64) -> I64:
        """Return the rows of keys just after events, -1 where there was none."""
        if self.empty or not len(first):
            return np.full(len(first), -1, np.int64)
        number = self.keys.find(first, second)
        at = np.searchsorted(self.at, number * self.span + np.searchsorted(self.moments, nums, "right"), "right") - 1
        inside = np.maximum(at, 0)
        found = (number >= 0) & (at >= 0) & (self.at[inside] // self.span == number) & (nums < self.until[inside])
        return np.where(found, self.rows[inside], -1)


class _Histories:
    """The same for one key at a time."""

    def __init__(self, spans: Spans) -> None:
        order = np.argsort(spans.first, kind="stable")
        firsts, starts = np.unique(spans.first[order], return_index=True)
        self.places = dict(zip(firsts.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}
        self.spans = spans
        self.known: dict[int, dict[int, list[tuple[int, int, int]]]] = {}

    def row_at(self, first: int, second: int, num: int) -> int:
        of_first = self.known.get(first)
        if of_first is None:
            of_first = self.known[first] = self._history(first)
        entries = of_first.get(second)
        if entries is None:
            return -1
        at = bisect_right(entries, num, key=lambda entry: entry[0]) - 1
        return entries[at][2] if at >= 0 and num < entries[at][1] else -1

    def _history(self, first: int) -> dict[int, list[tuple[int, int, int]]]:
        history: dict[int, list[tuple[int, int, int]]] = {}
        places = self.places.get(first)
        if places is not None:
            spans = self.spans
            columns = (spans.second, spans.since, spans.until, spans.rows)
            for second, *entry in zip(*(column[places].tolist() for column in columns), strict=True):
                history.setdefault(second, []).append((entry[0], entry[1], entry[2]))
            for entries in history.values():
                entries.sort()
        return history

    def all_at(self, first: int, num: int) -> dict[int, int]:
        """Return the rows of all second keys of a first one, in the order in which they are stored."""
        places = self.places.get(first)
        if places is None:
            return {}
        spans = self.spans
        there = places[(spans.since[places] <= num) & (num < spans.until[places])]
        return dict(zip(spans.second[there].tolist(), spans.rows[there].tolist(), strict=True))


class StoredLookup:
    """Answers by event number, so that it serves for a part of the events of a segment as well.

    Index -1 is the state the segment starts from.

    Args:
        nums: the event number of each event of the batch.
        threads: gives when each process row was the version of its thread.
        descriptors: gives who had what open when.
    """

    def __init__(self, nums: I64, threads: Callable[[], Spans], descriptors: Callable[[], Spans]) -> None:
        self._nums = nums
        self._load_threads, self._load_descriptors = threads, descriptors
        self._threads: _Timeline | None = None
        self._thread_histories: _Histories | None = None
        self._files: _Timeline | None = None
        self._file_histories: _Histories | None = None

    def process(self, tid: int, index: int) -> int:
        """Return the row of thread ``tid`` just after event ``index``, -1 when there was no such thread."""
        if self._thread_histories is None:
            self._thread_histories = _Histories(self._load_threads())
        return self._thread_histories.row_at(tid, 0, self._num(index))

    def processes(self, tids: I64, indices: I64) -> I64:
        """Return the rows of many threads, each as of its own event."""
        if self._threads is None:
            self._threads = _Timeline(self._load_threads())
        tids = np.asarray(tids, np.int64)
        return self._threads.rows_at(tids, np.zeros(len(tids), np.int64), self._nums_of(indices))

    def file(self, owner: int, fd: int, index: int) -> int:
        """Return the row of descriptor ``fd`` in the table of thread ``owner`` just after an event, -1 if none."""
        return self._histories().row_at(owner, fd, self._num(index))

    def files(self, owners: I64, fds: I64, indices: I64) -> I64:
        """Return the rows of many descriptors, each as of its own event."""
        if self._files is None:
            self._files = _Timeline(self._load_descriptors())
        owners, fds = np.asarray(owners, np.int64), np.asarray(fds, np.int64)
        return self._files.rows_at(owners, fds, self._nums_of(indices))

    def descriptors(self, owner: int, index: int) -> dict[int, int]:
        """Return all descriptors of the table of thread ``owner`` just after event ``index``, with their rows."""
        return self._histories().all_at(owner, self._num(index))

    def _num(self, index: int) -> int:
        return int(self._nums[index]) if index >= 0 else START

    def _nums_of(self, indices: I64) -> I64:
        indices = np.asarray(indices, np.int64)
        nums: I64 = (
            np.where(indices >= 0, self._nums[indices], START) if len(self._nums) else np.full_like(indices, START)
        )
        return nums

    def _histories(self) -> _Histories:
        if self._file_histories is None:
            self._file_histories = _Histories(self._load_descriptors())
        return self._file_histories
