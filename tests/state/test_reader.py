"""Reading numbers and texts from spans, short, absent and impossible ones included."""

from __future__ import annotations

import numpy as np
import pytest

from tiercel.model.batch import Batch, Tables
from tiercel.state.reader import Reader


def reader(*params: bytes) -> Reader:
    """Return a reader over one event with these parameters."""
    lengths = [len(value) for value in params]
    batch = Batch(
        tables=Tables(),
        data=b"".join(params),
        count=1,
        num=np.ones(1, np.uint64),
        ts=np.ones(1, np.uint64),
        tid=np.ones(1, np.int64),
        cpu=np.zeros(1, np.uint16),
        types=np.zeros(1, np.uint16),
        first=np.array([0, len(params)], np.int32),
        start=np.cumsum([0, *lengths])[: len(params)].astype(np.int32),
        length=np.array(lengths, np.int32),
        visible=np.ones(1, np.bool_),
    )
    made = Reader()
    made.load(batch)
    return made


def test_numbers_of_all_widths() -> None:
    it = reader((1 << 63 | 7).to_bytes(8, "little"), b"\xfe\xff\xff\xff", b"\x01\x02", b"\xff")
    assert (it.u64(0), it.i64(0)) == (1 << 63 | 7, (1 << 63 | 7) - (1 << 64))
    assert (it.u32(1), it.i32(1)) == (0xFFFFFFFE, -2)
    assert (it.u16(2), it.u8(3)) == (0x0201, 255)


def test_a_short_number_is_read_from_the_bytes_there_are() -> None:
    it = reader(b"\x05\x01", b"", b"\x07")
    assert (it.u64(0), it.i64(0), it.u32(0)) == (0x105, 0x105, 0x105)
    assert (it.u64(1), it.i64(1), it.u32(1), it.u16(1), it.u8(1)) == (0, 0, 0, 0, 0)
    assert it.u16(2) == 7


def test_an_absent_parameter_is_empty() -> None:
    it = reader(b"x")
    assert it.params(0) == 1
    assert (it.span(0, 0), it.span(0, 1)) == (0, -1)
    assert (it.empty(0, 0), it.empty(0, 1)) == (False, True)
    assert (it.length(-1), it.i64(-1), it.raw(-1), it.text(-1)) == (0, 0, b"", b"")


def test_a_text_ends_before_its_first_nul() -> None:
    it = reader(b"one\0two\0", b"open")
    assert (it.text(0), it.raw(0), it.text(1)) == (b"one", b"one\0two\0", b"open")


def test_a_span_outside_the_data_is_an_error() -> None:
    it = reader(b"12345678", b"x")
    starts = np.array([4, 0], np.int32)
    broken = reader(b"12345678", b"x")
    batch = Batch(
        tables=Tables(),
        data=b"12345678",
        count=1,
        num=np.ones(1, np.uint64),
        ts=np.ones(1, np.uint64),
        tid=np.ones(1, np.int64),
        cpu=np.zeros(1, np.uint16),
        types=np.zeros(1, np.uint16),
        first=np.array([0, 2], np.int32),
        start=starts,
        length=np.array([8, -1], np.int32),
        visible=np.ones(1, np.bool_),
    )
    broken.load(batch)
    for read in (broken.length, broken.u64, broken.u32, broken.text):
        with pytest.raises(ValueError, match="outside"):
            read(0)
    with pytest.raises(ValueError, match="outside"):
        broken.raw(1)
    assert it.u64(0) == int.from_bytes(b"12345678", "little")
