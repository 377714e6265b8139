"""What journals, container runtimes and shippers put around a line of Falco.

Known are CRI (``time stdout F text``), docker's and fluent-bit's JSON (``log``), journald as JSON (``MESSAGE``) and as
text, syslog, filebeat (``message``), Elasticsearch (``_source``), and ``kubectl logs --timestamps --prefix``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from tiercel.sources.alert_times import ISO, MAX_TIME, SECOND, c_time, iso_time

_CRI = re.compile(
    rf"(?P<time>{ISO}) (?P<stream>stdout|stderr) (?P<tag>[FP])(?::\S*)? (?P<text>.*)", re.ASCII | re.DOTALL
)
_SYSLOG = re.compile(
    rf"(?:<\d{{1,3}}>)?(?:1 )?(?:(?P<month>[A-Z][a-z]{{2}}) (?P<day>[ \d]\d) (?P<clock>\d\d:\d\d:\d\d)|(?P<iso>{ISO})) "
    r"(?P<host>[\w.:-]{1,253}) "
    r"(?:[\w./@-]{1,100}(?:\[\d{1,10}\])?: |[\w./@-]{1,100} \S{1,128} \S{1,32} - )(?P<text>.*)",
    re.ASCII | re.DOTALL,
)
_KUBECTL = re.compile(
    rf"(?:\[pod/[^\]\s]{{1,600}}\] |[\w.-]{{1,100}} +\| )?(?:(?P<time>{ISO}) )?(?P<text>.*)", re.ASCII | re.DOTALL
)
_HALF_YEAR = 183 * 86_400 * SECOND
_DOCKER_PIECE = 16 << 10  # bytes after which docker splits a line
_TEXTS = ("log", "MESSAGE", "message")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What was inside: a text, or an object that was nested in JSON.

    ``ts`` (ns since the epoch) and ``host`` are what the envelope says. ``whole`` is false for a piece of a long line
    whose rest comes in the next envelopes of the same ``stream``.
    """

    content: str | dict[str, Any]
    ts: int | None = None
    host: str | None = None
    stream: str = ""
    whole: bool = True


def unwrap_text(text: str, around: int, zone: tzinfo = UTC) -> Wrapped | None:
    """Take a line that begins with no JSON out of its envelope; None when there is none.

    ``around`` is a time near that of the line, for envelopes that do not say the year.
    """
    if found := _CRI.match(text):
        return Wrapped(found["text"], iso_time(found["time"]), None, found["stream"], found["tag"] == "F")
    if found := _SYSLOG.match(text):
        return Wrapped(found["text"], _syslog_time(found, around, zone), found["host"])
    found = _KUBECTL.match(text)
    if found and found.start("text"):
        return Wrapped(found["text"], iso_time(found["time"]) if found["time"] else None)
    return None


def unwrap_json(value: dict[str, Any]) -> Wrapped | None:
    """Take an alert out of a JSON envelope; None when there is none."""
    if isinstance(value.get("_source"), dict):
        return Wrapped(value["_source"])
    for key in _TEXTS:
        inner = value.get(key)
        if key == "MESSAGE" and isinstance(inner, list):  # journald's form of text that is not UTF-8
            inner = _bytes(inner)
        if isinstance(inner, str):
            split = key == "log" and not inner.endswith("\n") and len(inner.encode("utf-8", "replace")) >= _DOCKER_PIECE
            stream = str(value.get("stream", ""))
            return Wrapped(inner.rstrip("\r\n"), _json_time(value), _json_host(value), stream, not split)
    return None


def _syslog_time(found: re.Match[str], around: int, zone: tzinfo) -> int | None:
    if found["iso"]:
        return iso_time(found["iso"], zone)
    year = 1970 + around // (31_556_952 * SECOND)
    times = [c_time(found["month"], found["day"], found["clock"], year + shift, zone) for shift in (-1, 0, 1)]
    return next((ts for ts in times if ts is not None and abs(ts - around) <= _HALF_YEAR), None)


def _json_time(value: dict[str, Any]) -> int | None:
    journal = value.get("__REALTIME_TIMESTAMP")  # µs
    if isinstance(journal, str) and journal.isdecimal() and len(journal) < 19:
        return min(int(journal) * 1000, MAX_TIME)
    for key in ("time", "@timestamp"):
        if isinstance(value.get(key), str):
            return iso_time(value[key])
    return None


def _json_host(value: dict[str, Any]) -> str | None:
    places = [value.get("_HOSTNAME")]
    for key, name in (("kubernetes", "host"), ("host", "name")):
        inner = value.get(key)
        places.append(inner.get(name) if isinstance(inner, dict) else None)
    return next((place for place in places if isinstance(place, str) and place), None)


def _bytes(numbers: list[Any]) -> str | None:
    try:
        return bytes(numbers).decode("utf-8", "replace")
    except (TypeError, ValueError):
        return None
