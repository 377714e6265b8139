"""Texts of a whole scene, numbered across batches."""

from __future__ import annotations

import numpy as np

from tiercel.fields.evt_columns import I64
from tiercel.model.batch import Tables

_UNSEEN = -2


class Texts:
    """Numbers texts across the tables of several captures and epochs. -1 stands for none."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self._index: dict[bytes, int] = {}
        self._tables: Tables | None = None
        self._epoch = -1
        self._known = np.empty(0, np.int64)

    def one(self, text: bytes | None) -> int:
        """Return the number of a text."""
        if text is None:
            return -1
        found = self._index.get(text)
        if found is None:
            found = self._index[text] = len(self.values)
            self.values.append(text)
        return found

    def of(self, tables: Tables, numbers: I64) -> I64:
        """Return the numbers here of texts with these numbers in ``tables``."""
        if self._tables is not tables or self._epoch != tables.epoch:
            self._tables, self._epoch = tables, tables.epoch
            self._known = np.empty(0, np.int64)
        size = len(tables.strings) + 1
        if len(self._known) < size:
            larger = np.full(2 * size, _UNSEEN, np.int64)
            larger[: len(self._known)] = self._known
            self._known = larger
        self._known[0] = -1
        found = self._known[numbers + 1]
        unseen = found == _UNSEEN
        if unseen.any():
            for number in np.unique(numbers[unseen]).tolist():
                self._known[number + 1] = self.one(tables.strings.values[number])
            found = self._known[numbers + 1]
        return found

    def text(self, number: int) -> str | None:
        """Return a text as UTF-8 with what is not replaced."""
        return None if number < 0 else self.values[number].decode("utf-8", "replace")
