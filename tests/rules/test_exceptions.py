"""Exceptions: what they add to a condition, and what they may look like."""

from __future__ import annotations

import pytest

from tests.rules.sample import errors, load_texts, rule, warnings
from tiercel.rules.show import condition_text

HEAD = "(evt.type = execve and not "


def compiled(exceptions: str, more: str = "") -> str:
    loaded = load_texts(rule(more=f"  exceptions:\n{exceptions}") + more, strict=True)
    assert errors(loaded) == []
    return condition_text(loaded.compilation.parsed["R"])


@pytest.mark.parametrize(
    ("exception", "condition"),
    [
        (
            "    - {name: e, fields: [proc.name, fd.name], comps: [=, startswith],"
            " values: [[a, /etc], [b, '/my dir']]}\n",
            '((proc.name = a and fd.name startswith /etc) or (proc.name = b and fd.name startswith "/my dir"))',
        ),
        ("    - {name: e, fields: [proc.name, fd.name], values: [[a, b]]}\n", "(proc.name = a and fd.name = b)"),
        ("    - {name: e, fields: proc.name, values: [a, 'b c']}\n", 'proc.name in (a, "b c")'),
        ("    - {name: e, fields: proc.name, comps: pmatch, values: [/a]}\n", "proc.name pmatch (/a)"),
        (
            "    - {name: e, fields: proc.name, comps: ' startswith oneof ', values: [a]}\n",
            "proc.name startswith oneof (a)",
        ),
        (
            "    - {name: e, fields: [proc.name, fd.name], comps: [in, in], values: [[[a, b], (c)], [d, e]]}\n",
            "((proc.name in (a, b) and fd.name in (c)) or (proc.name in (d) and fd.name in (e)))",
        ),
        ("    - {name: e, fields: [tolower(proc.name)], values: [[a]]}\n", "tolower(proc.name) = a"),
    ],
)
def test_exceptions_become_part_of_the_condition(exception, condition):
    assert compiled(exception) == f"{HEAD}{condition})"


def test_an_exception_without_values_adds_nothing():
    assert compiled("    - {name: e, fields: [proc.name]}\n") == "evt.type = execve"
    assert compiled("    - {name: e, fields: proc.name, values: []}\n") == "evt.type = execve"


def test_lists_are_put_into_exceptions():
    text = "- list: shells\n  items: [sh, bash]\n" + rule(
        more="  exceptions:\n    - {name: e, fields: [proc.name], comps: [in], values: [[shells]]}\n"
    )
    loaded = load_texts(text, strict=True)
    assert condition_text(loaded.compilation.parsed["R"]) == f"{HEAD}proc.name in (sh, bash))"


def test_appending_values_and_exceptions():
    append = (
        "- rule: R\n  exceptions:\n    - {name: e, values: [b]}\n    - {name: f, fields: [fd.name], values: [[c]]}\n"
        "  override: {exceptions: append}\n"
    )
    found = compiled("    - {name: e, fields: proc.name, values: [a]}\n", append)
    assert found == "(evt.type = execve and not proc.name in (a, b) and not fd.name = c)"


REPLACE = "- rule: R\n  exceptions:\n    - {%s}\n  override: {exceptions: replace}\n"


def test_replacing_exceptions():
    replace = REPLACE % "name: f, fields: proc.name, comps: in, values: [b]"
    assert compiled("    - {name: e, fields: proc.name, values: [a]}\n", replace) == f"{HEAD}proc.name in (b))"


@pytest.mark.parametrize("fields", ["fields: proc.name, values: [b]", "fields: [proc.name], values: [[b]]"])
def test_replaced_exceptions_have_no_default_operator_as_in_falco(fields):
    assert not load_texts(rule() + REPLACE % f"name: f, {fields}").successful


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("{name: e}", "no mapping for key 'fields'"),
        ("{fields: proc.name}", "no mapping for key 'name'"),
        ("{name: e, fields: }", "must have fields property"),
        ("{name: e, fields: []}", "must have fields property"),
        ("a", "must be a mapping"),
        ("{name: e, fields: [proc.name], comps: [=, =]}", "equal length"),
        ("{name: e, fields: [proc.name], comps: ['~']}", "'~' is not a supported comparison operator"),
        ("{name: e, fields: [proc.name], comps: [in oneof]}", "not a supported comparison operator"),
        ("{name: e, fields: proc.name, comps: [in]}", "must both be strings"),
        ("{name: e, fields: proc.name, comps: startswith}", "comps must be one of"),
        ("{name: e, fields: proc.nope}", "'proc.nope' is not a supported filter field"),
        ("{name: e, fields: [tolower(proc.nope)]}", "is not a supported filter field"),
        ("{name: e, fields: proc.name, values: [[a]]}", "list of strings"),
        ("{name: e, fields: [proc.name], values: [a]}", "Fields and values lists must have equal length"),
        ("{name: e, fields: proc.name, values: a}", "must be a sequence"),
        ("{name: e, fields: proc.name, values: ['']}", "must be non-empty"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_malformed_exceptions(exception, message, strict):
    loaded = load_texts(rule(more=f"  exceptions:\n    - {exception}\n"), strict=strict)
    assert message in errors(loaded)[0][1]


def test_appends_that_do_not_fit():
    base = rule(more="  exceptions:\n    - {name: e, fields: proc.name, values: [a]}\n")
    for exception, message in (
        ("{name: e, fields: proc.name}", "Can not append exception fields"),
        ("{name: e, comps: in}", "Can not append exception comps"),
        ("{name: f, values: [a]}", "must have fields property"),
        ("{name: f, fields: proc.name}", "must have values property"),
    ):
        loaded = load_texts(base + f"- rule: R\n  exceptions: [{exception}]\n  override: {{exceptions: append}}\n")
        assert message in errors(loaded)[0][1]


def test_warnings():
    same = "    - {name: e, fields: proc.name, values: [a]}\n"
    assert warnings(load_texts(rule(more="  exceptions:\n" + same + same))) == ["LOAD_EXCEPTION_NAME_NOT_UNIQUE"]
    append = "- rule: R\n  exceptions:\n    - {name: e}\n  override: {exceptions: append}\n"
    assert warnings(load_texts(rule(more="  exceptions:\n" + same) + append)) == ["LOAD_APPEND_NO_VALUES"]
