"""``thread.cpu``: the processor time that the ``procinfo`` events of old captures tell of.

Falco keeps one counter per thread for ``thread.cpu``, ``thread.cpu.user`` and ``thread.cpu.system``: each answers with
its growth since any of them was last asked, cut at 100. The values here are those it gives when all three are asked
for, in this order.
"""

from __future__ import annotations

import numpy as np

from tiercel.fields.bulk import I64
from tiercel.fields.model import Column, Field, Value, ValueType
from tiercel.model.batch import Batch
from tiercel.model.event import Event
from tiercel.wire.event_table import EVENTS

_PROCINFO = {number for number, type in enumerate(EVENTS) if type.name == "procinfo"}
_MASK = 0xFFFFFFFFFFFFFFFF


def _growth(now: int, before: int) -> float:
    return 0.0 if before == 0 else float(min((now - before) & _MASK, 100))


def _times(event: Event) -> tuple[int, int]:
    return int.from_bytes(event.param(0) or b"", "little"), int.from_bytes(event.param(1) or b"", "little")


def _answers(batch: Batch) -> dict[int, tuple[float, float, float]]:
    """Return the three values for every procinfo event of the batch, by its index."""
    known: dict[int, tuple[float, float, float]] | None = batch.derived.get("thread.cpu")
    if known is not None:
        return known
    counters: dict[int, int] = batch.tables.derived.setdefault("thread.cpu", {})
    known = {}
    told = np.isin(batch.types, list(_PROCINFO)) & (batch.process >= 0)
    for index in np.flatnonzero(told).tolist():
        user, system = _times(Event(batch, index))
        tid = int(batch.tid[index])
        total = user + system
        known[index] = (_growth(total, counters.get(tid, 0)), _growth(user, total), _growth(system, user))
        counters[tid] = system
    batch.derived["thread.cpu"] = known
    return known


_SUMMARY = {
    "thread.cpu": "Processor use of the thread in percent; only procinfo events of old captures tell it.",
    "thread.cpu.user": "Processor use of the thread outside the kernel; only procinfo events tell it.",
    "thread.cpu.system": "Processor use of the thread inside the kernel; only procinfo events tell it.",
}


def _cpu_field(name: str, part: int) -> Field:
    def row(event: Event, argument: str | int | None) -> Value | None:
        answer = _answers(event.batch).get(event.index)
        return None if answer is None else answer[part]

    def bulk(batch: Batch, indices: I64, argument: str | int | None) -> Column:
        values = np.full(batch.count, np.nan)
        for index, answer in _answers(batch).items():
            values[index] = answer[part]
        chosen = values[indices]
        return Column(chosen, valid=~np.isnan(chosen))

    return Field(name, ValueType.DOUBLE, _SUMMARY[name], "20.0", row, bulk, number_format="na")


CPU_FIELDS: tuple[Field, ...] = tuple(_cpu_field(name, part) for part, name in enumerate(_SUMMARY))
