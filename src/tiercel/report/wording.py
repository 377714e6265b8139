"""How the report writes times, sizes and durations."""

from __future__ import annotations

from datetime import UTC, datetime

SECOND = 1_000_000_000


def when(ts: int | None, *, day: bool = True) -> str:
    """Return a time (ns since the epoch) in UTC to the millisecond, ``unknown`` for None."""
    if ts is None:
        return "unknown"
    try:
        moment = datetime.fromtimestamp(ts // SECOND, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{ts} ns"
    text = f"{moment:%H:%M:%S}.{ts % SECOND // 1_000_000:03d}"
    return f"{moment:%Y-%m-%d} {text}" if day else text


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
    """Return a number of bytes as ``512 B``, ``4.0 KiB`` …, empty for None."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


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


def clean(text: str) -> str:
    """Return evidence-derived text with control and direction-changing characters made visible.

    A right-to-left override in a file name would show another name than the file has.
    """
    return "".join(character if _harmless(character) else f"\\u{ord(character):04x}" for character in text)


_TURNING = frozenset(
    chr(code)
    for span in ((0x200B, 0x2010), (0x202A, 0x202F), (0x2066, 0x206A), (0xFEFF, 0xFF00))
    for code in range(*span)
)


def _harmless(character: str) -> bool:
    code = ord(character)
    return not (code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 or character in _TURNING)
