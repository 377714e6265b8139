"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    ["fd.name", "fd.directory", "fd.filename", "fd.containername", "fd.containerdirectory", "fd.nameraw"],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
