"""One capture around alerts: written from the window of what was before, until its time is over.

When it is complete a file beside it (``NAME.json``) says what it is, with the alerts in full.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiercel.outputs.alert import Alert
from tiercel.recording.file import CaptureFile
from tiercel.recording.window import Segment, Told
from tiercel.recording.writing import Piece, Writing, Written
from tiercel.store.durable import sync

SIDECAR = ".json"
PATH, ID = "capture.path", "capture.id"
"""Fields of an alert that is in a capture."""

LISTED = 1000
"""Most alerts that the file beside a capture holds in full; others are counted."""


@dataclass(slots=True)
class Contents:
    """What is in a capture. Times are ns since the epoch, 0 without any event."""

    events: int = 0
    first: int = 0
    last: int = 0
    told: list[Told] = field(default_factory=list)
    alerts: int = 0
    reason: str = ""  # why it ended

    def add(self, events: int, first: int, last: int) -> None:
        """Take in ``events`` events from ``first`` to ``last``."""
        if events:
            self.events += events
            self.first = min(self.first, first) if self.first else first
            self.last = max(self.last, last)

    def tell(self, told: Sequence[Told]) -> None:
        """Take in alerts."""
        self.alerts += len(told)
        self.told += told[: LISTED - len(self.told)]

    def rules(self) -> list[str]:
        """Return the rules of the alerts listed, each once, those that asked for the capture first."""
        ordered = sorted(self.told, key=lambda one: not one.trigger)
        return list(dict.fromkeys(one.rule for one in ordered))


def describe(path: Path, hostname: str, contents: Contents, size: int, sha256: str) -> dict[str, Any]:
    """Return what the file beside a capture says."""
    return {
        "capture": path.name,
        "id": id_of(path),
        "host": hostname,
        "size": size,
        "sha256": sha256,
        "events": contents.events,
        "first_time": iso(contents.first),
        "last_time": iso(contents.last),
        "ended": contents.reason,
        "alerts": contents.alerts,
        "listed": [
            {"time": iso(one.time), "rule": one.rule, "trigger": one.trigger, "alert": _parsed(one.line)}
            for one in contents.told[:LISTED]
        ],
    }


def id_of(path: Path) -> str:
    """Return what a capture is called in alerts."""
    return path.name.removesuffix(".scap")


def iso(ts: int) -> str | None:
    """Return a time (ns since the epoch) as alerts have it, None for 0."""
    return Alert(ts, "", "", "", "", "", "").iso_time if ts else None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line.decode(errors="replace").rstrip("\n")


def write_beside(path: Path, about: dict[str, Any]) -> None:
    """Write the file beside a capture; only its owner may read it.

    Raises:
        OSError: the disk refuses.
    """
    target = path.with_name(path.name + SIDECAR)
    part = target.with_name(target.name + ".new")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(json.dumps(about, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    sync(target.parent)


class OpenCapture:
    """A capture that is being written.

    Args:
        path: its name in the end.
        limit: bytes on the disk from which on it is ``full``, 0 for none.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, path: Path, hostname: str, limit: int = 0) -> None:
        self.path, self.hostname = path, hostname
        self.id = id_of(path)
        self.contents = Contents()
        self.writing = Writing(CaptureFile(path, "gzip"), limit, self._finished)
        self.begun = False
        self.trigger = ""  # the rule that asked for it

    def begin(self, segments: Sequence[Segment], about: dict[str, Any]) -> None:
        """Write what was before."""
        start = segments[0].start
        self.writing.put(lambda: start.blocks(about))
        for segment in segments:
            self.writing.put(*segment.pieces)
            self.contents.add(segment.events, segment.first, segment.last)
            self.contents.tell(segment.told)
        self.begun = True

    def put(self, block: Piece, events: int, first: int, last: int) -> None:
        """Write blocks of ``events`` events with times from ``first`` to ``last``."""
        self.writing.put(block)
        self.contents.add(events, first, last)

    def end(self, reason: str) -> None:
        """Let it be completed; ``reason`` says why it ends."""
        self.contents.reason = self.contents.reason or reason
        self.writing.end()

    @property
    def written(self) -> Written | None:
        """How it ended, None while it is written."""
        return self.writing.written

    def about(self, size: int, sha256: str) -> dict[str, Any]:
        """Return what the file beside it says."""
        return describe(self.path, self.hostname, self.contents, size, sha256)

    def _finished(self, size: int, sha256: str) -> None:
        write_beside(self.path, self.about(size, sha256))
