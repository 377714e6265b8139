"""Arrow arrays and tables made with types that a checker can follow: the stubs of pyarrow are narrower than it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
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


def valid(column: Array) -> NDArray[np.bool_]:
    """Return which elements of an array are not null."""
    bits = column.buffers()[0]
    if bits is None:
        return np.ones(len(column), bool)
    packed = np.frombuffer(memoryview(bits).cast("B"), np.uint8)
    flags = np.unpackbits(packed, bitorder="little")[column.offset : column.offset + len(column)]
    return flags.view(np.bool_)


def numbers(column: Array, none: int = 0) -> NDArray[Any]:
    """Return an array of integers or truths without copying it, ``none`` in place of null.

    What pyarrow has for this imports pandas where it is installed, which takes longer than reading a segment.
    """
    bits = column.buffers()[1]
    if column.type == pa.bool_():
        truths = np.zeros(0, np.uint8) if bits is None else np.frombuffer(memoryview(bits).cast("B"), np.uint8)
        values = np.unpackbits(truths, bitorder="little")[column.offset : column.offset + len(column)].view(np.bool_)
    else:
        type = np.dtype(f"i{column.type.bit_width // 8}")
        held = np.zeros(0, type) if bits is None else np.frombuffer(bits, type)  # type: ignore[call-overload]
        values = held[column.offset : column.offset + len(column)]
    return np.where(valid(column), values, values.dtype.type(none)) if column.null_count else values
