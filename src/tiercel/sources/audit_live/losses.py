"""How much was lost: what the kernel counts, and what it drops without counting, which serial numbers tell."""

from __future__ import annotations


class RecordLosses:
    """Follows the counters. ``total`` is what was lost so far: records for which the kernel had no room (mostly the
    first one of an event, which then has no others) and events of which nothing came.

    Args:
        lost: the kernel's count at the start.
    """

    def __init__(self, lost: int) -> None:
        self.total = 0
        self._lost = lost
        self._missing = self._reported = 0

    def fresh(self, lost: int, missing: int) -> int:
        """Return how many were lost since the last call.

        Args:
            lost: the kernel's count now; it counts modulo 2 to the 32.
            missing: events whose numbers are missing so far. Only those that were missing at the last call too count:
                others may still come.
        """
        found = (lost - self._lost) & 0xFFFFFFFF
        if found >= 1 << 31:  # somebody set the counter back
            found = lost
        self._lost = lost
        settled, self._missing = min(missing, self._missing), missing
        if settled > self._reported:
            found += settled - self._reported
            self._reported = settled
        self.total += found
        return found
