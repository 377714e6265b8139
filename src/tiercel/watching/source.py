"""What every source of live events offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tiercel.model.batch import Batch, Tables
from tiercel.rules.model import Rule
from tiercel.sources.live.stream import Lost
from tiercel.state.track import Tracker


class Source(Protocol):
    """The running host's events as tracked batches, in order of their times, until :meth:`stop`.

    ``name`` says where they come from ("ebpf", "audit"), ``hostname`` what the host goes by. ``events`` counts the
    visible events so far. ``idle`` is called whenever there is nothing to do, several times a second at least unless
    batches come one after the other.
    """

    name: str
    events: int
    tables: Tables
    tracker: Tracker
    idle: Callable[[], None]

    @property
    def hostname(self) -> str: ...

    @property
    def lost(self) -> Lost: ...

    def __iter__(self) -> Iterator[Batch]: ...

    def want(self, rules: Iterable[Rule]) -> None:
        """From now on tell of what these rules need."""

    def remarks(self) -> list[str]:
        """Return what to say at the end of what was not followed."""

    def stop(self) -> None:
        """Let the iteration end; may be called from a signal handler and from other threads."""

    def close(self) -> None:
        """Give back what the kernel holds for it. Calling it again does nothing."""
