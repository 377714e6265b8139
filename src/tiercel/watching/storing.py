"""``--store``: what a watch sees becomes segments of a store.

The loop hands blocks to a thread that writes them to a capture in the store's folder ``spool``. A complete capture
becomes a segment in a process of its own, at low priority, which also keeps the store in its bounds (``stored.py``). A
capture goes when its segment is there; what is left after a crash is taken in at the next start.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.rules.model import Priority
from tiercel.state.track import Tracker
from tiercel.watching.loop import Seen
from tiercel.watching.spool import SUFFIX, Spool
from tiercel.watching.values import Part, Unit, Value, counter, gauge

log = logging.getLogger("tiercel.store")

LOST_RULE = "Tiercel internal: events not stored"
SPOOL = "spool"
BAD = ".bad"
"""What is appended to the name of a capture that cannot be stored."""

EVERY = 600.0
"""Seconds after which a segment is made, unless its events are many before."""

_TELL_AFTER = 60.0  # seconds between two alerts about events that are not stored
_RETRY = 10.0  # seconds until a capture that could not be taken in is tried again
_GIVE_UP = 600.0  # seconds until a capture that cannot be taken in is passed over
_PATIENCE = 20.0  # seconds that the end waits for the last capture to be taken in
_AT_ONCE = 16  # captures, between two looks at the bounds
_SHARE = 4  # captures that wait may have one part in so many of the store's size
_LEAST = 1 << 30  # bytes that they may have in any case


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """``max_bytes`` and ``max_age`` (s) bound the segments that watching made, 0 for no such bound; a segment is made
    after ``every`` seconds or ``events`` events.
    """

    folder: Path
    max_bytes: int = 0
    max_age: float = 0.0
    every: float = EVERY
    events: int = 1 << 17


class Storing:
    """A part of a watch; see :class:`tiercel.watching.loop.Part`.

    Making one takes a second; :meth:`begin` is for when the events are at hand. Set ``tell`` to what sends alerts about
    the watch; it is called by the thread of the loop.

    Raises:
        InputError: the folder holds something else, or what storing takes is not installed.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self.settings, self.hostname = settings, ""
        self.tell: Callable[[Alert], None] = lambda alert: None
        self.segments = self.bytes = self.failed = self.dropped = 0
        """Segments that watching made and their bytes; captures that could not be taken in, or had to go before."""
        self._paths: SimpleQueue[Path | None] = SimpleQueue()
        self._told = 0.0
        self._lost = 0
        self._ending = False
        self._failing = (Path(), 0.0)
        self._ran(self._run([]))
        folder = settings.folder / SPOOL
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: {error.strerror}") from None
        self._folder = folder
        self.spool: Spool
        self._thread = threading.Thread(target=self._work, name="tiercel-store", daemon=True)

    def begin(self, tracker: Tracker, hostname: str) -> None:
        """Store what comes after the state that the tracker has now."""
        self.hostname, settings = hostname, self.settings
        self.spool = Spool(self._folder, tracker, hostname, self._paths.put, settings.every, settings.events)
        self._thread.start()

    def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        """Take in a batch."""
        self.spool.put(batch, alerts)

    def tick(self, now: int) -> None:
        """Do what is due."""
        self.spool.turn()
        if self.spool.lost > self._lost and time.monotonic() >= self._told + _TELL_AFTER:
            self._told = time.monotonic()
            count, reason = self.spool.lost - self._lost, self.spool.error or "the disk is too slow"
            self._lost = self.spool.lost
            log.error("%d events not stored: %s", count, reason)
            message = f"{LOST_RULE}. {count} events are not in the store: {reason}"
            fields = {"n_lost": str(count), "reason": reason}
            label = Priority.ERROR.label
            self.tell(Alert(now, LOST_RULE, label, INTERNAL, self.hostname, message, message, fields))

    def close(self) -> None:
        """Complete the last capture and have it taken in; what does not come to it in time is, at the next start."""
        self.spool.close(10)
        self._ending = True
        self._paths.put(None)
        self._thread.join(_PATIENCE)
        if waiting := self._waiting():
            log.warning("%d captures wait in %s: they are stored at the next start", len(waiting), waiting[0].parent)

    def values(self) -> Iterator[Value]:
        """Yield what there is to count."""
        yield counter(Part.OWN, "store_events", self.spool.events, "Events on their way into the store.")
        yield counter(Part.OWN, "store_events_lost", self.spool.lost, "Events that the disk did not take.")
        yield counter(Part.OWN, "store_failed", self.failed, "Captures that could not be taken in at once.")
        yield counter(Part.OWN, "store_dropped", self.dropped, "Captures removed before they were taken in.")
        yield gauge(Part.OWN, "store_segments", self.segments, "Segments in the store, of watching.")
        yield gauge(Part.OWN, "store_size", self.bytes, "Bytes of them.", Unit.BYTES)
        yield gauge(Part.OWN, "store_spool", _size(self._waiting()), "Bytes that wait to become segments.", Unit.BYTES)

    def _waiting(self) -> list[Path]:
        """Return the captures that wait, oldest first."""
        folder = self.settings.folder / SPOOL
        try:
            return sorted(folder / name for name in os.listdir(folder) if name.endswith(SUFFIX))
        except OSError:
            return []

    def _work(self) -> None:
        self._take_in()
        while not self._ending:
            try:
                path = self._paths.get(timeout=_RETRY if self._waiting() else None)
            except Empty:
                path = None
            if path is not None or self._waiting():
                self._take_in()
        if self._waiting():
            self._take_in()

    def _take_in(self) -> None:
        """Have the captures that wait taken in, oldest first, until one cannot be."""
        self._bound()
        while waiting := self._waiting():
            try:
                self._ran(self._run([str(path) for path in waiting[:_AT_ONCE]]))
            except InputError as error:
                self.failed += 1
                log.error("%s; it is tried again", error)
                self._put_aside()
                return
            if self._ending:
                return

    def _put_aside(self) -> None:
        """Pass over the oldest capture when it is that one which has failed for long; it stays in the folder."""
        waiting, now = self._waiting(), time.monotonic()
        if not waiting:
            return
        path, since = self._failing
        if waiting[0] != path:
            self._failing = waiting[0], now
        elif now >= since + _GIVE_UP and len(waiting) > 1:
            log.error("%s: passed over: it could not be stored for %.0f s", path, now - since)
            path.rename(path.with_name(path.name + BAD))

    def _bound(self) -> None:
        """Remove the oldest captures when more wait than should."""
        most = max(_LEAST, self.settings.max_bytes // _SHARE)
        waiting = self._waiting()
        while len(waiting) > 1 and _size(waiting) > most:
            oldest = waiting.pop(0)
            log.error("%s: removed: more waits to be stored than there is room for", oldest)
            oldest.unlink(missing_ok=True)
            self.dropped += 1

    def _run(self, captures: list[str]) -> subprocess.CompletedProcess[str]:
        settings = self.settings
        bounds = [str(settings.max_bytes), str(settings.max_age)]
        command = [sys.executable, "-P", "-m", "tiercel.watching.stored", str(settings.folder), *bounds, *captures]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def _ran(self, ran: subprocess.CompletedProcess[str]) -> None:
        try:
            told = json.loads(ran.stdout.rpartition("\n")[0].rpartition("\n")[2] or "{}")
            self.segments, self.bytes = int(told["segments"]), int(told["bytes"])
        except (ValueError, KeyError, TypeError):
            reason = ran.stderr.strip().rpartition("\n")[2].removeprefix("tiercel: ")
            raise InputError(reason or f"storing ended with exit code {ran.returncode}") from None


def _size(paths: Sequence[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
