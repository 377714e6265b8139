"""Audit logs as events: what auditd recorded, told the way a capture tells it.

The log is turned into a capture first, one section for each host, so that decoding, tracking, rules and everything
after them work on it as on any other. Records without a counterpart among events are kept as marks.

What a reader should know: times have milliseconds; ids are those of processes, not of threads; there is no environment,
no container, and of a connection only the far end; a clone3 does not say whether it made a thread. Standing in for what
is not recorded are events that readers do not see, see :mod:`tiercel.capture.audit_processes`.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from tiercel.capture.audit_host import AuditHost
from tiercel.capture.audit_marks import MarkSpool
from tiercel.errors import InputError
from tiercel.model.batch import Batch
from tiercel.replay import Replay
from tiercel.sources.audit_gaps import AuditGap
from tiercel.sources.audit_log import AuditLog, AuditProblems
from tiercel.sources.audit_mark import AuditMark
from tiercel.sources.capture import BATCH_EVENTS

MAX_HOSTS = 64
"""Most hosts that a log may name; records of further ones are problems."""


class AuditReplay:
    """Iterates over audit logs as tracked batches, as :class:`tiercel.replay.Replay` does over a capture.

    ``events`` counts the visible events so far, ``problems`` holds the lines and events that could not be read.
    ``hosts`` are the names in the log, in order. ``since`` and ``until`` are the times of its first and last event in
    ns, 0 for an empty log. Iterating again replays without reading the log again.

    The capture that the log is turned into lies in the folder for temporary files and is about as large as the
    unpacked log; it goes with the object.

    Raises:
        InputError: a file cannot be opened, none was given, or there is no room for temporary files.
    """

    def __init__(self, paths: Sequence[Path], hostname: str | None = None, size: int = BATCH_EVENTS) -> None:
        self.problems = AuditProblems()
        self.events = 0
        self.size = size
        self.hostname = hostname or ""
        self.since = self.until = 0
        self._log = AuditLog([Path(path) for path in paths], self.problems)
        self.paths = self._log.paths
        self._marks = MarkSpool(self.hostname)
        self._hosts: dict[bytes, AuditHost] = {}
        self._capture: Path | None = None

    @property
    def hosts(self) -> list[str]:
        self._read()
        return [host.name for host in self._hosts.values()]

    def __iter__(self) -> Iterator[Batch]:
        capture = self._read()
        if not self._hosts:
            return
        replay = Replay(capture, self.size)
        for batch in replay:
            self.events = replay.events
            yield batch

    def marks(self) -> Iterator[AuditMark]:
        """Yield the records that became no event, in the order of the log."""
        self._read()
        yield from self._marks

    def gaps(self) -> list[AuditGap]:
        """Return the serial numbers that the log lacks: events that were lost, filtered or taken out."""
        self._read()
        return [gap for host in self._hosts.values() for gap in host.gaps]

    def damage_message(self) -> str | None:
        """Return what to tell the user of files that ended before their time."""
        return "; ".join(self._log.damage) or None

    def _read(self) -> Path:
        """Turn the log into a capture, once; return its path."""
        if self._capture is None:
            try:
                folder = Path(tempfile.mkdtemp(prefix="tiercel-audit-"))
                weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
                self._turn(folder)
            except OSError as error:
                reason = error.strerror or str(error)
                raise InputError(
                    f"{self.paths[0]}: no room to unpack the log in {tempfile.gettempdir()}: {reason}: "
                    "free some, or set TMPDIR to a folder with more"
                ) from None
            self._capture = folder / "events.scap"
        return self._capture

    def _turn(self, folder: Path) -> None:
        for event in self._log:
            self.since = min(self.since or event.ts, event.ts)
            self.until = max(self.until, event.ts)
            host = self._hosts.get(event.node)
            if host is None:
                if len(self._hosts) >= MAX_HOSTS:
                    self.problems.add(event.place, f"more than {MAX_HOSTS} hosts in one log")
                    continue
                name = event.node.decode("utf-8", "replace") or self.hostname
                body = folder / f"host-{len(self._hosts)}"
                host = self._hosts[event.node] = AuditHost(name, body, self._marks, self.problems)
            host.take(event)
        with (folder / "events.scap").open("wb") as target:
            for host in self._hosts.values():
                host.write(target)


def audit_batches(paths: Sequence[Path], hostname: str | None = None) -> AuditReplay:
    """Return the events of audit logs as tracked batches; give all files of a rotation at once, in any order.

    ``hostname`` is the host of records that name none (``node=``). Raises InputError as :class:`AuditReplay` says.
    """
    return AuditReplay(paths, hostname)
