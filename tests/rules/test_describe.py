"""The description of the upstream rules equals Falco's."""

from __future__ import annotations

import json

from tests.reference import SHARED, needs_reference
from tests.rules.sample import load_texts, rule
from tiercel.rules.describe import describe
from tiercel.rules.extra_output import AppendOutput, ExtraOutput
from tiercel.rules.load import load

FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")


def as_sets(value, key=""):
    """Sort what Falco prints in the order of its hash tables."""
    if isinstance(value, dict):
        return {name: as_sets(inner, name) for name, inner in value.items()}
    if isinstance(value, list) and key != "items_compiled":
        return sorted((as_sets(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value


@needs_reference
def test_upstream():
    extra = ExtraOutput((AppendOutput(suggested_output=True),))
    loaded = load([SHARED / "rules/upstream" / name for name in FILES], strict=True, extra=extra)
    assert loaded.successful
    ours, theirs = describe(loaded), json.loads((SHARED / "reference/falco-L-upstream.json").read_text())
    assert ours.keys() == theirs.keys()
    for kind in ("rules", "macros", "lists"):
        assert [one["info"]["name"] for one in ours[kind]] == [one["info"]["name"] for one in theirs[kind]]
        for mine, other in zip(ours[kind], theirs[kind], strict=True):
            assert as_sets(mine) == as_sets(other), mine["info"]["name"]
    assert as_sets(ours) == as_sets(theirs)


def test_rules_by_name_only():
    described = describe(load_texts(rule("A") + rule("B")), ["B"])
    assert [one["info"]["name"] for one in described["rules"]] == ["B"]
    assert list(described) == ["rules"]
