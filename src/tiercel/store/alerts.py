"""Alerts as rows of a segment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from tiercel.outputs.alert import Alert
from tiercel.store.arrow import table
from tiercel.store.people import clean
from tiercel.store.schema import ALERTS


def alerts_table(alerts: Iterable[tuple[int | None, Alert]]) -> pa.Table:
    """Return alerts raised from events, each with the number of its event, as a table."""
    columns: dict[str, list[Any]] = {name: [] for name in ALERTS.names}
    for place, (num, alert) in enumerate(alerts):
        row: Sequence[Any] = (
            place,
            num,
            alert.time if alert.time < 1 << 63 else alert.time - (1 << 64),
            clean(alert.rule),
            alert.priority,
            alert.source,
            clean(alert.output),
            clean(json.dumps(alert.output_fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)),
            [clean(tag) for tag in alert.tags],
            clean(alert.hostname),
            "rules",
            False,
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return table(list(columns.values()), ALERTS.arrow)
