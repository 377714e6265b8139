"""Values as text and as JSON."""

from __future__ import annotations

import pytest

from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Value
from tiercel.fields.present import Json, to_json, to_text


@pytest.mark.parametrize(
    ("name", "argument", "value", "text", "json"),
    [
        ("proc.name", None, None, "<NA>", None),
        ("proc.name", None, b"a\xffb", "a\ufffdb", "a\ufffdb"),
        ("evt.num", None, 7, "7", 7),
        ("evt.failed", None, False, "false", False),
        ("evt.rawtime.ns", None, 42, "000000042", 42),
        ("fd.cip", None, bytes([10, 0, 0, 7]), "10.0.0.7", "10.0.0.7"),
        ("fd.sip", None, bytes(15) + b"\1", "::1", "::1"),
        ("fd.net", None, bytes([10, 0, 0, 7]), "<IPNET>", "<IPNET>"),
        ("fd.sport", None, 443, "443", 443),
        ("fd.dev", None, 0xFD01, "FD01", "FD01"),
        ("fd.dev", None, -1, "FFFFFFFF", "FFFFFFFF"),
        ("fd.types", None, [b"file", b"pipe"], "(file,pipe)", ["file", "pipe"]),
        ("fd.types", None, [], "()", None),
        ("evt.buffer", None, b"a\0b", "a.b", "a.b"),
        ("evt.buffer", None, b"x" * 2000, "x" * 1021, "x" * 1021),
        ("evt.rawarg", "res", b"7FAD", "7FAD", "7FAD"),
        ("evt.rawarg", "fd", -2, "-2", -2),
        ("evt.type.is", "open", 1, "<NA>", None),
    ],
)
def test_present(name: str, argument: str | None, value: Value | None, text: str, json: Json) -> None:
    field = FIELDS[name]
    assert to_text(field, value, argument) == text
    assert to_json(field, value, argument) == json


def test_times_of_day_are_nanoseconds_in_json() -> None:
    assert to_json(FIELDS["evt.time"], b"12:03:55.000000042", ts=1715947435000000042) == 1715947435000000042
