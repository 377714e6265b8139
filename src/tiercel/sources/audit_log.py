"""Reading audit logs: rotated files in the order of time, their lines as events, and what could not be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tiercel.errors import InputError
from tiercel.sources.audit_event import AuditEvent, Grouper
from tiercel.sources.audit_record import MAX_LINE, AuditLineError, AuditRecord, parse
from tiercel.sources.log_lines import LogLines
from tiercel.sources.rotated import in_order

_LOG = logging.getLogger(__name__)

KEPT_PROBLEMS = 100
_LOGGED_PROBLEMS = 5
_HEAD_LINES = 50  # looked at to find the time a file begins
_EXCERPT = 120


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """A line, or an event, that could not be read: ``place`` is file and line, ``excerpt`` how it begins."""

    place: str
    reason: str
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" + (f": {self.excerpt}" if self.excerpt else "")


@dataclass
class AuditProblems:
    """How many there were, and the first of them; the first few are logged."""

    count: int = 0
    kept: list[AuditProblem] = field(default_factory=list)

    def add(self, place: str, reason: str, line: bytes = b"") -> None:
        self.count += 1
        if len(self.kept) >= KEPT_PROBLEMS:
            return
        excerpt = ascii(line[:_EXCERPT].decode("utf-8", "backslashreplace")) if line else ""
        self.kept.append(AuditProblem(place, reason, excerpt))
        if self.count <= _LOGGED_PROBLEMS:
            _LOG.warning("%s", self.kept[-1])

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[AuditProblem]:
        return iter(self.kept)


class AuditLog:
    """The events of audit logs, oldest file first; iterate once.

    ``damage`` says after iterating which files ended before their time, and why. Raises InputError when a file cannot
    be opened or none is given.
    """

    def __init__(self, paths: Sequence[Path], problems: AuditProblems | None = None) -> None:
        if not paths:
            raise InputError("no audit log given: name at least one file, such as /var/log/audit/audit.log")
        self.problems = AuditProblems() if problems is None else problems
        self.damage: list[str] = []
        self.lines = 0
        self.paths = oldest_first(paths)

    def __iter__(self) -> Iterator[AuditEvent]:
        grouper = Grouper()
        for path in self.paths:
            for number, record in self._records(path):
                yield from grouper.add(record, f"{path.name}:{number}")
        yield from grouper.flush()

    def _records(self, path: Path) -> Iterator[tuple[int, AuditRecord]]:
        lines = _open(path)
        number = 0
        for line in lines:
            number = line.number
            self.lines += 1
            try:
                yield number, parse(line.data)
            except AuditLineError as problem:
                if line.data:
                    self.problems.add(f"{path.name}:{number}", str(problem), line.data)
        if lines.error:
            self.damage.append(f"{path}: {lines.error}; the {number:,} lines before it were read")


def _open(path: Path) -> LogLines:
    try:
        return LogLines(path, MAX_LINE + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def oldest_first(paths: Sequence[Path]) -> list[Path]:
    """Return log files by the time of their first record; where that says nothing, as rotation named them.

    Files without any record come last. Raises InputError when one cannot be opened.
    """
    return sorted(in_order(paths), key=_begin)


def _begin(path: Path) -> int:
    lines = _open(path)
    try:
        for line in lines:
            try:
                return parse(line.data).ts
            except AuditLineError:
                if line.number >= _HEAD_LINES:
                    break
    finally:
        lines.close()
    return 1 << 63
