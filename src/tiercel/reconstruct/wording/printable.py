"""Text from evidence made fit for a terminal."""

from __future__ import annotations

import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Return a text in which nothing moves the cursor, changes colours or turns the direction of writing.

    Control characters, also those of Unicode that reorder text, are shown as escapes: ``\\x1b``, ``\\u202e``.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    named = _NAMED.get(char)
    if named is not None:
        return named
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Return how many columns a printable text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def clip(text: str, most: int, more: str = "…") -> str:
    """Return a printable text cut to ``most`` columns, ``more`` in place of what is cut."""
    if width(text) <= most:
        return text
    left = max(most - width(more), 0)
    kept = []
    for char in text:
        left -= width(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + more[: max(most, 0)]


def pad(text: str, columns: int) -> str:
    """Return a printable text filled up with blanks to so many columns."""
    return text + " " * (columns - width(text))
