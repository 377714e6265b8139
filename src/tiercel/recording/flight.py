"""The flight recorder: what surrounds an alert becomes a capture, what came before it too.

It looks on a watch. The events of the last seconds are kept in memory; an alert of a rule with ``capture: true`` opens
a capture that begins with them and goes on for the rule's ``capture_duration``. One capture is open at a time: any
alert meanwhile is in it, and puts its end off, as in Falco 0.44 (``process_events.cpp``, whose names and limits these
are).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

import numpy as np

from tiercel.capture.event_blocks import event_blocks
from tiercel.capture.notes import alert_note
from tiercel.capture.settings import MB, CaptureSettings
from tiercel.capture.start import start
from tiercel.model.batch import Batch
from tiercel.outputs.alert import Alert
from tiercel.recording.capture import ID, PATH, OpenCapture
from tiercel.recording.leftovers import captures, complete
from tiercel.recording.retention import retain
from tiercel.recording.telling import failed, size_reached, written
from tiercel.recording.window import SECOND, Told, Window
from tiercel.rules.model import Rule
from tiercel.state.track import Tracker

log = logging.getLogger(__name__)

_LATE = SECOND  # an event may come this much later than it happened
_QUIET = 60 * SECOND  # between two alerts about captures that cannot be written
_RETAIN_EVERY = 60 * SECOND
_END = 10.0  # seconds that the end waits for the disk
_UNPACKED = 2  # bytes of blocks for one of the file: what was before gets no more than half of it


class Seen(Protocol):
    """An alert about event ``index`` of a batch, as it went out."""

    @property
    def index(self) -> int: ...

    @property
    def rule(self) -> Rule | None: ...

    @property
    def alert(self) -> Alert: ...


Piece = tuple[bytearray, int, int, int, int]
"""Blocks, how many events readers see in them, their first and last time, and the last event of them."""


def path_of(prefix: str, ts: int, number: int) -> Path:
    """Return the name of a capture, as Falco makes it.

    Args:
        ts: time of the event that asked for it, ns since the epoch.
        number: number of that event.
    """
    return Path(f"{prefix}_{ts:020d}_{number:020d}.scap")


class FlightRecorder:
    """A part of a watch; see :class:`tiercel.watching.loop.Annotator`.

    Set ``tell`` to what sends alerts about the watch, and ``done`` to what is to be called with each capture that was
    completed; both are called by the thread of the loop. ``written`` counts those captures.

    Args:
        tracker: the one that follows the events of the watch.
        source: where they come from, for the capture's first note.
    """

    def __init__(self, settings: CaptureSettings, tracker: Tracker, hostname: str, source: str = "") -> None:
        self.settings, self.hostname, self.source = settings, hostname, source
        self.tell: Callable[[Alert], None] = lambda alert: None
        self.written = 0
        self.window = Window(settings.before, settings.memory_bytes, lambda ts: start(tracker, ts))
        self.done: Callable[[Path], None] = lambda path: None
        self._open: OpenCapture | None = None
        self._closing: list[OpenCapture] = []
        self._deadline = 0
        self._triggers: set[tuple[int, int]] = set()  # event and rule of the alerts at hand that ask for a capture
        self._quiet_until = self._retained = 0
        self._seen = 0  # time of the newest event
        self._recovered: SimpleQueue[tuple[Path, dict[str, Any]]] = SimpleQueue()

    @property
    def open(self) -> Path | None:
        """The capture that is being written."""
        return None if self._open is None else self._open.path

    def annotate(self, batch: Batch, index: int, rule: Rule, alert: Alert) -> Mapping[str, str] | None:
        """Open a capture if the rule asks for one; return where the alert will be found."""
        settings, ts = self.settings, int(batch.ts[index])
        asks = settings.all_rules or rule.capture
        if self._open is not None and ts > self._deadline and not asks:
            return None
        if asks:
            self._triggers.add((index, rule.index))
        self._deadline = max(self._deadline, ts + (rule.capture_duration or settings.default_duration) * 1_000_000)
        if self._open is None and asks:
            self._start(path_of(settings.path_prefix, ts, int(batch.num[index])), rule, ts)
        capture = self._open
        return None if capture is None else {PATH: str(capture.path), ID: capture.id}

    def _start(self, path: Path, rule: Rule, ts: int) -> None:
        try:
            self._open = OpenCapture(path, self.hostname, self.settings.max_file_bytes)
        except OSError as error:
            self._deadline = 0
            self._failed(f"{path}: {error.strerror}", ts)
            return
        self._open.trigger = rule.name

    def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        """Take in a batch."""
        if not batch.count:
            return
        capture = self._open
        if capture is not None and not capture.begun:
            capture.begin(self.window.newest(self.settings.max_file_bytes * _UNPACKED), self._about(capture))
        cut = self._cut(batch) if capture is not None else batch.count
        pieces = self._pieces(batch, alerts, cut)
        for (block, events, first, last, end), told in pieces:
            self.window.add(block, len(block), events, first, last)
            for one in told:
                self.window.tell(one)
            if capture is not None and end <= cut:
                capture.put(block, events, first, last)
                capture.contents.tell(told)
        self._triggers.clear()
        last = int(batch.ts[batch.count - 1])
        self._seen = last if last < self._seen - SECOND else max(last, self._seen)  # somebody may set the clock back
        if capture is not None:
            if cut < batch.count or last >= self._deadline:
                self._end("time")
            elif capture.writing.full:
                self._end("size")
            elif capture.writing.overrun:
                self._end("the disk was too slow")
        self.window.turn(self._seen)

    def _cut(self, batch: Batch) -> int:
        """Return how many events of a batch the open capture still gets: up to the first at its end or later."""
        late = batch.ts[: batch.count] >= self._deadline
        return int(np.argmax(late)) + 1 if late.any() else batch.count

    def _pieces(self, batch: Batch, alerts: Sequence[Seen], cut: int) -> list[tuple[Piece, list[Told]]]:
        """Return the blocks of a batch in order, each with the alerts about its last event, which it ends with."""
        about: dict[int, list[Seen]] = {}
        for seen in alerts:
            if seen.rule is not None:
                about.setdefault(seen.index, []).append(seen)
        ends = sorted({*(index + 1 for index in about), cut, batch.count})
        pieces, low = [], 0
        for high in ends:
            chosen = np.arange(low, high, dtype=np.int64)
            shown = batch.visible[low:high]
            blocks, _ = event_blocks(batch, chosen, ~shown)
            times = batch.ts[low:high][shown]
            told = []
            for seen in about.get(high - 1, ()):
                line = seen.alert.to_json().encode("utf-8", "replace")
                asked = seen.rule is not None and (high - 1, seen.rule.index) in self._triggers
                told.append(Told(seen.alert.time, seen.alert.rule, line, asked))
                blocks += alert_note(int(batch.ts[high - 1]), line, seen.alert.rule)
            span = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
            pieces.append(((blocks, len(times), *span, high), told))
            low = high
        return pieces

    def _about(self, capture: OpenCapture) -> dict[str, Any]:
        about = {"capture": capture.id, "host": self.hostname, "source": self.source, "rule": capture.trigger}
        return {**about, "before": self.settings.before}

    def tick(self, now: int) -> None:
        """Do what is due."""
        if self._open is not None and now >= self._deadline + _LATE:
            self._end("time")
        for capture in [capture for capture in self._closing if capture.written is not None]:
            self._closing.remove(capture)
            self._tell(capture)
        if self._open is not None and self._open.writing.failed:
            capture, self._open, self._deadline = self._open, None, 0
            self._tell(capture)
        if self._open is None:
            self.window.turn(max(now - _LATE, self._seen))
        self._tell_recovered()
        if now >= self._retained + _RETAIN_EVERY:
            self._retained = now
            retain(captures(self.settings.path_prefix), self.settings.max_files, self.settings.keep_age, now)

    def _end(self, reason: str) -> None:
        """Close the open capture."""
        if self._open is None:
            return
        capture, self._open, self._deadline = self._open, None, 0
        if not capture.begun:
            capture.begin(self.window.newest(0), self._about(capture))
        capture.end(reason)
        self._closing.append(capture)

    def _tell(self, capture: OpenCapture) -> None:
        """Tell of a capture that is complete, or that failed."""
        result = capture.written
        assert result is not None
        now = time.time_ns()
        if result.error:
            self._failed(result.error, now)
            return
        self.written += 1
        if capture.contents.reason == "size":
            self.tell(size_reached(self.hostname, now, self.settings.max_file_bytes // MB, result.size))
        about = capture.about(result.size, result.sha256)
        self.tell(written(self.hostname, now, capture.path, about))
        self.done(capture.path)

    def recover(self) -> None:
        """Complete, in a thread, captures that a watch before left behind; they are told of when that is done."""

        def work() -> None:
            for found in complete(self.settings.path_prefix):
                self._recovered.put(found)

        Thread(target=work, name="tiercel-leftovers", daemon=True).start()

    def _tell_recovered(self) -> None:
        while True:
            try:
                path, about = self._recovered.get_nowait()
            except Empty:
                return
            self.tell(written(self.hostname, time.time_ns(), path, about))
            self.done(path)

    def _failed(self, reason: str, now: int) -> None:
        log.error("capture: %s", reason)
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            self.tell(failed(self.hostname, now, reason))

    def close(self) -> None:
        """Complete what is open."""
        self._end("the watch ended")
        until = time.monotonic() + _END
        for capture in self._closing:
            if capture.writing.join(max(0.0, until - time.monotonic())):
                self._tell(capture)
            else:
                log.error("%s: is still being written", capture.path)
        self._closing = []
        self.window.close()
