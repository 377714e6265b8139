"""Alerts as rows of Python, with what their fields say of container and process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tiercel.rules.model import Priority

PRIORITIES = tuple(priority.label for priority in Priority)
INTERNAL_KIND = "internal"
"""Kind of what Falco says of itself in an alert log, as that it dropped events. It is no alert."""

_RANKS = {name.lower(): rank for rank, name in enumerate(PRIORITIES)} | {"info": 6}


def rank(priority: str | None) -> int:
    """Return the place of a priority, 0 for Emergency to 7 for Debug; one that is none counts as Notice."""
    return _RANKS.get((priority or "").lower(), 5)


@dataclass(frozen=True, slots=True)
class Raised:
    """One row of :data:`tiercel.reconstruct.schema.ALERTS`; ``fields`` are the output fields, decoded."""

    alert: int
    ts: int
    num: int | None
    host: str
    rule: str
    priority: str
    output: str
    tags: tuple[str, ...]
    process: int | None
    act: int | None
    kind: str
    fields: dict[str, Any]

    @property
    def internal(self) -> bool:
        """Whether it is what Falco says of itself, and no alert."""
        return self.kind == INTERNAL_KIND

    @property
    def rank(self) -> int:
        return rank(self.priority)

    @property
    def container(self) -> str | None:
        """Container id that the fields name, "" for the host, None when they name none."""
        value = self.fields.get("container.id")
        if not isinstance(value, str):
            return None
        return "" if value in ("host", "<NA>") else value


def raised(alerts: pa.Table) -> Iterator[Raised]:
    """Yield the alerts in their order."""
    columns: dict[str, list[Any]] = {name: alerts[name].to_pylist() for name in alerts.schema.names}
    for i in range(alerts.num_rows):
        yield Raised(
            columns["alert"][i],
            columns["ts"][i] or 0,
            columns["num"][i],
            columns["host"][i] or "",
            columns["rule"][i] or "",
            columns["priority"][i] or "",
            columns["output"][i] or "",
            tuple(columns["tags"][i] or ()),
            columns["process"][i],
            columns["act"][i],
            columns["kind"][i] or "",
            _decoded(columns["output_fields"][i]),
        )


def counted(alerts: pa.Table) -> pa.Table:
    """Return the alerts without what Falco says of itself. Their numbers stay."""
    return alerts.filter(pc.field("kind").is_null() | (pc.field("kind") != INTERNAL_KIND))


def _decoded(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
