"""The cgroups in which processes start are shown to an identity; what it tells of them comes before their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from tiercel.model.batch import Batch
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

_STARTS = (
    "SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X", "SYSCALL_EXECVE_19_X",
    "SYSCALL_EXECVEAT_X",
)  # fmt: skip
_IS_START = np.zeros(len(EVENTS), bool)
_IS_START[[BY_CONSTANT[name] for name in _STARTS]] = True
_CGROUPS = 14
assert all(EVENTS[BY_CONSTANT[name]].params[_CGROUPS].name == "cgroups" for name in _STARTS)


class Identity(Protocol):
    """Knows who containers are; see :class:`tiercel.identity.identity.Identity`."""

    def meet(
        self,
        seen: Iterable[tuple[bytes, int]],
        ts: int,
        meanwhile: Callable[[], object] | None = None,
        patience: float | None = None,
    ) -> bytes:
        """Take note of processes, by cgroups and id; return what became known as event blocks of time ``ts``.

        May wait for ``patience`` seconds, calling ``meanwhile`` all along.
        """


def sightings(batch: Batch) -> Iterable[tuple[bytes, int]]:
    """Return the cgroups in which processes of a batch started or executed a program, each with one such thread."""
    starts = np.flatnonzero(_IS_START[batch.types[: batch.count]])
    if not len(starts):
        return ()
    places = batch.first[starts] + _CGROUPS
    whole = places < batch.first[starts + 1]
    places, threads = places[whole], batch.tid[starts[whole]].tolist()
    begins, lengths = batch.start[places].tolist(), batch.length[places].tolist()
    data = batch.data
    seen = {bytes(data[at : at + size]): tid for at, size, tid in zip(begins, lengths, threads, strict=True)}
    return seen.items()
