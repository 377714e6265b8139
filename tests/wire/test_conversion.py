"""Conversion plans: what the table says, followed to the end."""

from __future__ import annotations

import pytest

from tiercel.wire.conversion import CONSTANTS, EMPTY, MAX_PARAMS, STEPS, Origin, Outcome, default, plan
from tiercel.wire.event_table import BY_CONSTANT, EVENTS, EventFlag


def test_every_chain_ends_in_an_event_of_today() -> None:
    for number, count in STEPS:
        found = plan(number, count)
        final = EVENTS[found.number]
        if found.outcome in (Outcome.PASS, Outcome.STORE_AND_PASS):
            assert final.is_enter or not final.flags & EventFlag.OLD_VERSION
            assert len(found.sources) == len(final.params)


def test_sources_stay_within_what_they_refer_to() -> None:
    for number, count in STEPS:
        found = plan(number, count)
        for source in found.sources:
            assert source.start + source.length <= len(CONSTANTS)
            if source.origin is Origin.OLD:
                assert source.param < count
            if source.origin is Origin.ENTER:
                assert found.enter % 2 == 0


def test_a_chain_of_steps_becomes_one_plan() -> None:
    """The first execve of 2014, eight parameters, passes five layouts on its way."""
    found = plan(13, 8)
    assert found.number == BY_CONSTANT["SYSCALL_EXECVE_19_X"]
    assert [source.param for source in found.sources[:8]] == list(range(8))
    assert {source.origin for source in found.sources[8:30]} == {Origin.CONSTANT}
    assert found.sources[30].origin is Origin.ENTER
    assert found.enter == BY_CONSTANT["SYSCALL_EXECVE_19_E"]


def test_parameters_come_from_the_enter_event() -> None:
    found = plan(7, 2)  # read: res, data, then fd and size from the enter event
    assert [(source.origin, source.param) for source in found.sources] == [
        (Origin.OLD, 0),
        (Origin.OLD, 1),
        (Origin.ENTER, 0),
        (Origin.ENTER, 1),
    ]
    assert [source.length for source in found.sources[2:]] == [8, 4]  # defaults when there is no enter event


def test_a_retyped_parameter_is_cut_to_what_it_can_hold() -> None:
    found = plan(11, 1)
    assert [source.cap for source in found.sources[:2]] == [8, 4]


def test_default_user_is_no_user() -> None:
    found = default(EVENTS[BY_CONSTANT["SYSCALL_SETUID_X"]], 1)
    assert CONSTANTS[found.start : found.start + found.length] == b"\xff" * 4


@pytest.mark.parametrize(
    ("number", "count", "outcome"),
    [
        (6, 2, Outcome.STORE),  # read enter: kept for its exit
        (2, 3, Outcome.PASS),  # open enter: state tracking looks at it
        (292, 1, Outcome.STORE_AND_PASS),  # execve enter: both
        (14, 0, Outcome.DROP),  # an enter event no one needs
        (229, 0, Outcome.DROP),  # unused number
        (7, 4, Outcome.PASS),  # already as it should be
    ],
)
def test_outcomes(number: int, count: int, outcome: Outcome) -> None:
    assert plan(number, count).outcome == outcome


@pytest.mark.parametrize("count", [0, 5, 9, MAX_PARAMS])
def test_a_layout_nobody_wrote_is_kept_as_it_is(count: int) -> None:
    found = plan(7, count)
    assert found.outcome == Outcome.PASS
    assert found.unchanged
    assert plan(6, count).outcome == Outcome.DROP


def test_old_container_events_become_json() -> None:
    found = plan(BY_CONSTANT["CONTAINER_E"], 4)
    assert found.number == BY_CONSTANT["CONTAINER_JSON_2_E"]
    assert [source.origin for source in found.sources] == [Origin.JSON]


def test_an_empty_value_is_a_span_of_no_length() -> None:
    assert (EMPTY.start, EMPTY.length) == (0, 0)
