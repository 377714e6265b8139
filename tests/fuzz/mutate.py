"""Deterministic mutations of captures that know where the lengths are.

``mutate(seed, random)`` takes a plain capture and gives a damaged one: bytes flipped, the file cut, blocks repeated,
moved, dropped or spliced in from another capture, and lies in the places that a reader trusts: block lengths, block
types, event headers, parameter lengths, the lengths inside the lists.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

EVENT_BLOCKS = {0x204: 10, 0x216: 10, 0x221: 10, 0x208: 14, 0x217: 14, 0x222: 14}
"""Where the event starts in an event block, by block type."""
BLOCK_TYPES = (
    0x0A0D0D0A, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207, 0x208, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214,
    0x215, 0x216, 0x217, 0x218, 0x219, 0x220, 0x221, 0x222, 0x8010ABCD, 0x8000ABCD, 0, 0xFFFFFFFF,
)  # fmt: skip
EVENT_TYPES = 454
INTERESTING = (0, 1, 2, 3, 4, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
               0xFFFFFFFF, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip

Blocks = list[bytearray]
Mutation = Callable[[Blocks, Random], None]


def split(capture: bytes) -> Blocks:
    """Return the blocks of a sound capture; what cannot be walked is one last piece."""
    found, offset = [], 0
    while offset + 12 <= len(capture):
        length = int.from_bytes(capture[offset + 4 : offset + 8], "little")
        if length < 12 or offset + length > len(capture):
            break
        found.append(bytearray(capture[offset : offset + length]))
        offset += length
    if offset < len(capture):
        found.append(bytearray(capture[offset:]))
    return found


def mutate(seed: Blocks, random: Random, donor: Blocks | None = None) -> bytes:
    """Return a damaged copy of a capture given as blocks; ``donor`` lends blocks to splice in."""
    blocks = [bytearray(block) for block in seed]
    for _ in range(1 + min(random.getrandbits(3), random.getrandbits(3))):
        if donor and random.random() < 0.1:
            at = random.randrange(len(blocks) + 1)
            blocks[at:at] = [bytearray(random.choice(donor)) for _ in range(random.randint(1, 4))]
        elif blocks:
            random.choice(MUTATIONS)(blocks, random)
    whole = b"".join(blocks)
    chance = random.random()
    if chance < 0.08:
        return whole[: random.randrange(len(whole) + 1)]
    if chance < 0.12:
        return flip_anywhere(whole, random)
    return whole


def flip_anywhere(data: bytes, random: Random) -> bytes:
    """Change up to eight bytes wherever they stand."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if changed:
            changed[random.randrange(len(changed))] = random.getrandbits(8)
    return bytes(changed)


def _any(blocks: Blocks, random: Random) -> bytearray:
    return blocks[random.randrange(len(blocks))]


def _event(blocks: Blocks, random: Random) -> tuple[bytearray, int]:
    """Return an event block and where its event starts, or an empty block."""
    for _ in range(8):
        block = _any(blocks, random)
        start = EVENT_BLOCKS.get(int.from_bytes(block[:4], "little"), 0)
        if start and len(block) >= start + 30:
            return block, start
    return bytearray(), 0


