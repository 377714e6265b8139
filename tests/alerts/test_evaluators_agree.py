"""The bulk and the row evaluator give the same matches on every event of every reference capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.alerts.test_recorded_alerts import captures, upstream
from tests.reference import needs_reference
from tiercel.engine.ruleset import RowRuleSet, RuleSet
from tiercel.model.event import Event
from tiercel.replay import Replay


@needs_reference
@pytest.mark.parametrize(("scap", "folder"), list(captures()))
def test_evaluators_agree(scap: Path, folder: Path) -> None:
    bulk, row = RuleSet(upstream(), every=True), RowRuleSet(upstream(), every=True)
    for batch in Replay(scap, size=50_000):
        matches = bulk.match(batch)
        found = list(zip(matches.indices.tolist(), matches.rules.tolist(), strict=True))
        expected = [(i, rule) for i in np.flatnonzero(batch.visible).tolist() for rule in row.match(Event(batch, i))]
        assert found == expected
