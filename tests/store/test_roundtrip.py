"""Whatever bytes events and strings hold, they come back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.stored import store_of
from tiercel.model.batch import Batch, Tables
from tiercel.model.columns import F, P
from tiercel.model.event import Event
from tiercel.model.world import Container, Group, Interface, Machine, User, World
from tiercel.wire.event_table import BY_CONSTANT

OPEN, READ, CLONE = (BY_CONSTANT[name] for name in ("SYSCALL_OPEN_X", "SYSCALL_READ_X", "SYSCALL_CLONE_20_X"))

ANY = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"", b"\0", b"\xff\xfe", b"a\0b", "é".encode(), b"\xed\xa0\x80"])
)
NUMBER = st.integers(-(1 << 63), (1 << 63) - 1)
EVENTS = st.lists(st.tuples(st.sampled_from([OPEN, READ, CLONE]), st.lists(ANY, max_size=5)), max_size=30)


def batch_of(events: list[tuple[int, list[bytes]]], texts: list[bytes], numbers: list[int]) -> Batch:
    """Return a batch of events with their parameters; texts and numbers fill process and descriptor rows."""
    tables = Tables()
    data = bytearray(b"before")
    first, start, length = [0], [], []
    for _, params in events:
        for param in params:
            start.append(len(data))
            length.append(len(param))
            data += param
        first.append(len(start))
    for text, number in zip(texts, numbers, strict=True):
        row = tables.processes.blank()
        tables.processes.array[row, [P.TID, P.CAP_EFFECTIVE, P.EXE_INO]] = number
        tables.processes.array[row, [P.COMM, P.ENV]] = tables.strings.intern(text)
        tables.processes.array[row, P.CONTAINER] = -1
        row = tables.files.blank()
        tables.files.array[row, F.INO] = number
        tables.files.array[row, F.NAME] = tables.strings.intern(text)
        tables.files.array[row, F.SOCKET] = -1
    count, rows = len(events), len(texts)
    at = np.arange(count)
    return Batch(
        tables,
        data,
        count,
        num=(at * 3 + 1).astype(np.uint64),
        ts=at.astype(np.uint64) + np.uint64((1 << 63) - 2),
        tid=at.astype(np.int64) - 1,
        cpu=np.full(count, 65535, np.uint16),
        types=np.array([kind for kind, _ in events], np.uint16),
        first=np.array(first, np.int32),
        start=np.array(start, np.int32),
        length=np.array(length, np.int32),
        visible=np.ones(count, bool),
        process=(at % (rows + 1) - 1).astype(np.int32),
        file=(at % (rows + 1) - 1).astype(np.int32),
        fd=at.astype(np.int64) - 1,
        has_fd=at % 2 == 0,
        name_changed=at % 3 == 0,
        fdcount=at.astype(np.int32),
        threads=at.astype(np.int32),
        children=at.astype(np.int32),
        memory=np.full((count, 3), (1 << 32) - 1, np.uint32),
        faults=np.full((count, 2), (1 << 64) - 1, np.uint64),
        previous_ts=(1 << 64) - 1,
        first_ts=7,
    )


def stored(batch: Batch, types: list[int] | None = None) -> Batch:
    with TemporaryDirectory() as folder:
        (segment,) = store_of(Path(folder) / "store", [batch]).segments()
        found = segment.batch(Tables(), types)
        for name in ("ts", "tid", "cpu", "process", "file", "fd", "first", "memory", "faults", "name_changed", "world"):
            getattr(found, name)
        for name in ("fdcount", "threads", "children"):
            getattr(found, name)
        return found


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.lists(st.tuples(ANY, NUMBER), max_size=4))
def test_events_come_back(events: list[tuple[int, list[bytes]]], rows: list[tuple[bytes, int]]) -> None:
    batch = batch_of(events, [text for text, _ in rows], [number for _, number in rows])
    found = stored(batch)
    assert found.count == batch.count
    assert (found.previous_ts, found.first_ts) == (batch.previous_ts, batch.first_ts)
    for name in ("num", "ts", "tid", "cpu", "types", "has_fd", "name_changed", "fdcount", "threads", "children"):
        assert np.array_equal(getattr(found, name), getattr(batch, name)), name
        assert getattr(found, name).dtype == getattr(batch, name).dtype, name
    assert np.array_equal(found.memory, batch.memory)
    assert np.array_equal(found.faults, batch.faults)
    assert np.array_equal(found.fd[found.has_fd], batch.fd[batch.has_fd])
    for index in range(batch.count):
        one, other = Event(batch, index), Event(found, index)
        assert [other.param(k) for k in range(other.params)] == [one.param(k) for k in range(one.params)]
        assert (one.process < 0) == (other.process < 0)
        if one.process >= 0:
            for column in (P.TID, P.CAP_EFFECTIVE, P.EXE_INO):
                assert one.process_cell(column) == other.process_cell(column)
            assert one.text(one.process_cell(P.ENV)) == other.text(other.process_cell(P.ENV))
            assert other.process_cell(P.CONTAINER) == -1
            assert one.file_cell(F.INO) == other.file_cell(F.INO)
            assert one.text(one.file_cell(F.NAME)) == other.text(other.file_cell(F.NAME))


@settings(max_examples=15, deadline=None)
@given(EVENTS)
def test_events_of_one_type_come_back(events: list[tuple[int, list[bytes]]]) -> None:
    batch = batch_of(events, [], [])
    found = stored(batch, [READ, 9999])
    chosen = np.flatnonzero(batch.types == READ).tolist()
    assert found.num.tolist() == batch.num[chosen].tolist()
    assert [Event(found, n).param(0) for n in range(found.count)] == [Event(batch, n).param(0) for n in chosen]
    assert found.times_before().tolist() == batch.times_before()[chosen].tolist() if chosen else True


def test_the_world_comes_back() -> None:
    world = World(
        Machine(2, 1 << 40, 4_194_304, "höst", (1 << 64) - 1, 7),
        {(b"", 0): User(0, 0, b"root", b"/root", b"/bin/sh"), (b"c\xff", 7): User(7, 9, b"\xff", b"", b"")},
        {(b"", 5): Group(5, b"tty\xfe")},
        [Interface(b"eth\xff", bytes(16), bytes(4), b"", 1 << 33)],
        {
            b"c1": [
                Container(b"c1", 0, {"name": "old"}),
                Container(b"c1", 3, {"name": "web", "labels": {"a": None}, "odd": "\ud800"}),
                Container(b"c1", 90, {}),
            ]
        },
    )
    batch = batch_of([(READ, [])] * 3, [], [])
    batch.num += np.uint64(10)
    batch.world = world
    found = stored(batch).world
    assert found is not None
    assert (found.machine, found.users, found.groups) == (world.machine, world.users, world.groups)
    assert found.interfaces == world.interfaces
    for num in (11, 40, 95):
        assert found.container(b"c1", num) == world.container(b"c1", num)
    assert b"c1" in found.containers
    assert len(found.containers[b"c1"]) == 2, "what was known before the segment is not kept"
