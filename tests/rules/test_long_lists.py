"""Long lists are read and converted once, however many conditions name them."""

from __future__ import annotations

import pytest

from tests.rules.sample import errors, load_texts, rule
from tiercel.engine.compare import matcher
from tiercel.rules import condition_lists, typing_constants
from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.load import Loader, LoadResult
from tiercel.rules.syntax import And, Check
from tiercel.rules.typing_fields import catalogue_find
from tiercel.rules.yaml_source import Source

LONG = "- list: long\n  items: [" + ", ".join(f"item_{number}" for number in range(2_000)) + "]\n"


def last_check(loaded: LoadResult, at: int) -> Check:
    node = loaded.rules[at].condition
    assert isinstance(node, And)
    check = node.children[-1]
    assert isinstance(check, Check)
    return check


def test_a_long_list_is_typed_once_for_all_rules_and_its_values_are_shared():
    loader = Loader(False, ExtraOutput(), catalogue_find)
    text = LONG + "".join(rule(f"R{number}", "evt.type = open and proc.name in (long)") for number in range(30))
    loader.add(Source("1.yaml", text.encode()))
    assert len({id(last_check(loader.result, at).values) for at in range(30)}) == 1
    assert loader.compiler.constants.typings == 30 + 1  # open, and the list
    loader.add(Source("2.yaml", rule("More", "evt.type = open and proc.pname in (long)").encode()))
    assert loader.compiler.constants.typings == 30 + 1 + 1
    checks = [last_check(loader.result, at) for at in (0, 30)]
    assert matcher(checks[0]).__self__ is matcher(checks[1]).__self__  # type: ignore[attr-defined]


def test_left_sides_of_other_types_have_constants_of_their_own():
    numbers = "- list: numbers\n  items: [" + ", ".join(map(str, range(1_000))) + "]\n"
    loaded = load_texts(
        numbers
        + rule("A", "evt.type = open and proc.name in (numbers)")
        + rule("B", "evt.type = open and proc.pid in (numbers)")
    )
    assert last_check(loaded, 0).values[7] == b"7"
    assert last_check(loaded, 1).values[7] == 7


@pytest.mark.parametrize(
    "condition",
    [
        "evt.type = open and proc.name in (long)",
        "evt.type = open and proc.name in ( a, long ,b)",
        "evt.type = open and proc.name in (other)",
        "evt.type = open and proc.name startswith anyof (long, other)",
        "evt.type = open and proc.name = '(long)'",
        "evt.type = open and (long)",
        "evt.type = open and proc.name = long",
        "evt.type in (long)",
        "evt.type = open and proc.name in (long) and proc.nme = 1",
        "evt.type = open and proc.name in (long) and and",
        "evt.type = open and join(',', (long)) = x",
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_long_list_means_the_same_as_its_items(monkeypatch, condition, strict):
    more = "- list: other\n  items: [a, long, c, last]\n- list: last\n  items: ['x y', z]\n"
    text = LONG + more + rule("A", condition)
    shared = load_texts(text, strict=strict)
    monkeypatch.setattr(condition_lists, "LONG", 1 << 40)
    spelled_out = load_texts(text, strict=strict)
    assert [known.condition for known in shared.rules] == [known.condition for known in spelled_out.rules]
    assert [known.used for known in shared.lists] == [known.used for known in spelled_out.lists]
    for kind in ("errors", "warnings"):
        one, other = (getattr(loaded.verdicts[0], kind) for loaded in (shared, spelled_out))
        assert [(problem.code, problem.message, problem.at.line, problem.at.column) for problem in one] == [
            (problem.code, problem.message, problem.at.line, problem.at.column) for problem in other
        ]


def test_changing_a_long_list_changes_the_rules_that_name_it():
    text = LONG + rule("A", "evt.type = open and proc.name in (long)")
    loaded = load_texts(text, "- list: long\n  items: [more]\n  override:\n    items: append\n")
    values = last_check(loaded, 0).values
    assert (len(values), values[-1]) == (2_001, b"more")


def test_too_many_constants_are_an_error_that_says_where(monkeypatch):
    monkeypatch.setattr(typing_constants, "MAX_CONSTANTS", 3_000)
    loaded = load_texts(
        LONG + rule("A", "evt.type = open and proc.name in (long, a)") + rule("B", "proc.name in (b, long)")
    )
    assert errors(loaded) == [
        ("LOAD_ERR_COMPILE_CONDITION", "the conditions hold more than 3,000 constants altogether")
    ]
    at = loaded.verdicts[0].errors[0].at
    assert (at.line, at.column) == (10, 28)


def test_lists_that_grow_by_naming_each_other_are_an_error(monkeypatch):
    monkeypatch.setattr(condition_lists, "MAX_INSERTED", 100_000)
    names = [
        f"- list: l{number}\n  items: [{'a' * 900}, l{number + 1}, '{{l{number + 1}}}']\n" for number in range(200)
    ]
    loaded = load_texts("".join(names) + rule("A", "proc.name in (l0)") + rule("B", "proc.name in (l1)"))
    assert "longer than 100,000 characters altogether" in errors(loaded)[0][1]


def test_a_file_with_too_many_items_stops_early():
    loaded = load_texts("".join(f"- macro: m{number}\n  condition: x\n" for number in range(10_500)))
    assert len(loaded.verdicts[0].errors) <= 200
