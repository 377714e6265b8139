"""Weaving lines: constant pieces with the values of columns between them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_weave: Any = None
with suppress(ImportError):  # not compiled
    _weave = importlib.import_module("tiercel.outputs._weave")


@dataclass(frozen=True, slots=True)
class Woven:
    """Lines one after the other; line ``i`` ends before byte ``ends[i]``."""

    data: bytes
    ends: NDArray[np.int64]

    def lines(self) -> list[bytes]:
        """Return each line, its end of line included."""
        ends = self.ends.tolist()
        return [self.data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def weave(pieces: Sequence[bytes], codes: NDArray[np.int64], tables: Sequence[list[bytes]]) -> Woven:
    """Return the lines of all events.

    Args:
        pieces: k + 1 constants; the last one ends the line.
        codes: shape (k, events): which entry of column ``c``'s table event ``i`` shows.
        tables: k lists of values.
    """
    ends = np.zeros(codes.shape[1], np.int64)
    if _weave is not None:
        return Woven(_weave.weave(list(pieces), codes, list(tables), ends), ends)
    first, rest = pieces[0], pieces[1:]
    lines = []
    for row in codes.T.tolist():
        parts = [first]
        for code, table, piece in zip(row, tables, rest, strict=True):
            parts.append(table[code])
            parts.append(piece)
        lines.append(b"".join(parts))
    if lines:
        ends[:] = np.cumsum([len(line) for line in lines])
    return Woven(b"".join(lines), ends)


def interleave(parts: Sequence[tuple[NDArray[np.int64], Woven]]) -> bytes:
    """Return the lines of several weaves in the order of their keys, equal keys in the order of the parts."""
    if not parts:
        return b""
    if len(parts) == 1:
        return parts[0][1].data
    keys = np.concatenate([key for key, _ in parts])
    lines = [line for _, woven in parts for line in woven.lines()]
    return b"".join(lines[i] for i in np.argsort(keys, kind="stable").tolist())
