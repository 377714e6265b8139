"""Event types of conditions, against Falco's own answers and by the rules of sets."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.reference import SHARED, needs_reference
from tiercel.rules.condition import compile_condition
from tiercel.rules.event_types import event_names, event_types, too_many_types
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

ALL = {event.name for event in EVENTS}


class _Yaml(yaml.SafeLoader):
    """The golden file has conditions that begin with ``!=`` unquoted."""


_Yaml.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")


@needs_reference
def test_golden_rules() -> None:
    golden = json.loads((SHARED / "golden/expected-0.44-rules_events.json").read_text())
    with (SHARED / "golden" / golden["rules_file"]).open() as file:
        rules = {item["rule"]: item["condition"] for item in yaml.load(file, _Yaml)}
    for name, expected in golden["rules"].items():
        assert event_names(compile_condition(rules[name])) == set(expected["events"]), name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("evt.type = open", {"open"}),
        ("evt.type in (open, openat)", {"open", "openat"}),
        ("evt.type = open or evt.type = close", {"open", "close"}),
        ("evt.type = open and proc.name = x", {"open"}),
        ("evt.type = open and not proc.name = x", {"open"}),
        ("evt.type = open and evt.type = close", set()),
        ("not (evt.type != open or proc.name = x)", {"open"}),
        ("syscall.type = open", {"open"}),
        ("not not evt.type = open", {"open"}),
        ("evt.type = getrandom", {"getrandom"}),
        ("evt.type in ()", set()),
        ("not evt.type exists", set()),
    ],
)
def test_small_sets(text: str, names: set[str]) -> None:
    assert event_names(compile_condition(text)) == names | {"asyncevent"}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("proc.name = x", set()),
        ("not proc.name = x", set()),
        ("evt.type != open", {"open"}),
        ("not evt.type = open", {"open"}),
        ("not evt.type in (open, close)", {"open", "close"}),
        ("evt.type startswith open", set()),
        ("evt.type = open or proc.name = x", set()),
        ("evt.type exists", set()),
    ],
)
def test_large_sets(text: str, missing: set[str]) -> None:
    names = event_names(compile_condition(text))
    assert names.isdisjoint(missing)
    assert {"execve", "connect", "asyncevent"} <= names
    assert len(names) > 300


def test_numbers() -> None:
    numbers = event_types(compile_condition("evt.type = openat"))
    assert BY_CONSTANT["SYSCALL_OPENAT_2_X"] in numbers
    assert {EVENTS[number].name for number in numbers} == {"openat", "asyncevent"}
    generic = event_types(compile_condition("evt.type = getrandom"), asynchronous=False)
    assert generic == {BY_CONSTANT["GENERIC_E"], BY_CONSTANT["GENERIC_X"]}


def test_container_events_are_asynchronous_too() -> None:
    numbers = event_types(compile_condition("evt.type = container"), asynchronous=False)
    assert BY_CONSTANT["ASYNCEVENT_E"] in numbers


def test_other_sources() -> None:
    node = compile_condition("evt.num > 1", source="k8s_audit")
    assert event_names(node, "k8s_audit") == {"pluginevent", "asyncevent"}


@pytest.mark.parametrize(
    ("text", "warned"),
    [("evt.type = open", False), ("proc.name = x", True), ("evt.type = open and evt.type = close", True)],
)
def test_when_falco_warns(text: str, warned: bool) -> None:
    assert too_many_types(compile_condition(text)) is warned
