"""The state as of any event, from the current one and the log."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference import SHARED, needs_reference
from tests.state.history import History, clone, execve, idle, leave, record
from tiercel.model.batch import Tables
from tiercel.sources.capture import Capture
from tiercel.state.track import Tracker


def test_a_thread_is_found_as_it_was_after_any_event() -> None:
    history = History(record(200, 100, comm=b"sh"))
    history.happen(
        idle(200),
        clone(200, 201, comm="kid"),
        execve(201, "/bin/ls"),
        leave(201),
        idle(200),
        clone(200, 201, comm="k2"),
    )
    seen = [history.thread(201, index) for index in range(-1, 6)]
    assert [thread and thread["comm"] for thread in seen] == [None, None, b"kid", b"ls", b"ls", None, None]
    history.happen(idle(200))
    assert history.thread(201, -1) is None, "exited moments ago"


def test_a_batch_can_still_be_asked_when_later_ones_are_tracked() -> None:
    history = History(record(200, 100))
    first = history.happen(execve(200, "/bin/a"), idle(100))
    second = history.happen(execve(200, "/bin/b"), leave(200))
    history.happen(idle(100))
    assert first.lookup is not None
    assert second.lookup is not None
    assert history.row(first.lookup.process(200, 1))["comm"] == b"a"
    assert history.row(second.lookup.process(200, 0))["comm"] == b"b"
    assert second.lookup.process(200, 1) >= 0
    both = first.lookup.processes(np.array([200, 200, 7]), np.array([-1, 1, 1]))
    assert [history.row(int(row))["comm"] for row in both[:2]] == [b"p200", b"a"]
    assert both[2] == -1


def test_nothing_asked_nothing_answered() -> None:
    history = History()
    lookup = history.happen(idle(100)).lookup
    assert lookup is not None
    assert len(lookup.processes(np.array([], np.int64), np.array([], np.int64))) == 0


@needs_reference
@pytest.mark.parametrize("name", ["sfc_alpine", "sfc_nginx"])
def test_bulk_and_single_answers_agree_and_match_each_event(name: str) -> None:
    generator = np.random.default_rng(5)
    with Capture(SHARED / "captures" / name / f"{name}.scap") as capture:
        tables = Tables()
        tracker = Tracker(tables, capture.world, capture.threads, capture.descriptors)
        for batch in capture.batches(size=3000, tables=tables):
            tracker.track(batch)
            lookup = batch.lookup
            assert lookup is not None
            own = lookup.processes(batch.tid, np.arange(batch.count))
            known = batch.process >= 0
            assert (own[known] == batch.process[known]).all()
            tids = generator.choice(np.append(batch.tid, [-5, 1 << 40]), 500)
            indices = generator.integers(-1, batch.count, 500)
            bulk = lookup.processes(tids, indices)
            single = [lookup.process(int(tid), int(index)) for tid, index in zip(tids, indices, strict=True)]
            assert bulk.tolist() == single
