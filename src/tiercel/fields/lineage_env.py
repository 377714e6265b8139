"""``proc.aenv``: environments of ancestors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tiercel.fields import lineage_walk, steady
from tiercel.fields.bulk import I64
from tiercel.fields.model import Argument, Column, Field, Value, ValueType
from tiercel.fields.process_name import env_reading, variable
from tiercel.fields.process_text import ENV
from tiercel.fields.subjects import MOST_STEPS, level, main_of, next_thread, steady_lineages
from tiercel.model.batch import Batch
from tiercel.model.event import Event

_REACH = 20
"""How many ancestors are asked for a variable."""


def _environment(event: Event, row: int, name: str | None = None) -> bytes:
    return event.text(env_reading(name).one(event.batch.tables, row)) or b""


def _up(event: Event, row: int, steps: int) -> Iterator[int]:
    for _ in range(steps):
        row = next_thread(event, row)
        if row < 0:
            return
        yield row


def _printed(event: Event, argument: str | int | None) -> Value | None:
    if event.process < 0:
        return None
    name, steps = variable(argument), level(argument) or 0
    if name is None and steps == 0:
        return _environment(event, event.process)
    main = main_of(event, event.process)
    if main < 0:
        return b""
    if name is not None:
        return next((value for row in _up(event, main, _REACH) if (value := _environment(event, row, name))), b"")
    rows = list(_up(event, main, min(steps, MOST_STEPS)))
    return None if len(rows) < steps else _environment(event, rows[-1])


def _row(event: Event, argument: str | int | None) -> Value | None:
    if variable(argument) is not None or level(argument) is not None:
        return _printed(event, argument)
    return [_environment(event, row) for row in lineage_walk.walk(event)] or None


def _bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
    if variable(argument) is None and level(argument) is None:
        return lineage_walk.column(batch, indices, ENV, text=True)
    strings = batch.tables.strings

    def ask(at: I64) -> Column:
        texts = (_printed(Event(batch, index), argument) for index in at.tolist())
        return Column(np.array([strings.intern(t) if isinstance(t, bytes) else -1 for t in texts], np.int64), text=True)

    return steady.spread(batch, indices, lineage_walk.LINEAGE, steady_lineages, ask)


AENV = Field(
    "proc.aenv",
    ValueType.CHARBUF,
    "Environment of an ancestor by number, or a variable of the nearest ancestor that sets it; without argument any "
    "ancestor's environment in conditions, the process's own in output.",
    "HOME=/root PATH=/usr/bin",
    _row,
    _bulk,
    argument=Argument.OPTIONAL,
    index=True,
    key=True,
    no_rhs=True,
    no_transformer=True,
    number_format="na",
    printed=_printed,
)
