"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "evt.res",
        "evt.rawres",
        "evt.failed",
        "evt.is_io",
        "evt.is_io_read",
        "evt.is_io_write",
        "evt.io_dir",
        "evt.is_wait",
        "evt.is_syslog",
        "evt.count",
        "evt.count.error",
        "evt.count.error.file",
        "evt.count.error.net",
        "evt.count.error.memory",
        "evt.count.error.other",
        "evt.count.exit",
        "evt.count.procinfo",
        "evt.count.threadinfo",
        "evt.is_open_read",
        "evt.is_open_write",
        "evt.is_open_exec",
        "evt.is_open_create",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
