"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "evt.buffer",
        "evt.buflen",
        "evt.buflen.in",
        "evt.buflen.out",
        "evt.buflen.file",
        "evt.buflen.file.in",
        "evt.buflen.file.out",
        "evt.buflen.net",
        "evt.buflen.net.in",
        "evt.buflen.net.out",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
