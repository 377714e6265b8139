"""Appending to and replacing parts of rules, macros and lists."""

from __future__ import annotations

import pytest

from tests.rules.sample import errors, load_texts, rule, warnings
from tiercel.rules.model import Priority


def after(change: str, more: str = ""):
    loaded = load_texts(rule(more=more) + change, strict=True)
    assert errors(loaded) == []
    return loaded.rules[0]


def test_append_to_a_rule():
    known = after(
        "- rule: R\n  condition: and proc.pid = 1\n  output: y\n  desc: more\n  tags: [b]\n"
        "  override: {condition: append, output: append, desc: append, tags: append}\n",
        "  tags: [c]\n",
    )
    assert known.condition_text == "evt.type = execve and proc.pid = 1"
    assert (known.output_text, known.desc, known.tags) == ("x y", "d more", ("b", "c"))


def test_replace_parts_of_a_rule():
    known = after(
        "- rule: R\n  condition: evt.type = open\n  output: y\n  desc: e\n  tags: [b]\n  priority: error\n"
        "  enabled: false\n  capture: true\n  capture_duration: 5\n  warn_evttypes: false\n"
        "  skip-if-unknown-filter: true\n  override:\n"
        + "".join(
            f"    {key}: replace\n"
            for key in (
                "condition",
                "output",
                "desc",
                "tags",
                "priority",
                "enabled",
                "capture",
                "capture_duration",
                "warn_evttypes",
                "skip-if-unknown-filter",
            )
        ),
        "  tags: [c]\n",
    )
    assert (known.condition_text, known.output_text, known.desc) == ("evt.type = open", "y", "e")
    assert (known.tags, known.priority, known.enabled) == (("b",), Priority.ERROR, False)
    assert (known.capture, known.capture_duration, known.warn_evttypes) == (True, 5, False)


def test_append_and_replace_in_one_item():
    known = after(
        "- rule: R\n  condition: and proc.pid = 1\n  desc: e\n  override: {condition: append, desc: replace}\n"
    )
    assert (known.condition_text, known.desc) == ("evt.type = execve and proc.pid = 1", "e")


def test_the_deprecated_ways_still_work():
    loaded = load_texts(
        rule()
        + "- rule: R\n  condition: and proc.pid = 1\n  append: true\n"
        + "- rule: R\n  enabled: false\n"
        + "- list: l\n  items: [a]\n- list: l\n  items: [b]\n  append: true\n"
        + "- macro: m\n  condition: proc.pid = 1\n- macro: m\n  condition: or proc.pid = 2\n  append: true\n",
        strict=True,
    )
    assert loaded.rules[0].condition_text.endswith("and proc.pid = 1")
    assert not loaded.rules[0].enabled
    assert loaded.lists[0].items == ("a", "b")
    assert loaded.macros[0].text == "proc.pid = 1 or proc.pid = 2"
    assert warnings(loaded).count("LOAD_DEPRECATED_ITEM") == 4


def test_append_false_defines():
    assert after("- rule: R\n  condition: evt.type = open\n  desc: d\n  output: x\n  priority: INFO\n  append: false\n")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            "- rule: R\n  priority: INFO\n  override: {priority: append}\n",
            "cannot be appended to, use 'replace' instead",
        ),
        ("- rule: R\n  source: x\n  override: {source: replace}\n", "Key 'source' cannot be replaced"),
        ("- rule: R\n  condition: a\n  override: {condition: merge}\n", "Allowed values are: append replace "),
        ("- rule: R\n  desc: a\n  override: {condition: append}\n", "An append override for 'condition' was specified"),
        ("- rule: R\n  override: {desc: replace}\n", "A replace override for 'desc' was specified"),
        ("- rule: R\n  condition: and x\n  desc: a\n  override: {condition: append}\n", "Unexpected key 'desc'"),
        ("- rule: R\n  condition: a\n  append: true\n  override: {condition: append}\n", "cannot be used together"),
        ("- rule: N\n  condition: and a\n  override: {condition: append}\n", "no rule by that name already exists"),
        ("- rule: N\n  desc: a\n  override: {desc: replace}\n", "no rule by that name already exists"),
        ("- rule: N\n  enabled: false\n", "no rule by that name already exists"),
        ("- rule: N\n  condition: and a\n  append: true\n", "no rule by that name already exists"),
        ("- rule: R\n  append: true\n", "must have exceptions or condition property"),
        ("- rule: R\n  tags: [a]\n", "no mapping for key 'enabled'"),
        ("- rule: R\n  override: {}\n", "no mapping for key 'enabled'"),
        ("- rule: R\n  condition: a\n  source: other\n  append: true\n", "re-defined with a different source"),
        ("- list: N\n  items: [a]\n  override: {items: append}\n", "no list by that name"),
        ("- macro: N\n  condition: a\n  append: true\n", "no macro by that name"),
        ("- macro: N\n  condition: a\n  override: {items: append}\n", "'items' cannot be appended to"),
        ("- rule: R\n  condition: a\n  append: maybe\n", "Can't decode YAML scalar value"),
        ("- rule: R\n  condition: a\n  append:\n", "Mapping for key 'append' is empty"),
    ],
)
def test_changes_that_cannot_be(item, message):
    loaded = load_texts(rule() + item, strict=True)
    assert message.removeprefix("A ") in errors(loaded)[0][1]


def test_a_wrong_change_does_not_hide_other_errors():
    loaded = load_texts("- rule: N\n  enabled: false\n- list: x\n- macro: y\n" + rule())
    assert len(errors(loaded)) == 3
    assert [known.name for known in loaded.rules] == ["R"]


def test_a_new_definition_by_append_needs_everything_a_rule_needs():
    assert not load_texts("- rule: R\n  condition: evt.type = open\n  append: true\n").successful
    loaded = load_texts(rule(more="  append: true\n"))
    assert loaded.successful
    assert "TIERCEL_APPEND_DEFINES" in warnings(loaded)
