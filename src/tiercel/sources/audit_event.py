"""Events: the records of one time and serial number, which a log may hold mixed with those of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.audit_types import LAST, stands_alone

PATIENCE = 2_000_000_000
"""ns of log time after which an event is taken for complete, as auditd's own tools do."""

LEAST_AFTER = 16
"""Records that must have followed its last one before such an event is given up waiting for."""

MAX_PENDING = 1024
"""Most events waited for at a time."""

MAX_BYTES = 16 << 20
"""Most bytes of records that wait."""

MAX_RECORDS = 4096
"""Most records of one event; the argument list of a program takes a few hundred."""


@dataclass(slots=True)
class AuditEvent:
    """One event. ``place`` is where its first record stands, such as ``audit.log:17``; ``lost`` counts records beyond
    :data:`MAX_RECORDS`."""

    node: bytes
    ts: int
    serial: int
    place: str = ""
    records: list[AuditRecord] = field(default_factory=list)
    complete: bool = False
    size: int = 0
    lost: int = 0
    last: int = 0  # number of its last record in the log

    def add(self, record: AuditRecord) -> int:
        """Take one more record, with the last of which the event is complete; return the bytes that are kept of it."""
        self.complete = self.complete or record.type in LAST or stands_alone(record.type)
        if len(self.records) >= MAX_RECORDS:
            self.lost += 1
            return 0
        self.records.append(record)
        self.size += len(record.line)
        return len(record.line)

    def first(self, kind: str) -> AuditRecord | None:
        """Return the first record of type ``kind``."""
        for record in self.records:
            if record.type == kind:
                return record
        return None

    def all(self, kind: str) -> list[AuditRecord]:
        """Return the records of type ``kind`` in their order."""
        return [record for record in self.records if record.type == kind]


class Grouper:
    """Puts records together and gives events out in the order in which they began.

    An event is complete with its last record, with a record that is an event of its own, or when the log went on
    without it, for :data:`PATIENCE` and :data:`LEAST_AFTER` records. What waits is bounded in number and in bytes; when
    too much does, the oldest event goes out as it is.
    """

    def __init__(self) -> None:
        self._pending: dict[tuple[bytes, int, int], AuditEvent] = {}
        self._bytes = 0
        self._count = 0

    def add(self, record: AuditRecord, place: str) -> Iterator[AuditEvent]:
        """Take a record; yield the events that are now known to be complete."""
        key = record.key
        event = self._pending.get(key)
        if event is None:
            event = self._pending[key] = AuditEvent(record.node, record.ts, record.serial, place)
        self._count += 1
        event.last = self._count
        self._bytes += event.add(record)
        yield from self._ready(record.ts)

    def flush(self) -> Iterator[AuditEvent]:
        """Yield what is left, at the end of the log."""
        while self._pending:
            yield self._take()

    def _ready(self, now: int) -> Iterator[AuditEvent]:
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if not (
                oldest.complete
                or (now - oldest.ts > PATIENCE and self._count - oldest.last >= LEAST_AFTER)
                or len(self._pending) > MAX_PENDING
                or self._bytes > MAX_BYTES
            ):
                return
            yield self._take()

    def _take(self) -> AuditEvent:
        key = next(iter(self._pending))
        event = self._pending.pop(key)
        self._bytes -= event.size
        return event
