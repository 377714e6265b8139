"""Text as it is shown: bytes that are no printable UTF-8 replaced, paths joined and cleaned."""

from __future__ import annotations

import socket

REPLACEMENT = b"\xef\xbf\xbd"
PATH_MAX = 1024  # a joined path is no longer than this, the final NUL included

_PRINTABLE = bytes(range(0x20, 0x7F))
_DOTS = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in range(256))


def is_plain(text: bytes) -> bool:
    """Whether ``text`` is printable ASCII throughout."""
    return not text.translate(None, _PRINTABLE)


def dots(data: bytes) -> bytes:
    """Return ``data`` with a dot for every byte that is not printable ASCII."""
    return data.translate(_DOTS)


def sequence_length(text: bytes, at: int) -> int:
    """Return the length of the printable UTF-8 sequence at ``at``, or minus the number of bytes to replace."""
    end = len(text)
    lead = text[at]
    if lead < 0x80:
        return 1 if 0x20 <= lead < 0x7F else -1
    if lead < 0xC2 or lead > 0xF4:
        return -1
    if lead < 0xE0:
        if at + 1 >= end or text[at + 1] & 0xC0 != 0x80:
            return -1
        return 2 if (lead & 0x1F) << 6 | text[at + 1] & 0x3F > 0x9F else -2
    size = 3 if lead < 0xF0 else 4
    lowest = {0xE0: 0xA0, 0xF0: 0x90}.get(lead, 0x80)
    highest = {0xED: 0x9F, 0xF4: 0x8F}.get(lead, 0xBF)
    if at + 1 >= end or not lowest <= text[at + 1] <= highest:
        return -1
    for offset in range(2, size):
        if at + offset >= end or text[at + offset] & 0xC0 != 0x80:
            return -offset
    point = ord(text[at : at + size].decode("utf-8"))
    noncharacter = point & 0xFFFF >= 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return -size if noncharacter else size


def sanitize(text: bytes) -> bytes:
    """Return ``text`` with U+FFFD for whatever is no printable UTF-8, control characters included."""
    if is_plain(text):
        return text
    out = []
    at = 0
    while at < len(text):
        size = sequence_length(text, at)
        if size > 0:
            out.append(text[at : at + size])
            at += size
        else:
            out.append(REPLACEMENT)
            at -= size
    return b"".join(out)


def join_path(base: bytes, path: bytes) -> bytes:
    """Return ``path`` as seen from directory ``base``, without ``.``, ``..``, double and trailing slashes.

    An absolute path stands for itself. What is no printable UTF-8 in ``path`` is replaced; ``base`` is taken as it is.
    """
    if len(base) + len(path) + 1 > PATH_MAX:
        return b"/DIR_TOO_LONG/FILENAME_TOO_LONG"
    if not path or path[:1] == b"/":
        base = b""
    simple = b"." not in path and b"//" not in path and path[-1:] != b"/" and is_plain(path)
    if simple and (base[-1:] != b"/" or path[:1] != b"/"):
        return base + path
    return _clean(base, path)


def _clean(base: bytes, path: bytes) -> bytes:
    out = bytearray(base)
    room = PATH_MAX - 1
    at, end = 0, len(path)
    while at < end:
        size = sequence_length(path, at)
        if size > 1:
            if len(out) + size > room:
                return bytes(out)
            out += path[at : at + size]
            at += size
            continue
        if size < 0:
            if len(out) + 3 > room:
                return bytes(out)
            out += REPLACEMENT
            at -= size
            continue
        char = path[at]
        if char == 0x2E and (not out or out[-1] == 0x2F):
            after, beyond = path[at + 1 : at + 2], path[at + 2 : at + 3]
            if after == b"." and beyond in (b"/", b""):
                _to_parent(out)
                at += 2 + len(beyond)
                continue
            if after in (b"/", b""):
                at += 1 + len(after)
                continue
        elif char == 0x2F and ((out and out[-1] == 0x2F) or (not out and base)):
            at += 1
            continue
        if len(out) + 1 > room:
            return bytes(out)
        out.append(char)
        at += 1
    if len(out) > 1 and out[-1] == 0x2F:
        out.pop()
    return bytes(out)


def _to_parent(out: bytearray) -> None:
    if len(out) <= 1:
        return
    del out[-1]
    while out and out[-1] != 0x2F:
        del out[-1]


def address(packed: bytes) -> bytes:
    """Return the text of a 4 or 16 byte address."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed).encode()
