"""Reading the segments of the queue."""

from __future__ import annotations

import logging
import os

from tiercel.outputs.queue_log import Log, Segment
from tiercel.outputs.queue_record import HEADER_SIZE, Damage, Record, read_records

log = logging.getLogger("tiercel.outputs")


class LogReader:
    """Reads on from a number; belongs to one thread."""

    def __init__(self, source: Log) -> None:
        self.source = source
        self._segment: Segment | None = None
        self._fd = -1
        self._offset = 0
        self._next = 0

    def read(self, number: int, limit: int) -> list[Record]:
        """Return records from ``number`` on, about ``limit`` bytes of them and all of one segment; none at the end.

        Where records are missing or damaged, what comes next is returned: compare the first number.
        """
        while True:
            segment, size = self._at(number)
            if segment is None:
                return []
            found: list[Record] = []
            taken = 0
            try:
                for record, end in read_records(self._fd, segment.run, self._offset, size):
                    self._offset, self._next = end, record.number + 1
                    if record.number < number:
                        continue
                    found.append(record)
                    taken += record.size
                    if taken >= limit:
                        break
            except (Damage, OSError) as error:
                log.error("%s: from byte %d on it cannot be read: %s", segment.path, self._offset, error)
                self._offset = segment.size  # what follows in this file is lost
                self._next = max(number, segment.last + 1)
            if found:
                return found
            number = max(number, segment.last + 1)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._segment = -1, None

    def _at(self, number: int) -> tuple[Segment | None, int]:
        """Go to the segment that holds ``number``, or the first after it; return it and how much of it is whole."""
        with self.source.lock:
            segments = self.source.segments
            wanted = next((segment for segment in segments if segment.last >= number), None)
            if wanted is None:
                return None, 0
            size = wanted.size
        if wanted is not self._segment or number < self._next:
            try:
                self._enter(wanted)
            except OSError:  # removed in the meantime
                return self._at(wanted.last + 1)
        elif self._offset >= size:  # damaged from here on
            return self._at(wanted.last + 1)
        return wanted, size

    def _enter(self, segment: Segment) -> None:
        self.close()
        self._fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self._segment, self._offset, self._next = segment, HEADER_SIZE, segment.first
