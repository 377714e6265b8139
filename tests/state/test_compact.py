"""Dropping what no one refers to any more changes nothing that can be seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tests.state.history import History, cloned, execve, idle, leave, record
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, P
from tiercel.model.tables import Rows
from tiercel.sources.capture import Capture
from tiercel.state.compact import FEW_ROWS, FILE_TEXTS, PROCESS_TEXTS
from tiercel.state.track import Tracker


def test_only_the_living_stay() -> None:
    history = History(record(200, 100, comm=b"sh"))
    for number in range(50):
        history.happen(cloned(300, 200, comm=f"kid{number}"), execve(300, f"/bin/x{number}"), leave(300), idle(200))
    assert history.tables.processes.count > 100
    strings, epoch = len(history.tables.strings), history.tables.epoch
    history.tracker.compact()
    assert history.tables.processes.count == 3
    assert history.tables.epoch > epoch
    assert len(history.tables.strings) < strings - 50
    history.happen(idle(200), cloned(300, 200, comm="kid1"))
    assert history.process(0)["comm"] == b"sh"
    assert history.thread(300, 1)["comm"] == b"kid1"  # type: ignore[index]


def test_tables_stay_small_however_long_it_takes() -> None:
    history = History(record(200, 100))
    epoch = history.tables.epoch
    history.tracker.compaction.max_processes = history.tracker.compaction.least_rows = 500
    for number in range(40):
        history.happen(*(execve(200, f"/bin/{number}-{k}") for k in range(100)))
        assert history.tables.processes.count < 700
    assert history.process()["comm"] == b"39-99"
    assert history.tables.epoch > epoch + 5


def test_bytes_of_strings_count_too() -> None:
    history = History(record(200, 100))
    history.tracker.compaction.max_bytes = history.tracker.compaction.least_bytes = 100_000
    for number in range(10):
        history.happen(*(execve(200, "/bin/x", "a" * 3000 + f"{number}-{k}") for k in range(20)))
    assert sum(map(len, history.tables.strings.values)) < 200_000


def test_what_runs_for_long_keeps_few_rows_and_counts_what_short_strings_take() -> None:
    history = History(record(200, 100))
    history.tracker.compaction.keep_small()
    most = 0
    for number in range(12):
        history.happen(*(execve(200, f"/bin/{number}-{k}", f"x{number}-{k}") for k in range(10_000)))
        most = max(most, len(history.tables.strings))
        assert history.tables.processes.count < FEW_ROWS + 20_000
    assert most < 100_000
    assert history.process()["comm"] == b"11-9999"


def test_what_lives_is_not_compacted_in_vain() -> None:
    history = History(*(record(tid, 100) for tid in range(1000, 1600)))
    compaction = history.tracker.compaction
    compaction.max_processes = compaction.least_rows = 500
    epoch = history.tables.epoch
    history.happen(idle(1000))
    history.happen(idle(1000))
    assert history.tables.epoch == epoch + 1


def seen(batch: Batch) -> list[Any]:
    """What can be seen of the events of a batch, row and string numbers replaced by what they stand for."""
    tables = batch.tables
    assert batch.lookup is not None

    def cells(rows: Rows, row: int, texts: tuple[int, ...], ignored: int) -> tuple[Any, ...] | None:
        if row < 0:
            return None
        values: list[Any] = rows.array[row].tolist()
        for column in texts:
            values[column] = tables.strings.get(values[column])
        values[ignored] = None
        return tuple(values)

    result = []
    for index in range(batch.count):
        process, file = int(batch.process[index]), int(batch.file[index])
        parent = -1
        if process >= 0:
            parent = batch.lookup.process(int(tables.processes.array[process, P.PTID]), index)
        result.append(
            (
                cells(tables.processes, process, PROCESS_TEXTS, P.COUNT - 1),
                cells(tables.processes, parent, PROCESS_TEXTS, P.COUNT - 1),
                cells(tables.files, file, FILE_TEXTS, F.FD),  # shared rows keep any of their numbers
                int(batch.fd[index]),
                int(batch.fdcount[index]),
                bool(batch.name_changed[index]),
            )
        )
    return result


@needs_reference
@pytest.mark.parametrize("name", ["sfc_alpine", "sfc_rename"])
def test_recorded_events_look_the_same_in_any_batches_compacted_or_not(name: str) -> None:
    def run(size: int, compact: bool) -> list[Any]:
        result = []
        with Capture(SHARED / "captures" / name / f"{name}.scap") as capture:
            tables = Tables()
            tracker = Tracker(tables, capture.world, capture.threads, capture.descriptors)
            for batch in capture.batches(size=size, tables=tables):
                if compact:
                    tracker.compact()
                tracker.track(batch)
                result += seen(batch)
        return result

    whole = run(1_000_000, False)
    assert run(1000, False) == whole
    assert run(1000, True) == whole
