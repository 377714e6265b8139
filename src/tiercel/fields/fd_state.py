"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "fd.num",
        "fd.type",
        "fd.typechar",
        "fd.l4proto",
        "fd.sockfamily",
        "fd.uid",
        "fd.connected",
        "fd.name_changed",
        "fd.dev",
        "fd.dev.major",
        "fd.dev.minor",
        "fd.ino",
        "fd.is_upper_layer",
        "fd.is_lower_layer",
        "fd.types",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
