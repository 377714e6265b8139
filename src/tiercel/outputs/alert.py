"""One alert, as a typed value."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

INTERNAL = "internal"
"""The source of alerts about the detection itself, such as dropped events."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule reports about an event.

    ``time`` is ns since the epoch, ``event`` the event's number in its capture, ``output_fields`` maps each field of
    the rule's output to its value (None where the event has none).
    """

    time: int
    rule: str
    priority: str
    source: str
    hostname: str
    output: str
    message: str
    output_fields: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    event: int = 0

    @property
    def iso_time(self) -> str:
        """The time as Falco's JSON writes it: UTC, nine digits."""
        seconds, ns = divmod(self.time, 1_000_000_000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"

    def to_json(self) -> str:
        """Return the alert as one line of Falco's JSON, without the end of line."""
        fields: dict[str, Any] = {
            "hostname": self.hostname,
            "output": self.output,
            "output_fields": self.output_fields,
            "priority": self.priority,
            "rule": self.rule,
            "source": self.source,
            "time": self.iso_time,
        }
        if self.source != INTERNAL:
            fields["tags"] = sorted(set(self.tags))
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
