"""The alerts that wait for the outputs: one queue on the disk, and for each output how far it has come.

An alert is written once, whatever the number of outputs; each output reads on from its own place and so neither waits
for another nor makes it wait. The newest alerts are also in memory, where an output that keeps up finds them: it is
served before the disk is. Three threads meet here: who puts alerts in, the writer, and the one that brings what was
written to the disk, at most ``sync_after`` seconds later.

What is full loses its oldest alerts, and says how many.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tiercel.outputs.queue_cursor import Cursor
from tiercel.outputs.queue_log import Log
from tiercel.outputs.queue_place import Place
from tiercel.outputs.queue_reader import LogReader
from tiercel.outputs.queue_record import Record, alert_id, new_run
from tiercel.outputs.queue_settings import QueueSettings

log = logging.getLogger("tiercel.outputs")

SECOND = 1_000_000_000
_AT_ONCE = 2048  # records written together
_KEPT = 4 << 20  # bytes kept in memory though they are on the disk
_PATIENCE = 10.0  # seconds to wait for room
_UNWRITTEN = 32 << 20  # bytes that wait for a disk that takes none


class Queue:
    """A queue in a folder, or in memory.

    Args:
        names: the outputs, as file names.
        folder: where to keep it; None for memory.
        wait: in memory, whether :meth:`put` waits for room, as long as there is progress, instead of losing the oldest.
        finish: makes a line of the one put in and the alert's id.

    Raises:
        InputError: the folder cannot be used.
    """

    def __init__(
        self,
        names: Iterable[str],
        folder: Path | None = None,
        settings: QueueSettings | None = None,
        wait: bool = False,
        finish: Callable[[bytes, str], bytes] | None = None,
    ) -> None:
        self.settings = settings or QueueSettings()
        self.run = new_run()
        self.log: Log | None = None
        if folder is not None:
            size = min(16 << 20, max(64 << 10, self.settings.max_bytes // 16))
            self.log = Log(folder, self.run, size)
        self.wait = wait and self.log is None
        self.finish = finish
        self.disk_errors = 0
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)  # for the outputs and the writer
        self._moved = threading.Condition(self._lock)  # something was settled, written or synced
        self._closed = False
        self._urgent = False
        self._tail: dict[int, Record] = {}
        self._tail_bytes = 0
        self._places: dict[str, Place] = {}
        last = self._open_places(list(names))
        self._next = self._tail_first = last + 1
        self._written = self._synced = last
        self._threads: list[threading.Thread] = []
        if self.log is not None:
            for work in (self._write, self._sync):
                thread = threading.Thread(target=work, name=f"queue-{work.__name__.strip('_')}", daemon=True)
                thread.start()
                self._threads.append(thread)

    def _open_places(self, names: list[str]) -> int:
        """Find each output's place; return the last number ever given."""
        if self.log is None:
            self._places = {name: Place(1, 0) for name in names}
            return 0
        folder = self.log.folder
        cursors = {name: Cursor(folder, name) for name in names}
        found = {name: cursor.load() for name, cursor in cursors.items()}
        others = [Cursor(folder, path.stem) for path in folder.glob("*.cursor") if path.stem not in cursors]
        last = max([self.log.last, *(at or 0 for at in found.values()), *(other.load() or 0 for other in others)])
        first = self.log.segments[0].first if self.log.segments else last + 1
        for name, at in found.items():
            settled = last if at is None else max(at, first - 1)
            if at is None:
                cursors[name].save(settled, durable=True)
            self._places[name] = Place(settled + 1, settled, reader=LogReader(self.log), cursor=cursors[name])
        for other in others:  # an output that is no longer asked for holds nothing up
            other.path.unlink(missing_ok=True)
        return last

    # Putting in

    def put(self, line: bytes, priority: int = 6, extra: bytes = b"") -> Record:
        """Queue an alert. It survives the end of the program once :meth:`sync` has returned true.

        Raises:
            RuntimeError: the queue is closed.
        """
        with self._lock:
            if self.wait:
                while self.wait and self._full(adding=1) and not self._closed:
                    self.wait = self._moved.wait(_PATIENCE)  # an output that moves no more is not waited for again
            if self._closed:
                raise RuntimeError("the queue is closed")
            if self.finish is not None:
                line = self.finish(line, alert_id(self.run, self._next))
            record = Record(self._next, self.run, time.time_ns(), priority, line, extra)
            self._tail[record.number] = record
            self._tail_bytes += record.size
            self._next += 1
            self._trim()
            self._arrived.notify_all()
        return record

    def _full(self, adding: int = 0) -> bool:
        """Whether a queue in memory is over its bounds."""
        settings = self.settings
        return self._tail_bytes > settings.memory_bytes or 0 < settings.capacity < len(self._tail) + adding

    def _trim(self) -> None:
        """Take records out of memory: those on the disk or done with, and when it is too much, the oldest."""
        done = min((place.settled for place in self._places.values()), default=self._next - 1)
        while self._tail:
            oldest = self._tail_first
            if self.log is None:
                if oldest > done:
                    if self.wait or not self._full():
                        return
                    self._lose(oldest)
            elif self._tail_bytes <= _KEPT:
                return
            elif oldest > self._written:
                if self._tail_bytes <= _UNWRITTEN:
                    return
                self._written = oldest  # never will be: readers find the gap
            self._tail_bytes -= self._tail.pop(oldest).size
            self._tail_first += 1

    def _lose(self, last: int) -> None:
        """Note that all up to ``last`` is gone."""
        for place in self._places.values():
            place.lose(last)

    def losses(self) -> dict[str, int]:
        """Return how many alerts each output lost since this was asked last, where any."""
        with self._lock:
            found = {name: place.lost - place.told for name, place in self._places.items() if place.lost > place.told}
            for name in found:
                self._places[name].told = self._places[name].lost
        return found

    # Taking out

    def take(self, name: str, limit: int = 256 << 10, timeout: float | None = None) -> list[Record]:
        """Return the next records for an output, about ``limit`` bytes; none after ``timeout`` s or :meth:`close`."""
        place = self._places[name]
        with self._lock:
            if self._next <= place.next and not self._closed:
                self._arrived.wait_for(lambda: self._closed or self._next > place.next, timeout)
            if self._next <= place.next:
                return []
            number = place.next
            if number >= self._tail_first:
                return self._from_memory(place, limit)
        found = place.reader.read(number, limit) if place.reader else []
        with self._lock:
            if place.next != number:  # what was read is gone by now
                return []
            upto = found[0].number if found else self._tail_first
            place.lost += upto - number
            place.next = found[-1].number + 1 if found else upto
        return found

    def _from_memory(self, place: Place, limit: int) -> list[Record]:
        found: list[Record] = []
        taken = 0
        for number in range(place.next, self._next):
            record = self._tail[number]
            found.append(record)
            taken += record.size
            if taken >= limit:
                break
        place.next = found[-1].number + 1
        return found

    def settle(self, name: str, number: int) -> None:
        """Note that an output is done with all up to ``number``."""
        place = self._places[name]
        with self._lock:
            if number <= place.settled:
                return
            place.settle(number)
            done = min(other.settled for other in self._places.values())
            if self.log is None:
                self._trim()
            self._moved.notify_all()
        if self.log is not None:
            place.save()
            self.log.forget(done + 1)

    def rewind(self, name: str) -> None:
        """Have an output take again what it is not done with."""
        with self._lock:
            self._places[name].rewind()

    # Waiting

    def sync(self, timeout: float | None = None) -> bool:
        """Wait until all that was put in so far is on the disk; False after ``timeout`` seconds, or without a disk."""
        if self.log is None:
            return False
        with self._lock:
            target = self._next - 1
            self._urgent = True
            self._moved.notify_all()
            return self._moved.wait_for(lambda: self._synced >= target, timeout)

    def drained(self, timeout: float | None = None, names: Iterable[str] | None = None) -> bool:
        """Wait until outputs (all by default) are done with all that was put in so far."""
        with self._lock:
            target = self._next - 1
            places = [self._places[name] for name in (self._places if names is None else names)]
            return self._moved.wait_for(lambda: all(place.settled >= target for place in places), timeout)

    @property
    def synced(self) -> int:
        """The number up to which alerts survive the end of the program."""
        return self._synced

    def waiting(self, name: str) -> int:
        """Return how many alerts an output has yet to deliver."""
        with self._lock:
            return self._next - self._places[name].first

    def lost(self, name: str) -> int:
        """Return how many alerts an output lost."""
        return self._places[name].lost

    def oldest(self, name: str) -> float:
        """Return for how many seconds the oldest alert an output has yet to deliver has waited, 0 when none."""
        with self._lock:
            number = self._places[name].first
            if number >= self._next:
                return 0.0
            record = self._tail.get(number)
        if record is None and self.log is not None:
            reader = LogReader(self.log)
            record = next(iter(reader.read(number, 1)), None)
            reader.close()
        return 0.0 if record is None else max(0.0, (time.time_ns() - record.time) / SECOND)

    @property
    def bytes(self) -> int:
        """Bytes on the disk, or in memory where there is no disk."""
        return self._tail_bytes if self.log is None else self.log.size

    @property
    def last(self) -> int:
        """The number of the newest alert."""
        return self._next - 1

    def settled(self, name: str) -> int:
        """Return the number up to which an output is done."""
        return self._places[name].settled

    def stop(self) -> None:
        """Take nothing more in, and have waiting outputs return."""
        with self._lock:
            self._closed = True
            self._arrived.notify_all()
            self._moved.notify_all()

    def close(self) -> None:
        """Stop, and write what is not written."""
        self.stop()
        for thread in self._threads:
            thread.join()
        if self.log is not None:
            self.log.close()

    # The writer

    def _write(self) -> None:
        assert self.log is not None
        failing = False
        while True:
            with self._lock:
                self._arrived.wait_for(lambda: self._closed or self._next - 1 > self._written)
                # Outputs read from memory, so this can wait: one write for many alerts.
                self._moved.wait_for(self._hurried, self.settings.sync_after / 5)
                start = max(self._written + 1, self._tail_first)
                new = self._unwritten(start)
                if not new:
                    return
            try:
                self.log.append(new)
            except OSError as error:
                self.disk_errors += 1
                if not failing:
                    log.error("%s: alerts stay in memory for now: %s", self.log.folder, error.strerror)
                failing = True
                if error.errno in (errno.ENOSPC, errno.EDQUOT) and self._make_room():
                    continue
                if self._closed:
                    return
                time.sleep(0.5)
                continue
            if failing:
                log.warning("%s: alerts are on the disk again", self.log.folder)
                failing = False
            with self._lock:
                self._written = max(self._written, new[-1].number)
                self._trim()
                self._moved.notify_all()
            self._bound(new[-1].time)

    def _unwritten(self, start: int) -> list[Record]:
        """Return the next records to write, no more than make a segment twice as large as it should be."""
        assert self.log is not None
        new: list[Record] = []
        size = 0
        for number in range(start, min(self._next, start + _AT_ONCE)):
            new.append(self._tail[number])
            size += new[-1].size
            if size >= self.log.segment_bytes:
                break
        return new

    def _bound(self, now: int) -> None:
        """Remove what is too much or too old."""
        assert self.log is not None
        while self.log.size > self.settings.max_bytes and self._drop_oldest():
            pass
        limit = now - int(self.settings.max_age * SECOND)
        while len(self.log.segments) > 1 and self.log.segments[0].newest < limit and self._drop_oldest():
            pass

    def _make_room(self) -> bool:
        """On a full disk, remove what all outputs are done with; the oldest, when memory runs out as well."""
        assert self.log is not None
        self.log.finish()
        with self._lock:
            done = min(place.settled for place in self._places.values())
        before = self.log.size
        self.log.forget(done + 1)
        return self.log.size < before or (self._tail_bytes > _UNWRITTEN // 2 and self._drop_oldest())

    def _drop_oldest(self) -> bool:
        assert self.log is not None
        segment = self.log.drop_oldest()
        if segment is None:
            return False
        with self._lock:
            self._lose(segment.last)
        return True

    # Bringing it to the disk

    def _sync(self) -> None:
        assert self.log is not None
        while True:
            with self._lock:
                self._moved.wait_for(lambda: self._closed or self._written > self._synced)
                if self._written <= self._synced:
                    if self._threads[0].is_alive():
                        self._moved.wait(0.05)  # closing: the writer may have more
                        continue
                    return
                self._moved.wait_for(self._due, self.settings.sync_after * 4 / 5)
                target = self._written
                self._urgent = self._urgent and target < self._next - 1
            try:
                self.log.sync()
            except OSError as error:
                self.disk_errors += 1
                log.error("%s: alerts may not be on the disk: %s", self.log.folder, error.strerror)
                if self._closed:
                    return
                time.sleep(0.5)
                continue
            with self._lock:
                self._synced = max(self._synced, target)
                self._moved.notify_all()

    def _hurried(self) -> bool:
        return self._closed or self._urgent or self._next - 1 - self._written >= _AT_ONCE

    def _due(self) -> bool:
        return self._closed or self._urgent or self._written - self._synced >= self.settings.sync_records
