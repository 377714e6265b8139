"""The catalogue against Falco's own list of fields."""

from __future__ import annotations

import json

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.fields.catalogue import FIELDS, classes, find
from tiercel.fields.model import Argument, Field

_LIST = SHARED / "reference" / "falco-fields-with-container-plugin.json"


def _listed() -> list[tuple[str, dict[str, object]]]:
    if not _LIST.exists():
        return []
    return [(kind["name"], entry) for kind in json.loads(_LIST.read_text())["fieldclasses"] for entry in kind["fields"]]


@needs_reference
@pytest.mark.parametrize(
    ("kind", "entry"), _listed(), ids=lambda value: value["name"] if isinstance(value, dict) else ""
)
def test_agrees_with_falco(kind: str, entry: dict[str, object]) -> None:
    field = find(str(entry["name"]))
    assert field is not None
    assert field.type == entry["type"]
    assert field.is_list == entry["is_list"]
    argument = entry["argument"]
    if entry["name"] == "evt.abspath":  # listed as needing an argument, accepted without
        assert field.argument is Argument.OPTIONAL
        return
    if argument is None:
        assert field.argument is Argument.NONE
        return
    assert isinstance(argument, dict)
    assert field.argument is (Argument.REQUIRED if argument["required"] else Argument.OPTIONAL)
    if argument["type"]:  # only plugins say which kinds they take
        kinds = {name for name, takes in (("INDEX", field.index), ("KEY", field.key)) if takes}
        assert kinds == set(argument["type"])


@needs_reference
def test_only_own_and_unlisted_fields_are_unknown_to_falco() -> None:
    known = {str(entry["name"]) for _, entry in _listed()}
    extra = {name for name, field in FIELDS.items() if not (field.own or field.unlisted or field.deprecated)} - known
    assert not extra


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_is_described(field: Field) -> None:
    assert field.summary.endswith(".")
    assert field.example or field.deprecated
    assert (field.argument is Argument.NONE) <= (not field.index and not field.key)


def test_classes_hold_every_field_once() -> None:
    names = [field.name for _, _, _, fields in classes() for field in fields]
    assert sorted(names) == sorted(FIELDS)


def test_unknown_name() -> None:
    assert find("proc.nam") is None
