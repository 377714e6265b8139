"""Files cut off, altered or made up: everything before the fault comes out, nothing crashes or hangs."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sources import scap
from tests.sources.scap import block, event, i64, u32
from tiercel.model.batch import Batch
from tiercel.sources.capture import Capture, CaptureError, Damage
from tiercel.wire.event_table import BY_CONSTANT

READ_E, READ_X = BY_CONSTANT["SYSCALL_READ_E"], BY_CONSTANT["SYSCALL_READ_X"]
THREAD = (
    struct.pack("<qqq", 1, 1, 0) + b"\4\0init" + b"\4\0init" + b"\0\0" + b"\1\0/" + struct.pack("<qIII", 1024, 0, 0, 0)
)
HEAD = scap.section() + scap.machine() + block(0x202, THREAD)
EVENTS = [
    event(READ_E, i64(5), u32(16), ts=1),
    event(READ_X, i64(3), b"abc", ts=2),
    event(READ_X, i64(3), b"abc", kind=0x204, ts=3),
    event(BY_CONSTANT["CONTAINER_E"], b"abc\0", u32(1), b"web\0", b"nginx\0", ts=4),
    event(BY_CONSTANT["CONTAINER_JSON_2_E"], b"{}\0", kind=0x222, wide=True, ts=5),
]
WHOLE = HEAD + b"".join(EVENTS)


def read(path: Path, content: bytes) -> tuple[list[Batch], Damage | None]:
    path.write_bytes(content)
    with Capture(path) as capture:
        return list(capture.batches()), capture.damage


def times(batches: list[Batch]) -> list[int]:
    return [int(ts) for batch in batches for ts in batch.ts]


def test_the_whole_file_is_sound(tmp_path: Path) -> None:
    batches, damage = read(tmp_path / "a", WHOLE)
    assert times(batches) == [2, 3, 4, 5]
    assert damage is None


@pytest.mark.parametrize("kept", range(len(scap.section()), len(WHOLE)))
def test_cut_off_anywhere(tmp_path: Path, kept: int) -> None:
    batches, damage = read(tmp_path / "a", WHOLE[:kept])
    ends = np.cumsum([len(HEAD)] + [len(block) for block in EVENTS])
    whole = int(np.searchsorted(ends, kept, side="right")) - 1
    assert times(batches) == [2, 3, 4, 5][: max(whole - 1, 0)]
    starts = {0, len(scap.section()), len(scap.section() + scap.machine()), *ends.tolist()}
    if kept in starts:
        assert damage is None
    else:
        assert damage == Damage(max(start for start in starts if start < kept), "the file ends inside a block")


def test_cut_off_gzip(tmp_path: Path) -> None:
    batches, damage = read(tmp_path / "a", gzip.compress(WHOLE)[:-5])
    assert times(batches) == [2, 3, 4, 5]
    assert damage == Damage(len(WHOLE), "gzip data ends too early")


@pytest.mark.parametrize("length", [0, 11, 20, 39, 70_000, (64 << 20) + 4, 2**32 - 1])
def test_an_impossible_block_length_ends_the_reading(tmp_path: Path, length: int) -> None:
    bad = struct.pack("<II", 0x216, length) + bytes(200)
    batches, damage = read(tmp_path / "a", WHOLE + bad + WHOLE)
    assert times(batches) == [2, 3, 4, 5]
    assert damage == Damage(len(WHOLE), f"event block of impossible length {length}")


@pytest.mark.parametrize("length", [0, 11, 2**32 - 1])
def test_an_impossible_length_of_another_block(tmp_path: Path, length: int) -> None:
    batches, damage = read(tmp_path / "a", WHOLE + struct.pack("<II", 0x9999, length) + bytes(200))
    assert times(batches) == [2, 3, 4, 5]
    assert damage == Damage(len(WHOLE), f"block of impossible length {length}")


def test_a_faulty_list_is_noted_and_reading_goes_on(tmp_path: Path) -> None:
    faulty = block(0x202, THREAD[:30] + b"\xff\xff")
    batches, damage = read(tmp_path / "a", HEAD + faulty + b"".join(EVENTS))
    assert times(batches) == [2, 3, 4, 5]
    assert damage is not None
    assert damage.offset == len(HEAD)


def test_blocks_between_events(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(HEAD + EVENTS[1] + block(0x9999, b"?") + EVENTS[2] + block(0x202, THREAD) + EVENTS[4])
    with Capture(path) as capture:
        assert len(capture.threads) == 1
        assert times(list(capture.batches())) == [2, 3, 5]
        assert len(capture.threads) == 2
        assert capture.damage is None


def test_captures_in_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(HEAD + EVENTS[0] + scap.section() + scap.machine() + EVENTS[1] + HEAD + EVENTS[2])
    with Capture(path) as capture:
        seen = [(capture.section, len(capture.threads), batch.count) for batch in capture.batches()]
        assert capture.damage is None
    assert seen == [(1, 0, 1), (2, 1, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short to be a capture"),
        (b"#!/bin/sh\necho", "not a capture (it does not start with a section header)"),
        (scap.section(magic=0x4D3C2B1A), "written on a big-endian machine, which is not supported"),
        (scap.section(magic=5), "the section header holds no byte-order magic"),
        (scap.section(major=9), "file format version 9 is newer than this reads (up to 1)"),
        (scap.section()[:12], "the section header is cut off"),
        (gzip.compress(WHOLE, mtime=0)[:12], "gzip data ends too early"),
    ],
)
def test_no_capture(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        Capture(path)
    assert str(caught.value) == f"tiercel: {path}: {reason}"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file or directory"):
        Capture(tmp_path / "none")
    with pytest.raises(CaptureError, match="Is a directory"):
        Capture(tmp_path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 127, 255]))),
        min_size=1,
        max_size=8,
    ),
    size=st.integers(1, 4),
)
def test_altered_bytes(tmp_path: Path, edits: list[tuple[int, int]], size: int) -> None:
    content = bytearray(WHOLE)
    for at, value in edits:
        content[at] = value
    path = tmp_path / "a"
    path.write_bytes(content)
    try:
        capture = Capture(path)
    except CaptureError:
        return
    with capture:
        for batch in capture.batches(size):
            assert len(batch.first) == batch.count + 1
            assert (np.diff(batch.first) >= 0).all()
            assert batch.first[-1] == len(batch.start) == len(batch.length)
            assert (batch.start >= 0).all()
            assert (batch.length >= 0).all()
            assert (batch.start.astype(np.int64) + batch.length <= len(batch.data)).all()
