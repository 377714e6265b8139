"""Arrow arrays and tables made with types that a checker can follow: the stubs of pyarrow are narrower than it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pyarrow as pa
from numpy.typing import NDArray

Array: TypeAlias = "pa.Array[Any]"
Chunked: TypeAlias = "pa.ChunkedArray[Any]"

_arrow: Any = pa


def array(values: Any, type: pa.DataType | None = None, mask: NDArray[Any] | None = None) -> Array:
    """Return an array of values; those where ``mask`` is true are null."""
    made: Array = _arrow.array(values, type, mask=mask)
    return made


def table(columns: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """Return a table of arrays or lists, in the order of the schema."""
    made: pa.Table = _arrow.table(list(columns), schema)
    return made


def taken(values: Any, places: NDArray[Any]) -> Any:
    """Return the elements, or rows, of an array or a table at some places."""
    return values.take(_arrow.array(places))


def lists(first: NDArray[Any], offsets: NDArray[Any], data: NDArray[Any], type: pa.DataType) -> Array:
    """Return lists of byte strings without copying them.

    Args:
        first: for each list the number of its first byte string, and one more entry.
        offsets: where each byte string begins in ``data``, and one more entry.
    """
    buffers = [None, _arrow.py_buffer(offsets), _arrow.py_buffer(data)]
    values = _arrow.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers, null_count=0)
    made: Array = _arrow.ListArray.from_arrays(_arrow.array(first), values, type)
    return made
