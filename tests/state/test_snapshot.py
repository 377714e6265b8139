"""A tracker that goes on from a snapshot knows what the one it was taken of knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import SHARED, needs_reference
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.model.world import World
from tiercel.sources.capture import Capture
from tiercel.state.compact import FILE_TEXTS, PROCESS_TEXTS
from tiercel.state.restore import restore
from tiercel.state.snapshot import Snapshot, SnapshotError, take
from tiercel.state.track import Tracker

CAPTURES = sorted((SHARED / "captures").rglob("*.scap")) if SHARED.is_dir() else []
_ENOUGH = 200  # batches
_COLUMNS = ("fd", "has_fd", "name_changed", "fdcount", "threads", "children", "memory", "faults")


def copied(batch: Batch) -> Batch:
    """Return the batch as it was decoded, for another tracker."""
    return Batch(
        tables=Tables(), data=batch.data, count=batch.count, num=batch.num, ts=batch.ts, tid=batch.tid, cpu=batch.cpu,
        types=batch.types, visible=batch.visible, first=batch.first, start=batch.start, length=batch.length,
        previous_ts=batch.previous_ts, first_ts=batch.first_ts,
    )  # fmt: skip


def rows(batch: Batch, which: str) -> list[tuple[object, ...] | None]:
    """Return for each event the row of its process or file, with texts in place of their numbers."""
    table = batch.tables.processes if which == "process" else batch.tables.files
    texts = {int(c) for c in (PROCESS_TEXTS if which == "process" else FILE_TEXTS)}
    width = int(P.COUNT if which == "process" else F.COUNT)
    known: dict[int, tuple[object, ...]] = {-1: ()}
    get = batch.tables.strings.get
    for row in set(getattr(batch, which).tolist()) - {-1}:
        cells = table.array[row].tolist()
        known[row] = tuple(
            get(cells[k]) if k in texts else cells[k]
            for k in range(width)
            if not (which == "file" and k == F.FD)  # any of the numbers it was used for
        )
    return [known[row] for row in getattr(batch, which).tolist()]


def lineage(batch: Batch) -> list[list[object]]:
    """Return for some events the names of the ancestors of their threads."""
    found = []
    for index in range(0, batch.count, 37):
        event, names = Event(batch, index), []
        row, depth = event.process, 0
        while row >= 0 and depth < 8:
            names.append(event.text(event.process_cell(P.COMM, row)))
            row, depth = event.process_at(event.process_cell(P.PTID, row)), depth + 1
        found.append(names)
    return found


def follow_both(path: Path, size: int, at: int) -> int:
    """Follow a capture, from batch ``at`` on with a second tracker too; return how many batches both followed."""
    with Capture(path) as capture:
        tables, section = Tables(), capture.section
        first = Tracker(tables, capture.world, capture.threads, capture.descriptors)
        second: Tracker | None = None
        both = 0
        for k, batch in enumerate(capture.batches(size, tables, even=True)):
            if capture.section != section or both >= _ENOUGH:
                break
            other = copied(batch)
            first.track(batch)
            if second is not None:
                other.tables = second.tables
                second.track(other)
                both += 1
                for name in _COLUMNS:
                    assert np.array_equal(getattr(batch, name), getattr(other, name)), (path.name, k, name)
                assert rows(batch, "process") == rows(other, "process")
                assert rows(batch, "file") == rows(other, "file")
                assert lineage(batch) == lineage(other)
            if k == at:
                snapshot = Snapshot.decoded(take(first, int(batch.ts[-1])).encoded())
                second = Tracker(Tables(), World(machine=capture.world.machine, interfaces=capture.world.interfaces))
                restore(second, snapshot)
    return both


@needs_reference
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_goes_on_as_the_first(path: Path) -> None:
    assert sum(follow_both(path, size, at) for size, at in ((3, 0), (257, 1), (1000, 3), (5000, 0)))


@needs_reference
@settings(max_examples=25, deadline=None)
@given(st.integers(50, 3000), st.integers(0, 40))
def test_goes_on_from_anywhere(size: int, at: int) -> None:
    follow_both(SHARED / "captures" / "modern" / "a-seed-webshell" / "a-seed-webshell.scap", size, at)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.decoded(body)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_altered_tables_are_refused_or_harmless(data: st.DataObject) -> None:
    tracker = Tracker(Tables(), World())
    snapshot = take(tracker)
    name = data.draw(st.sampled_from(("threads", "groups", "members", "owners", "descriptors", "exits", "ports")))
    width = getattr(snapshot, name).shape[1]
    cells = data.draw(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=width * 3, max_size=width * 3))
    setattr(snapshot, name, np.array(cells, np.int64).reshape(3, width))
    try:
        found = Snapshot.decoded(snapshot.encoded())
    except SnapshotError:
        return
    restore(tracker, found)
