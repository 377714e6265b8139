"""Times and amounts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(ts: int | None, *, date: bool = True, digits: int = 6) -> str:
    """Return ns since epoch as UTC, as in ``2026-11-22 01:04:46.770529``; "-" for None."""
    if ts is None:
        return "-"
    seconds, fraction = divmod(ts, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # damaged evidence may say anything
        return str(ts)
    text = moment.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S")
    return f"{text}.{fraction:09d}"[: len(text) + 1 + digits] if digits else text


def size(count: int | None) -> str:
    """Return a number of bytes with its unit, as in ``1,265,648 bytes``."""
    if count is None:
        return "an unknown number of bytes"
    return f"{count:,} byte{'' if count == 1 else 's'}"


def short_size(count: int) -> str:
    """Return a number of bytes for people, as in ``1.2 MB``."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def terminal(tty: int | None) -> str:
    """Return a terminal's name from its device number, as in ``pts/0``; "" for none."""
    if not tty:
        return ""
    major, minor = tty >> 8 & 0xFFF, tty & 0xFF | tty >> 12 & 0xFFF00
    if 136 <= major <= 143:
        return f"pts/{(major - 136 << 20) + minor}"
    return f"tty{minor}" if major == 4 else f"terminal {tty}"
