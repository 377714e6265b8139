"""Rows of a query as text: an aligned table, JSON or CSV, with nothing that could steer a terminal."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_WIDEST = 80
"""Characters a column of a table takes at most; the last one is never cut."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def as_json(batches: pa.RecordBatchReader) -> Iterator[str]:
    """Yield each row as a JSON object; times in ISO 8601, bytes as text or, when they are none, in base64."""
    names = batches.schema.names
    for rows in _rows(batches):
        for row in rows:
            yield json.dumps(dict(zip(names, map(_plain, row), strict=True))) + "\n"


def as_csv(batches: pa.RecordBatchReader) -> Iterator[str]:
    """Yield the names of the columns, then each row, after RFC 4180."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(batches.schema.names)
    for rows in _rows(batches):
        writer.writerows([[_cell(value, "") for value in row] for row in rows])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def as_table(batches: pa.RecordBatchReader) -> Iterator[str]:
    """Yield an aligned table; columns are as wide as the first rows need."""
    names = [visible(name) for name in batches.schema.names]
    types = batches.schema.types
    right = [pa.types.is_integer(type) or pa.types.is_floating(type) for type in types]
    widths: list[int] | None = None
    for rows in _rows(batches):
        shown = [[visible(_cell(value, "")) for value in row] for row in rows]
        if widths is None:
            widths = _widths(names, shown)
            yield _line(names, widths, right)
            yield _line(["-" * width for width in widths], widths, right)
        yield from (_line(row, widths, right) for row in shown)
    if widths is None:
        widths = _widths(names, [])
        yield _line(names, widths, right)


def visible(text: str) -> str:
    """Return a text with control characters written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [min(_WIDEST, max([len(name), *(len(row[place]) for row in rows)])) for place, name in enumerate(names)]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    last = len(cells) - 1
    padded = [
        cell.rjust(width) if at_right else _cut(cell, width).ljust(width) if place < last else cell
        for place, (cell, width, at_right) in enumerate(zip(cells, widths, right, strict=True))
    ]
    return "  ".join(padded).rstrip() + "\n"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _rows(batches: pa.RecordBatchReader) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of each batch, as Python values."""
    for batch in batches:
        columns = [_values(batch.column(place)) for place in range(batch.num_columns)]
        if batch.num_rows:
            yield list(zip(*columns, strict=True))


def _values(column: Any) -> list[Any]:
    type = column.type
    if pa.types.is_timestamp(type):
        return _times(column)
    values: list[Any] = column.to_pylist()
    return values


def _times(column: Any) -> list[Any]:
    """Return times in ISO 8601; those outside of any calendar as they are counted."""
    zoned = column if column.type.tz else pc.assume_timezone(column, "UTC")
    try:
        texts: list[Any] = pc.strftime(zoned, format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
    except pa.ArrowException:
        texts = column.cast(pa.int64()).to_pylist()
    return texts


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return str(value)


def _cell(value: Any, none: str) -> str:
    if value is None:
        return none
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list | tuple | dict):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


FORMS: dict[str, Callable[[pa.RecordBatchReader], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}
"""The forms of results, by name."""
