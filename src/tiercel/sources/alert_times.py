"""Times as alert logs write them, as ns since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MAX_TIME = (1 << 63) - 1

ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
"""A time with its day, after ISO 8601."""

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def since_epoch(moment: datetime, ns: int = 0) -> int:
    """Return an aware ``moment`` as ns since the epoch, exactly, plus ``ns``."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds * 1000 + ns


def iso_time(text: str, zone: tzinfo = UTC) -> int | None:
    """Read an ISO 8601 time; ``zone`` is where it was written when it does not say so. None when it is none."""
    found = _ISO.match(text)
    if found is None:
        return None
    fraction = int((found[7] or "").ljust(9, "0"))
    try:
        year, month, day, hours, minutes, seconds = map(int, found.groups()[:6])
        moment = datetime(year, month, day, hours, minutes, seconds, 0, _zone(found[8], zone))
        return _bounded(since_epoch(moment, fraction))
    except (ValueError, OverflowError):
        return None


def clock(text: str) -> int:
    """Return the ns since midnight of ``HH:MM:SS.nnnnnnnnn``."""
    hours, minutes, seconds = text[:8].split(":")
    return (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * SECOND + int(text[9:].ljust(9, "0"))


def on_day(day: date, nanoseconds: int, zone: tzinfo = UTC) -> int | None:
    """Return the time so many ns after midnight of ``day``."""
    seconds, ns = divmod(nanoseconds, SECOND)
    try:
        moment = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(seconds=seconds)
        return _bounded(since_epoch(moment, ns))
    except (ValueError, OverflowError):
        return None


def day_of(ts: int, zone: tzinfo = UTC) -> date:
    """Return the day of a time."""
    return (_EPOCH + timedelta(seconds=ts // SECOND)).astimezone(zone).date()


def nearest(text: str, ts: int, zone: tzinfo = UTC) -> int:
    """Return the time nearest to ``ts`` at which a clock shows ``text``."""
    day = day_of(ts, zone)
    times = (on_day(day + timedelta(days=shift), clock(text), zone) for shift in (-1, 0, 1))
    return min((time for time in times if time is not None), key=lambda time: abs(time - ts), default=ts)


def c_time(month: str, day: str, clock: str, year: int, zone: tzinfo = UTC) -> int | None:
    """Read the parts of ``Sun Nov 22 05:10:41 2026``."""
    hours, minutes, seconds = map(int, clock.split(":"))
    try:
        moment = datetime(year, _MONTHS.index(month, 1), int(day), hours, minutes, seconds, tzinfo=zone)
        return _bounded(since_epoch(moment))
    except (ValueError, OverflowError):
        return None


def _bounded(ts: int) -> int | None:
    return ts if 0 <= ts <= MAX_TIME else None


def _zone(text: str | None, default: tzinfo) -> tzinfo:
    if text is None:
        return default
    if text == "Z":
        return UTC
    zone = datetime.strptime(text, "%z").tzinfo
    assert zone is not None
    return zone
