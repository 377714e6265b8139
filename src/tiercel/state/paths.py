"""Paths as libsinsp 0.25.4 shows them: joined to a directory, ``.`` and ``..`` resolved, unprintable bytes replaced.

Resolving is textual, as libsinsp does it (``utils.cpp``, ``concatenate_paths``): it does not follow links, and a
directory that is not known leaves ``<UNKNOWN>`` in front. The result never exceeds 1,023 bytes.

Compiled with Cython (types in ``paths.pxd``); runs unchanged, slower, as plain Python.
"""

from __future__ import annotations

LIMIT = 1024
"""Bytes of a path with its closing NUL, libscap's ``SCAP_MAX_PATH_SIZE``."""

TOO_LONG = b"/DIR_TOO_LONG/FILENAME_TOO_LONG"
"""Stands for a path that does not fit."""

REPLACEMENT = b"\xef\xbf\xbd"

_LIMIT = LIMIT
_SLASH = 47
_DOT = 46


def sequence_length(text: bytes, at: int, end: int) -> int:
    """Return the length of the UTF-8 sequence at ``text[at:end]``, negative when it is broken or not printable.

    A broken sequence counts the bytes that could still have become a character (Unicode 15, table 3-8). Control
    characters and noncharacters are well formed, but not printable.
    """
    lead = text[at]
    if lead < 0x80:
        return 1 if 0x20 <= lead < 0x7F else -1
    if lead < 0xC2 or lead > 0xF4:
        return -1
    if lead < 0xE0:
        size = 2
    elif lead < 0xF0:
        size = 3
    else:
        size = 4
    low = 0x80
    high = 0xBF
    if lead == 0xE0:
        low = 0xA0
    elif lead == 0xED:
        high = 0x9F
    elif lead == 0xF0:
        low = 0x90
    elif lead == 0xF4:
        high = 0x8F
    point = lead & (0xFF >> (size + 1))
    for k in range(1, size):
        if at + k >= end:
            return -k
        byte = text[at + k]
        if byte < low or byte > high:
            return -k
        low = 0x80
        high = 0xBF
        point = (point << 6) | (byte & 0x3F)
    if size == 2:
        return 2 if point > 0x9F else -2
    if (point & 0xFFFE) == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:
        return -size
    return size


def printable(text: bytes) -> bytes:
    """Return ``text`` with U+FFFD for every sequence of bytes that is not printable UTF-8."""
    end = len(text)
    at = 0
    while at < end:
        step = sequence_length(text, at, end)
        if step < 0:
            break
        at += step
    else:
        return text
    out = bytearray(text[:at])
    while at < end:
        step = sequence_length(text, at, end)
        if step < 0:
            out += REPLACEMENT
            at -= step
        else:
            out += text[at : at + step]
            at += step
    return bytes(out)


def is_plain(path: bytes) -> bool:
    """Whether ``path`` is printable ASCII with nothing to resolve. May say no to a path that is."""
    end = len(path)
    after = _SLASH  # the byte before
    for at in range(end):
        byte = path[at]
        if byte < 0x20 or byte > 0x7E:
            return False
        if after == _SLASH:
            if byte == _SLASH:
                if at:
                    return False
            elif byte == _DOT and (at + 1 >= end or path[at + 1] == _DOT or path[at + 1] == _SLASH):
                return False
        after = byte
    return end == 1 or after != _SLASH


def concatenate(base: bytes, path: bytes) -> bytes:
    """Join ``path``, unless it is absolute or empty, to ``base`` and resolve it.

    ``base`` should end in ``/``; it is taken as it is, only ``..`` takes parts of it away.
    """
    end = path.find(0)
    if end >= 0:
        path = path[:end]
    end = len(path)
    if len(base) + end + 1 > _LIMIT:
        return TOO_LONG
    relative = end != 0 and path[0] != _SLASH
    if end == 0:
        return b""
    if is_plain(path):
        return base + path if relative else path
    out = bytearray(base) if relative else bytearray()
    return _resolve(out, path)


def _resolve(out: bytearray, path: bytes) -> bytes:
    """Append ``path`` to ``out``, which holds a directory or nothing, resolving what is on the way."""
    end = len(path)
    at = 0
    n = len(out)
    rootless = n == 0
    while at < end:
        byte = path[at]
        step = sequence_length(path, at, end)
        if step < 0:
            if n + 3 >= _LIMIT:
                return bytes(out)
            out += REPLACEMENT
            at -= step
        elif step > 1:
            if n + step >= _LIMIT:
                return bytes(out)
            out += path[at : at + step]
            at += step
        else:
            first = n == 0 or out[n - 1] == _SLASH  # of a component
            one = path[at + 1] if at + 1 < end else 0
            two = path[at + 2] if at + 2 < end else 0
            if byte == _DOT and first and one == _DOT and (two == _SLASH or at + 2 >= end):
                if n > 1:
                    n -= 1
                    while n >= 1 and out[n - 1] != _SLASH:
                        n -= 1
                    del out[n:]
                at += 3 if at + 2 < end else 2
            elif byte == _DOT and first and (one == _SLASH or at + 1 >= end):
                at += 2 if at + 1 < end else 1
            elif byte == _SLASH and ((n > 0 and out[n - 1] == _SLASH) or (n == 0 and not rootless)):
                at += 1
            else:
                if n + 1 >= _LIMIT:
                    return bytes(out)
                out.append(byte)
                at += 1
        n = len(out)
    if n > 1 and out[n - 1] == _SLASH:
        del out[n - 1 :]
    return bytes(out)
