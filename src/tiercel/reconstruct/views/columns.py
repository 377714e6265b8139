"""Columns of the tables that views return."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

TEXT, INTEGER, FLAG = pa.string(), pa.int64(), pa.bool_()
TEXTS, INTEGERS = pa.list_(pa.string()), pa.list_(pa.int64())


def column(name: str, type_: pa.DataType, doc: str = "") -> pa.Field[Any]:
    """Return a column; ``doc`` says what it holds and is kept in its metadata."""
    return pa.field(name, type_, metadata={"doc": doc} if doc else None)
