"""The loop of a watch: batches in, alerts out, and whoever else looks on told of both."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol, runtime_checkable

from tiercel.detect import Detection
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.outputs.added_fields import with_fields
from tiercel.outputs.alert import Alert
from tiercel.outputs.drops import internal_line
from tiercel.rules.model import Rule
from tiercel.watching.losses import Losses
from tiercel.watching.source import Source
from tiercel.watching.totals import Totals

log = logging.getLogger("tiercel.watching")

_TICK = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as it went out: about event ``index`` of the batch, by ``rule`` (None for alerts about the watch)."""

    index: int
    rule: Rule | None
    line: bytes
    alert: Alert


class Part(Protocol):
    """Something that looks on."""

    def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        """Take a tracked batch and the alerts it raised. The batch is only valid until this returns."""

    def tick(self, now: int) -> None:
        """Do what is due; called at least each second. ``now`` is ns since the epoch."""

    def close(self) -> None:
        """End; the watch is over."""


@runtime_checkable
class Annotator(Protocol):
    """A part that adds to alerts before they are sent."""

    def annotate(self, batch: Batch, index: int, rule: Rule, alert: Alert) -> Mapping[str, str] | None:
        """Return fields to add to the ``output_fields`` of an alert."""


class Outlet(Protocol):
    """Where alerts go besides stdout: :class:`tiercel.outputs.channels.front.Outputs`, or what stands in for it."""

    def send(self, line: bytes, alert: Alert) -> str:
        """Take an alert, as it is printed and as it is, and return its id."""


class Watch:
    """Runs rules over a source and sends the alerts.

    ``detection`` may be replaced at any time with :meth:`use`, from another thread too. ``totals`` counts alerts by
    rule, those of earlier rules too. ``stopped`` says that ``syscall_event_drops`` ended the watch, ``ticked`` when
    (monotonic s) the loop was last seen to go round, 0 before it began, ``ended`` that it does no more.

    Args:
        out: where alerts are printed, None for nowhere.
        outputs: where else they go.
        parts: who looks on.
    """

    def __init__(
        self,
        source: Source,
        detection: Detection,
        out: BinaryIO | None = None,
        outputs: Outlet | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        self.source = source
        self.detection = detection
        self.out, self.outputs, self.parts = out, outputs, list(parts)
        self.losses = Losses(detection.drops.settings, source.hostname)
        self.due: list[Callable[[], None]] = []
        """Called at each tick, by the thread of the loop."""
        self._annotators = [part for part in self.parts if isinstance(part, Annotator)]
        self.totals = Totals()
        self.ticked = 0.0
        self.ended = False
        self._later: deque[Callable[[], None]] = deque()

    @property
    def stopped(self) -> bool:
        return self.detection.stopped or self.losses.stopped

    def use(self, detection: Detection) -> None:
        """Go on with other rules from the next tick on; for any thread."""
        self.later(lambda: self._swap(detection))

    def later(self, call: Callable[[], None]) -> None:
        """Have the thread of the loop call this at its next tick, between two batches; for any thread."""
        self._later.append(call)

    def run(self) -> None:
        """Handle batches until the source ends or the settings about drops end it; then close the parts."""
        self.source.idle = self.tick
        try:
            for batch in self.source:
                self._handle(batch)
                if self.stopped:
                    break
                self.tick()
        finally:
            self.ended = True
            self._catch_up()
            for part in self.parts:
                part.close()

    def tick(self) -> None:
        """Do what is due, if it is time to."""
        now = time.monotonic()
        if now < self.ticked + _TICK:
            return
        self.ticked = now
        for call in self.due:
            call()
        self._catch_up()
        for part in self.parts:
            part.tick(time.time_ns())

    def _catch_up(self) -> None:
        """Do what other threads asked for."""
        while self._later:
            self._later.popleft()()

    def tell(self, alert: Alert) -> None:
        """Send an alert about the watch itself; for the thread of the loop."""
        self._send(internal_line(alert, self.detection.style.json), alert)

    def _swap(self, detection: Detection) -> None:
        try:
            self.source.want(detection.rules)
        except InputError as error:
            log.error("the rules were read again, but their events are not to be had: %s; those before stay", error)
            return
        self.losses.settings = detection.drops.settings
        self.detection = detection

    def _handle(self, batch: Batch) -> None:
        detection = self.detection
        matches = detection.match(batch)
        counts = matches.counts()
        detection.count(counts)
        self.totals.add(detection.rules, counts)
        seen: list[Seen] = []
        if self.outputs is None and not self.parts:
            if self.out is not None and (lines := detection.lines(batch, matches)):
                self.out.write(lines)
                self.out.flush()  # whoever reads is to know now
        elif len(matches.indices) or detection.notices:
            seen = [self._annotated(batch, *found) for found in detection.pairs(batch, matches)]
            for alert in seen:
                self._send(alert.line, alert.alert)
        if notice := self.losses.look(int(batch.ts[-1]), self.source.events, self.source.lost.total):
            self.tell(notice)
        for part in self.parts:
            part.see(batch, seen)

    def _annotated(self, batch: Batch, index: int, position: int, line: bytes, alert: Alert) -> Seen:
        """Return an alert with what the annotators add to it."""
        rule = self.detection.rules[position] if position >= 0 else None
        added: dict[str, str] = {}
        if rule is not None:
            for annotator in self._annotators:
                added |= annotator.annotate(batch, index, rule, alert) or {}
        if added:
            alert = replace(alert, output_fields=alert.output_fields | added)
        return Seen(index, rule, with_fields(line, added), alert)

    def _send(self, line: bytes, alert: Alert) -> None:
        if self.out is not None:
            self.out.write(line)
            self.out.flush()
        if self.outputs is not None:
            self.outputs.send(line, alert)
