"""Which day it is in a log whose text alerts say only the time of day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta, tzinfo
from pathlib import Path

from tiercel.sources.alert_json import alert_time
from tiercel.sources.alert_record import TimeFrom
from tiercel.sources.alert_text import own_line, text_alert
from tiercel.sources.alert_times import SECOND, clock, day_of, on_day
from tiercel.sources.log_lines import LogLines

_LATE = 3600 * SECOND
"""Alerts of several threads are not quite in order: a time only so much earlier than the one before is no new day."""


class Calendar:
    """Follows the days through one file.

    A time of day is of the day of the last dated line before it, or of the day after when it is earlier. Before the
    first dated line, days are counted back from that one, and without any from when the file was last written.
    """

    def __init__(self, path: Path, zone: tzinfo, written: int | None = None) -> None:
        self.path = path
        self.zone = zone
        self._written = written if written is not None else max(path.stat().st_mtime_ns, 0)
        self._last: int | None = None
        self._basis: TimeFrom = "context"

    @property
    def around(self) -> int:
        """A time near to that of the current line."""
        return self._last if self._last is not None else self._written

    def saw(self, ts: int | None) -> None:
        """Note a line with a whole time."""
        if ts is not None:
            self._last, self._basis = ts, "context"

    def at(self, time_of_day: str) -> tuple[int, TimeFrom]:
        """Return the time of the current line that shows this time of day, and what the day rests on."""
        since_midnight = clock(time_of_day)
        if self._last is None:
            day, self._basis = self._first_day()
        else:
            day = day_of(self._last, self.zone)
            same_day = on_day(day, since_midnight, self.zone)
            if same_day is not None and same_day < self._last - _LATE:
                day += timedelta(days=1)
        ts = on_day(day, since_midnight, self.zone)
        if ts is None:  # outside of what 64 bits hold
            return self.unknown()
        self._last = ts if self._last is None else max(self._last, ts)
        return ts, self._basis

    def unknown(self) -> tuple[int, TimeFrom]:
        """Return the time to give to a line that has none: that of the line before, or of the file."""
        return self.around, "file" if self._last is None else self._basis

    def _first_day(self) -> tuple[date, TimeFrom]:
        """Look ahead for the first dated line and count the days back from it to the first time of day."""
        previous: int | None = None
        nights = 0
        end, basis = self._written, "file"
        for dated, time_of_day in self._times():
            if dated is not None:
                end, basis = dated, "context"
                break
            assert time_of_day is not None
            now = clock(time_of_day)
            nights += previous is not None and now < previous - _LATE
            previous = now
        day = day_of(end, self.zone)
        last = None if previous is None else on_day(day, previous, self.zone)
        if last is not None and last > end + _LATE:
            nights += 1
        return day - timedelta(days=nights), "context" if basis == "context" else "file"

    def _times(self) -> Iterator[tuple[int | None, str | None]]:
        """Yield of each line that shows one its whole time, or its time of day."""
        for line in LogLines(self.path):
            text = line.data.decode("utf-8", "replace")
            if text.startswith("{"):
                try:
                    value = json.loads(text)
                except (ValueError, RecursionError):
                    continue
                ts = alert_time(value, self.zone) if isinstance(value, dict) else None
                if ts is not None:
                    yield ts, None
            elif (alert := text_alert(text, self.zone)) is not None:
                yield alert.ts, alert.clock
            elif (own := own_line(text, self.zone)) is not None and own.ts is not None:
                yield own.ts, None
