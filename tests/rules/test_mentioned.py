"""The fields that conditions mention."""

from __future__ import annotations

from tiercel.rules.condition import compile_condition
from tiercel.rules.mentioned import fields_of


def test_fields_are_found_wherever_they_stand() -> None:
    node = compile_condition("not (tolower(proc.name) = x or evt.arg.flags contains y) and proc.aname[2] exists")
    assert {ref.text for ref in fields_of(node)} == {"proc.name", "evt.arg.flags", "proc.aname[2]"}
