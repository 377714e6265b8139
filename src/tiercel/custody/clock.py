"""The time of this machine, and how far it can be trusted."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_UNSYNCHRONIZED = 0x0040  # STA_UNSYNC
_NANOSECONDS = 0x2000  # STA_NANO: offset in ns, else in µs
_SERVICES = {  # what keeps the clock, by what it leaves in /run
    "chronyd": ("/run/chrony/chronyd.pid", "/run/chronyd.pid"),
    "systemd-timesyncd": ("/run/systemd/timesync/synchronized",),
    "ntpd": ("/run/ntpd.pid", "/var/run/ntpd.pid"),
}


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux up to the last member that is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def now() -> str:
    """Return the time as RFC 3339 in UTC with nine digits: ``2026-01-31T08:00:00.000000001Z``."""
    return rfc3339(time.time_ns())


def rfc3339(nanoseconds: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC with nine digits."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def state() -> Mapping[str, str | bool | int | None]:
    """Return what the kernel knows of the clock; nothing is changed by asking.

    ``source`` is "system" or "ntp (what keeps it)"; ``synchronized`` and ``offset_ns`` (what is still to be corrected,
    ns) are None when unknown.
    """
    timex = _Timex()  # modes = 0: read only
    try:
        adjtimex = ctypes.CDLL(None).adjtimex if sys.platform == "linux" else None
    except (OSError, AttributeError):
        adjtimex = None
    if adjtimex is None or adjtimex(ctypes.byref(timex)) < 0:
        return {"source": "system", "synchronized": None, "offset_ns": None}
    if timex.status & _UNSYNCHRONIZED:
        return {"source": "system", "synchronized": False, "offset_ns": None}
    offset = timex.offset if timex.status & _NANOSECONDS else timex.offset * 1000
    return {"source": _source(), "synchronized": True, "offset_ns": offset}


def _source() -> str:
    for name, traces in _SERVICES.items():
        if any(Path(trace).exists() for trace in traces):
            return f"ntp ({name})"
    return "ntp"
