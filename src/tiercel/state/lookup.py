"""Looking up the state as it was just after any event of a batch.

Tracking keeps the current state and, for the batch at hand, a log of what each change replaced. The state after event
``i`` is the current one with every change after ``i`` undone: the first logged change later than ``i`` holds the
answer, and without one the state the next batch starts from does, which is the current one until that batch is tracked.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tiercel.state.descriptors import Descriptors
    from tiercel.state.fd_log import FdLog
    from tiercel.state.threads import ThreadTable

I64 = NDArray[np.int64]


class Lookup:
    """Rows of threads and descriptors as of the events of one batch.

    Usable as long as the tables keep their epoch. Threads can be asked for after later batches were tracked too,
    descriptors only until the next one is.
    """

    def __init__(self, table: ThreadTable, descriptors: Descriptors) -> None:
        self._table = table
        self._descriptors = descriptors
        self._next: Lookup | None = None
        self._tids = np.array(table.log_tid, dtype=np.int64)
        self._index = np.array(table.log_index, dtype=np.int64)
        self._rows = np.array(table.log_row, dtype=np.int64)
        self._changes: dict[int, tuple[list[int], list[int]]] | None = None
        self._sorted: tuple[I64, I64, I64, I64, int] | None = None

    @property
    def changes(self) -> tuple[I64, I64, I64]:
        """What the batch changed about threads, in order: thread, event, the row replaced (-1: there was no such)."""
        return self._tids, self._index, self._rows

    def threads(self) -> tuple[I64, I64]:
        """Return the threads there are and their rows. Just after the batch until the next one is tracked."""
        threads = self._table.threads
        count = len(threads)
        return (
            np.fromiter(threads.keys(), np.int64, count),
            np.fromiter((thread.row for thread in threads.values()), np.int64, count),
        )

    @property
    def descriptor_log(self) -> FdLog:
        """What the batch changed about descriptors, until the next one is tracked."""
        log: FdLog = self._descriptors.log
        return log

    def open_descriptors(self) -> dict[int, dict[int, int]]:
        """Return by owner the descriptors that are open, number to row, until the next batch is tracked."""
        tables: dict[int, dict[int, int]] = self._descriptors.tables
        return tables

    def close(self, following: Lookup) -> None:
        """From now on the state after this batch is the one that ``following`` starts from."""
        self._next = following

    def process(self, tid: int, index: int) -> int:
        """Return the row that thread ``tid`` had just after event ``index``, -1 when there was no such thread.

        ``index`` -1 is the state the batch starts from.
        """
        if self._changes is None:
            self._changes = {}
            for thread, at, row in zip(self._tids.tolist(), self._index.tolist(), self._rows.tolist(), strict=True):
                indices, rows = self._changes.setdefault(thread, ([], []))
                indices.append(at)
                rows.append(row)
        changes = self._changes.get(tid)
        if changes is not None:
            k = bisect_right(changes[0], index)
            if k < len(changes[0]):
                return changes[1][k]
        if self._next is not None:
            return self._next.process(tid, -1)
        thread = self._table.find(tid)
        return -1 if thread is None else thread.row

    def processes(self, tids: I64, indices: I64) -> I64:
        """Return the rows that the threads ``tids`` had just after the events ``indices``, elementwise."""
        tids = np.asarray(tids, dtype=np.int64)
        indices = np.asarray(indices, dtype=np.int64)
        asked, inverse = np.unique(tids, return_inverse=True)
        if self._next is not None:
            current = self._next.processes(asked, np.full(len(asked), -1, dtype=np.int64))
        else:
            find = self._table.find
            current = np.fromiter(
                (-1 if (thread := find(tid)) is None else thread.row for tid in asked.tolist()), np.int64, len(asked)
            )
        result = current[inverse]
        if not len(self._tids) or not len(tids):
            return result
        if self._sorted is None:
            self._sorted = self._sort()
        logged, numbers, keys, rows, span = self._sorted
        place = np.minimum(np.searchsorted(logged, asked), len(logged) - 1)
        number = np.where(logged[place] == asked, place, -1)[inverse]
        k = np.searchsorted(keys, number * span + np.clip(indices, -1, span - 1), side="right")
        inside = np.minimum(k, len(keys) - 1)
        changed = (number >= 0) & (k < len(keys)) & (numbers[inside] == number)
        return np.where(changed, rows[inside], result)

    def _sort(self) -> tuple[I64, I64, I64, I64, int]:
        """Return the logged threads, and for each change, by thread and event and the changes of one event in the order
        they were made: the number of its thread among those, a key of thread and event, the row. Then what the key
        counts a thread as.
        """
        order = np.lexsort((self._index, self._tids))
        logged, numbers = np.unique(self._tids[order], return_inverse=True)
        numbers = numbers.reshape(-1)
        span = int(self._index.max()) + 2
        return logged, numbers, numbers * span + self._index[order], self._rows[order], span

    def file(self, owner: int, fd: int, index: int) -> int:
        """Return the row of descriptor ``fd`` of thread ``owner`` just after event ``index``, -1 when it was closed."""
        return self._descriptors.row_at(owner, fd, index)

    def files(self, owners: I64, fds: I64, indices: I64) -> I64:
        """Return the rows of descriptors just after the events ``indices``, elementwise."""
        row_at = self._descriptors.row_at
        asked = zip(
            np.asarray(owners, dtype=np.int64).tolist(),
            np.asarray(fds, dtype=np.int64).tolist(),
            np.asarray(indices, dtype=np.int64).tolist(),
            strict=True,
        )
        return np.fromiter((row_at(owner, fd, index) for owner, fd, index in asked), np.int64, len(owners))

    def descriptors(self, owner: int, index: int) -> dict[int, int]:
        """Return all descriptors of thread ``owner``, number to row, just after event ``index``."""
        return self._descriptors.table_at(owner, index)
