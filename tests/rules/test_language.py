"""Every recorded rules file gets Falco's verdict, and compiles to what Falco compiles it to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.rules.check import check
from tiercel.rules.event_types import event_names
from tiercel.rules.extra_output import AppendOutput, ExtraOutput
from tiercel.rules.show import condition_text, details

FOLDER = SHARED / "language"
EXPECTED: dict[str, Any] = (
    json.loads((FOLDER / "expected.json").read_text())["files"] if (FOLDER / "expected.json").exists() else {}
)
SUGGESTED = ExtraOutput((AppendOutput(suggested_output=True),))

pytestmark = needs_reference


def without_wording(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out messages and descriptions, and what tiercel adds."""
    for problem in result["errors"] + result["warnings"]:
        for key in ("message", "codedesc", "tiercel"):
            problem.pop(key, None)
    return result


@pytest.fixture
def in_folder(monkeypatch):
    monkeypatch.chdir(FOLDER)


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict(in_folder, name):
    expected = EXPECTED[name]
    report = check([name], strict=True, extra=SUGGESTED)
    assert report.exit_code == expected["V_exit_code"]
    if expected.get("V_json") is None:
        assert report.failure in expected["V_stderr_tail"]
        return
    theirs = expected["V_json"]["falco_load_results"]
    ours = report.as_json()["falco_load_results"]
    assert [without_wording(one) for one in ours] == [without_wording(one) for one in theirs]


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if "compiled" in expected])
def test_compiled(in_folder, name):
    loaded = check([name], strict=True, extra=SUGGESTED).loaded
    expected = EXPECTED[name]["compiled"]
    assert {rule.name for rule in loaded.rules} == set(expected)
    for rule in loaded.rules:
        theirs = expected[rule.name]
        parsed = loaded.compilation.parsed[rule.name]
        found = details(parsed)
        assert condition_text(parsed) == theirs["condition_compiled"]
        assert sorted(event_names(rule.condition)) == theirs["events"]
        assert sorted(found.fields) == theirs["condition_fields"]
        assert sorted(found.operators) == theirs["condition_operators"]
        assert rule.output.text == theirs["output_compiled"]
        assert sorted(known.name for known in rule.exceptions) == theirs["exception_names"]
        assert (rule.enabled, rule.priority.label, list(rule.tags)) == (
            theirs["enabled"],
            theirs["priority"],
            theirs["tags"],
        )
