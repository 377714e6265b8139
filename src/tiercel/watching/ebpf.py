"""The running host as its kernel tells it through the probe, as tracked batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from types import TracebackType
from typing import Self

import numpy.ma  # noqa: F401 -- np.unique loads it when first called, which takes long: not while events wait

from tiercel.fields.evt_generic import live_hostname
from tiercel.kernels import tell_if_slow
from tiercel.model.batch import Batch, Tables
from tiercel.rules.model import Rule
from tiercel.sources.live.filters import Filters, LeftOut
from tiercel.sources.live.introduction import Identity
from tiercel.sources.live.probe import RING_BYTES
from tiercel.sources.live.stream import REST, LiveStream, Lost
from tiercel.sources.plan_tables import plan_tables
from tiercel.state.track import Tracker
from tiercel.watching.wanted import Filtering, events_for


class LiveSource:
    """Iterates over the host's events as tracked batches, until :meth:`stop` or for ``seconds``; a
    :class:`tiercel.watching.source.Source`.

    ``events`` counts the visible events so far, ``lost`` those that were not delivered. Close it, or use it in a
    ``with`` statement.

    Args:
        wanted: numbers of the event types wanted; see :func:`tiercel.watching.wanted.events_for`.
        seconds: how long to watch, None for ever.
        rest: seconds that events may wait which are not urgent.
        ring_bytes: size of each CPU's ring.
        identity: tells who containers are; the caller closes it.

    Raises:
        LiveError: this host cannot be watched; says why.
    """

    name = "ebpf"

    def __init__(
        self,
        wanted: Collection[int],
        seconds: float | None = None,
        rest: float = REST,
        ring_bytes: int = RING_BYTES,
        identity: Identity | None = None,
    ) -> None:
        tell_if_slow()
        plan_tables()  # what decoding needs is made once: before events wait
        self.seconds = seconds
        self.filtering: Filtering | None = None
        """What may be left out in the kernel from the next :meth:`want` on; None for nothing."""
        self.events = 0
        self.tables = Tables()
        self.stream = LiveStream(wanted, live_hostname(), rest, ring_bytes, identity)
        stream = self.stream
        self.tracker = Tracker(self.tables, stream.world, stream.threads, stream.descriptors, stream.probe.offset)
        self.tracker.compaction.keep_small()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Batch]:
        until = None if self.seconds is None else time.monotonic() + self.seconds
        for batch in self.stream.batches(self.tables, until):
            self.tracker.track(batch)
            self.events += int(batch.visible.sum())
            yield batch
            batch.derived.clear()  # what readers made of it refers back to it

    @property
    def lost(self) -> Lost:
        return self.stream.lost

    @property
    def hostname(self) -> str:
        return self.stream.world.machine.hostname

    @property
    def idle(self) -> Callable[[], None]:
        """Called whenever there is nothing to do."""
        return self.stream.idle

    @idle.setter
    def idle(self, call: Callable[[], None]) -> None:
        self.stream.idle = call

    def want(self, rules: Iterable[Rule]) -> None:
        """From now on trace what these rules need, and leave out in the kernel what ``filtering`` allows.

        Raises LiveError when a control group to leave out does not exist; then nothing has changed.
        """
        rules = list(rules)
        filtering = self.filtering
        filters = Filters() if filtering is None else filtering.of(rules)
        self.stream.probe.want(events_for(rules) if filtering is None else filtering.events(rules), filters)
        if any(names is not None for names in filters.opens):
            self.tracker.descriptors.sparse = True

    @property
    def left_out(self) -> LeftOut:
        """What the kernel left out so far."""
        return self.stream.probe.left_out()

    def remarks(self) -> list[str]:
        """Return what to say at the end of what was not followed."""
        remarks = [f"{self.foreign:,} system calls of 32-bit programs were not followed"] if self.foreign else []
        if left_out := str(self.left_out):
            remarks.append(f"left out in the kernel: {left_out}")
        return remarks

    @property
    def foreign(self) -> int:
        """System calls of 32-bit programs, which are not followed."""
        return int(self.stream.probe.counters()[:, 3].sum())

    def per_cpu(self) -> list[tuple[int, int, int]]:
        """Return for each processor the events sent, lost for want of room and left out as too long."""
        return [(int(sent), int(full), int(long)) for sent, full, long, _ in self.stream.probe.counters()]

    def stop(self) -> None:
        """Let the iteration end; may be called from a signal handler."""
        self.stream.stop()

    def close(self) -> None:
        """Stop tracing. Calling it again does nothing."""
        self.stream.close()
