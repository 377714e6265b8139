"""The events of one host's audit log, written as a section of a capture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

from tiercel.capture.audit_events import AuditEvents
from tiercel.capture.audit_marks import Marks
from tiercel.capture.writer import CaptureWriter
from tiercel.model.world import Machine, World
from tiercel.sources.audit_event import AuditEvent
from tiercel.sources.audit_gaps import AuditGap
from tiercel.sources.audit_log import AuditProblems


class AuditHost:
    """Turns the events of one host into those of a capture.

    ``name`` is the host's, ``body`` a file for what was written so far; :meth:`write` puts the section together.
    """

    def __init__(self, name: str, body: Path, marks: Marks, problems: AuditProblems) -> None:
        self.name = name
        self._body = body
        self._world = World(Machine(hostname=name))
        self._file = body.open("wb")
        self._writer = CaptureWriter(self._file)
        self._writer.flush()
        self._head = self._file.tell()  # bytes of a head that only the whole log can fill
        self._events = AuditEvents(self._world, self._writer, marks, problems)

    def take(self, event: AuditEvent) -> None:
        """Add an event; whatever it is, it becomes an event of the capture, marks, or a problem."""
        self._events.take(event)

    @property
    def gaps(self) -> list[AuditGap]:
        """The serial numbers that are missing so far."""
        return self._events.serials.gaps

    def write(self, target: IO[bytes]) -> None:
        """Append the section to ``target`` and give up the file of the body."""
        self._writer.close()
        self._file.close()
        head = CaptureWriter(target, self._world, self._events.processes.threads)
        head.close()
        with self._body.open("rb") as body:
            body.seek(self._head)
            shutil.copyfileobj(body, target, 1 << 20)
        self._body.unlink()
