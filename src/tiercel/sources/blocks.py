"""The block types of a capture file.

A capture is a run of blocks: type (4 bytes), whole length (4), body, whole length again (4), all little endian. The
first is a section header; a file put together from several captures holds several. Unknown types are skipped.

References: libscap's ``scap_savefile.h`` and pcapng, whose framing this is.
"""

from __future__ import annotations

SECTION = 0x0A0D0D0A
SECTION_MAGIC = b"\x4d\x3c\x2b\x1a"  # 0x1A2B3C4D as a little-endian writer puts it
MAJOR_VERSION = 1
"""Newest major version of the file format this reads."""

MACHINE = frozenset({0x201, 0x8002ABCD})
PROCESSES = {
    0x202: 1, 0x207: 2, 0x209: 3, 0x210: 4, 0x211: 5, 0x212: 6, 0x213: 7, 0x214: 8, 0x215: 9,
    0x8000ABCD: 1, 0x8013ABCD: 2, 0x8014ABCD: 3,
}  # fmt: skip
"""Version of the process list by block type. Numbers from 0x80000000 on were used before the format was published."""

DESCRIPTORS = {0x203: 1, 0x8001ABCD: 1, 0x218: 2}
INTERFACES = {0x205: 1, 0x8011ABCD: 1, 0x219: 2}
USERS = {0x206: 1, 0x8012ABCD: 1, 0x220: 2}
STATE = 0xD41C0001
"""State as tiercel knows it, see :mod:`tiercel.state.snapshot`; other readers skip it. Numbers with the highest bit are
for everybody's own use, as in pcapng."""

EVENTS = frozenset({0x204, 0x8010ABCD, 0x208, 0x216, 0x217, 0x221, 0x222})

HEADER = 8  # bytes before the body
FRAME = 12  # bytes around the body

MAX_BLOCK = 64 << 20
"""A block said to be longer than this is taken for damage."""
