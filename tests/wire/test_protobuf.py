"""Protocol buffers, held against Google's own implementation where it is installed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.wire.protobuf import Layout, data, number, read, text

POINT: Layout = {1: ("x", "number"), 2: ("y", "number")}
SHAPE: Layout = {
    1: ("name", "text"),
    2: ("points", (POINT,)),
    3: ("centre", POINT),
    4: ("labels", "map"),
    5: ("raw", "bytes"),
    6: ("tags", "texts"),
}


def test_what_is_written_is_read() -> None:
    message = b"".join(
        (
            text(1, "Dreieck ä"),
            data(2, number(1, 3) + number(2, -4)),
            data(2, b""),
            data(3, number(1, 1 << 40)),
            data(4, text(1, "app") + text(2, "web")),
            data(4, text(1, "empty")),
            data(5, b"\xff\0"),
            text(6, "a"),
            text(6, "b"),
            text(99, "not named"),
        )
    )
    assert read(message, SHAPE) == {
        "name": "Dreieck ä",
        "points": [{"x": 3, "y": -4}, {}],
        "centre": {"x": 1 << 40},
        "labels": {"app": "web", "empty": ""},
        "raw": b"\xff\0",
        "tags": ["a", "b"],
    }


def test_google_reads_and_writes_the_same() -> None:
    struct_pb2 = pytest.importorskip("google.protobuf.struct_pb2")
    value = struct_pb2.Value(string_value="web")
    assert text(3, "web") == value.SerializeToString()
    api: Any = pytest.importorskip("google.protobuf.descriptor_pb2")
    file = api.FileDescriptorProto(name="a.proto", dependency=["b", "c"], public_dependency=[300])
    layout: Layout = {1: ("name", "text"), 3: ("dependency", "texts"), 10: ("public", "number")}
    assert read(file.SerializeToString(), layout) == {"name": "a.proto", "dependency": ["b", "c"], "public": 300}


@pytest.mark.parametrize("message", [b"\x08", b"\x0a\x05abc", b"\x0b", b"\x08" + b"\xff" * 12, b"\x09\0\0"])
def test_a_message_that_is_cut_is_an_error(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"end|known"):
        read(message, SHAPE)


def test_a_message_that_nests_for_ever_is_an_error() -> None:
    layout: dict[int, Any] = {}
    layout[1] = ("inner", layout)
    message = b""
    for _ in range(100):
        message = data(1, message)
    with pytest.raises(ValueError, match="deep"):
        read(message, layout)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    try:
        found = read(message, SHAPE)
    except ValueError:
        return
    assert set(found) <= {"name", "points", "centre", "labels", "raw", "tags"}
