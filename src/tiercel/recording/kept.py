"""Which events of a batch a recording keeps, and which of them readers see."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tiercel.engine.bulk import Compiler, Context, Evaluator
from tiercel.model.batch import Batch, Tables
from tiercel.model.world import World
from tiercel.rules.syntax import Node
from tiercel.state.fd_events import Action
from tiercel.state.track import Handling, Tracker
from tiercel.wire.event_table import BY_CONSTANT

_IDLE = (Handling.THREAD, Handling.NOTHING, Handling.KNOWN_THREAD, Handling.SWITCH)
_SHOWN = ("DROP_E",)
"""Events that are shown whatever the filter: they tell what is missing."""


@cache
def _changing() -> NDArray[np.bool_]:
    """Return by event number whether an event changes what is known of processes, descriptors and containers."""
    tracker = Tracker(Tables(), World())
    actions = np.asarray(tracker.descriptors.action_cells)
    changing: NDArray[np.bool_] = ~np.isin(tracker.handling, [int(handling) for handling in _IDLE])
    idle = np.isin(actions, [0, int(Action.READ), int(Action.WRITE)])
    changing[: len(actions)] |= ~idle
    return changing


class Kept:
    """Keeps what a condition holds for, and hidden what state is made of; everything without one."""

    def __init__(self, condition: Node | None = None) -> None:
        self._evaluator: Evaluator | None = None if condition is None else Compiler().compile(condition)

    def of(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the events of a tracked batch that are kept, ascending, and which of them are hidden."""
        every = np.arange(batch.count, dtype=np.int64)
        if self._evaluator is None:
            return every, ~batch.visible
        shown = np.zeros(batch.count, np.bool_)
        shown[self._evaluator.narrow(Context(batch), np.flatnonzero(batch.visible))] = True
        for name in _SHOWN:
            shown |= batch.types == BY_CONSTANT[name]
        chosen = np.flatnonzero(shown | _changing()[batch.types])
        return chosen.astype(np.int64), ~shown[chosen]
