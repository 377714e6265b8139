"""Hunting through a store: the segments that may hold what is sought, on all processors, results in order."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from heapq import merge

import numpy.ma  # noqa: F401  numpy.unique asks for it: once here rather than in every process

import tiercel.store.stored_batch  # noqa: F401  likewise what reads segments
from tiercel.hunt.pool import Failed, in_order, processors
from tiercel.hunt.search import Hit, Search
from tiercel.hunt.selection import Selection
from tiercel.model.batch import Tables
from tiercel.outputs.alert import Alert
from tiercel.store.segment import Segment
from tiercel.store.store import Store

_MOST_STRINGS = 1 << 18
_MOST_ROWS = 1 << 17
"""Strings and rows of earlier segments that are kept, with all that is known of them, for the segments to come."""


class SharedTables:
    """Tables that segments share, so that what is known of a string or row serves for the next ones too."""

    def __init__(self) -> None:
        self._tables = Tables()

    def current(self) -> Tables:
        """Return the tables for the next segment: new ones when they have grown large."""
        tables = self._tables
        rows = max(tables.processes.count, tables.files.count)
        if len(tables.strings) > _MOST_STRINGS or rows > _MOST_ROWS:
            self._tables = Tables()
        return self._tables


class Wanted(Enum):
    """What to make of the events found: nothing but their number, lines, or values."""

    COUNTS = auto()
    LINES = auto()
    ITEMS = auto()


@dataclass(slots=True)
class Found:
    """What a segment holds: how many by rule position, and their lines or values.

    ``apart`` holds them one by one, each with its time (ns since the epoch, never falling), for segments that have to
    be merged with others by time.
    """

    counts: dict[int, int] = field(default_factory=dict)
    data: bytes = b""
    items: list[Alert | Hit] = field(default_factory=list)
    apart: list[tuple[int, bytes | Alert | Hit]] = field(default_factory=list)


class Hunt:
    """A search through the selected part of a store.

    ``counts`` and ``failures`` are complete once the results were taken: how many were found by rule position, and
    what could not be looked at and why.

    Raises:
        InputError: the store cannot be read.
    """

    def __init__(
        self,
        store: Store,
        search: Search,
        selection: Selection | None = None,
        wanted: Wanted = Wanted.LINES,
        workers: int | None = None,
    ) -> None:
        self.search = search
        self.selection = Selection() if selection is None else selection
        self.wanted = wanted
        self.workers = processors() if workers is None else workers
        self.segments = self.selection.segments(store, search.types, lambda manifest: search.aim(manifest) is not None)
        self.counts: Counter[int] = Counter()
        self.failures: list[str] = []
        self._together = _overlapping(self.segments)
        self._mixed = {segment.path for group in self._together if len(group) > 1 for segment in group}
        self._tables = SharedTables()

    def lines(self) -> Iterator[bytes]:
        """Yield what was found as lines, in order of host and time, many lines at once."""
        for found in self._results():
            if found.data:
                yield found.data
            for _, line in found.apart:
                assert isinstance(line, bytes)
                yield line

    def items(self) -> Iterator[Alert | Hit]:
        """Yield what was found as values, in order of host and time."""
        for found in self._results():
            yield from found.items
            for _, item in found.apart:
                assert not isinstance(item, bytes)
                yield item

    def count(self) -> dict[str, int]:
        """Return how many were found, by rule name."""
        for _ in self._results():
            pass
        return self.search.counts(self.counts)

    def _results(self) -> Iterator[Found]:
        """Yield what each segment holds, what overlaps in time merged."""
        results = in_order(self.segments, self._look, self.workers)
        for group in self._together:
            waiting: list[tuple[int, bytes | Alert | Hit]] = []
            for following in [*group[1:], None]:
                segment, found = next(results)
                if isinstance(found, Failed):
                    self.failures.append(found.at(segment.path))
                    found = Found()
                self.counts.update(found.counts)
                waiting = list(merge(waiting, found.apart, key=_moment)) if waiting else found.apart
                # the segments still to come hold nothing from before the first of them begins
                due = len(waiting)
                if following is not None:
                    due = bisect_left(waiting, following.manifest.first_ts or 0, key=_moment)
                found.apart, waiting = waiting[:due], waiting[due:]
                yield found

    def _look(self, segment: Segment) -> Found:
        """Search one segment. Raises InputError when it cannot be read."""
        aim = self.search.aim(segment.manifest)
        if aim is None:
            return Found()
        batch = segment.batch(self._tables.current(), aim.types)
        if not batch.count:
            return Found()
        inside = self.selection.inside(batch)
        if inside is not None:
            batch.visible = batch.visible & inside
        matches = self.search.match(batch, aim.rules)
        found = Found(matches.counts())
        if len(matches.indices) and self.wanted is not Wanted.COUNTS:
            if segment.path in self._mixed:
                pairs = zip(matches.indices.tolist(), matches.rules.tolist(), strict=True)
                things: list[bytes] | list[Alert | Hit]
                if self.wanted is Wanted.LINES:
                    things = [self.search.line(batch, index, rule) for index, rule in pairs]
                else:
                    things = list(self.search.items(batch, matches))
                found.apart = _timed(batch.ts[matches.indices].tolist(), things)
            elif self.wanted is Wanted.LINES:
                found.data = self.search.lines(batch, matches)
            else:
                found.items = list(self.search.items(batch, matches))
        batch.derived.clear()  # what readers made of it refers back to it
        return found


def _moment(entry: tuple[int, bytes | Alert | Hit]) -> int:
    return entry[0]


def _timed(
    times: Sequence[int], things: Sequence[bytes] | Sequence[Alert | Hit]
) -> list[tuple[int, bytes | Alert | Hit]]:
    """Return the things with times that never fall, so that merging by time keeps their order."""
    latest = 0
    timed: list[tuple[int, bytes | Alert | Hit]] = []
    for time, thing in zip(times, things, strict=True):
        latest = max(latest, time)
        timed.append((latest, thing))
    return timed


def _overlapping(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return runs of segments of one host that overlap in time and come from several pieces of evidence.

    The segments of one piece follow each other; their events are in the order they were recorded in.
    """
    groups: list[list[Segment]] = []
    end = 0
    for segment in segments:
        manifest = segment.manifest
        before = groups[-1][-1].manifest if groups else None
        first, last = manifest.first_ts or 0, manifest.last_ts or 0
        if before is not None and before.host == manifest.host and first <= end:
            groups[-1].append(segment)
            end = max(end, last)
        else:
            groups.append([segment])
            end = last
    split = []
    for group in groups:
        if len({segment.manifest.source.id for segment in group}) == 1:
            split += [[segment] for segment in group]
        else:
            split.append(group)
    return split