def _flip(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    if block:
        block[random.randrange(len(block))] ^= 1 << random.randrange(8)


def _number(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    width = random.choice((1, 2, 4, 8))
    if len(block) >= width:
        at = random.randrange(len(block) - width + 1)
        block[at : at + width] = (random.choice(INTERESTING) & (1 << 8 * width) - 1).to_bytes(width, "little")


def _drop(blocks: Blocks, random: Random) -> None:
    del blocks[random.randrange(len(blocks))]


def _repeat(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    at = random.randrange(len(blocks) + 1)
    blocks[at:at] = [bytearray(block) for _ in range(random.randint(1, 3))]


def _swap(blocks: Blocks, random: Random) -> None:
    i, j = random.randrange(len(blocks)), random.randrange(len(blocks))
    blocks[i], blocks[j] = blocks[j], blocks[i]


def _cut_block(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    del block[random.randrange(len(block) + 1) :]


def _shrink_block(blocks: Blocks, random: Random) -> None:
    """Cut a block's body and correct both lengths, so that only what is inside is short."""
    block = _any(blocks, random)
    if len(block) < 16:
        return
    size = 12 + 4 * random.randrange((len(block) - 12) // 4 + 1)
    del block[size - 4 :]
    block += bytes(4)
    struct.pack_into("<I", block, 4, size)
    struct.pack_into("<I", block, size - 4, size)


def _grow_block(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    if len(block) < 12:
        return
    extra = random.randbytes(4 * random.randint(1, 64))
    block[-4:-4] = extra
    struct.pack_into("<I", block, 4, len(block))
    struct.pack_into("<I", block, len(block) - 4, len(block))


def _block_length(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    if len(block) >= 12:
        near = len(block) + random.randint(-16, 16)
        value = random.choice((near, near, random.choice(INTERESTING))) & 0xFFFFFFFF
        struct.pack_into("<I", block, random.choice((4, len(block) - 4)), value)


def _block_type(blocks: Blocks, random: Random) -> None:
    block = _any(blocks, random)
    if len(block) >= 4:
        struct.pack_into("<I", block, 0, random.choice(BLOCK_TYPES))


def _event_type(blocks: Blocks, random: Random) -> None:
    block, at = _event(blocks, random)
    if block:
        struct.pack_into("<H", block, at + 20, random.choice((random.randrange(EVENT_TYPES), random.getrandbits(16))))


def _event_header(blocks: Blocks, random: Random) -> None:
    """Lie about the time, the thread, the length or the number of parameters of an event."""
    block, at = _event(blocks, random)
    if not block:
        return
    field, width = random.choice(((0, 8), (8, 8), (16, 4), (22, 4), (22, 4)))
    value = random.choice((random.choice(INTERESTING), random.randrange(40))) & (1 << 8 * width) - 1
    block[at + field : at + field + width] = value.to_bytes(width, "little")


def _thread(blocks: Blocks, random: Random) -> None:
    """Give an event to the thread of another one."""
    block, at = _event(blocks, random)
    other, there = _event(blocks, random)
    if block and other:
        block[at + 8 : at + 16] = other[there + 8 : there + 16]


def _parameter_length(blocks: Blocks, random: Random) -> None:
    block, at = _event(blocks, random)
    if not block:
        return
    place = at + 26 + 2 * random.randrange(12)
    if place + 2 <= len(block):
        struct.pack_into("<H", block, place, random.choice((random.choice(INTERESTING), random.randrange(64))) & 0xFFFF)


def _parameter_bytes(blocks: Blocks, random: Random) -> None:
    block, at = _event(blocks, random)
    if block:
        for _ in range(random.randint(1, 6)):
            block[random.randrange(at + 26, len(block))] = random.choice((0, 0xFF, 0x2F, 0x2E, random.getrandbits(8)))


def _kinship(blocks: Blocks, random: Random) -> None:
    """Make a thread of the process list the child of another, or of itself: forebears then run in a ring."""
    block = next((block for block in blocks[:8] if block[:4] == b"\x15\x02\0\0"), None)
    if block is None:
        return
    entries, at = [], 8
    while at + 48 <= len(block) - 4:
        entries.append(at + 4)
        at += max(48, int.from_bytes(block[at : at + 4], "little"))
    if entries:
        child, parent = random.choice(entries), random.choice(entries)
        field = random.choice((8, 16, 16, 24))  # process, parent, session
        block[child + field : child + field + 8] = block[parent : parent + 8]


def _entry_length(blocks: Blocks, random: Random) -> None:
    """Lie about a length inside the lists that describe the host."""
    block = _any(blocks[:8], random)
    if len(block) >= 20:
        at = random.choice((8, 16, random.randrange(8, len(block) - 8)))
        value = random.choice((random.choice(INTERESTING), random.randrange(256)))
        width = random.choice((2, 4))
        block[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")


MUTATIONS: tuple[Mutation, ...] = (
    _flip, _flip, _number, _number, _drop, _repeat, _swap, _cut_block, _shrink_block, _grow_block, _block_length,
    _block_type, _event_type, _event_type, _event_header, _event_header, _thread, _thread, _parameter_length,
    _parameter_length, _parameter_bytes, _parameter_bytes, _entry_length, _kinship,
)  # fmt: skip
