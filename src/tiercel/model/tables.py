"""The tables every batch refers to: interned strings, and rows of integers that are only ever appended.

Compiled with Cython (types in ``tables.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Strings:
    """Interns byte strings. Number 0 is the empty string; -1 stands for no value and is not stored."""

    def __init__(self) -> None:
        self.index: dict[bytes, int] = {b"": 0}
        self.values: list[bytes] = [b""]

    def intern(self, text: bytes) -> int:
        """Return the number of ``text``, adding it when new."""
        found = self.index.get(text)
        if found is not None:
            return found
        number = len(self.values)
        self.index[text] = number
        self.values.append(text)
        return number

    def __len__(self) -> int:
        return len(self.values)

    def get(self, number: int) -> bytes | None:
        """Return the string with this number, None for -1."""
        return None if number < 0 else self.values[number]


class Rows:
    """A table of int64 rows. ``data[:count]`` holds them; rows are never changed once an event refers to them."""

    def __init__(self, width: int, capacity: int = 1024) -> None:
        self.width = width
        self.count = 0
        self.capacity = capacity
        self.array: NDArray[np.int64] = np.zeros((capacity, width), dtype=np.int64)
        self.data = self.array.data

    def blank(self) -> int:
        """Append a row of zeros and return its number."""
        if self.count == self.capacity:
            self.grow()
        row = self.count
        self.count += 1
        return row

    def copy(self, row: int) -> int:
        """Append a copy of ``row`` and return its number."""
        new = self.blank()
        for column in range(self.width):
            self.data[new, column] = self.data[row, column]
        return new

    def grow(self) -> None:
        larger = np.zeros((self.capacity * 2, self.width), dtype=np.int64)
        larger[: self.capacity] = self.array
        self.capacity *= 2
        self.array = larger
        self.data = larger.data

    def replace(self, rows: NDArray[np.int64]) -> None:
        """Hold ``rows``, shape (n, width), in place of all there were."""
        self.count = len(rows)
        self.capacity = max(1024, 2 * self.count)
        self.array = np.zeros((self.capacity, self.width), dtype=np.int64)
        self.array[: self.count] = rows
        self.data = self.array.data

    def column(self, index: int) -> NDArray[np.int64]:
        """Return a view of one column over all rows in use, shape (count,)."""
        return self.array[: self.count, index]
