"""Counts of alerts, over a change of rules."""

from __future__ import annotations

from pathlib import Path

from tiercel.rules.model import Rule
from tiercel.scanning import prepare
from tiercel.watching.totals import Totals

RULE = "- {{rule: {}, desc: d, condition: evt.type = execve, output: x, priority: {}}}\n"


def rules(folder: Path, **priorities: str) -> list[Rule]:
    path = folder / "rules.yaml"
    path.write_text("".join(RULE.format(name, priority) for name, priority in priorities.items()))
    found = prepare([], [path]).detection
    assert found is not None
    return list(found.rules)


def test_a_rule_goes_on_counting_when_it_is_edited_and_one_that_went_is_not_forgotten(tmp_path: Path) -> None:
    totals = Totals()
    totals.add(rules(tmp_path, Shell="NOTICE", Curl="ERROR"), {0: 2, 1: 5})
    totals.add(rules(tmp_path, Wget="INFO", Shell="CRITICAL"), {0: 1, 1: 3})
    assert totals.by_rule() == {"Wget": 1, "Curl": 5, "Shell": 5}
    assert totals.by_priority() == {"Critical": 5, "Error": 5, "Informational": 1}
    assert totals.total == 11
