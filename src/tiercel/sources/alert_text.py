"""Lines that Falco writes as text: alerts, messages about itself, and what its log and its end say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from tiercel.sources.alert_times import ISO, c_time, iso_time

PRIORITIES = {
    name.lower(): name
    for name in ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
} | {"info": "Informational"}

_ALERT = re.compile(
    rf"(?:(?P<iso>{ISO})|(?P<clock>(?:[01]\d|2[0-3]):[0-5]\d:[0-6]\d\.\d{{1,9}})): "
    rf"(?P<priority>{'|'.join(PRIORITIES)}) "
    r"(?P<output>.*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_OWN = re.compile(
    rf"(?:\w{{3}} (?P<month>\w{{3}}) (?P<day>[ \d]\d) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{{4}})|(?P<iso>{ISO})): "
    r"(?P<message>.*)",
    re.ASCII | re.DOTALL,
)
_SUMMARY = re.compile(
    r"Events detected: \d+|Rule counts by severity:|Triggered rules by rule name:|Syscall event drop monitoring:"
    r"|   (?:- )?\S.*: \d+(?: occurrences)?",
    re.ASCII,
)
_COUNT = re.compile(r"Events detected: (\d{1,18})$", re.ASCII)
_PAIRS = re.compile(r'([\w.\[\]-]{1,200})=("(?:[^"\\]|\\.){0,4000}"|[^\s")]{1,200})')
_MAX_INTERNAL = 64 << 10  # characters; no message about Falco itself is longer
_DROPPED = re.compile(r"(\d{1,18}) system calls dropped")


@dataclass(frozen=True, slots=True)
class TextAlert:
    """A text alert; ``ts`` is None when it says only the time of day, which ``clock`` then has."""

    ts: int | None
    clock: str | None
    priority: str
    output: str


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A line of Falco's own log, or of the figures it prints at its end (``ts`` None)."""

    ts: int | None
    message: str


def text_alert(text: str, zone: tzinfo = UTC) -> TextAlert | None:
    """Read a text alert; times without a zone were written in ``zone``. None when the text is none."""
    found = _ALERT.match(text)
    if found is None:
        return None
    ts = iso_time(found["iso"], zone) if found["iso"] else None
    return TextAlert(ts, found["clock"], PRIORITIES[found["priority"].lower()], found["output"])


def own_line(text: str, zone: tzinfo = UTC) -> OwnLine | None:
    """Read a line that Falco writes about itself; None when the text is none."""
    found = _OWN.match(text)
    if found is None:
        return OwnLine(None, text.strip()) if _SUMMARY.fullmatch(text) else None
    if found["iso"]:
        return OwnLine(iso_time(found["iso"], zone), found["message"])
    return OwnLine(c_time(found["month"], found["day"], found["clock"], int(found["year"]), zone), found["message"])


def counted(message: str) -> int | None:
    """Return how many alerts Falco says at its end that it raised, None when the line does not say."""
    found = _COUNT.fullmatch(message)
    return int(found[1]) if found else None


def internal_fields(output: str) -> tuple[str, dict[str, Any]]:
    """Return the message and the fields of a text message about Falco itself, ``message (name="value" …)``."""
    message, bracket, rest = output[:_MAX_INTERNAL].partition(" (")
    if not bracket or not rest.endswith(")"):
        return output, {}
    return message, {name: value.strip('"') for name, value in _PAIRS.findall(rest)}


def dropped(message: str, fields: dict[str, object]) -> int | None:
    """Return how many events a message says were dropped, None when it does not."""
    said = fields.get("n_drops")
    if isinstance(said, int | str) and str(said).isdecimal() and len(str(said)) < 19:
        return int(said)
    found = _DROPPED.search(message)
    return int(found[1]) if found else None
