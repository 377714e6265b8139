"""Batches over segments: what is read, in which order, and when it is let go."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from tests.store.stored import store_of, story
from tiercel.model.batch import Tables
from tiercel.model.columns import F, P
from tiercel.replay import Replay
from tiercel.store.parquet import TableFile
from tiercel.store.segment import Segment


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    (segment,) = store_of(tmp_path / "store", Replay(story(tmp_path / "story.scap"))).segments()
    return segment


def test_columns_are_read_when_first_asked_for(segment: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read, lists = TableFile.read, TableFile.lists

    def noted(file: TableFile, columns: list[str], groups: list[int] | None = None) -> object:
        if file.path.stem == "events":
            asked.extend(columns)
        return read(file, columns, groups)

    def noted_lists(file: TableFile, name: str, groups: list[int] | None = None) -> object:
        asked.append(name)
        return lists(file, name, groups)

    monkeypatch.setattr(TableFile, "read", noted)
    monkeypatch.setattr(TableFile, "lists", noted_lists)
    batch = segment.batch(Tables())
    assert asked == ["num", "type_id"]
    assert batch.ts[0] == batch.ts[0]
    assert len(batch.has_fd) == len(batch.fd) == batch.count
    assert len(batch.first) == batch.count + 1
    assert len(batch.start) == len(batch.length)
    assert asked == ["num", "type_id", "ts", "fd", "params"]
    with pytest.raises(AttributeError):
        batch.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_events_are_in_the_order_of_their_numbers(segment: Segment) -> None:
    stored = segment.table("events", ["num", "type_id"])
    nums, types = (np.array(column.to_pylist()) for column in stored.columns)
    assert not np.all(np.diff(nums) > 0), "stored by type"
    batch = segment.batch(Tables())
    assert np.all(np.diff(batch.num.astype(np.int64)) > 0)
    assert batch.visible.all()
    some = sorted(set(types.tolist()))[:3]
    part = segment.batch(Tables(), some)
    assert part.num.tolist() == sorted(nums[np.isin(types, some)].tolist())
    assert part.ts.tolist() == batch.ts[np.isin(batch.types, some)].tolist()
    assert segment.batch(Tables(), []).count == segment.batch(Tables(), [-1, 10**9]).count == 0


def test_segments_share_tables(segment: Segment) -> None:
    tables = Tables()
    one = segment.batch(tables)
    rows, strings = tables.processes.count, len(tables.strings)
    other = segment.batch(tables)
    assert len(tables.strings) == strings
    assert tables.processes.count == 2 * rows
    known = one.process >= 0
    assert known.any()
    assert (other.process[known] == one.process[known] + rows).all()
    for column in (P.TID, P.COMM, P.ENV):
        cells = tables.processes.array[:, column]
        assert (cells[one.process[known]] == cells[other.process[known]]).all()
    files = one.file >= 0
    cells = tables.files.array[:, F.NAME]
    assert (cells[one.file[files]] == cells[other.file[files]]).all()


def test_a_batch_is_freed_at_once(segment: Segment) -> None:
    batch = segment.batch(Tables())
    assert batch.lookup is not None
    batch.lookup.processes(np.array([1]), np.array([0]))
    batch.lookup.descriptors(1, 0)
    gone = weakref.ref(batch)
    gc.disable()
    try:
        del batch
        assert gone() is None
    finally:
        gc.enable()
