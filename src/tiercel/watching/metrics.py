"""What a watch has to tell of itself, gathered while it goes on.

Everything is read from where it is counted, by whichever thread asks; the loop waits for nobody.

References: userspace/falco/falco_metrics.cpp and stats_writer.cpp of Falco 0.44, for the values both have.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tiercel import __version__
from tiercel.config.running import MetricsSettings
from tiercel.rules.versions import FALCO
from tiercel.scanning import Scan
from tiercel.watching.loop import Watch
from tiercel.watching.resources import resource_values
from tiercel.watching.values import Group, Part, Unit, Value, counter, gauge, info

if TYPE_CHECKING:
    from tiercel.outputs.channels.front import Outputs
    from tiercel.recording.flight import FlightRecorder
    from tiercel.watching.reload import Reloads

VERSION = f"{FALCO}+tiercel.{__version__}"
"""The version of Falco that this stands in for, and our own."""

Provider = Callable[[], Iterator[Value]]


class Metrics:
    """The values of one watch.

    ``start`` is when it began, ``loaded`` when its rules were loaded (ns since the epoch); ``rules_files`` and
    ``config_files`` are the SHA-256 of what is in force, by path. ``providers`` add values of their own; they are
    called by any thread.

    Args:
        outputs: returns the outputs there are at present.
        scan: what is in force at first; :meth:`took` tells of others.
    """

    def __init__(
        self,
        watch: Watch,
        scan: Scan,
        outputs: Callable[[], Outputs | None] = lambda: None,
        reloads: Reloads | None = None,
    ) -> None:
        self.watch, self.outputs, self.reloads = watch, outputs, reloads
        self.start = self.loaded = time.time_ns()
        self.began = time.monotonic()
        self.providers: list[Provider] = []
        self.rules_files: dict[str, str] = {}
        self.config_files: dict[str, str] = {}
        self._hash(scan)

    def took(self, scan: Scan) -> None:
        """Note that other rules are in force."""
        self.loaded = time.time_ns()
        self._hash(scan)

    def _hash(self, scan: Scan) -> None:
        self.rules_files = {
            verdict.source.name: hashlib.sha256(verdict.source.content).hexdigest()
            for verdict in scan.report.loaded.verdicts
        }
        self.config_files = {name: digest for name in scan.config.files if (digest := _digest(name))}

    def values(self) -> Iterator[Value]:
        """Yield everything there is to tell at this moment."""
        yield from self._about()
        yield from self._rules()
        yield from resource_values()
        yield from self._source()
        yield from self._delivery()
        yield from self._reloading()
        for provider in self.providers:
            yield from provider()

    def _about(self) -> Iterator[Value]:
        machine = self.watch.source.tracker.world.machine
        yield info(Part.FALCO, "version", version=VERSION)
        yield info(Part.OWN, "version", version=__version__)
        for kind, files in (("rules", self.rules_files), ("config", self.config_files)):
            for name, digest in files.items():
                yield info(Part.FALCO, f"sha256_{kind}_files", file_name=os.path.basename(name), sha256=digest)
        yield info(Part.SCAP, "engine_name", engine_name=self.watch.source.name, evt_source="syscall")
        yield info(Part.FALCO, "kernel_release", kernel_release=os.uname().release)
        yield info(Part.EVT, "hostname", hostname=self.watch.source.hostname)
        yield gauge(Part.FALCO, "start", self.start, "When this began to watch.", Unit.TIMESTAMP)
        passed = int(time.monotonic() - self.began)
        yield Value(Part.FALCO, "duration", Unit.SECONDS_COUNT, passed, "For how long this watches.", True)
        yield gauge(Part.FALCO, "reload", self.loaded, "When the rules in force were loaded.", Unit.TIMESTAMP)
        yield gauge(Part.FALCO, "host_boot", machine.boot_ts, "When the host was started.", Unit.TIMESTAMP)
        yield gauge(Part.FALCO, "host_num_cpus", os.cpu_count() or 0, "Processors of the host.", Unit.COUNT)

    def _rules(self) -> Iterator[Value]:
        help = "Alerts that a rule has raised."
        for rule, count in self.watch.totals.rules():
            labels = {"rule_name": rule.name, "priority": str(int(rule.priority)), "source": rule.source}
            labels |= {f"tag_{tag}": "true" for tag in sorted(set(rule.tags))}
            yield Value(Part.FALCO, "rules_matches", Unit.COUNT, count, help, True, Group.RULES, labels)
        yield gauge(Part.OWN, "rules_loaded", len(self.watch.detection.rules), "Rules in force.")

    def _source(self) -> Iterator[Value]:
        source = self.watch.source
        lost, events = source.lost, source.events
        yield counter(Part.OWN, "events", events, "Events handled.", source=source.name)
        for reason, count in (("full", lost.full), ("long", lost.long)):
            what = "Events lost: no room in a ring, or longer than an event may be."
            yield counter(Part.OWN, "events_lost", count, what, source=source.name, reason=reason)
        kernel, sent, dropped = Group.KERNEL, events, lost.total
        if cpus := _per_cpu(source):
            sent, dropped = sum(cpu[0] for cpu in cpus), sum(cpu[1] + cpu[2] for cpu in cpus)
            for number, (seen, full, long) in enumerate(cpus):
                per_cpu, cpu = Group.PER_CPU, str(number)
                yield counter(Part.SCAP, "n_evts_cpu", seen + full + long, "Events of a processor.", per_cpu, cpu=cpu)
                yield counter(Part.SCAP, "n_drops_cpu", full + long, "Events lost of a processor.", per_cpu, cpu=cpu)
        yield counter(Part.SCAP, "n_evts", sent + dropped, "Events in the kernel.", kernel)
        yield counter(Part.SCAP, "n_drops", dropped, "Events that were lost.", kernel)
        yield counter(Part.SCAP, "n_drops_scratch_map", lost.long, "Events longer than may be.", kernel)
        tracker = source.tracker
        fds = sum(len(fds) for fds in list(tracker.descriptors.tables.values()))
        state = Group.STATE
        yield gauge(Part.SCAP, "n_threads", len(tracker.table.threads), "Threads known.", Unit.COUNT, state)
        yield gauge(Part.SCAP, "n_fds", fds, "Open descriptors known.", Unit.COUNT, state)
        yield gauge(Part.OWN, "strings", len(source.tables.strings), "Texts kept.", Unit.NONE, state)

    def _delivery(self) -> Iterator[Value]:
        outputs = self.outputs()
        told = outputs.metrics() if outputs is not None else None
        lost = sum(output.lost for output in told.outputs) if told is not None else 0
        yield counter(Part.FALCO, "outputs_queue_num_drops", lost, "Alerts lost to the bounds of the queue.")
        if told is None:
            return
        yield gauge(Part.OWN, "outputs_queue", told.bytes, "Size of the queue of alerts.", Unit.BYTES)
        yield counter(Part.OWN, "outputs_queue_disk_errors", told.disk_errors, "Failures of the disk of the queue.")
        for output in told.outputs:
            name = output.name
            yield counter(Part.OWN, "outputs_queued", output.queued, "Alerts queued for an output.", output=name)
            yield counter(Part.OWN, "outputs_sent", output.sent, "Alerts that an output has delivered.", output=name)
            yield counter(Part.OWN, "outputs_failed", output.failed, "Attempts to deliver that failed.", output=name)
            yield counter(Part.OWN, "outputs_refused", output.refused, "Alerts a peer refused for good.", output=name)
            yield counter(Part.OWN, "outputs_lost", output.lost, "Alerts lost to the bounds.", output=name)
            yield gauge(Part.OWN, "outputs_waiting", output.waiting, "Alerts that wait.", output=name)
            oldest = "For how long the oldest alert waits."
            yield gauge(Part.OWN, "outputs_oldest", output.oldest, oldest, Unit.SECONDS, output=name)
            yield gauge(Part.OWN, "outputs_failing", bool(output.error), "1 while an output fails.", output=name)

    def _reloading(self) -> Iterator[Value]:
        reloads = self.reloads
        if reloads is None:
            return
        for result, count in (("ok", reloads.done), ("failed", reloads.failed)):
            yield counter(Part.OWN, "reloads", count, "How often rules were read again.", result=result)
        yield gauge(Part.OWN, "reload_last", reloads.at, "When last, whatever came of it.", Unit.TIMESTAMP)
        yield gauge(Part.OWN, "reload_duration", reloads.seconds, "How long the last took.", Unit.SECONDS)
        stale = "1 while the rules files cannot be used as they are."
        yield gauge(Part.OWN, "rules_stale", bool(reloads.error), stale)


def left_out(settings: MetricsSettings) -> frozenset[Group]:
    """Return the groups of values that the settings leave out."""
    asked = {
        Group.RULES: settings.rules,
        Group.RESOURCES: settings.resources,
        Group.STATE: settings.state,
        Group.KERNEL: settings.kernel or settings.per_cpu,
        Group.PER_CPU: settings.per_cpu,
    }
    return frozenset(group for group, wanted in asked.items() if not wanted)


def flight_values(recorder: FlightRecorder) -> Iterator[Value]:
    """Yield what there is to tell of a flight recorder."""
    window = recorder.window
    yield counter(Part.OWN, "captures", recorder.written, "Captures around alerts that were written.")
    yield gauge(Part.OWN, "capture_open", recorder.open is not None, "1 while one is being written.")
    yield gauge(Part.OWN, "recorder_memory", window.size, "Events kept from before.", Unit.BYTES)
    yield counter(Part.OWN, "recorder_snapshots", window.snapshots, "Snapshots of the state taken for them.")


def _per_cpu(source: object) -> list[tuple[int, int, int]]:
    """Return (sent, lost for want of room, left out as too long) for each processor; empty where nobody counts."""
    count = getattr(source, "per_cpu", None)
    return count() if count is not None else []


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
