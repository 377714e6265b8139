"""What a log says besides its alerts: figures, faults, and what is missing by its own account."""

from __future__ import annotations

import hashlib

from tiercel.sources.alert_record import INTERNAL, AlertRecord, LogFault, LogGap, LogSummary
from tiercel.sources.alert_text import counted, dropped
from tiercel.sources.alert_times import SECOND

MAX_FAULTS = 20
"""Faults that are kept; the others are counted."""

REMEMBERED = 1 << 20
"""Alerts of which the last so many are remembered in order to notice duplicates."""

_EXCERPT = 120  # characters
_DROPPED = "system calls dropped before the rules saw them"


class Tally:
    """Grows while a log is read.

    Attributes:
        lines, alerts: how many lines there were, and alerts in them
        own_lines: lines of Falco that are no alerts
        unparsable: pieces of lines that are neither; the first MAX_FAULTS of them in ``faults``
        duplicates: alerts that came before in the log
        cut: alerts of which something is missing
        gaps: what the log says is missing
        summaries: what Falco counted at its end, beside what was found
        broken: files that could not be read to their end, with the reason
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.lines = self.alerts = self.own_lines = self.unparsable = self.duplicates = self.cut = 0
        self.faults: list[LogFault] = []
        self.gaps: list[LogGap] = []
        self.summaries: list[LogSummary] = []
        self.broken: list[LogFault] = []
        self._seen: dict[bytes, None] = {}
        self._down: int | None = None  # when Falco ended, until it begins again
        self._since_summary = 0

    def fault(self, path: str, line: int, reason: str, excerpt: str) -> None:
        """Count a piece of a line that says nothing, and keep it when it is one of the first."""
        self.unparsable += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(LogFault(path, line, reason, excerpt[:_EXCERPT]))

    def count(self, record: AlertRecord) -> None:
        """Take a record into the figures."""
        self.alerts += 1
        self.cut += record.truncated
        self.duplicates += record.duplicate
        if record.kind != "internal":
            self._since_summary += 1
            return
        number = dropped(record.output, record.output_fields)
        if number is not None and "drop" in record.output:
            self.gaps.append(
                LogGap("dropped", record.ts - SECOND, record.ts, number, _DROPPED, record.file, record.line)
            )

    def own(self, ts: int | None, message: str, path: str, line: int) -> None:
        """Take what Falco says about itself into the figures."""
        self.own_lines += 1
        said = counted(message)
        if said is not None:
            found, self._since_summary = self._since_summary, 0
            self.summaries.append(LogSummary(path, line, said, found))
            if said > found:
                what = f"alerts that Falco counted at its end and the log does not hold ({found} of {said} are there)"
                self.gaps.append(LogGap("lost", None, ts, said - found, what, path, line))
        elif message.startswith("Outputs queue out of memory"):
            self.gaps.append(LogGap("lost", ts, ts, None, "alerts lost: Falco's queue was full", path, line))
        elif message.startswith(INTERNAL) and (number := dropped(message, {})) is not None:
            begin = None if ts is None else ts - SECOND
            self.gaps.append(LogGap("dropped", begin, ts, number, _DROPPED, path, line))
        elif message.startswith(("SIGINT received", "SIGTERM received", "Exiting")):
            self._down = ts
        elif message.startswith(("Falco version", "Falco initialized")):
            self._since_summary = 0
            if self._down is not None:
                self.gaps.append(LogGap("outage", self._down, ts, None, "Falco was not running", path, line))
                self._down = None

    def repeated(self, key: bytes) -> bool:
        """Whether something with this key was seen, and remember it."""
        digest = hashlib.blake2b(key, digest_size=8).digest()
        if digest in self._seen:
            return True
        self._seen[digest] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return False
