"""The recipes of system calls."""

from __future__ import annotations

import pytest

from tiercel.sources.live.calls import CALLS, KINDS, RENAMINGS, STEPS, call_tables
from tiercel.wire.event_table import EVENTS


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_call_has_a_number_and_an_event_of_its_own(architecture: str) -> None:
    calls = call_tables(architecture).calls
    numbers = [call.number for call in calls]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < CALLS
    for call in calls:
        assert not EVENTS[call.event].is_enter
        assert len(call.recipe) == 88


def test_a_recipe_makes_as_many_parameters_as_its_event_has() -> None:
    tables = call_tables("x86_64")
    unlinkat = next(call for call in tables.calls if call.name == "unlinkat")
    assert unlinkat.number == 263
    kind, steps, params = unlinkat.recipe[2:5]
    assert (KINDS[kind], steps, params) == ("steps", 4, 4)
    assert [STEPS[unlinkat.recipe[8 + 4 * k]] for k in range(steps)] == ["ret", "i32", "text", "bits"]


def test_the_tables_fit() -> None:
    tables = call_tables("x86_64")
    assert len(tables.renamings) <= RENAMINGS
    assert len(tables.values) <= 2048
