"""Events of the running host: records put together as they come, in the order in which the events began."""

from __future__ import annotations

from collections.abc import Iterable

from tiercel.sources.audit_event import MAX_BYTES, MAX_PENDING, AuditEvent
from tiercel.sources.audit_record import AuditRecord

PATIENCE = 1_000_000_000
"""ns that a system call may wait for its next record: as long as the kernel may let it wait for room."""

SHORT_PATIENCE = 20_000_000
"""ns for records that did not begin with a system call: most are an event of their own."""

_REMEMBERED = 256  # events given up, whose late records are left out


class Assembly:
    """Puts records together. ``incomplete`` counts system calls that were given up waiting for, ``late`` the records
    that came after that."""

    def __init__(self) -> None:
        self.incomplete = 0
        self.late = 0
        self._pending: dict[tuple[bytes, int, int], AuditEvent] = {}
        self._given_up: dict[tuple[bytes, int, int], None] = {}
        self._bytes = 0

    @property
    def waiting(self) -> bool:
        """Whether there are events that are not complete."""
        return bool(self._pending)

    def add(self, records: Iterable[AuditRecord], now: int) -> list[AuditEvent]:
        """Take records; return the events that are complete by now (monotonic ns), also without any records."""
        for record in records:
            self._take(record, now)
        ready: list[AuditEvent] = []
        while self._pending:
            oldest = next(iter(self._pending.values()))
            crowded = len(self._pending) > MAX_PENDING or self._bytes > MAX_BYTES
            if not (oldest.complete or crowded or now - oldest.last > _patience(oldest)):
                break
            del self._pending[oldest.records[0].key]
            self._bytes -= oldest.size
            if not oldest.complete:
                self._give_up(oldest)
            ready.append(oldest)
        return ready

    def _take(self, record: AuditRecord, now: int) -> None:
        key = record.key
        event = self._pending.get(key)
        if record.type == "EOE":
            if event is not None:
                event.complete = True
            return  # it says no more than that
        if event is None:
            if key in self._given_up:
                self.late += 1
                return
            event = self._pending[key] = AuditEvent(record.node, record.ts, record.serial, "live")
        event.last = now
        self._bytes += event.add(record)

    def _give_up(self, event: AuditEvent) -> None:
        if event.records[0].type != "SYSCALL":
            return
        self.incomplete += 1
        self._given_up[event.records[0].key] = None
        if len(self._given_up) > _REMEMBERED:
            del self._given_up[next(iter(self._given_up))]


def _patience(event: AuditEvent) -> int:
    return PATIENCE if event.records[0].type == "SYSCALL" else SHORT_PATIENCE
