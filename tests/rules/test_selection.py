"""Which rules run."""

from __future__ import annotations

import pytest

from tests.rules.sample import load_texts, rule
from tiercel.rules.model import Priority
from tiercel.rules.selection import Selection, matches, select

RULES = load_texts(
    rule("Alpha", more="  tags: [a, x]\n")
    + rule("Beta", more="  tags: [b]\n  enabled: false\n")
    + rule("Beta two").replace("INFO", "ERROR")
).rules


def names(*selections: Selection, priority: Priority = Priority.DEBUG) -> list[str]:
    return [known.name for known in select(RULES, selections, priority)]


def test_without_entries_the_files_decide():
    assert names() == ["Alpha", "Beta two"]


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ([Selection(False, "*")], []),
        ([Selection(False, "*"), Selection(True, tag="b")], ["Beta"]),
        ([Selection(True, tag="b"), Selection(False, "*")], []),
        ([Selection(True, "Beta*")], ["Alpha", "Beta", "Beta two"]),
        ([Selection(False, "Beta")], ["Alpha", "Beta two"]),
        ([Selection(False, "eta")], ["Alpha", "Beta two"]),
        ([Selection(False, containing="eta")], ["Alpha"]),
        ([Selection(False, "Alpha", "b"), Selection(True, "Beta", "x")], ["Alpha", "Beta", "Beta two"]),
        ([Selection(True, "no such rule")], ["Alpha", "Beta two"]),
    ],
)
def test_entries_apply_in_order(selections, expected):
    assert names(*selections) == expected


def test_less_grave_rules_never_run():
    assert names(priority=Priority.ERROR) == ["Beta two"]
    assert names(Selection(True, "*"), priority=Priority.ERROR) == ["Beta two"]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("*", "", True),
        ("**", "abc", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("*b*", "abc", True),
        ("a*c", "abc", True),
        ("a*b*c", "a-b-c", True),
        ("*a", "banana", False),  # the first 'a' is taken
        ("a*", "ba", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_patterns(pattern, name, expected):
    assert matches(pattern, name) is expected


@pytest.mark.parametrize("text", ["info", "INFO", "Informational", "iNfOrMaTiOnAl"])
def test_informational_has_two_names(text):
    assert Priority.parse(text) is Priority.INFORMATIONAL
    assert Priority.parse(text + "x") is None
    assert Priority.INFORMATIONAL.label == "Informational"
