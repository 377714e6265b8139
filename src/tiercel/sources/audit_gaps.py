"""Serial numbers that a log lacks: records that were lost, filtered, or taken out.

The kernel numbers the events of a host one after the other until it starts anew, so a number that is missing is an
event that is missing. The daemon's own messages (``DAEMON_*``) have numbers of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiercel.sources.audit_event import MAX_PENDING, AuditEvent

MAX_GAPS = 10_000
"""Most gaps of a host that are kept apart; further ones are counted together in the last."""

_LOOKED_BACK = 64  # gaps that a late event may still fill
_RESTART = 4 * MAX_PENDING  # numbers back from which on a low number means that the host started anew


@dataclass(slots=True)
class AuditGap:
    """Serial numbers ``first`` to ``last`` are missing between two events; times in ns, ``count`` of them in all."""

    host: str
    first: int
    last: int
    from_ts: int
    to_ts: int
    count: int


class Serials:
    """Follows the serial numbers of one host's events; ``gaps`` holds what is missing so far, ``missing`` how many."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.gaps: list[AuditGap] = []
        self.missing = 0
        self._highest = -1
        self._ts = 0

    def add(self, event: AuditEvent) -> None:
        """Take the next event."""
        if event.records[0].type.startswith("DAEMON_"):
            return
        serial = event.serial
        if self._highest < 0 or serial < self._highest - _RESTART:
            self._highest, self._ts = serial, event.ts
            return
        if serial <= self._highest:
            self._fill(serial)
            return
        if serial > self._highest + 1:
            self._missing(self._highest + 1, serial - 1, event.ts)
        self._highest, self._ts = serial, event.ts

    def _missing(self, first: int, last: int, ts: int) -> None:
        count = last - first + 1
        self.missing += count
        if len(self.gaps) >= MAX_GAPS:
            gap = self.gaps[-1]
            gap.last, gap.to_ts, gap.count = last, ts, gap.count + count
            return
        self.gaps.append(AuditGap(self.host, first, last, self._ts, ts, count))

    def _fill(self, serial: int) -> None:
        """Take a late event out of the gap it seemed to be in."""
        for place in range(len(self.gaps) - 1, max(len(self.gaps) - _LOOKED_BACK, 0) - 1, -1):
            gap = self.gaps[place]
            if not gap.first <= serial <= gap.last:
                continue
            gap.count -= 1
            self.missing -= 1
            if gap.count == 0:
                del self.gaps[place]
            elif serial == gap.first:
                gap.first += 1
            elif serial == gap.last:
                gap.last -= 1
            elif len(self.gaps) < MAX_GAPS:
                after = AuditGap(self.host, serial + 1, gap.last, gap.from_ts, gap.to_ts, gap.last - serial)
                gap.last, gap.count = serial - 1, serial - gap.first
                self.gaps.insert(place + 1, after)
            return
