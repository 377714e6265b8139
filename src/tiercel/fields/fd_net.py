"""Values of these fields."""

from __future__ import annotations

from tiercel.fields.model import BulkGetter, RowGetter, Value
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


ROW: dict[str, RowGetter] = dict.fromkeys(
    [
        "fd.ip",
        "fd.cip",
        "fd.sip",
        "fd.lip",
        "fd.rip",
        "fd.port",
        "fd.cport",
        "fd.sport",
        "fd.lport",
        "fd.rport",
        "fd.is_server",
        "fd.proto",
        "fd.cproto",
        "fd.sproto",
        "fd.lproto",
        "fd.rproto",
        "fd.net",
        "fd.cnet",
        "fd.snet",
        "fd.lnet",
        "fd.rnet",
        "fd.cip.name",
        "fd.sip.name",
        "fd.lip.name",
        "fd.rip.name",
    ],
    _unset,
)
BULK: dict[str, BulkGetter] = {}
