"""Made-up bytes: tracking takes anything without failing, in bounded time."""

from __future__ import annotations

import random
import struct
import time

import numpy as np
import pytest

from tests.state.history import SECOND, THREAD, History, cloned, idle, leave
from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.state.track import _HANDLED, Tracker
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

HANDLED = [BY_CONSTANT[name] for name in _HANDLED]
NUMBERS = (0, 1, 2, 3, 5, 7, 36, 100, -1, -2, -100, 2**31, 2**32 - 1, 2**63 - 1, -(2**63), 0x2000, 1 << 29, 1 << 30)


def noise(generator: random.Random) -> bytes:
    """Return a parameter: often a number that means something, sometimes a text, a list or rubbish."""
    kind = generator.random()
    if kind < 0.7:
        return struct.pack("<q", generator.choice(NUMBERS))[: generator.choice((8, 8, 8, 4, 4, 2, 1, 3))]
    if kind < 0.8:
        return b""
    if kind < 0.9:
        return generator.choice(
            (b"/bin/sh\0", b"<NA>\0", b"(NULL)\0", b"a\0b\0", b"\0", b"x", b"/x (deleted)\0", b"cpu=/\0")
        )
    return generator.randbytes(generator.randrange(40))


def hostile(tables: Tables, generator: random.Random, count: int, num: int) -> Batch:
    """Return a batch of noise: any type, any number of parameters, times that jump."""
    data, first, start, length = bytearray(), [0], [], []
    for _ in range(count):
        for _ in range(generator.choice((0, 1, 2, 3, 21, 30, 31))):
            value = noise(generator)
            start.append(len(data))
            length.append(len(value))
            data += value
        first.append(len(start))
    times = [generator.choice((k * SECOND, 0, 2**64 - 1 - k, 5 * SECOND)) for k in range(count)]
    return Batch(
        tables=tables,
        data=bytes(data),
        count=count,
        num=np.arange(num, num + count, dtype=np.uint64),
        ts=np.array(times, dtype=np.uint64),
        tid=np.array([generator.choice(NUMBERS) for _ in range(count)], dtype=np.int64),
        cpu=np.zeros(count, dtype=np.uint16),
        types=np.array(
            [
                generator.choice(HANDLED) if generator.random() < 0.8 else generator.randrange(len(EVENTS))
                for _ in range(count)
            ],
            dtype=np.uint16,
        ),
        first=np.array(first, dtype=np.int32),
        start=np.array(start, dtype=np.int32),
        length=np.array(length, dtype=np.int32),
        visible=np.ones(count, dtype=np.bool_),
    )


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_tracked(seed: int) -> None:
    generator = random.Random(seed)
    tables = Tables()
    tracker = Tracker(tables, World())
    tracker.table.capacity = generator.choice((1, 5, 1000))
    for number in range(4):
        batch = hostile(tables, generator, 500, number * 500)
        tracker.track(batch)
        assert batch.lookup is not None
        assert (batch.process < tables.processes.count).all()
        assert len(tracker.table.threads) <= tracker.table.capacity
        for tid in NUMBERS:
            asked = np.arange(-1, 500)
            bulk = batch.lookup.processes(np.full(501, tid), asked)
            assert bulk.tolist() == [batch.lookup.process(tid, int(index)) for index in asked]
        if seed % 2:
            tracker.compact()


def test_a_span_outside_the_data_is_an_error_that_says_so() -> None:
    history = History()
    batch = history.happen(idle(100), (100, "SYSCALL_CHDIR_X", {"res": 0, "path": "/x"}))
    batch.start[-1] = 2**31 - 1
    with pytest.raises(ValueError, match="outside"):
        history.tracker.track(batch)


def test_a_process_of_very_many_threads_does_not_make_each_event_dear() -> None:
    history = History()
    history.happen(*(cloned(tid, 100, flags=THREAD, pid=100) for tid in range(1000, 21_000)))
    begin = time.perf_counter()
    history.happen(*((100, "SYSCALL_CHDIR_X", {"res": 0, "path": f"/{k}"}) for k in range(2000)))
    assert history.process()["cwd"] == b"/1999/"
    assert history.tables.processes.count < 400_000
    assert time.perf_counter() - begin < 60


def test_very_many_orphans_are_not_handed_on_for_ever() -> None:
    history = History()
    history.happen(*(cloned(tid, 100) for tid in range(1000, 21_000)))
    history.happen(*(cloned(tid, 100, flags=THREAD, pid=100) for tid in range(100_000, 100_400)))
    history.happen(*(leave(tid) for tid in (100, *range(100_000, 100_399))), idle(1))
    assert history.tables.processes.count < 400_000
