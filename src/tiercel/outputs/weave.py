"""Weaving lines: constant pieces with the values of columns between them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiercel.outputs.forms import Digits, Form, Shown

_weave: Any = None
with suppress(ImportError):  # not compiled
    _weave = importlib.import_module("tiercel.outputs._weave")

_TABLE, _SIGNED, _UNSIGNED, _TEXTS, _ESCAPED = range(5)  # the kernel's numbers of the forms


@dataclass(frozen=True, slots=True)
class Woven:
    """Lines one after the other; line ``i`` ends before byte ``ends[i]``."""

    data: bytes
    ends: NDArray[np.int64]

    def lines(self) -> list[bytes]:
        """Return each line, its end of line included."""
        ends = self.ends.tolist()
        return [self.data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def weave(pieces: Sequence[bytes], columns: Sequence[Form], count: int) -> Woven:
    """Return the lines of ``count`` events.

    Args:
        pieces: one constant more than there are columns; the last one ends the line.
        columns: the values between them, each for all the events.
    """
    if len(pieces) != len(columns) + 1:
        raise ValueError(f"weave: {len(pieces)} pieces do not go around {len(columns)} columns")
    ends = np.zeros(count, np.int64)
    if _weave is not None:
        return Woven(_weave.weave(list(pieces), [_packed(column) for column in columns], ends), ends)
    first, rest = pieces[0], pieces[1:]
    items = [column.items() for column in columns]
    if any(len(item) != count for item in items):
        raise ValueError("weave: columns of other lengths than the lines")
    lines = []
    for i in range(count):
        parts = [first]
        for item, piece in zip(items, rest, strict=True):
            parts.append(item[i])
            parts.append(piece)
        lines.append(b"".join(parts))
    if lines:
        ends[:] = np.cumsum([len(line) for line in lines])
    return Woven(b"".join(lines), ends)


def _packed(column: Form) -> tuple[Any, ...]:
    """Return a column as the kernel takes it."""
    if isinstance(column, Shown):
        return _TABLE, np.ascontiguousarray(column.codes, np.int64), column.table
    if isinstance(column, Digits):
        unsigned = column.values.dtype.kind == "u"
        values = np.ascontiguousarray(column.values, np.uint64 if unsigned else np.int64).view(np.int64)
        valid = None if column.valid is None else np.ascontiguousarray(column.valid, bool).view(np.uint8)
        return _UNSIGNED if unsigned else _SIGNED, values, valid, column.missing, column.width
    offsets = np.ascontiguousarray(column.offsets, np.int64)
    return _ESCAPED if column.escape else _TEXTS, offsets, column.data


def interleave(parts: Sequence[tuple[NDArray[np.int64], Woven]]) -> bytes:
    """Return the lines of several weaves in the order of their keys, equal keys in the order of the parts."""
    if not parts:
        return b""
    if len(parts) == 1:
        return parts[0][1].data
    order = np.argsort(np.concatenate([key for key, _ in parts]), kind="stable")
    data = b"".join([woven.data for _, woven in parts])
    starts, ends, at = [], [], 0
    for _, woven in parts:
        lines = woven.ends + at
        starts.append(np.concatenate((np.array([at], np.int64), lines[:-1]))[: len(lines)])
        ends.append(lines)
        at += len(woven.data)
    begin, end = np.concatenate(starts)[order], np.concatenate(ends)[order]
    if _weave is not None:
        woven_again: bytes = _weave.gather(data, begin, end)
        return woven_again
    return b"".join([data[start:stop] for start, stop in zip(begin.tolist(), end.tolist(), strict=True)])
