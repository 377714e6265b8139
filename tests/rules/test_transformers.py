"""What transformers do to values."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.rules.transformers import apply, decode_base64, getopt


@pytest.mark.parametrize(
    ("name", "values", "result"),
    [
        ("tolower", [b"AbC\xc3\x89"], b"abc\xc3\x89"),
        ("toupper", [[b"a", b"b"]], [b"A", b"B"]),
        ("basename", [b"/usr/bin/curl"], b"curl"),
        ("basename", [b"/usr/bin/"], b""),
        ("basename", [b"curl"], b"curl"),
        ("len", [b"four"], 4),
        ("len", [[b"a", b"b"]], 2),
        ("len", [()], 0),
        ("b64", [b"aGk="], b"hi"),
        ("b64", [b"aGk"], b"hi"),
        ("b64", [b"a"], None),
        ("b64", [b"aG*="], None),
        ("b64", [b"aGl="], None),
        ("b64", [b""], b""),
        ("b64", [[b"aGk=", b"?"]], None),
        ("join", [b"-", [b"a", b"b"]], b"a-b"),
        ("join", [b"-", ()], b""),
        ("concat", [b"a", b"b", b"c"], b"abc"),
        ("list", [b"a", 5, [b"x", b"y"], True], [b"a", b"5", b"x", b"y", b"true"]),
    ],
)
def test_apply(name: str, values: list[Any], result: Any) -> None:
    assert apply(name, values) == result


@given(st.binary(max_size=40))
def test_base64_takes_what_the_standard_library_writes(data: bytes) -> None:
    encoded = base64.b64encode(data)
    assert decode_base64(encoded) == data
    assert decode_base64(encoded.rstrip(b"=")) == data


ARGUMENTS = [b"-vn", b"-o", b"out", b"--long", b"-x", b"-ofile", b"rest", b"-z"]


@pytest.mark.parametrize(
    ("options", "option", "result"),
    [
        (b"vno:", None, [b"v", b"n", b"o", b"out", b"?", b"o", b"file"]),
        (b"vno:", "o", b"file"),
        (b"vno:", "v", b"v"),
        (b"vno:", "q", None),
        (b"vo:x:", None, [b"v", b"?", b"o", b"out", b"x", b"-ofile"]),
        (b":", None, [b"?", b"?", b"?"]),
    ],
)
def test_getopt(options: bytes, option: str | None, result: Any) -> None:
    assert getopt(ARGUMENTS, options, option) == result


@pytest.mark.parametrize(
    ("arguments", "result"),
    [([b"-o"], [b""]), ([b"--", b"-v"], []), ([b"-"], []), ([], []), ([b"", b"-v"], [])],
)
def test_getopt_ends(arguments: list[bytes], result: list[bytes]) -> None:
    assert getopt(arguments, b"vo:") == result


def test_getopt_missing_value_with_selector() -> None:
    assert getopt([b"-o"], b"o:", "o") == b""
