"""One alert of a log, as a typed value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

AlertKind = Literal["alert", "internal", "text"]
TimeFrom = Literal["record", "envelope", "context", "file"]

INTERNAL = "Falco internal: "
"""How the rule of a message about Falco itself begins."""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert as a log holds it.

    Attributes:
        ts: ns since the epoch
        rule: name of the rule; None for text alerts, which do not say it
        priority: Falco's spelling (``Notice``) where it is a known one, else as written; None when not said
        kind: ``alert`` from JSON, ``text`` from text, ``internal`` for messages of Falco about itself
        truncated: something of it is missing: cut by a forwarder, by a limit, or by a writer that died
        replaced: bytes that are no UTF-8, or NUL, were replaced or left out
        time_from: what ``ts`` rests on: the ``record`` itself, the ``envelope`` around it (journal, container
            runtime), or where it lacks the day or all of it, its neighbours (``context``) or the last change of the
            ``file``
        file, line: where it stands; lines count from 1
        uuid: falcosidekick's, None without
        duplicate: the same alert came before in the same log
    """

    ts: int
    rule: str | None
    priority: str | None
    source: str | None
    output: str
    output_fields: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    hostname: str | None = None
    kind: AlertKind = "alert"
    truncated: bool = False
    replaced: bool = False
    time_from: TimeFrom = "record"
    file: str = ""
    line: int = 0
    uuid: str | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class LogGap:
    """A time of which the log says itself that something is missing.

    ``kind`` is ``dropped`` (events lost before the rules saw them), ``lost`` (alerts lost after), or ``outage`` (Falco
    was not running). Times are ns since the epoch, None when not known; ``count`` is of events or alerts.
    """

    kind: Literal["dropped", "lost", "outage"]
    from_ts: int | None
    to_ts: int | None
    count: int | None
    what: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class LogFault:
    """A line, or a part of one, that is no alert and no line of Falco; ``excerpt`` is its beginning."""

    file: str
    line: int
    reason: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What Falco counted when it ended, and how many of those alerts the log holds before that line."""

    file: str
    line: int
    said: int
    found: int
