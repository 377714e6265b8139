"""The events of the running host as batches, in order of their times."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.sources.blocks import MAX_BLOCK
from tiercel.sources.live.decoding import DROP_BYTES, LiveDecoder, drop_block
from tiercel.sources.live.host import live_world
from tiercel.sources.live.introduction import Identity, sightings
from tiercel.sources.live.listing import descriptors_in
from tiercel.sources.live.probe import RING_BYTES, Probe
from tiercel.sources.live.procfs import read_descriptors, read_threads, share
from tiercel.sources.live.rings import map_rings
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.sources.recycling import Buffers
from tiercel.wire.conversion import CONSTANTS

REST = 0.01
"""Seconds that events which are not urgent may wait."""

BREATH = 0.002
"""Seconds from one reading to the next at least: of a storm of urgent events more are handled at once."""

BATCH_BYTES = 8 << 20
"""A batch holds no more bytes of events than this."""

T = TypeVar("T")

_SAME_START = 30_000_000  # ns: /proc tells in hundredths of a second when a process started
_CLOCK_EVERY = 10.0  # seconds
_START_PATIENCE = 5.0  # seconds to wait for what is known of the containers there are at the start
_LOOK_EVERY = 50  # processes or threads read
_ASIDE = 256 << 20  # most bytes of events kept while the host is looked at
_SETTLED = 2000  # ns: an event stamped longer ago than this has been written, or is being written and waited for
assert MAX_BLOCK >= BATCH_BYTES


@dataclass(frozen=True, slots=True)
class Lost:
    """Events that were not delivered: for want of room in a ring, because they were longer than an event may be, or
    because their process made more calls than the settings allow."""

    full: int = 0
    long: int = 0
    capped: int = 0

    @property
    def total(self) -> int:
        return self.full + self.long + self.capped


def _nothing() -> None:
    """What is done while there is nothing to do."""


class LiveStream:
    """The host's events from now on; use it in a ``with`` statement.

    ``world``, ``threads`` and ``descriptors`` are the host as it was when the probe was already attached, so that
    nothing falls between them and the first event. ``lost`` counts events that were not delivered; each loss is also a
    ``drop`` event in the stream, at the time it was noticed, whose ``ratio`` is their number.

    Args:
        events: numbers of the event types wanted.
        hostname: the name the host goes by.
        rest: seconds that events may wait which are not urgent.
        ring_bytes: size of each CPU's ring.
        identity: tells who containers are. Its events come before those of their processes; the caller closes it.

    Raises:
        LiveError: this host cannot be watched.
    """

    def __init__(
        self,
        events: Collection[int],
        hostname: str,
        rest: float = REST,
        ring_bytes: int = RING_BYTES,
        identity: Identity | None = None,
    ) -> None:
        self.rest = rest
        self.identity = identity
        self.idle: Callable[[], None] = _nothing  # called whenever the reader is about to rest
        self.probe = Probe(events, ring_bytes)
        self.lost = Lost()
        self._losses = 0
        self._clock_due = time.monotonic() + _CLOCK_EVERY
        self._aside: list[bytes] = []  # what came while the host was looked at
        self._room = bytearray()
        self._stopped = False
        try:
            self._rings = map_rings(self.probe.rings, ring_bytes)
            self._poll = select.epoll()
            for ring in self.probe.rings:
                self._poll.register(ring, select.EPOLLIN | select.EPOLLET)
            self.probe.attach()
            self.world: World = live_world(hostname)
            listed = self.probe.tasks()
            self.threads: list[ThreadRecord] = list(self._meanwhile(read_threads()))
            self._complete(listed)
            self.descriptors: list[tuple[int, list[FdRecord]]] = list(self._meanwhile(self._read_descriptors()))
            self._news = b""  # of the containers there were
            if identity is not None:
                there = [(thread.cgroups, thread.pid) for thread in self.threads]
                self._news = identity.meet(there, self._now(), self._look_aside, _START_PATIENCE)
        except BaseException:
            self.probe.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop tracing. Calling it again does nothing; batches already handed out stay valid."""
        self._stopped = True
        self._rings.close()
        self._poll.close()
        self.probe.close()

    def stop(self) -> None:
        """Let :meth:`batches` end with the events there are by now; may be called from a signal handler."""
        self._stopped = True

    def _complete(self, listed: list[ThreadRecord]) -> None:
        """Add threads that the kernel lists and ``/proc`` no longer had, or hides, with what their process shares.

        To all of them, add when their pid namespace started, which only the kernel tells.
        """
        found = {thread.tid: thread for thread in self.threads}
        for thread in listed:
            thread.pidns_init_start_ts += self.probe.offset
            if known := found.get(thread.tid):
                known.pidns_init_start_ts = thread.pidns_init_start_ts
                continue
            if main := found.get(thread.pid):
                share(thread, main)
            self.threads.append(thread)

    def _read_descriptors(self) -> Iterator[tuple[int, list[FdRecord]]]:
        """Yield for each process its descriptors: as the kernel lists them, from ``/proc`` what it does not list."""
        started = {thread.tid: thread.clone_ts for thread in self.threads if thread.tid == thread.pid}
        listed: dict[int, list[FdRecord]] = {}
        for pid, start, record in descriptors_in(self.probe.files()):
            records = listed.setdefault(pid, [])
            if abs(start + self.probe.offset - started.get(pid, 0)) < _SAME_START:
                records.append(record)
        yield from ((pid, listed[pid]) for pid in started if listed.get(pid))
        yield from read_descriptors(pid for pid in started if pid not in listed)

    def _meanwhile(self, items: Iterator[T]) -> Iterator[T]:
        """Yield ``items``, and keep what the rings hold meanwhile: looking around on a large host takes its time."""
        for number, item in enumerate(items):
            yield item
            if number % _LOOK_EVERY == 0:
                self._look_aside()

    def _look_aside(self) -> None:
        """Keep what the rings hold for later."""
        if sum(map(len, self._aside)) < _ASIDE:
            self._room = self._room or bytearray(RING_BYTES)
            end = self._rings.fill(self._room, 0, self._now() - _SETTLED)
            if end:
                self._aside.append(bytes(self._room[:end]))

    def _now(self) -> int:
        """Return the time as events are stamped with it."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self.probe.offset

    def batches(self, tables: Tables, until: float | None = None) -> Iterator[Batch]:
        """Yield the events as they come, until :meth:`stop` or the monotonic time ``until``."""
        decoder = LiveDecoder(tables)
        buffers = Buffers()
        size = 64 << 10
        last = False
        if self._news:
            news = bytearray(CONSTANTS) + self._news
            yield decoder.batch(news, len(news))
        while True:
            while self._aside:
                early = bytearray(CONSTANTS) + self._aside.pop(0)
                yield from self._introduced(decoder, early, len(early))
                if self._aside:  # the rings go on filling while what they held is handled
                    self._look_aside()
            data = buffers.take(len(CONSTANTS) + size + DROP_BYTES)
            data[: len(CONSTANTS)] = CONSTANTS
            self.probe.urgent = False
            began = time.monotonic()
            now = self._now()
            room = memoryview(data)[: len(CONSTANTS) + size]
            end = self._rings.fill(room, len(CONSTANTS), now - (0 if last else _SETTLED))
            room.release()
            crowded = self._rings.more
            end = self._note_losses(data, end, now)
            if end > len(CONSTANTS):
                yield from self._introduced(decoder, data, end)
            elif self.identity is not None and (told := self.identity.meet((), now - _SETTLED)):
                news = bytearray(CONSTANTS) + told
                yield decoder.batch(news, len(news))
            del data
            if crowded:
                size = min(size * 2, BATCH_BYTES)
                continue
            if last:
                return
            last = self._stopped or (until is not None and time.monotonic() >= until)
            if not last:
                if time.monotonic() >= self._clock_due:
                    self.probe.set_clock()  # somebody may have set it
                    self._clock_due = time.monotonic() + _CLOCK_EVERY
                self.idle()
                self._sleep(until, began + BREATH)

    def _introduced(self, decoder: LiveDecoder, data: bytearray, end: int) -> Iterator[Batch]:
        """Yield the events of ``data``, and before them what is known of containers they are the first of."""
        batch = decoder.batch(data, end)
        if self.identity is not None and batch.count:
            told = self.identity.meet(sightings(batch), int(batch.ts[0]), self._look_aside)
            if told:
                yield decoder.ahead(batch, told)
        yield batch

    def _sleep(self, until: float | None, least: float) -> None:
        """Rest until an urgent event comes or what has come should not wait any longer, but until ``least``."""
        if (breath := least - time.monotonic()) > 0:
            time.sleep(breath)
        rest = self.rest if until is None else max(min(self.rest, until - time.monotonic()), 0)
        self.probe.park(True)
        try:
            if not self.probe.urgent:
                self._poll.poll(rest)
        finally:
            self.probe.park(False)

    def _note_losses(self, data: bytearray, end: int, now: int) -> int:
        """Append an event about events lost since the last batch; return where the data ends then."""
        losses = self.probe.losses
        if losses == self._losses:
            return end
        self._losses = losses
        full, long = (int(count) for count in self.probe.counters()[:, 1:3].sum(axis=0))
        lost = Lost(full, long, self.probe.left_out().capped)
        fresh = lost.total - self.lost.total
        if not fresh:
            return end
        self.lost = lost
        return drop_block(data, end, now, fresh)
