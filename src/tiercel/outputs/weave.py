"""Weaving lines: constant pieces with the values of columns between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

try:
    from tiercel.outputs import _weave
except ImportError:  # not compiled
    _weave = None  # type: ignore[assignment]


def weave(pieces: Sequence[bytes], codes: NDArray[np.int64], tables: Sequence[list[bytes]]) -> bytes:
    """Return the lines of all events, one after the other.

    Args:
        pieces: k + 1 constants; the last one ends the line.
        codes: shape (k, events): which entry of column ``c``'s table event ``i`` shows.
        tables: k lists of values.
    """
    if _weave is not None:
        return _weave.weave(list(pieces), codes, list(tables))  # type: ignore[no-any-return]
    first, rest = pieces[0], pieces[1:]
    parts: list[bytes] = []
    for row in codes.T.tolist():
        parts.append(first)
        for code, table, piece in zip(row, tables, rest, strict=True):
            parts.append(table[code])
            parts.append(piece)
    return b"".join(parts)
