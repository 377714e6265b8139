"""The running host as the kernel's audit subsystem tells it, as tracked batches: where eBPF is not to be had.

Records become the events of a capture by the way that audit logs take (:mod:`tiercel.capture.audit_events`), a few
milliseconds at a time. What records lack, ``/proc`` is asked for while the process is still there.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from tiercel.capture.audit_events import AuditEvents
from tiercel.capture.writer import CaptureWriter
from tiercel.fields.evt_generic import live_hostname
from tiercel.kernels import tell_if_slow
from tiercel.model.batch import Batch, Tables
from tiercel.rules.model import Rule
from tiercel.sources.audit_event import AuditEvent
from tiercel.sources.audit_live.ahead import ReadAhead
from tiercel.sources.audit_live.assembly import Assembly
from tiercel.sources.audit_live.auditing import NUDGE, Auditing
from tiercel.sources.audit_live.losses import RecordLosses
from tiercel.sources.audit_live.owner import open_records
from tiercel.sources.audit_live.rules import Condition
from tiercel.sources.audit_log import AuditProblems
from tiercel.sources.audit_record import AuditRecord
from tiercel.sources.live.decoding import DROP_BYTES, LiveDecoder, drop_block
from tiercel.sources.live.host import live_world
from tiercel.sources.live.introduction import Identity, sightings
from tiercel.sources.live.procfs import pids as alive
from tiercel.sources.live.procfs import read_descriptors, read_process, read_threads
from tiercel.sources.live.root import own_pid
from tiercel.sources.live.stream import Lost
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.state.track import Tracker
from tiercel.watching.audit_sight import unseen
from tiercel.watching.audit_wanted import audit_rules
from tiercel.wire.conversion import CONSTANTS

log = logging.getLogger(__name__)

_AT_ONCE = 2000  # records read before they are handled
_REST = 0.02  # seconds until the next look at what is not complete
_IDLE = 0.2  # seconds
_COUNT_EVERY = 0.5  # seconds between looks at what was lost
_SWEEP_EVERY = 10.0  # seconds between looks for processes that ended
_LAST_WAIT = 2.0  # seconds for what is still in the kernel when the watch ends, as long as nothing comes
_LONGEST_WAIT = 10.0  # seconds for it in all
_PRESSED = 2.0  # seconds after a rush during which processes may wait that the kernel forgot
_RUSH = 500  # records read at once
_START_PATIENCE = 5.0  # seconds to wait for what is known of the containers there are at the start


class AuditSource:
    """Iterates over the host's events as tracked batches, until :meth:`stop` or for ``seconds``; a
    :class:`tiercel.watching.source.Source`.

    ``threads`` and ``descriptors`` are the host as it was at the start; a recording begins with them. ``auditing``
    holds what the kernel was told, ``reading`` says where the records come from. Close it, or use it in a ``with``
    statement: what was changed in the kernel is restored then.

    Args:
        rules: the rules whose events are wanted.
        seconds: how long to watch, None for ever.
        way: where records come from, see :func:`tiercel.sources.audit_live.owner.open_records`.
        within: conditions that all audit rules get besides, such as the login whose acts are watched.
        identity: tells who containers are; the caller closes it.

    Raises:
        LiveError: this host cannot be audited; says why.
    """

    name = "audit"

    def __init__(
        self,
        rules: Iterable[Rule],
        seconds: float | None = None,
        way: str = "auto",
        within: tuple[Condition, ...] = (),
        identity: Identity | None = None,
    ) -> None:
        tell_if_slow()
        self.seconds = seconds
        self.events = 0
        self.tables = Tables()
        self.idle: Callable[[], None] = _nothing
        self.world = live_world(live_hostname())
        self.problems = AuditProblems()
        self.marks = _Counted()
        self.within = within
        self.identity = identity
        self._stopped = False
        self._own = str(own_pid()).encode()
        self._assembly = Assembly()
        self.auditing = Auditing()
        self._closing: list[Callable[[], None]] = [self.auditing.end]
        try:
            self.reading = open_records(self.auditing.status().pid, way)
            self._closing.append(self.reading.records.close)
            self.auditing.enable(self.reading.owner)
            self.want(rules)
            self._losses = RecordLosses(self.auditing.status().lost)
            self._ahead = ReadAhead(self.reading, _look)
            self._closing.insert(1, self._ahead.close)
            self.threads: list[ThreadRecord] = [thread for thread in read_threads() if thread.tid == thread.pid]
            pids = [thread.pid for thread in self.threads]
            self.descriptors: list[tuple[int, list[FdRecord]]] = list(read_descriptors(pids))
        except BaseException:
            self.close()
            raise
        self.tracker = Tracker(self.tables, self.world, self.threads, self.descriptors)
        self.tracker.compaction.keep_small()
        self._blocks = io.BytesIO()
        self._writer = CaptureWriter(self._blocks)
        look, near = self._ahead.look, self._ahead.near
        self._convert = AuditEvents(self.world, self._writer, self.marks, self.problems, look, near)
        self._convert.processes.begin(self.threads)
        self._take_blocks()  # the head of a capture, which nobody needs
        self._news = b""  # of the containers there were
        if identity is not None:
            there = [(thread.cgroups, thread.pid) for thread in self.threads]
            self._news = identity.meet(there, time.time_ns(), patience=_START_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def hostname(self) -> str:
        return self.world.machine.hostname

    @property
    def lost(self) -> Lost:
        return Lost(full=self._losses.total)

    def want(self, rules: Iterable[Rule]) -> None:
        """From now on audit what these rules need."""
        self.rules = list(rules)
        self.auditing.audit(rule.besides(*self.within) for rule in audit_rules(self.rules))

    def begin_remarks(self) -> list[str]:
        """Return what to say at the start: where records come from, what is audited, and what rules cannot see."""
        said = [f"audit records come {self.reading.way}", *self.auditing.remarks]
        if self.auditing.locked:
            said.append("the audit rules are locked until the host is started anew: only what they audit is seen")
        else:
            said += [f"audited: {rule.text}" for rule in self.auditing.rules]
        for rule, why in unseen(self.rules).items():
            said.append(f"rule {rule!r} cannot match in audit mode: {why}")
        return said

    def remarks(self) -> list[str]:
        """Return what to say at the end of what was not followed."""
        said = []
        if self._assembly.incomplete:
            said.append(f"{self._assembly.incomplete:,} audit events came without their last records")
        if len(self.problems):
            said.append(f"{len(self.problems):,} audit records could not be read")
        return said

    def stop(self) -> None:
        """Let the iteration end; may be called from a signal handler."""
        self._stopped = True

    def close(self) -> None:
        """Stop auditing, and restore what was. Calling it again does nothing."""
        self._stopped = True
        while self._closing:
            self._closing.pop(0)()

    def __iter__(self) -> Iterator[Batch]:
        until = None if self.seconds is None else time.monotonic() + self.seconds
        decoder = LiveDecoder(self.tables)
        count_due = sweep_due = 0.0
        pressed = 0.0  # until when
        last = most = 0.0  # when waiting for the last events ends, whether they come or not
        end = b""  # what comes after them
        waits = self.reading.owner
        if self._news:
            news = bytearray(CONSTANTS + self._news)
            yield self._tracked(decoder.batch(news, len(news)))
        passed = False  # whether a nudge came back since the end was asked for
        while True:
            records = self._ahead.take(_AT_ONCE)
            self._take(records)
            now = time.monotonic()
            if len(records) >= _RUSH:
                pressed = now + _PRESSED
            lost = 0
            if now >= count_due or last:
                count_due = now + _COUNT_EVERY
                lost = self._look_after()
            if now >= sweep_due:
                if sweep_due:
                    self._convert.processes.sweep(time.time_ns(), set(alive()))
                sweep_due = now + _SWEEP_EVERY
            for batch in self._batches(decoder, lost):
                yield self._tracked(batch)
                batch.derived.clear()  # what readers made of it refers back to it
            if len(records) >= _AT_ONCE:
                continue
            now = time.monotonic()
            if last:
                passed = passed or any(record.type == NUDGE and end in record.body for record in records)
                if now >= last or (passed and not self._assembly.waiting) or not (waits or self._more(records)):
                    for batch in self._batches(
                        decoder, self._look_after() + self._look_after()
                    ):  # nothing more may come
                        yield self._tracked(batch)
                    return
                if records and not passed:
                    last = min(now + _LAST_WAIT, most)
            elif self._stopped or (until is not None and now >= until):
                last, most = now + _LAST_WAIT, now + _LONGEST_WAIT
                end = self._nudge()
                continue
            rest = _REST if last or now < pressed or self._assembly.waiting else _IDLE
            if until is not None and not last:
                rest = max(min(rest, until - now), 0)
            if not self._ahead.wait(rest):
                if now < pressed or last:
                    self._nudge()
                self.idle()

    def _take(self, records: list[AuditRecord]) -> None:
        for event in self._assembly.add(records, time.monotonic_ns()):
            if event.records[0].type == NUDGE or self._is_own(event):
                self._convert.serials.add(event)
            else:
                self._convert.take(event)

    def _is_own(self, event: AuditEvent) -> bool:
        """Whether we made the call ourselves, under the audit rules of somebody else."""
        first = event.records[0]
        return first.type == "SYSCALL" and first.fields.get(b"pid") == self._own

    def _look_after(self) -> int:
        """See that records still come here; return how many were lost since the last time."""
        status = self.auditing.status()
        if self.reading.owner and status.pid == 0 and not self._stopped:
            log.warning("the kernel has given up this process as its audit daemon: becoming it again")
            self.reading.own_again()
        return self._losses.fresh(status.lost, self._convert.serials.missing)

    def _more(self, records: list[AuditRecord]) -> bool:
        """Whether more is to come of what happened so far, after these records."""
        came = any(record.type != NUDGE for record in records)
        return came or self._assembly.waiting or self.auditing.status().backlog > 0

    def _nudge(self) -> bytes:
        return self.auditing.nudge() if self.reading.owner else b""

    def _take_blocks(self) -> bytes:
        self._writer.flush()
        blocks = self._blocks.getvalue()
        self._blocks.seek(0)
        self._blocks.truncate()
        return blocks

    def _batches(self, decoder: LiveDecoder, lost: int) -> Iterator[Batch]:
        """Yield what came, with an event about what was lost, and before it what is known of containers it begins."""
        now = time.time_ns()
        blocks = self._take_blocks()
        if not blocks and not lost:
            if self.identity is not None and (told := self.identity.meet((), now)):
                news = bytearray(CONSTANTS + told)
                yield decoder.batch(news, len(news))
            return
        data = bytearray(CONSTANTS + blocks)
        if lost:
            end = len(data)
            data += bytes(DROP_BYTES)
            drop_block(data, end, now, lost)
        batch = decoder.batch(data, len(data))
        if self.identity is not None and batch.count:
            told = self.identity.meet(sightings(batch), int(batch.ts[0]))
            if told:
                yield decoder.ahead(batch, told)
        yield batch

    def _tracked(self, batch: Batch) -> Batch:
        self.tracker.track(batch)
        self.events += int(batch.visible.sum())
        return batch


class _Counted:
    """Records that become no event have no place in a watch; ``count`` says how many there were."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, record: AuditRecord, place: str, note: bytes = b"") -> None:
        self.count += 1


def _look(pid: int) -> ThreadRecord | None:
    """Return a process as it is now; one that is ending has left its cgroups already and is taken for gone."""
    record = read_process(pid)
    return record if record is not None and record.exe_ino else None  # read last, and gone first


def _nothing() -> None:
    pass
