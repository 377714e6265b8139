"""Memory is used again only when nobody looks at it any more."""

from __future__ import annotations

import numpy as np

from tiercel.sources.recycling import Buffers, Columns


def test_a_buffer_comes_back_when_let_go() -> None:
    buffers = Buffers()
    first = buffers.take(1000)
    first[0] = 7
    mark = id(first)
    del first
    again = buffers.take(900)
    assert id(again) == mark
    assert again[0] == 7


def test_a_buffer_in_use_is_left_alone() -> None:
    buffers = Buffers()
    first = buffers.take(1000)
    assert buffers.take(1000) is not first
    view = memoryview(first)[10:20]
    mark = id(first)
    del first
    assert id(buffers.take(1000)) != mark
    del view
    third = buffers.take(500)
    array = np.frombuffer(third, dtype=np.uint8)[3:]
    mark = id(third)
    del third
    assert all(id(buffers.take(500)) != mark for _ in range(5))
    assert len(array)


def test_a_buffer_fits() -> None:
    buffers = Buffers()
    assert len(buffers.take(10)) >= 10
    assert len(buffers.take(1000)) >= 1000
    assert len(buffers.take(10)) < 1000


def test_columns_come_back_when_no_view_is_left() -> None:
    columns = Columns([np.int32, np.uint8])
    first = columns.take([100, 200])
    assert [array.dtype for array in first] == [np.int32, np.uint8]
    view = np.asarray(first[0].data)[:5]
    mark = id(first[0])
    del first
    assert id(columns.take([100, 200])[0]) != mark
    del view
    seen = set()
    for _ in range(3):
        taken = columns.take([100, 200])
        seen.add(id(taken[0]))
        del taken
    assert len(seen) == 1
