"""Times as people write them: a date, a distance from the newest event, or seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tiercel.errors import InputError

_SECOND = 1_000_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"-(\d{1,9})([smhdw])")
_EPOCH = re.compile(r"(\d{1,19})(?:\.(\d{1,9}))?")
_FRACTION = re.compile(r"(.*\d:\d\d:\d\d)[.,](\d{1,9})(.*)")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, newest: int) -> int:
    """Return a time in ns since the epoch.

    Args:
        text: ISO 8601 (UTC without a zone), ``-2h`` and the like (s, m, h, d, w before ``newest``), or seconds since
            the epoch; a number of more than 11 digits is in ns.
        newest: time of the newest event, ns since the epoch.

    Raises:
        InputError: it is none of these.
    """
    written = text.strip()
    if relative := _RELATIVE.fullmatch(written):
        return newest - int(relative[1]) * _UNITS[relative[2]] * _SECOND
    if epoch := _EPOCH.fullmatch(written):
        # eight digits are a day, as in 20260131
        if epoch[2] is None and len(epoch[1]) > 11:
            return int(epoch[1])
        if epoch[2] is not None or len(epoch[1]) != 8:
            return int(epoch[1]) * _SECOND + int((epoch[2] or "").ljust(9, "0"))
    ns = 0
    whole = written
    if fraction := _FRACTION.fullmatch(written):
        ns = int(fraction[2].ljust(9, "0"))
        whole = fraction[1] + fraction[3]
    try:
        date = datetime.fromisoformat(whole)
    except ValueError:
        raise InputError(
            f"'{text}' is no time: write 2026-01-31T12:00:00 (UTC), -2h (before the newest event) or seconds since 1970"
        ) from None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    passed = (date - _EPOCH_START) // timedelta(microseconds=1) * 1000 + ns
    return passed
