"""Capture blocks written by hand, down to layouts no writer makes any more."""

from __future__ import annotations

import struct

SECTION = 0x0A0D0D0A


def block(kind: int, body: bytes) -> bytes:
    """Return a block; the body is padded to 4 bytes."""
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def section(magic: int = 0x1A2B3C4D, major: int = 1) -> bytes:
    return block(SECTION, struct.pack("<IHHQ", magic, major, 2, 2**64 - 1))


def machine() -> bytes:
    return block(0x201, struct.pack("<IQQ128sQQQQ", 2, 1 << 33, 32768, b"node-1", 5, 0, 0, 0))


def event(
    number: int,
    *params: bytes,
    ts: int = 1_000,
    tid: int = 7,
    cpu: int = 0,
    kind: int = 0x216,
    flags: int = 0,
    wide: bool = False,
    count: int | None = None,
) -> bytes:
    """Return an event block; ``count`` claims another number of parameters than there are."""
    old = kind in (0x204, 0x208, 0x8010ABCD)
    flagged = kind in (0x208, 0x217, 0x222)
    lengths = b"".join(struct.pack("<I" if wide else "<H", len(param)) for param in params)
    values = b"".join(params)
    length = (22 if old else 26) + len(lengths) + len(values)
    head = struct.pack("<H", cpu) + (struct.pack("<I", flags) if flagged else b"")
    head += struct.pack("<QqIH", ts, tid, length, number)
    if not old:
        head += struct.pack("<I", len(params) if count is None else count)
    return block(kind, head + lengths + values)


def i64(value: int) -> bytes:
    return struct.pack("<q", value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)
