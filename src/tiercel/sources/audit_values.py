"""How auditd writes values: quoted texts, hexadecimal texts, numbers, devices, terminals.

The kernel quotes a text that is plain and writes its bytes as hexadecimal digits when it holds a blank, a quote or
anything that is not printable ASCII, so a text can never be taken for a further field.
"""

from __future__ import annotations

import re

NO_ID = 0xFFFFFFFF
"""How an id that is not set is written: all ones."""

_HEX = re.compile(rb"(?:[0-9A-F]{2})+")
_DIGITS = re.compile(rb"-?[0-9]{1,20}")
_HEX_DIGITS = re.compile(rb"(?:0x)?[0-9a-fA-F]{1,16}")
_TERMINAL = re.compile(rb"(pts/?|ttyS|tty)([0-9]{1,5})")
_DEVICE = re.compile(rb"([0-9a-fA-F]{1,3}):([0-9a-fA-F]{1,5})")
_MAJORS = {b"pts": (136, 0), b"pts/": (136, 0), b"tty": (4, 0), b"ttyS": (4, 64)}


def text(value: bytes | None) -> bytes | None:
    """Return a text field decoded, None when it is missing or ``(null)``. It ends before its first NUL."""
    found = raw_text(value)
    return None if found is None else found.partition(b"\0")[0]


def raw_text(value: bytes | None) -> bytes | None:
    """Return a text field decoded with its NUL bytes, as a process title has them between its arguments."""
    if value is None or value == b"(null)":
        return None
    if value[:1] == b'"':
        return value[1:-1] if len(value) > 1 and value.endswith(b'"') else value[1:]
    if _HEX.fullmatch(value):
        return bytes.fromhex(value.decode("ascii"))
    return value


def plain(value: bytes) -> bytes:
    """Return a value without its quotes; hexadecimal digits stay."""
    return value[1:-1] if len(value) > 1 and value[:1] == b'"' == value[-1:] else value


def number(value: bytes | None) -> int | None:
    """Return a decimal number that fits in 64 bits with a sign, else None."""
    if value is None or not _DIGITS.fullmatch(value):
        return None
    found = int(value)
    return found if -(1 << 63) <= found < 1 << 63 else None


def register(value: bytes | None) -> int | None:
    """Return a system call's argument, written as hexadecimal digits, as an unsigned 64-bit number."""
    if value is None or not _HEX_DIGITS.fullmatch(value):
        return None
    return int(value, 16)


def octal(value: bytes | None) -> int | None:
    """Return a mode such as ``0100644``."""
    try:
        found = int(value or b"", 8)
    except ValueError:
        return None
    return found if 0 <= found < 1 << 32 else None


def identity(value: bytes | None) -> int | None:
    """Return a user or group id, all ones for one that is not set, None when it is missing or no id."""
    found = number(value)
    if found == -1:
        return NO_ID
    return found if found is not None and 0 <= found <= NO_ID else None


def terminal(value: bytes | None) -> int:
    """Return the device number of a terminal as events carry it, 0 without one or when its name is not known."""
    found = _TERMINAL.fullmatch(value or b"")
    if not found:
        return 0
    major, first = _MAJORS[found[1]]
    return encoded_device(major, first + int(found[2]))


def device(value: bytes | None) -> int | None:
    """Return a device, written as hexadecimal ``major:minor``, as events carry it."""
    found = _DEVICE.fullmatch(value or b"")
    return encoded_device(int(found[1], 16), int(found[2], 16)) if found else None


def encoded_device(major: int, minor: int) -> int:
    """Return a device number in the layout the kernel hands to programs."""
    return (minor & 0xFF) | (major << 8) & 0xFFF00 | ((minor & ~0xFF) << 12) & 0xFFFFFFFF
