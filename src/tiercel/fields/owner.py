"""Names of users and groups, which containers keep lists of their own of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields.bulk import I64
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.state.batch import Batch
from tiercel.state.columns import P
from tiercel.state.event import Event
from tiercel.state.world import World

NOT_KNOWN = b"<NA>"
"""Name of a user or group that no list names: a text like any other, not a missing value."""

Naming = Callable[[World, bytes, int], bytes]
"""Takes the world, a container id (empty for the host) and the number of a user or group."""

_EMPTY = World()


def owner_field(name: str, column: P, naming: Naming, summary: str, example: str) -> Field:
    """Return a text field about the user or group whose number is in ``column``."""

    def lookup(batch: Batch, row: int) -> bytes:
        cells = batch.tables.processes.array[row]
        container = batch.tables.strings.get(int(cells[P.CONTAINER])) or b""
        return naming(batch.world or _EMPTY, container, int(cells[column]) & 0xFFFFFFFF)

    def row(event: Event, argument: str | int | None) -> Value | None:
        return None if event.process < 0 else lookup(event.batch, event.process)

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        known = batch.derived.setdefault(name, {})
        rows = batch.process[indices]
        seen = np.zeros(batch.tables.processes.count + 1, bool)  # the last place is that of -1
        seen[rows] = True
        seen[-1] = False
        values = np.full(len(seen), -1, np.int64)
        for at in np.flatnonzero(seen).tolist():
            number = known.get(at)
            if number is None:
                number = known[at] = batch.tables.strings.intern(lookup(batch, at))
            values[at] = number
        return Column(values[rows], text=True)

    return Field(name, ValueType.CHARBUF, summary, example, row, bulk, number_format="na")
