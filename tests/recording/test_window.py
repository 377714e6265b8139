"""The window of the last seconds."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercel.capture.start import Start
from tiercel.model.world import Machine
from tiercel.recording.window import SECOND, Segment, Told, Window
from tiercel.recording.writing import Packed

MB = 1 << 20


def a_start(ts: int) -> Start:
    return Start(ts, bytes(1000), Machine(), (), {}, {}, ())


@pytest.fixture
def make() -> Iterator[Callable[[float, int], Window]]:
    made: list[Window] = []

    def window(seconds: float, memory: int) -> Window:
        made.append(Window(seconds, memory, a_start))
        return made[-1]

    yield window
    for one in made:
        one.close()


def blocks_of(segments: list[Segment]) -> bytes:
    return b"".join(
        piece.unpacked() if isinstance(piece, Packed) else bytes(piece)  # type: ignore[arg-type]
        for segment in segments
        for piece in segment.pieces
    )


def fill(window: Window, seconds: float, rate: float, step: float = 0.1, size: int = 1000) -> int:
    """Add blocks with numbers in them for so long, ``rate`` of them a second; return how many."""
    count, now = 0, SECOND
    while now < (1 + seconds) * SECOND:
        now += int(step * SECOND)
        many = max(1, int(rate * step))
        block = b"".join(f"{count + k:010d}".encode().ljust(size, b".") for k in range(many))
        window.add(block, len(block), many, now, now)
        count += many
        window.turn(now)
    return count


def test_it_holds_the_last_seconds_and_little_more(make: Callable[[float, int], Window]) -> None:
    window = make(12, 64 * MB)
    count = fill(window, 60, 10)
    held = blocks_of(window.newest(0))
    assert held.endswith(f"{count - 1:010d}".encode().ljust(1000, b"."))
    assert 12 * 10 <= len(held) // 1000 <= 14 * 10
    assert window.segments[0].start.ts <= window.segments[0].first


def test_it_stays_within_its_memory(make: Callable[[float, int], Window]) -> None:
    window = make(60, 8 * MB)
    noise = random.Random(1).randbytes(256 << 10)
    most, now = 0, SECOND
    for _ in range(400):
        now += SECOND // 100
        window.add(noise, len(noise), 100, now, now)
        window.turn(now)
        most = max(most, window.size)
    assert most < 9 * MB
    assert window.newest(0)[-1].last == now or window.newest(0)[-2].last == now


def test_what_is_packed_is_the_same(make: Callable[[float, int], Window]) -> None:
    window = make(10, 8 * MB)
    count = fill(window, 10, 300)
    window._packer.submit(int).result()  # whatever is to be packed was
    held = window.newest(0)
    assert any(isinstance(piece, Packed) for segment in held for piece in segment.pieces)
    blocks = blocks_of(held)
    first = int(blocks[:10])
    assert blocks == b"".join(f"{k:010d}".encode().ljust(1000, b".") for k in range(first, count))
    assert count - first >= 3000 - 10


def test_only_the_newest_when_it_has_to_be_small(make: Callable[[float, int], Window]) -> None:
    window = make(12, 64 * MB)
    fill(window, 20, 10)
    few = window.newest(30_000)
    assert few[-1] is window.segments[-1]
    assert sum(segment.raw for segment in few) <= 30_000
    assert len(window.newest(1)) == 1


def test_an_idle_host_needs_no_snapshots(make: Callable[[float, int], Window]) -> None:
    window = make(10, 64 * MB)
    fill(window, 5, 10)
    taken = window.snapshots
    for second in range(10, 1000):
        window.turn(second * SECOND)
    assert window.snapshots <= taken + 1
    assert window.size < 10_000


def test_dear_snapshots_are_taken_seldom() -> None:
    def dear(ts: int) -> Start:
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            os.getpid()
        return a_start(ts)

    window = Window(12, 64 * MB, dear)
    fill(window, 12, 10)
    assert window.snapshots <= 7  # 2 s apart instead of 1
    window.close()


def test_alerts_stay_with_their_segment(make: Callable[[float, int], Window]) -> None:
    window = make(2, 64 * MB)
    for second in range(1, 10):
        window.add(b"x", 1, 1, second * SECOND, second * SECOND)
        window.tell(Told(second * SECOND, "A", b"{}"))
        window.turn(second * SECOND)
    kept = [told.time // SECOND for segment in window.newest(0) for told in segment.told]
    assert kept[-1] == 9
    assert kept[0] >= 6


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 300_000)), min_size=1, max_size=60))
def test_nothing_that_is_recent_and_fits_is_missing(steps: list[tuple[int, int]]) -> None:
    window = Window(6, 64 * MB, a_start)
    now, added = SECOND, []
    for k, (passed, size) in enumerate(steps):
        now += passed
        block = k.to_bytes(4, "big").ljust(size + 3, b"\0")
        window.add(block, len(block), 1, now, now)
        added.append((now, block))
        window.turn(now)
    held = blocks_of(window.newest(0))
    recent = b"".join(block for at, block in added if at >= now - 6 * SECOND)
    assert held.endswith(recent)
    window.close()
