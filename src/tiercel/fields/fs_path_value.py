"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    ["fs.path.name", "fs.path.nameraw", "fs.path.source", "fs.path.sourceraw", "fs.path.target", "fs.path.targetraw"],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
