"""The messages of Falco's gRPC services as bytes: protocol buffers of so few kinds that no generated code is needed.

References: falco.outputs and falco.version of Falco 0.43, the last version with gRPC.
"""

from __future__ import annotations

from typing import Any

from tiercel import __version__
from tiercel.outputs.alert import Alert
from tiercel.outputs.shown import CLOCK, ISO_OFFSET
from tiercel.rules.model import Priority
from tiercel.rules.versions import ENGINE
from tiercel.wire.protobuf import data, number, text

ID_FIELD = 100
"""``string alert_id = 100`` of ``falco.outputs.response``: clients that do not know it pass it over."""

FALCO = (0, 43, 1)
"""The version of Falco whose services these are."""

_SOURCES = {"syscall": 0, "k8s_audit": 1, "internal": 2}
_PLUGIN = 3


def alert_message(line: bytes, alert: Alert) -> bytes:
    """Return an alert as ``falco.outputs.response``, all but its id.

    Args:
        line: what is printed of the alert, which is Falco's ``output``.
    """
    seconds, ns = divmod(alert.time, 1_000_000_000)
    priority = Priority.parse(alert.priority)
    parts = [
        data(1, number(1, seconds) + number(2, ns)),
        number(2, int(priority) if priority is not None else 0),
        number(3, _SOURCES.get(alert.source, _PLUGIN)),
        text(4, alert.rule),
        data(5, line.decode("utf-8", "replace").encode()),
    ]
    for name, value in sorted(alert.output_fields.items()):
        parts.append(data(6, text(1, name) + text(2, _shown(name, value))))
    parts.append(text(7, alert.hostname))
    parts.extend(text(8, tag) for tag in sorted(set(alert.tags)))
    parts.append(text(9, alert.source))
    return b"".join(parts)


def with_id(message: bytes, id: str) -> bytes:
    """Return a message of :func:`alert_message` with the alert's id."""
    return message + text(ID_FIELD, id)


def version_message() -> bytes:
    """Return ``falco.version.response``: that of the Falco whose services these are, with tiercel's as its build."""
    build = f"tiercel.{__version__}"
    return b"".join(
        (
            text(1, ".".join(map(str, FALCO)) + f"+{build}"),
            *(number(at, part) for at, part in enumerate(FALCO, 2)),
            text(6, build),
            number(7, ENGINE.minor),
            number(9, ENGINE.major),
            number(10, ENGINE.patch),
            text(11, str(ENGINE)),
        )
    )


def _shown(name: str, value: Any) -> str:
    """Return the value of a field as text alerts show it."""
    if value is None:
        return "<NA>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"({','.join(_shown(name, entry) for entry in value)})"
    if isinstance(value, int) and name == "evt.time":
        return CLOCK.of(value)
    if isinstance(value, int) and name == "evt.time.iso8601":
        return ISO_OFFSET.of(value)
    return str(value)
