"""``container.id``: known for every process, whatever is known of the container."""

from __future__ import annotations

import numpy as np

from tiercel.fields.bulk import I64
from tiercel.fields.container_info import TELLS, announced, container_number, encode
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event

_HOST = b"host"


def _row(event: Event, argument: str | int | None) -> Value | None:
    told = announced(event)
    if told is not None:
        return encode(told.get("id", ""))
    return None if event.process < 0 else (event.text(container_number(event)) or _HOST)


def _bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    strings = batch.tables.strings
    rows = batch.process[indices]
    ids = batch.tables.processes.array[rows, P.CONTAINER]
    values = np.where(rows < 0, -1, np.where(ids <= 0, strings.intern(_HOST), ids))
    for i in np.flatnonzero(TELLS[batch.types[indices]]).tolist():
        value = _row(Event(batch, int(indices[i])), None)
        values[i] = strings.intern(value) if isinstance(value, bytes) else -1
    return Column(values, text=True)


CONTAINER_ID = Field(
    "container.id",
    ValueType.CHARBUF,
    "First 12 characters of the container's id, 'host' for processes outside containers.",
    "3ad7b26ded6d",
    _row,
    _bulk,
    number_format="na",
    verbatim=True,
)
