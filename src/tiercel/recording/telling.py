"""Alerts about captures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.rules.model import Priority

WRITTEN = "Tiercel internal: capture written"
FAILED = "Tiercel internal: capture not written"
SIZE = "Falco internal: capture size limit reached"
_RULES = 1000  # bytes of names of rules


def written(hostname: str, now: int, path: Path, about: dict[str, Any]) -> Alert:
    """Return the alert about a complete capture; ``about`` is what the file beside it says."""
    rules = list(dict.fromkeys(entry["rule"] for entry in about["listed"] if entry["trigger"]))
    fields = {
        "capture.path": str(path),
        "capture.id": about["id"],
        "capture.size": str(about["size"]),
        "capture.sha256": about["sha256"],
        "capture.events": str(about["events"]),
        "capture.first_time": about["first_time"] or "",
        "capture.last_time": about["last_time"] or "",
        "capture.alerts": str(about["alerts"]),
        "capture.rules": ", ".join(rules)[:_RULES],
        "capture.ended": about["ended"],
    }
    message = f"{WRITTEN}. {path}: {about['events']} events, {about['size']} bytes, SHA-256 {about['sha256']}."
    return _alert(WRITTEN, Priority.INFORMATIONAL, hostname, now, message, fields)


def failed(hostname: str, now: int, reason: str) -> Alert:
    """Return the alert about captures that cannot be written."""
    return _alert(FAILED, Priority.ERROR, hostname, now, f"{FAILED}. {reason}", {"error": reason})


def size_reached(hostname: str, now: int, limit: int, size: int) -> Alert:
    """Return Falco's alert about a capture that ended because it grew too large (limit in MB, size in bytes)."""
    fields = {"max_file_size_mb": str(limit), "written_bytes": str(size)}
    return _alert(SIZE, Priority.INFORMATIONAL, hostname, now, f"{SIZE}. Configured limit: {limit} MB.", fields)


def _alert(rule: str, priority: Priority, hostname: str, now: int, message: str, fields: dict[str, str]) -> Alert:
    return Alert(now, rule, priority.label, INTERNAL, hostname, message, message, fields)
