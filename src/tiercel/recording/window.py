"""The last seconds of events, in memory: segments of blocks, each with the state before its first event.

Snapshots are not taken often: a segment lasts a twelfth of the window, or until it holds an eighth of
the memory, and longer where a snapshot is dear. Closed segments are compressed, in a thread, once all take more than a
quarter of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import zstandard

from tiercel.capture.start import Start
from tiercel.recording.writing import Packed, Piece

SECOND = 1_000_000_000
_SHARES = 12  # segments of a window
_LEAST = 1.0  # seconds of a segment
_COST = 100  # times a snapshot's cost that lies between two
_WORTH = 64 << 10  # bytes from which on compressing a segment pays
_LEVEL = 1


@dataclass(slots=True)
class Told:
    """An alert: when it was raised (ns since the epoch), its rule, its line, whether it asked for a capture."""

    time: int
    rule: str
    line: bytes
    trigger: bool = False


@dataclass(slots=True)
class Segment:
    """Blocks and the state before them. Times are those of the events, in ns since the epoch, 0 without any."""

    start: Start
    pieces: list[Piece] = field(default_factory=list)
    size: int = 0  # bytes it takes
    raw: int = 0  # bytes of blocks
    events: int = 0
    first: int = 0
    last: int = 0
    told: list[Told] = field(default_factory=list)

    def pack(self) -> None:
        """Compress the blocks of a segment that gets no more."""
        joined = b"".join(piece for piece in self.pieces if isinstance(piece, (bytes, bytearray)))
        packed = Packed(zstandard.ZstdCompressor(level=_LEVEL).compress(joined), len(joined))
        self.pieces = [packed]
        self.size = len(packed.data) + sum(len(told.line) for told in self.told)


class Window:
    """Keeps the events of the last ``seconds``, as far as they fit ``memory`` bytes.

    ``snapshots`` and ``cost`` count what was spent on snapshots, in ns of processor time.

    Args:
        snapshot: returns the state as it is, given the time of the last event (ns since the epoch).
    """

    def __init__(self, seconds: float, memory: int, snapshot: Callable[[int], Start]) -> None:
        self.seconds, self.memory = seconds, memory
        self.snapshots = self.cost = 0
        self._snapshot = snapshot
        self._length = int(max(_LEAST, seconds / _SHARES) * SECOND)
        self._last_cost = 0
        self._packer = ThreadPoolExecutor(1, "tiercel-window")
        self._unpacked: list[Segment] = []  # closed ones that are worth it
        self.segments: deque[Segment] = deque()
        self._begin(0)

    @property
    def size(self) -> int:
        """Bytes of memory in use."""
        return sum(segment.size + segment.start.size for segment in self.segments)

    def add(self, block: Piece, size: int, events: int, first: int, last: int) -> None:
        """Take in blocks of ``events`` events with times from ``first`` to ``last``."""
        segment = self.segments[-1]
        segment.pieces.append(block)
        segment.size += size
        segment.raw += size
        segment.events += events
        if events:
            segment.first = segment.first or first
            segment.last = max(segment.last, last)

    def tell(self, told: Told) -> None:
        """Take in an alert about what came last."""
        segment = self.segments[-1]
        segment.told.append(told)
        segment.size += len(told.line)

    def turn(self, now: int) -> None:
        """Begin another segment if it is time to, and let go of what is too old or too much.

        To be called when the state is that after the events that were added. ``now`` is ns since the epoch.
        """
        segment = self.segments[-1]
        age = now - segment.first if segment.first else 0
        heavy = segment.raw >= self.memory // 8
        dear = age < _COST * self._last_cost and segment.raw < self.memory // 3
        if (age >= self._length or heavy) and not dear:
            if segment.raw >= _WORTH:
                self._unpacked.append(segment)
            if self.size > self.memory // 4:
                for closed in self._unpacked:
                    self._packer.submit(closed.pack)
                self._unpacked = []
            self._begin(max(segment.last, segment.start.ts))
        self._trim(now)

    def newest(self, most: int) -> list[Segment]:
        """Return the segments, without the oldest ones where all have more than ``most`` bytes of blocks (0: all)."""
        if not most:
            return list(self.segments)
        chosen: list[Segment] = []
        for segment in reversed(self.segments):
            if chosen and sum(other.raw for other in chosen) + segment.raw > most:
                break
            chosen.insert(0, segment)
        return chosen

    def _begin(self, ts: int) -> None:
        began = time.thread_time_ns()
        self.segments.append(Segment(self._snapshot(ts)))
        self._last_cost = time.thread_time_ns() - began
        self.snapshots += 1
        self.cost += self._last_cost

    def _trim(self, now: int) -> None:
        oldest = now - int(self.seconds * SECOND)
        while len(self.segments) > 1:
            if self.segments[0].last >= oldest and self.size <= self.memory:
                break
            self._forget(self.segments.popleft())

    def _forget(self, segment: Segment) -> None:
        self._unpacked = [other for other in self._unpacked if other is not segment]

    def close(self) -> None:
        """Forget everything."""
        self._packer.shutdown(cancel_futures=True)
        self.segments.clear()
