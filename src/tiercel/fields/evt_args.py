"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "evt.args",
        "evt.arg",
        "evt.rawarg",
        "evt.info",
        "evt.abspath",
        "evt.infra.docker.name",
        "evt.infra.docker.container.id",
        "evt.infra.docker.container.name",
        "evt.infra.docker.container.image",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
