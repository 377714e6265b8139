"""Watching the running host: its events in tracked batches, as they come."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from types import TracebackType
from typing import Self

from tiercel.fields.evt_generic import live_hostname
from tiercel.kernels import tell_if_slow
from tiercel.model.batch import Batch, Tables
from tiercel.rules.model import Rule
from tiercel.sources.live.calls import call_tables
from tiercel.sources.live.probe import RING_BYTES
from tiercel.sources.live.stream import REST, LiveStream, Lost
from tiercel.state.track import Tracker
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_STATE = (
    "SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X", "SYSCALL_CREAT_X", "SYSCALL_CLOSE_X",
    "SYSCALL_CLOSE_RANGE_X", "SYSCALL_DUP_1_X", "SYSCALL_DUP2_X", "SYSCALL_DUP3_X", "SYSCALL_FCNTL_X",
    "SYSCALL_PIPE_X", "SYSCALL_PIPE2_X", "SOCKET_SOCKET_X", "SOCKET_SOCKETPAIR_X", "SOCKET_BIND_X",
    "SOCKET_CONNECT_X", "SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SYSCALL_MEMFD_CREATE_X",
)  # fmt: skip
"""What descriptors are known from."""

_PROCESSES = (
    "SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X", "SYSCALL_EXECVE_19_X",
    "SYSCALL_EXECVEAT_X", "PROCEXIT_1_E", "SYSCALL_CHDIR_X", "SYSCALL_FCHDIR_X", "SYSCALL_CHROOT_X",
    "SYSCALL_SETSID_X", "SYSCALL_SETPGID_X", "SYSCALL_SETUID_X", "SYSCALL_SETGID_X", "SYSCALL_SETREUID_X",
    "SYSCALL_SETREGID_X", "SYSCALL_SETRESUID_X", "SYSCALL_SETRESGID_X", "SYSCALL_CAPSET_X", "SYSCALL_PRCTL_X",
    "SYSCALL_UNSHARE_X", "SYSCALL_SETNS_X",
)  # fmt: skip
"""What processes are known from."""

_BUSY = ("SYSCALL_READ_X", "SYSCALL_WRITE_X", "SYSCALL_BRK_4_X", "SYSCALL_MMAP_X", "SYSCALL_MUNMAP_X")

_STRING_BYTES = 16 << 20
"""Bytes of strings from which on those no longer needed are dropped."""


def events_for(rules: Iterable[Rule]) -> frozenset[int]:
    """Return the event types to trace for ``rules``: theirs, and those that the state they ask about is made of."""
    wanted = {BY_CONSTANT[name] for name in (*_STATE, *_PROCESSES)}
    for rule in rules:
        wanted.update(rule.event_types)
    return frozenset(wanted)


def all_events() -> frozenset[int]:
    """Return all event types the probe can report but those of calls that are too many to be worth it."""
    busy = {BY_CONSTANT[name] for name in _BUSY}
    return frozenset(call.event for call in call_tables().calls if call.event not in busy)


class LiveSource:
    """Iterates over the host's events as tracked batches, until :meth:`stop` or for ``seconds``.

    ``events`` counts the visible events so far, ``lost`` those that were not delivered. Close it, or use it in a
    ``with`` statement.

    Args:
        wanted: numbers of the event types wanted; see :func:`events_for`.
        seconds: how long to watch, None for ever.
        rest: seconds that events may wait which are not urgent.
        ring_bytes: size of each CPU's ring.

    Raises:
        LiveError: this host cannot be watched; says why.
    """

    def __init__(
        self,
        wanted: Collection[int],
        seconds: float | None = None,
        rest: float = REST,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        tell_if_slow()
        self.seconds = seconds
        self.events = 0
        self.tables = Tables()
        self.stream = LiveStream(wanted, live_hostname(), rest, ring_bytes)
        stream = self.stream
        self.tracker = Tracker(self.tables, stream.world, stream.threads, stream.descriptors)
        compaction = self.tracker.compaction  # batches are small here: tidy up sooner
        compaction.least_bytes = compaction.max_bytes = _STRING_BYTES

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
    def foreign(self) -> int:
        """System calls of 32-bit programs, which are not followed."""
        return int(self.stream.probe.counters()[:, 3].sum())

    def stop(self) -> None:
        """Let the iteration end; may be called from a signal handler."""
        self.stream.stop()

    def close(self) -> None:
        """Stop tracing. Calling it again does nothing."""
        self.stream.close()


def names_of(events: Collection[int]) -> list[str]:
    """Return the names of these event types, each once, in order."""
    return sorted({EVENTS[number].name for number in events})
