"""Conditions about one text are found and evaluated as one predicate."""

from __future__ import annotations

import pytest

from tiercel.engine.fuse import grouped, predicate, subject
from tiercel.rules.condition import compile_condition
from tiercel.rules.syntax import And, FieldRef, Or


@pytest.mark.parametrize(
    ("condition", "about"),
    [
        ("fd.name = a", "fd.name"),
        ("fd.name = a or fd.name startswith /etc and not fd.name exists", "fd.name"),
        ("fd.name = a or fd.directory = /etc", None),
        ("proc.aname[2] = a or proc.aname[3] = a", None),
        ("proc.pid = 1", None),
        ("proc.name = val(proc.pname)", None),
        ("tolower(proc.name) = a", None),
        ("fd.types in (file)", None),
    ],
)
def test_subject(condition: str, about: str | None) -> None:
    found = subject(compile_condition(condition))
    assert (found.text if isinstance(found, FieldRef) else None) == about


def test_operands_about_the_same_text_are_put_together_in_their_place() -> None:
    node = compile_condition("fd.name = a and proc.pid = 1 and fd.name != b and proc.name = c")
    assert isinstance(node, And)
    first, second, third = grouped(node.children, And)
    assert isinstance(first, And)
    assert len(first.children) == 2
    assert [subject(second), subject(third) is None] == [None, False]
    assert grouped(node.children[:2], Or) == list(node.children[:2])


@pytest.mark.parametrize(
    ("condition", "text", "holds"),
    [
        ("proc.name = a or proc.name startswith b", b"bc", True),
        ("proc.name = a or not proc.name exists", None, True),
        ("not proc.name = a and proc.name != b", None, False),  # a missing value makes != false
        ("not (proc.name = a or proc.name = b)", None, True),
    ],
)
def test_predicate(condition: str, text: bytes | None, holds: bool) -> None:
    assert predicate(compile_condition(condition))(text) is holds
