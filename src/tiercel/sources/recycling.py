"""Memory of batches that nobody looks at any more, used again.

Fresh memory costs more than decoding into it: the system clears it page by page. What a batch is made of is therefore
kept and handed out again once nothing refers to it, be it directly, through a view or through an array of it.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = 3
"""Buffers, and sets of columns, held for later: of the batch in hand, of the one before, and a spare."""

_ALONE = 3  # references to an object in a list that nobody else has: the list's, the loop's and the count's own


class Buffers:
    """Hands out byte arrays of at least a given length. What they hold is arbitrary."""

    def __init__(self) -> None:
        self._held: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """Return a byte array of at least ``size`` bytes that nobody else has."""
        for buffer in self._held:
            if size <= len(buffer) <= 4 * size and getrefcount(buffer) == _ALONE:
                return buffer
        fresh = bytearray(size + size // 8)  # the next one is likely a little longer
        self._held.append(fresh)
        if len(self._held) > KEPT:
            del self._held[0]
        return fresh


class Columns:
    """Hands out sets of columns, arrays with a length for each. What they hold is arbitrary."""

    def __init__(self, kinds: list[type[np.generic]]) -> None:
        self._kinds = kinds
        self._held: list[list[NDArray[Any]]] = []

    def take(self, lengths: list[int]) -> list[NDArray[Any]]:
        """Return one array of each kind, of at least the lengths given, that nobody else has."""
        for columns in self._held:
            if getrefcount(columns) == _ALONE and _fit(columns, lengths):
                return columns
        fresh: list[NDArray[Any]] = [
            np.empty(length, dtype=kind) for kind, length in zip(self._kinds, lengths, strict=True)
        ]
        self._held.append(fresh)
        if len(self._held) > KEPT:
            del self._held[0]
        return fresh


def _fit(columns: list[NDArray[Any]], lengths: list[int]) -> bool:
    """Whether the columns are long enough, not much too long, and held by nobody."""
    if any(not wanted <= len(column) <= 4 * wanted for column, wanted in zip(columns, lengths, strict=True)):
        return False
    for column in columns:  # noqa: SIM110 -- a generator would refer to the column, too
        if getrefcount(column) != _ALONE:
            return False
    return True
