"""What the arguments of events name: the rows of descriptors and threads, looked up all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tiercel.model.columns import P
from tiercel.wire.event_table import EVENTS, ParamType

if TYPE_CHECKING:
    from tiercel.model.batch import Batch

_NAMING: list[list[tuple[int, ParamType]]] = [
    [(k, param.type) for k, param in enumerate(event.params) if param.type in (ParamType.FD, ParamType.PID)]
    for event in EVENTS
]
"""Which parameters of each event type name a descriptor or a thread."""


def named_rows(batch: Batch, indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Look up what the descriptor and thread parameters of these events name, all at once.

    Returns the rows, -1 for none, one for every parameter, and for each event where its parameters begin.
    """
    begin = batch.first[indices].astype(np.int64)
    counts = batch.first[indices + 1] - begin
    ends = np.cumsum(counts)
    bases = ends - counts
    total = int(ends[-1]) if len(ends) else 0
    rows = np.full(max(total, 1), -1, dtype=np.int64)
    lookup = batch.lookup
    if lookup is None or not total or len(batch.data) < 8:
        return rows, bases
    window: NDArray[np.int64] = np.ndarray((len(batch.data) - 7,), "<i8", batch.data, strides=(1,))
    types = batch.types[indices]
    threads: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    files: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    for number in np.flatnonzero(np.bincount(types, minlength=1)).tolist():
        naming = _NAMING[number]
        if not naming:
            continue
        events = np.flatnonzero(types == number)
        for k, kind in naming:
            at = events[counts[events] > k]
            j = begin[at] + k
            whole = batch.length[j] == 8
            at, values = at[whole], window[batch.start[j[whole]]]
            told = values >= 0
            at, values = at[told], values[told]
            (files if kind is ParamType.FD else threads).append((bases[at] + k, values, indices[at]))
    if threads:
        at, tids, asked = (np.concatenate(part) for part in zip(*threads, strict=True))
        rows[at] = lookup.processes(tids, asked)
    if files:
        at, fds, asked = (np.concatenate(part) for part in zip(*files, strict=True))
        # most often it is the very descriptor the event is about
        own = (fds == batch.fd[asked]) & batch.has_fd[asked] & (batch.file[asked] >= 0)
        rows[at[own]] = batch.file[asked[own]]
        other = ~own & (batch.process[asked] >= 0)
        at, fds, asked = at[other], fds[other], asked[other]
        owners = batch.tables.processes.array[batch.process[asked], P.FDOWNER]
        rows[at] = lookup.files(owners, fds, asked)
    return rows, bases
