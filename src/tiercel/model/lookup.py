"""What readers of a batch can ask about the state as it was just after any of its events."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]


class Lookup(Protocol):
    """Rows of threads and descriptors as of the events of one batch; tracking provides it."""

    def process(self, tid: int, index: int) -> int:
        """Return the row of thread ``tid`` just after event ``index``, -1 when there was no such thread."""

    def processes(self, tids: I64, indices: I64) -> I64:
        """Return the rows of many threads, each as of its own event."""

    def file(self, owner: int, fd: int, index: int) -> int:
        """Return the row of descriptor ``fd`` in the table of thread ``owner`` just after an event, -1 if none."""

    def files(self, owners: I64, fds: I64, indices: I64) -> I64:
        """Return the rows of many descriptors, each as of its own event."""

    def descriptors(self, owner: int, index: int) -> dict[int, int]:
        """Return all descriptors of the table of thread ``owner`` just after event ``index``, with their rows."""
