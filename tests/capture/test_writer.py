"""The block writer."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import pytest
import zstandard

from tests.capture.stories import break_in
from tiercel.capture import blocks
from tiercel.capture.writer import CaptureWriter
from tiercel.model.columns import FdKind
from tiercel.model.world import Machine, User, World
from tiercel.sources.records import FdRecord, ThreadRecord
from tiercel.wire.event_table import BY_CONSTANT


def split(capture: bytes) -> list[tuple[int, bytes]]:
    """Walk the blocks as any reader does, checking both lengths and the padding."""
    found, offset = [], 0
    while offset < len(capture):
        kind, length = struct.unpack_from("<II", capture, offset)
        assert length % 4 == 0
        assert struct.unpack_from("<I", capture, offset + length - 4) == (length,)
        found.append((kind, capture[offset + 8 : offset + length - 4]))
        offset += length
    assert offset == len(capture)
    return found


def test_blocks_come_in_the_order_libscap_writes_them() -> None:
    kinds = [kind for kind, _ in split(break_in().to_bytes())]
    assert kinds[:5] == [0x0A0D0D0A, 0x201, 0x219, 0x220, 0x215]
    assert kinds[5:8] == [0x218, 0x218, 0x218]
    assert kinds[8] == blocks.EVENT_LARGE  # the container's metadata
    assert set(kinds[9:]) == {blocks.EVENT}


def test_section_header_and_machine() -> None:
    stream = io.BytesIO()
    with CaptureWriter(stream, World(Machine(2, 1 << 30, 100, "node-1", 5, 0))):
        pass
    (_, header), (_, machine), *_ = split(stream.getvalue())
    assert header == struct.pack("<IHHq", 0x1A2B3C4D, 1, 2, -1)
    assert len(machine) == 180
    assert machine[20:26] == b"node-1"


def test_large_events_have_wide_lengths() -> None:
    stream = io.BytesIO()
    with CaptureWriter(stream) as writer:
        writer.write_container(7, {"id": "a" * 70000})
    kind, body = split(stream.getvalue())[-1]
    assert kind == blocks.EVENT_LARGE
    ts, tid, size, number, count = struct.unpack_from("<QqIHI", body, 2)
    assert (ts, tid, number, count) == (7, 1, BY_CONSTANT["ASYNCEVENT_E"], 3)
    lengths = struct.unpack_from("<3I", body, 28)
    assert size == 26 + 12 + sum(lengths)
    assert lengths[2] > 70000


def test_flags_take_their_own_block() -> None:
    stream = io.BytesIO()
    with CaptureWriter(stream) as writer:
        writer.write(1, 2, BY_CONSTANT["SYSCALL_CLOSE_X"], [bytes(8), bytes(8)], cpu=3, flags=5)
    kind, body = split(stream.getvalue())[-1]
    assert kind == blocks.EVENT_WITH_FLAGS
    assert struct.unpack_from("<HI", body) == (3, 5)


def test_what_does_not_fit_is_refused() -> None:
    writer = CaptureWriter(io.BytesIO())
    with pytest.raises(ValueError, match="SYSCALL_READ_X is too long"):
        writer.write(1, 2, BY_CONSTANT["SYSCALL_READ_X"], [bytes(8), bytes(66000)])
    with pytest.raises(ValueError, match="SYSCALL_CLOSE_X has 2 parameters, not 3"):
        writer.write(1, 2, BY_CONSTANT["SYSCALL_CLOSE_X"], [b"", b"", b""])


def test_compression_follows_the_suffix(tmp_path: Path) -> None:
    story = break_in()
    plain = story.to_bytes()
    for suffix in ("", ".gz", ".zst"):
        story.write(tmp_path / f"a.scap{suffix}")
    assert (tmp_path / "a.scap").read_bytes() == plain
    assert gzip.decompress((tmp_path / "a.scap.gz").read_bytes()) == plain
    unpacked = zstandard.ZstdDecompressor().stream_reader((tmp_path / "a.scap.zst").read_bytes()).read()
    assert unpacked == plain


def test_descriptors_of_every_kind_have_the_length_libscap_gives_them() -> None:
    sizes = {
        FdKind.FILE_V2: 21 + 4 + 2 + 4 + 4,
        FdKind.FIFO: 21 + 2 + 4,
        FdKind.UNIX_SOCK: 21 + 16 + 2 + 4,
        FdKind.IPV4_SOCK: 21 + 13,
        FdKind.IPV6_SOCK: 21 + 37,
        FdKind.IPV4_SERVSOCK: 21 + 7,
        FdKind.IPV6_SERVSOCK: 21 + 19,
        FdKind.PIDFD: 21 + 2 + 4,
    }
    for kind, size in sizes.items():
        (_, body) = split(blocks.descriptor_list(9, [FdRecord(3, type=kind, fname=b"name")]))[0]
        assert struct.unpack_from("<qI", body) == (9, size)
        assert len(body) == (8 + size + 3) // 4 * 4
    assert len(split(blocks.descriptor_list(9, [FdRecord(3)]))[0][1]) == 8


def test_long_texts_are_cut_to_what_libscap_stores() -> None:
    thread = ThreadRecord(1, comm=b"c" * 2000, args=b"a" * 9000)
    entry = blocks.thread_entry(thread)
    assert struct.unpack_from("<H", entry, 40) == (1024,)
    users = blocks.user_list([User(1, 1, b"u" * 300, b"", b"")], [])
    assert struct.unpack_from("<H", users, 8 + 4 + 9) == (255,)
