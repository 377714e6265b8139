"""A batch: a run of events as columns, and the tables they refer to.

Filled in two steps. Decoding fills ``data``, the event columns and the parameter spans; tracking fills the columns
that say which process and which descriptor each event is about, and the logs that let a reader look up the state as
it was just after any event of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tiercel.model.columns import F, P
from tiercel.model.tables import Rows, Strings

if TYPE_CHECKING:
    from tiercel.model.lookup import Lookup
    from tiercel.model.world import World

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


def _i32() -> I32:
    return np.empty(0, dtype=np.int32)


_EPOCHS = count()


@dataclass(slots=True)
class Tables:
    """What outlives a batch: strings, process rows, descriptor rows. Append-only within an epoch.

    ``epoch`` changes when rows and strings were renumbered to free memory, and no two tables share one; caches keyed by
    number start anew with another epoch.
    """

    strings: Strings = field(default_factory=Strings)
    processes: Rows = field(default_factory=lambda: Rows(P.COUNT))
    files: Rows = field(default_factory=lambda: Rows(F.COUNT))
    epoch: int = field(default_factory=lambda: next(_EPOCHS))
    derived: dict[object, Any] = field(default_factory=dict)  # what readers made of the rows; emptied with a new epoch

    def begin_epoch(self) -> None:
        """Forget what was made of rows and strings: they have new numbers."""
        self.derived.clear()
        self.epoch = next(_EPOCHS)


@dataclass(slots=True)
class Batch:
    """``count`` events; every event column has that length.

    Parameter ``k`` of event ``i`` is ``data[start[j] : start[j] + length[j]]`` with ``j = first[i] + k``; ``first`` has
    ``count + 1`` entries. An empty parameter has length 0. ``types`` are numbers of
    :data:`tiercel.wire.event_table.EVENTS`, exit-only but for the enter events that ``visible`` hides.
    """

    tables: Tables
    data: bytes | bytearray
    count: int
    num: NDArray[np.uint64]  # evt.num; swallowed enter events used up numbers too
    ts: NDArray[np.uint64]  # ns since epoch
    tid: I64
    cpu: NDArray[np.uint16]
    types: NDArray[np.uint16]
    first: I32
    start: I32
    length: I32
    # which events a reader sees; the others (initial state, enter events of old captures) are only for tracking
    visible: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    # from here on filled by tracking
    process: I32 = field(default_factory=_i32)  # row of the calling thread just after the event, -1 when unknown
    file: I32 = field(default_factory=_i32)  # row of the descriptor the event is about, -1 without one
    fd: I64 = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # its number, meaningful where has_fd
    has_fd: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    name_changed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))  # fd.name_changed
    fdcount: I32 = field(default_factory=_i32)  # open descriptors of the process after the event
    threads: I32 = field(default_factory=_i32)  # live threads in the group
    children: I32 = field(default_factory=_i32)  # live threads besides the main one
    # vmsize, vmrss, vmswap in KB, shape (count, 3); major, minor page faults, shape (count, 2)
    memory: NDArray[np.uint32] = field(default_factory=lambda: np.empty((0, 3), dtype=np.uint32))
    faults: NDArray[np.uint64] = field(default_factory=lambda: np.empty((0, 2), dtype=np.uint64))
    previous_ts: int = 0  # ts of the event before the first one, 0 at the start of a capture
    first_ts: int = 0  # ts of the capture's first event
    lookup: Lookup | None = None  # state as of any event of this batch
    world: World | None = None  # machine, users, groups, interfaces, containers
    derived: dict[object, Any] = field(default_factory=dict)  # what readers made of it, kept for the next

    def times_before(self) -> NDArray[np.uint64]:
        """Return for each event the time of the visible event before it, 0 without one."""
        last = np.maximum.accumulate(np.where(self.visible, np.arange(self.count), -1))
        last = np.concatenate(([-1], last[:-1])) if self.count else last
        return np.where(last >= 0, self.ts[last], np.uint64(self.previous_ts))
