"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "evt.latency",
        "evt.latency.s",
        "evt.latency.ns",
        "evt.latency.quantized",
        "evt.latency.human",
        "evt.deltatime",
        "evt.deltatime.s",
        "evt.deltatime.ns",
        "evt.outputtime",
        "evt.dir",
        "evt.type",
        "evt.type.is",
        "syscall.type",
        "evt.category",
        "evt.cpu",
        "evt.wait_latency",
        "evt.around",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
