"""What a batch changed about descriptors, so that a reader can ask for the state after any of its events.

Compiled with Cython (types in ``fd_log.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KEPT = 1 << 20
"""Most descriptors remembered of tables that are gone; more than any sound batch has."""

_WHOLE = -(1 << 62)  # in place of a descriptor number: a change of the whole table of an owner


class FdLog:
    """Changes in the order they happened. Entry ``k``: ``rows[k]`` is what event ``index[k]`` replaced.

    ``owners`` is the tid that keeps the descriptor, ``fds`` its number, ``rows`` the row before or -1 when it was not
    open. A change of a whole table has no number of a descriptor, and ``rows`` counts into ``tables``, the tables
    before.
    """

    def __init__(self) -> None:
        self.capacity = 1024
        self.cells: NDArray[np.int64] = np.zeros((self.capacity, 4), dtype=np.int64)
        self.data = self.cells
        self.clear()

    def clear(self) -> None:
        self.count = 0
        self.tables: list[dict[int, int]] = []
        self.kept = 0  # descriptors in them
        self.found: dict[int, dict[int, list[int]]] = {}
        self.indexed = 0

    @property
    def owners(self) -> NDArray[np.int64]:
        return self.cells[: self.count, 0]

    @property
    def fds(self) -> NDArray[np.int64]:
        return self.cells[: self.count, 1]

    @property
    def index(self) -> NDArray[np.int64]:
        return self.cells[: self.count, 2]

    @property
    def rows(self) -> NDArray[np.int64]:
        return self.cells[: self.count, 3]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which entries are changes of a whole table."""
        changed: NDArray[np.bool_] = self.fds == _WHOLE
        return changed

    def note(self, owner: int, fd: int, index: int, row: int) -> None:
        """Log that event ``index`` replaces ``row`` of descriptor ``fd``."""
        if self.count == self.capacity:
            larger = np.zeros((self.capacity * 2, 4), dtype=np.int64)
            larger[: self.capacity] = self.cells
            self.capacity *= 2
            self.cells = larger
            self.data = larger
        k = self.count
        self.data[k, 0] = owner
        self.data[k, 1] = fd
        self.data[k, 2] = index
        self.data[k, 3] = row
        self.count = k + 1

    def note_table(self, owner: int, index: int, table: dict[int, int] | None) -> None:
        """Log that event ``index`` replaces the whole ``table``, which no one changes from now on.

        Past ``KEPT`` descriptors in such tables, the state before counts as empty.
        """
        if table is None or self.kept >= KEPT:
            table = {}
        self.kept += len(table)
        self.tables.append(table)
        self.note(owner, _WHOLE, index, len(self.tables) - 1)

    def _sort(self) -> None:
        """Bring the entries logged since the last question into ``found``: owner, descriptor, positions in order."""
        for k in range(self.indexed, self.count):
            owner = self.data[k, 0]
            of_owner = self.found.get(owner)
            if of_owner is None:
                of_owner = {}
                self.found[owner] = of_owner
            fd = self.data[k, 1]
            positions = of_owner.get(fd)
            if positions is None:
                of_owner[fd] = [k]
            else:
                positions.append(k)
        self.indexed = self.count

    def _later(self, positions: list[int] | None, index: int) -> int:
        """Return the first of ``positions`` whose event is later than ``index``, ``count`` without one."""
        if positions is None:
            return self.count
        low = 0
        high = len(positions)
        while low < high:
            middle = (low + high) >> 1
            k = positions[middle]
            if self.data[k, 2] > index:
                high = middle
            else:
                low = middle + 1
        return positions[low] if low < len(positions) else self.count

    def before(self, owner: int, fd: int, index: int, now: int) -> int:
        """Return the row that ``fd`` had just after event ``index``, given its row ``now``; -1 when it was not open."""
        if self.indexed != self.count:
            self._sort()
        of_owner = self.found.get(owner)
        if of_owner is None:
            return now
        one = self._later(of_owner.get(fd), index)
        all_ = self._later(of_owner.get(_WHOLE), index)
        if all_ < one:
            found = self.tables[self.data[all_, 3]].get(fd)
            return -1 if found is None else found
        if one < self.count:
            now = self.data[one, 3]
        return now

    def table_before(self, owner: int, index: int, now: dict[int, int]) -> dict[int, int]:
        """Return the table of ``owner`` just after event ``index``, given the table ``now``."""
        if self.indexed != self.count:
            self._sort()
        of_owner = self.found.get(owner)
        if of_owner is None:
            return now
        whole = of_owner.get(_WHOLE, [])
        cut = self._later(whole, index)
        table = dict(now if cut == self.count else self.tables[int(self.data[cut, 3])])
        for fd, positions in of_owner.items():
            if fd == _WHOLE:
                continue
            k = self._later(positions, index)
            if k < cut:
                row = int(self.data[k, 3])
                if row < 0:
                    table.pop(fd, None)
                else:
                    table[fd] = row
        return table
