"""``proc.aenv``: environments of ancestors."""

from __future__ import annotations

from collections.abc import Iterator

from tiercel.fields.lineage_walk import walk
from tiercel.fields.model import Argument, Field, Value, ValueType
from tiercel.fields.process_name import env_reading, variable
from tiercel.fields.subjects import level, main_of, next_thread
from tiercel.state.event import Event

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
    rows = list(_up(event, main, min(steps, 4096)))
    return None if len(rows) < steps else _environment(event, rows[-1])


def _row(event: Event, argument: str | int | None) -> Value | None:
    if variable(argument) is not None or level(argument) is not None:
        return _printed(event, argument)
    return [_environment(event, row) for row in walk(event)] or None


AENV = Field(
    "proc.aenv",
    ValueType.CHARBUF,
    "Environment of an ancestor by number, or a variable of the nearest ancestor that sets it; without argument any "
    "ancestor's environment in conditions, the process's own in output.",
    "HOME=/root PATH=/usr/bin",
    _row,
    argument=Argument.OPTIONAL,
    index=True,
    key=True,
    no_rhs=True,
    no_transformer=True,
    number_format="na",
    printed=_printed,
)
