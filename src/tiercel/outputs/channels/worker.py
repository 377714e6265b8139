"""The thread that takes alerts from the queue to one channel, and tries again for as long as it must."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time

from tiercel.outputs.channels.sink import Sink, SinkError
from tiercel.outputs.queue import Queue

log = logging.getLogger("tiercel.outputs")

_SETTLE_AFTER = 0.2  # seconds between two notes of how far an output has come
_TELL_AFTER = 60.0  # seconds between two messages that a channel still fails


class Backoff:
    """Growing pauses between attempts, each random so that many hosts do not come at once. Seconds."""

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self.first, self.most = first, most
        self.tries = 0

    def next(self, least: float = 0.0) -> float:
        full = min(self.most, self.first * 2 ** min(self.tries, 16))
        self.tries += 1
        return max(random.uniform(full / 2, full), min(least, 300.0))


class Worker(threading.Thread):
    """Serves one output. ``sent`` and ``failed`` count alerts delivered and attempts that failed."""

    def __init__(self, name: str, sink: Sink, queue: Queue, backoff: Backoff | None = None) -> None:
        super().__init__(name=f"output-{name}", daemon=True)
        self.output, self.sink, self.queue = name, sink, queue
        self.backoff = backoff or Backoff()
        self.sent = self.failed = 0
        # After a failure one alert is tried, then more: it may be the second that the peer fails on.
        self._limit = sink.most
        self.error = ""  # why it fails at present
        self._stopping = threading.Event()
        self._reopen = False
        self._given: list[int] = []  # number of the last record given, and how many since the last settling
        self._count = 0
        self._settled_at = time.monotonic()
        self._told_at = 0.0
        self._failing_since = 0.0

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
            except (SinkError, OSError) as error:
                self._failed(error)
            except Exception:  # a fault in a channel must not end it: alerts wait, and the fault is told
                log.exception("%s: cannot go on for now", self.output)
                self._failed(SinkError("a fault of its own"))
        with contextlib.suppress(SinkError, OSError):
            if self._given:
                self._settle()
        self.sink.close()

    def reopen(self) -> None:
        """Have the channel open its files and connections anew before the next alert."""
        self._reopen = True

    def end(self) -> None:
        """Have the thread end soon; what is not delivered stays in the queue, which is to be stopped before."""
        self._stopping.set()
        self.sink.stop()

    def _step(self) -> None:
        records = self.queue.take(self.output, self._limit, _SETTLE_AFTER if self._given else None)
        if self._reopen:
            self._reopen = False
            self.sink.reopen()
        if records:
            try:
                self.sink.send(records)
            except SinkError as error:
                if error.done:
                    self._note(records[error.done - 1].number, error.done)
                    self._settle()
                raise
            self._note(records[-1].number, len(records))
        due = not records or self._limit < self.sink.most or time.monotonic() - self._settled_at >= _SETTLE_AFTER
        if self._given and due:
            self._settle()
            self._limit = min(self._limit * 8, self.sink.most)
        elif not records:
            self._stopping.wait(0.01)  # the queue is closed

    def _note(self, number: int, count: int) -> None:
        self._given = [number]
        self._count += count

    def _settle(self) -> None:
        self.sink.settle()
        number, count = self._given[0], self._count
        self._given, self._count = [], 0
        self._settled_at = time.monotonic()
        self.sent += count
        if self.error:
            log.warning("%s: delivers again after %.0f s", self.output, time.monotonic() - self._failing_since)
            self.error = ""
        self.backoff.tries = 0
        self.queue.settle(self.output, number)

    def _failed(self, error: SinkError | OSError) -> None:
        self._given, self._count, self._limit = [], 0, 1
        self.queue.rewind(self.output)
        if self._stopping.is_set():
            return
        with contextlib.suppress(OSError):
            self.sink.reopen()
        self.failed += 1
        now = time.monotonic()
        if not self.error:
            self._failing_since, self._told_at = now, 0.0
        self.error = str(error) or type(error).__name__
        if now - self._told_at >= _TELL_AFTER:
            self._told_at = now
            waiting = self.queue.waiting(self.output)
            log.warning("%s: %s; %d alerts wait and will be tried again", self.output, self.error, waiting)
        self._stopping.wait(self.backoff.next(error.after if isinstance(error, SinkError) else 0.0))
