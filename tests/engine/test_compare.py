"""Comparisons of single values, operator by operator."""

from __future__ import annotations

from typing import Any

import pytest

from tiercel.engine.compare import glob, in_network, matcher, needs_all_elements
from tiercel.fields.model import Field, ValueType
from tiercel.rules.syntax import Check, FieldRef, Modifier, Operator


def check(op: str, *values: Any, type: ValueType = ValueType.CHARBUF, modifier: Modifier | None = None) -> Check:
    field = Field("test.field", type, "", "", lambda event, argument: None)
    return Check(FieldRef(field, None), Operator(op), values, None, modifier)


@pytest.mark.parametrize(
    ("op", "values", "text", "holds"),
    [
        ("=", (b"cat",), b"cat", True),
        ("!=", (b"cat",), b"dog", True),
        ("<", (b"b",), b"a", True),
        ("contains", (b"/tmp/",), b"-c /tmp/x.sh", True),
        ("icontains", (b"CaT",), b"concATenate", True),
        ("startswith", (b"/etc/",), b"/etc/passwd", True),
        ("endswith", (b".so",), b"lib.so.1", False),
        ("in", (b"a", b"b"), b"b", True),
        ("in", (), b"b", False),
        ("glob", (b"/etc/*",), b"/etc/ssh/sshd_config", True),
        ("glob", (b"[!a]*",), b"abc", False),
        ("iglob", (b"*.EXE",), b"setup.exe", True),
        ("regex", (b"[a-z]+",), b"abc1", False),  # anchored at both ends
        ("regex", (b"[a-z]+1",), b"abc1", True),
        ("pmatch", (b"/var/run", b"/etc"), b"/var/run/docker", True),
        ("pmatch", (b"/var/run",), b"/var/runner", False),
        ("pmatch", (b"/var/*/x",), b"/var/lib/x/y", True),
        ("pmatch", (b"/",), b"/anything", True),
    ],
)
def test_text(op: str, values: tuple[bytes, ...], text: bytes, holds: bool) -> None:
    assert matcher(check(op, *values))(text) is holds


@pytest.mark.parametrize(
    ("modifier", "text", "holds"),
    [
        (Modifier.ANYOF, b"/etc/passwd", True),
        (Modifier.ALLOF, b"/etc/passwd", False),
        (Modifier.ALLOF, b"/etc/sh", True),
        (Modifier.ONEOF, b"/etc/sh", False),
        (Modifier.ONEOF, b"/etc/passwd", True),
    ],
)
def test_modifiers(modifier: Modifier, text: bytes, holds: bool) -> None:
    condition = check("startswith", b"/etc/", b"/etc/s", modifier=modifier)
    assert matcher(condition)(text) is holds


def test_a_modifier_without_values_never_holds() -> None:
    assert not matcher(check("=", modifier=Modifier.ALLOF))(b"x")


def test_numbers() -> None:
    assert matcher(check(">=", 3, type=ValueType.INT64))(3)
    assert matcher(check("in", 1, 2, type=ValueType.UINT32))(2)
    assert not matcher(check("!=", 0, type=ValueType.PORT))(0)


def test_networks() -> None:
    net = (bytes([10, 0, 0, 0]), 8)
    assert in_network(bytes([10, 1, 2, 3]), net)
    assert not in_network(bytes(16), net)
    assert matcher(check("in", net, (bytes(16), 0), type=ValueType.IPNET))(bytes(16))
    assert matcher(check("!=", net, type=ValueType.IPNET))(bytes([11, 0, 0, 1]))


def test_glob_stars_cross_slashes() -> None:
    assert glob(b"/a*z", b"/a/b/c/z")


def test_neither_end_may_equal_for_not_equal() -> None:
    port = Field("fd.port", ValueType.PORT, "", "", lambda event, argument: None)
    assert needs_all_elements(Check(FieldRef(port, None), Operator.NE, (80,)))
    assert not needs_all_elements(Check(FieldRef(port, None), Operator.EQ, (80,)))


def test_a_pattern_that_is_not_re2_is_refused() -> None:
    with pytest.raises(ValueError, match="regex"):
        matcher(check("regex", rb"a(?=b)"))
