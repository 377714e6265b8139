"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "net.protocol",
        "net.protocol_num",
        "net.port",
        "net.addr",
        "evt.remote_addr",
        "evt.remote_port",
        "evt.local_addr",
        "evt.local_port",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
