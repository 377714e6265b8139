"""Output templates: slots, widths, keys of output_fields, errors."""

from __future__ import annotations

import json

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.rules.condition import ConditionCompiler, ConditionError
from tiercel.rules.output_template import Slot, compile_output, parse_template

COMPILER = ConditionCompiler(strict=True)


def parts(text: str) -> list[object]:
    template = parse_template(text, COMPILER.typing)
    return [(part.text, part.width) if isinstance(part, Slot) else part for part in template.parts]


@needs_reference
def test_fields_of_upstream_rules() -> None:
    reference = json.loads((SHARED / "reference/falco-L-upstream.json").read_text())
    for rule in reference["rules"]:
        output = compile_output(rule["details"]["output_compiled"], COMPILER)
        assert list(output.template.names) == rule["details"]["output_fields"]
        assert not output.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", [b"plain"]),
        ("a %proc.name b", [b"a ", ("proc.name", 0), b" b"]),
        ("%proc.name%fd.name", [("proc.name", 0), ("fd.name", 0)]),
        ("*%evt.time: x", [("evt.time", 0), b": x"]),
        ("%10proc.name|", [("proc.name", 10), b"|"]),
        ("%fd.names", [("fd.name", 0), b"s"]),
        ("%proc.name.", [("proc.name", 0), b"."]),
        ("%proc.name.extra", [("proc.name", 0), b".extra"]),
        ("%proc.aname[2]%proc.name[2]", [("proc.aname[2]", 0), ("proc.name", 0), b"[2]"]),
        ("%proc.aname[2", [("proc.aname", 0), b"[2"]),
        ("%toupper(tolower(proc.name))!", [("toupper(tolower(proc.name))", 0), b"!"]),
        ("%toupper(proc.name)[x]", [("toupper(proc.name)", 0), b"[x]"]),
        ('%proc.env["A B"]', [('proc.env["A B"]', 0)]),
        ("%evt.arg.flags é", [("evt.arg.flags", 0), " é".encode()]),
        ("%evt.args", [("evt.args", 0)]),
    ],
)
def test_parts(text: str, expected: list[object]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    ("text", "at", "message", "unknown"),
    [
        ("", 0, "empty", False),
        ("50%", 2, "cannot end with a %", False),
        ("a %12", 2, "cannot end with a number", False),
        ("a %99999999999999proc.name", 2, "width", False),
        ("100%% sure", 3, "expected a field", True),
        ("x %proc.nope", 2, "nonexistent field proc.nope", True),
        ("x %nope(proc.name)", 2, "expected a field", True),
        ("x %tolower(proc.pid)", 2, "not supported by 'tolower'", True),
        ("x %tolower(proc.name", 2, "closing the transformer", True),
    ],
)
def test_errors(text: str, at: int, message: str, unknown: bool) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_template(text, COMPILER.typing)
    assert message in caught.value.message
    assert caught.value.code == "LOAD_ERR_COMPILE_OUTPUT"
    assert (caught.value.position[0], caught.value.unknown) == (at, unknown)


def test_long_nonsense_ends() -> None:
    with pytest.raises(ConditionError):
        parse_template("%" + "a.b" * 20_000, COMPILER.typing)


def test_output_fields_keep_the_plain_field() -> None:
    template = parse_template("%toupper(proc.name) %len(proc.cmdline) %proc.name %proc.pid", COMPILER.typing)
    assert [key for key, _ in template.fields] == ["proc.name", "proc.cmdline", "proc.pid"]
    assert template.names == (
        "proc.name",
        "toupper(proc.name)",
        "proc.cmdline",
        "len(proc.cmdline)",
        "proc.name",
        "proc.pid",
    )
    slots = [part for part in template.parts if isinstance(part, Slot)]
    assert [slot.shown for slot in slots] == [True, False, True, True]


def test_container_info_is_dropped_with_a_warning() -> None:
    output = compile_output("%container.info by %proc.name", COMPILER)
    assert output.template.text == " by %proc.name"
    assert [warning.code for warning in output.warnings] == ["LOAD_DEPRECATED_ITEM"]


def test_deprecated_fields_are_warned_about() -> None:
    output = compile_output("%evt.dir", COMPILER)
    assert [("evt.dir" in warning.message, warning.code) for warning in output.warnings] == [
        (True, "LOAD_DEPRECATED_ITEM")
    ]
