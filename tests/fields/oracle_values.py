"""Columns as lists of the values that row getters give."""

from __future__ import annotations

from itertools import pairwise

from tiercel.fields.model import Column, Value
from tiercel.model.batch import Batch


def values(column: Column, batch: Batch) -> list[Value | None]:
    """Return a column as a list of values, None where there is none."""
    flat: list[Value | None] = list(column.values.tolist())
    if column.text:
        flat = [None if n < 0 else batch.tables.strings.values[n] for n in column.values.tolist()]
    if column.offsets is not None:
        lists: list[Value | None] = [flat[a:b] or None for a, b in pairwise(column.offsets.tolist())]  # type: ignore[misc]
        return lists
    if column.valid is None:
        return flat
    return [value if there else None for value, there in zip(flat, column.valid.tolist(), strict=True)]
