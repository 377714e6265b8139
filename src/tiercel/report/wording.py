"""How the report writes times, sizes and durations."""

from __future__ import annotations

from tiercel.reconstruct.wording.shown import short_size, utc

SECOND = 1_000_000_000


def when(ts: int | None, *, day: bool = True) -> str:
    """Return a time (ns since the epoch) in UTC to the millisecond, ``unknown`` for None."""
    return "unknown" if ts is None else utc(ts, date=day, digits=3)


def lasting(nanoseconds: int) -> str:
    """Return a duration in words a reader takes in at once: ``3.2 s``, ``4 min``, ``2 h 5 min``, ``3 d 4 h``."""
    seconds = nanoseconds / SECOND
    if nanoseconds < 500_000:
        return "less than 1 ms"
    if seconds < 1:
        return f"{nanoseconds / 1e6:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def size(count: int | None) -> str:
    """Return a number of bytes as ``1.2 MB``, empty for None."""
    return "" if count is None else short_size(count)


def several(count: int, one: str, many: str = "") -> str:
    """Return ``1 alert``, ``2 alerts``, ``no alerts``."""
    if count == 0:
        return f"no {many or one + 's'}"
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listing(items: tuple[str, ...] | list[str], most: int = 4) -> str:
    """Return ``a``, ``a and b``, ``a, b and 3 more``."""
    if not items:
        return ""
    if len(items) > most:
        return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
