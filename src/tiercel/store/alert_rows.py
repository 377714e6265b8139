"""Alerts of a log as rows of the table ``alerts``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from tiercel.sources.alert_json import plain
from tiercel.sources.alert_record import AlertRecord
from tiercel.store.people import clean
from tiercel.store.schema import ALERTS

_CHUNK = 20_000
"""Rows that are held as Python values at a time."""


def table_of(records: Iterable[AlertRecord]) -> pa.Table:
    """Return alerts as a table, in their order, ready for :func:`tiercel.store.ingest.ingest_alerts`.

    Texts that an alert does not have are empty: the rule of text alerts, the host where nothing names it.
    """
    remaining = iter(records)
    chunks: list[pa.Table] = []
    first = 0
    while rows := list(_rows(islice(remaining, _CHUNK), first)):
        first += len(rows)
        columns = dict(zip(ALERTS.names, map(list, zip(*rows, strict=True)), strict=True))
        chunks.append(pa.table(columns, ALERTS.arrow))
    return pa.concat_tables(chunks) if chunks else ALERTS.arrow.empty_table()


def _rows(records: Iterable[AlertRecord], first: int) -> Iterator[tuple[Any, ...]]:
    for alert, record in enumerate(records, first):
        yield (
            alert,
            None,
            record.ts,
            clean(record.rule or ""),
            clean(record.priority or ""),
            clean(record.source or ""),
            clean(record.output),
            clean(_json(record.output_fields)),
            [clean(tag) for tag in record.tags],
            clean(record.hostname or ""),
            "log",
            record.truncated,
        )


def _json(fields: dict[str, Any]) -> str:
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    except (ValueError, RecursionError):
        return json.dumps(plain(fields), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
