"""Names of users and groups, which containers keep lists of their own of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tiercel.fields import steady
from tiercel.fields.bulk import I64
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.model.world import World

NOT_KNOWN = b"<NA>"
"""Name of a user or group that no list names: a text like any other, not a missing value."""

Naming = Callable[[World, bytes, int], bytes]
"""Takes the world, a container id (empty for the host) and the number of a user or group."""

_EMPTY = World()


def owner_field(name: str, column: P, naming: Naming, summary: str, example: str) -> Field:
    """Return a text field about the user or group whose number is in ``column``."""

    def row(event: Event, argument: str | int | None) -> Value | None:
        if event.process < 0:
            return None
        container = event.text(event.process_cell(P.CONTAINER)) or b""
        return naming(event.batch.world or _EMPTY, container, event.process_cell(column) & 0xFFFFFFFF)

    def names(batch: Batch) -> I64:
        """Return the string numbers of the names for each caller of the batch."""
        rows = batch.process[steady.callers(batch).first]
        cells = batch.tables.processes.array
        pairs = (cells[rows, P.CONTAINER] + 1) << 32 | cells[rows, column] & 0xFFFFFFFF
        distinct, place = np.unique(np.where(rows < 0, -1, pairs), return_inverse=True)
        strings, world = batch.tables.strings, batch.world or _EMPTY
        found = [
            -1 if pair < 0 else strings.intern(naming(world, strings.get((pair >> 32) - 1) or b"", pair & 0xFFFFFFFF))
            for pair in distinct.tolist()
        ]
        return np.array(found, np.int64)[place.reshape(-1)]

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        known: I64 | None = batch.derived.get(name)
        if known is None:
            known = batch.derived[name] = names(batch)
        return Column(known[steady.callers(batch).place[indices]], text=True)

    return Field(name, ValueType.CHARBUF, summary, example, row, bulk, number_format="na")
