"""The conversion plans and what decoding must know of each event number, as flat arrays for the decoding kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tiercel.wire.conversion import MAX_PARAMS, STEPS, Origin, Outcome, plan, without_step
from tiercel.wire.event_table import BY_CONSTANT, EVENTS

KEEP = -1
"""In place of a plan: parameters stay where they are."""

DROP = -2

OPS = {Origin.OLD: 0, Origin.ENTER: 1, Origin.CONSTANT: 2, Origin.JSON: 3}

ENTER, INITIAL, META, WIDE, SHORT = 1, 2, 4, 8, 16
"""Traits of an event number: hidden enter event, initial state, meta event, 4-byte lengths, length to be mended."""

HIDDEN_ENTER = frozenset(
    BY_CONSTANT[name]
    for name in (
        "SYSCALL_OPEN_E",
        "SYSCALL_OPENAT_2_E",
        "SYSCALL_OPENAT2_E",
        "SYSCALL_CREAT_E",
        "SOCKET_CONNECT_E",
        "SYSCALL_EXECVE_19_E",
        "SYSCALL_EXECVEAT_E",
    )
)
"""Enter events that state tracking still looks at and no reader sees."""

INITIAL_STATE = frozenset(
    BY_CONSTANT[name]
    for name in (
        "CONTAINER_JSON_2_E",
        "USER_ADDED_E",
        "USER_DELETED_E",
        "GROUP_ADDED_E",
        "GROUP_DELETED_E",
        "ASYNCEVENT_E",
    )
)
"""Events that are hidden as long as nothing else came before them."""

_MISMEASURED = frozenset({BY_CONSTANT["NOTIFICATION_E"], BY_CONSTANT["INFRASTRUCTURE_EVENT_E"]})
"""Events that writers of old blocks gave a length 3 too large."""


@dataclass(frozen=True)
class PlanTables:
    """``action[number, parameters]`` is a plan, ``KEEP`` or ``DROP``.

    ``plans`` has a row for each plan: final event number, outcome, enter event (-1 without), first op, number of ops.
    ``ops`` has a row for each parameter of a final event: origin (``OPS``), parameter, start, length, cap.
    ``traits`` and ``params`` (number of parameters in the event table) are by event number.
    """

    action: NDArray[np.int32]
    plans: NDArray[np.int32]
    ops: NDArray[np.int32]
    traits: NDArray[np.uint8]
    params: NDArray[np.int32]


@cache
def plan_tables() -> PlanTables:
    """Flatten all plans; worked out once."""
    action = np.full((len(EVENTS), MAX_PARAMS), KEEP, dtype=np.int32)
    for number, event in enumerate(EVENTS):
        if without_step(event) == Outcome.DROP:
            action[number] = DROP
    plans: list[tuple[int, ...]] = []
    ops: list[tuple[int, ...]] = []
    for number, count in STEPS:
        found = plan(number, count)
        if found.outcome == Outcome.PASS and found.unchanged:
            action[number, count] = KEEP
        elif found.outcome == Outcome.DROP:
            action[number, count] = DROP
        else:
            action[number, count] = len(plans)
            plans.append((found.number, found.outcome, found.enter, len(ops), len(found.sources)))
            ops += [(OPS[s.origin], s.param, s.start, s.length, min(s.cap, 0x7FFFFFFF)) for s in found.sources]
    traits = [
        (number in HIDDEN_ENTER) * ENTER
        | (number in INITIAL_STATE) * INITIAL
        | (event.source == "METAEVENT") * META
        | event.large * WIDE
        | (number in _MISMEASURED) * SHORT
        for number, event in enumerate(EVENTS)
    ]
    return PlanTables(
        action,
        np.array(plans, dtype=np.int32),
        np.array(ops, dtype=np.int32),
        np.array(traits, dtype=np.uint8),
        np.array([len(event.params) for event in EVENTS], dtype=np.int32),
    )
