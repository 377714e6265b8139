"""How much was lost: in the kernel, which counts it, and between there and here, which serial numbers tell."""

from __future__ import annotations

from tiercel.sources.audit_live.owner import Reading


class RecordLosses:
    """Follows the counters. ``total`` is what was lost so far: records that the kernel could not keep, and where copies
    of records are read, events of which none came.

    Args:
        lost: the kernel's count at the start.
        reading: where records come from.
    """

    def __init__(self, lost: int, reading: Reading) -> None:
        self.total = 0
        self._lost = lost
        self._reading = reading
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
        if not self._reading.owner and settled > self._reported:
            found += settled - self._reported
            self._reported = settled
        self.total += found
        return found
