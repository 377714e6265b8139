"""Keeping the tables of a long capture small: what nothing refers to any more goes, and the rest is numbered anew.

Rows and strings are only ever appended, so that batches can refer to them by number. Between two batches that is no
longer needed for what belongs to neither a living thread nor an open descriptor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Tables
from tiercel.model.columns import F, P
from tiercel.model.tables import Rows

if TYPE_CHECKING:
    from tiercel.state.descriptors import Descriptors
    from tiercel.state.threads import ThreadTable

I64 = NDArray[np.int64]

MAX_ROWS = 200_000
"""Process rows, and descriptor rows, from which on compacting is worth it."""

MAX_STRING_BYTES = 64 << 20
"""Bytes of strings from which on compacting is worth it."""

FEW_ROWS = 16_000
FEW_STRING_BYTES = 12 << 20
STRING_COST = 130
"""The same bounds for what runs for long, and bytes a string takes besides its own: object, list, index."""

PROCESS_TEXTS = (P.COMM, P.EXE, P.EXEPATH, P.ARGS, P.CWD, P.ROOT, P.ENV, P.CGROUPS, P.CONTAINER)
FILE_TEXTS = (F.NAME, F.NAMERAW, F.SIP, F.DIP, F.SOCKET)


class Compaction:
    """Decides when the tables are too large, and makes them smaller.

    Strings with a number below ``pinned`` keep it: they are the constants that trackers hold. When most of what is
    there is alive, the bounds rise to twice that, so that the work is never done in vain.
    """

    def __init__(
        self,
        tables: Tables,
        threads: ThreadTable,
        descriptors: Descriptors,
        pinned: int,
        max_rows: int = MAX_ROWS,
        max_string_bytes: int = MAX_STRING_BYTES,
    ) -> None:
        self.tables = tables
        self.threads = threads
        self.descriptors = descriptors
        self.pinned = pinned
        self.least_rows = max_rows
        self.least_bytes = max_string_bytes
        self.max_processes = self.max_files = max_rows
        self.max_bytes = max_string_bytes
        self._measured = 0
        self._bytes = 0
        self._cost = 0  # of a string besides its bytes

    def keep_small(self) -> None:
        """Compact early, for small batches that come for months: memory counts more than the work now and then."""
        self.least_rows = self.max_processes = self.max_files = FEW_ROWS
        self.least_bytes = self.max_bytes = FEW_STRING_BYTES
        self._cost = STRING_COST
        self._measured = self._bytes = 0

    def string_bytes(self) -> int:
        """Return how many bytes the strings hold."""
        values = self.tables.strings.values
        self._bytes += sum(map(len, values[self._measured :])) + self._cost * (len(values) - self._measured)
        self._measured = len(values)
        return self._bytes

    def due(self) -> bool:
        return (
            self.tables.processes.count > self.max_processes
            or self.tables.files.count > self.max_files
            or self.string_bytes() > self.max_bytes
        )

    def run(self) -> None:
        """Drop the dead rows and strings. Batches, lookups and caches of the epoch that ends must no longer be used."""
        tables = self.tables
        threads = list(self.threads.threads.values())
        open_rows = {row for table in self.descriptors.tables.values() for row in table.values()}
        processes, process_numbers = _keep(tables.processes, (thread.row for thread in threads))
        files, file_numbers = _keep(tables.files, open_rows)

        used = np.zeros(len(tables.strings), dtype=np.bool_)
        used[: self.pinned] = True
        for rows, columns in ((processes, PROCESS_TEXTS), (files, FILE_TEXTS)):
            for column in columns:
                numbers = rows[:, column]
                used[numbers[numbers >= 0]] = True
        for thread in threads:
            used[thread.cwd] = used[thread.env] = True
        calls = [call for call in self.descriptors.entered.values() if call.live and call.path >= 0]
        for call in calls:
            used[call.path] = True
        string_numbers = np.cumsum(used) - 1
        for rows, columns in ((processes, PROCESS_TEXTS), (files, FILE_TEXTS)):
            for column in columns:
                numbers = rows[:, column]
                rows[:, column] = np.where(numbers >= 0, string_numbers[numbers], -1)

        values = tables.strings.values
        kept = [values[number] for number in np.flatnonzero(used).tolist()]
        values[:] = kept
        tables.strings.index.clear()
        tables.strings.index.update(zip(kept, range(len(kept)), strict=True))
        tables.processes.replace(processes)
        tables.files.replace(files)

        for thread in threads:
            thread.row = int(process_numbers[thread.row])
            thread.cwd = int(string_numbers[thread.cwd])
            thread.env = int(string_numbers[thread.env])
            thread.bind()
        for call in calls:
            call.path = int(string_numbers[call.path])
        self._renumber_descriptors(file_numbers)
        tables.begin_epoch()

        self._measured = self._bytes = 0
        self.max_processes = max(self.least_rows, 2 * len(processes))
        self.max_files = max(self.least_rows, 2 * len(files))
        self.max_bytes = max(self.least_bytes, 2 * self.string_bytes())

    def _renumber_descriptors(self, file_numbers: I64) -> None:
        descriptors = self.descriptors
        for table in {id(table): table for table in descriptors.tables.values()}.values():  # owners may share one
            for fd, row in table.items():
                table[fd] = int(file_numbers[row])
        descriptors.forget()


def _keep(rows: Rows, wanted: object) -> tuple[I64, I64]:
    """Return the wanted rows, shape (rows, width), and the new number of every old row, -1 for those that go."""
    kept = np.unique(np.fromiter(wanted, dtype=np.int64))  # type: ignore[call-overload]
    numbers = np.full(rows.count, -1, dtype=np.int64)
    numbers[kept] = np.arange(len(kept), dtype=np.int64)
    return rows.array[kept], numbers
