"""All outputs as one: alerts go in once, each output delivers them at its own pace."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.outputs.channels.file import FileSink
from tiercel.outputs.channels.http import HttpSink
from tiercel.outputs.channels.program import ProgramSink
from tiercel.outputs.channels.settings import OutputSettings
from tiercel.outputs.channels.sink import Sink
from tiercel.outputs.channels.stdout import StdoutSink
from tiercel.outputs.channels.syslog import SyslogSink
from tiercel.outputs.channels.worker import Backoff, Worker
from tiercel.outputs.drops import internal_line
from tiercel.outputs.queue import Queue
from tiercel.rules.model import Priority

if TYPE_CHECKING:
    from tiercel.outputs.channels.grpc_service import GrpcSink

log = logging.getLogger("tiercel.outputs")

LOST_RULE = "Tiercel internal: alerts lost"
ID_KEY = "uuid"
"""The key of the alert's id in JSON lines, where it is asked for."""


@dataclass(frozen=True, slots=True)
class OutputMetrics:
    """One output, since the start: alerts ``queued`` for it, ``sent``, ``refused`` by the peer for good and ``lost`` to
    the bounds of the queue; attempts that ``failed``; alerts ``waiting`` and for how long the oldest has (s). ``error``
    says why it fails at present.
    """

    name: str
    queued: int
    sent: int
    failed: int
    refused: int
    lost: int
    waiting: int
    oldest: float
    error: str


@dataclass(frozen=True, slots=True)
class OutputsMetrics:
    """All outputs, and the queue: its ``bytes``, and how often the disk failed."""

    outputs: tuple[OutputMetrics, ...]
    queued: int
    bytes: int
    disk_errors: int


class Outputs:
    """Delivers alerts to every output.

    Args:
        sinks: the channels, by name.
        folder: where alerts wait so that they survive the end of the program; None for memory.
        wait: without a folder, whether :meth:`send` waits for room, as long as there is progress, instead of losing
            the oldest.

    Raises:
        InputError: the folder cannot be used.
    """

    def __init__(
        self, sinks: dict[str, Sink], settings: OutputSettings, folder: Path | None = None, wait: bool = False
    ) -> None:
        self.settings = settings
        self.queued = 0
        self._checked = time.monotonic()
        finish = with_id if settings.json and settings.alert_id else None
        self.queue = Queue(sinks, folder, settings.queue, wait, finish)
        self.workers = [
            Worker(name, sink, self.queue, Backoff(settings.retry_first, settings.retry_most))
            for name, sink in sinks.items()
        ]
        self._encode = None
        if settings.grpc is not None:
            from tiercel.outputs.channels.grpc_messages import alert_message

            self._encode = alert_message
        for worker in self.workers:
            worker.start()

    @classmethod
    def of(
        cls,
        settings: OutputSettings,
        state_dir: Path | None = None,
        *,
        stdout: BinaryIO | None = None,
        wait: bool = False,
    ) -> Outputs:
        """Return what a configuration asks for, ready to send.

        Args:
            settings: ``Config.outputs``.
            state_dir: alerts wait in its folder ``outputs``; ``outputs_queue.path`` overrides it. Without either they
                wait in memory.
            stdout: print alerts there, too.
            wait: see :class:`Outputs`.

        Raises:
            InputError: an address, file or certificate cannot be used, or another process uses the folder.
        """
        sinks: dict[str, Sink] = {}
        service: GrpcSink | None = None
        if stdout is not None:
            sinks["stdout_output"] = StdoutSink(stdout)
        if settings.file is not None:
            sinks["file_output"] = FileSink(settings.file)
        if settings.syslog is not None:
            sinks["syslog_output"] = SyslogSink(settings.syslog)
        if settings.http is not None:
            sinks["http_output"] = HttpSink(settings.http)
        if settings.program is not None:
            sinks["program_output"] = ProgramSink(settings.program)
        if settings.grpc is not None:
            from tiercel.outputs.channels.grpc_service import GrpcSink

            service = sinks["grpc_output"] = GrpcSink(settings.grpc)
        folder = Path(settings.queue.path) if settings.queue.path else state_dir / "outputs" if state_dir else None
        try:
            made = cls(sinks, settings, folder, wait)
        except Exception:
            for sink in sinks.values():
                sink.close()
            raise
        if service is not None:
            service.newest = lambda: made.queue.last
            service.settled = lambda: made.queue.settled("grpc_output")
        return made

    def send(self, line: bytes, alert: Alert) -> str:
        """Queue an alert for every output and return its id; this does not wait for any of them.

        Args:
            line: the alert as it is printed, with or without its end of line.
            alert: the same alert.
        """
        if time.monotonic() - self._checked >= 1:
            self._tell_losses(alert.hostname)
        return self._put(line, alert)

    def _put(self, line: bytes, alert: Alert) -> str:
        line = line.removesuffix(b"\n")
        priority = Priority.parse(alert.priority)
        extra = self._encode(line, alert) if self._encode else b""
        self.queued += 1
        return self.queue.put(line, int(Priority.INFORMATIONAL if priority is None else priority), extra).id

    def _tell_losses(self, hostname: str) -> None:
        """Raise an alert for each output that lost some since the last one."""
        self._checked = time.monotonic()
        for name, count in self.queue.losses().items():
            log.error("%s: %d alerts lost: more waited than the queue may hold", name, count)
            message = f"{LOST_RULE}. {count} alerts for {name} were dropped, the oldest first."
            fields = {"n_lost": str(count), "output": name}
            now = time.time_ns()
            lost = Alert(now, LOST_RULE, Priority.CRITICAL.label, INTERNAL, hostname, message, message, fields)
            self._put(internal_line(lost, self.settings.json), lost)

    def sync(self, timeout: float | None = None) -> bool:
        """Wait until all alerts sent so far survive the end of the program; False when that is not so in time (s)."""
        return self.queue.sync(timeout)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every output has delivered all alerts sent so far; False when that is not so in time (s)."""
        self._tell_losses("")
        return self.queue.drained(timeout)

    def reload(self) -> None:
        """Have every output open its files and connections anew."""
        for worker in self.workers:
            worker.reopen()

    def close(self) -> None:
        """End. What is not delivered stays in the folder, for the next time."""
        self.queue.stop()
        for worker in self.workers:
            worker.end()
        for worker in self.workers:
            worker.join(5)
        self.queue.close()

    def metrics(self) -> OutputsMetrics:
        """Return what there is to count."""
        queue = self.queue
        outputs = tuple(
            OutputMetrics(
                worker.output,
                self.queued,
                worker.sent,
                worker.failed,
                worker.sink.refused,
                queue.lost(worker.output),
                queue.waiting(worker.output),
                queue.oldest(worker.output),
                worker.error,
            )
            for worker in self.workers
        )
        return OutputsMetrics(outputs, self.queued, queue.bytes, queue.disk_errors)


def with_id(line: bytes, id: str) -> bytes:
    """Return a line of JSON with the alert's id as its last key."""
    return b'%b,"%b":"%b"}' % (line[:-1], ID_KEY.encode(), id.encode()) if line.endswith(b"}") else line
