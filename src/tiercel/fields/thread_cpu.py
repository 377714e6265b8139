"""``thread.cpu``: the processor time that the old ``procinfo`` events tell of."""

from __future__ import annotations

from tiercel.fields.model import Field, Value, ValueType
from tiercel.state.event import Event


def _unset(event: Event, argument: str | int | None) -> Value | None:
    return None


_SUMMARY = {
    "thread.cpu": "Processor use of the thread in percent; only old captures with procinfo events tell it.",
    "thread.cpu.user": "Processor use of the thread outside the kernel; only procinfo events tell it.",
    "thread.cpu.system": "Processor use of the thread inside the kernel; only procinfo events tell it.",
}


def cpu_field(name: str, user: bool, system: bool) -> Field:
    """Return one of the three fields; ``user`` and ``system`` say which times it adds."""
    return Field(name, ValueType.DOUBLE, _SUMMARY[name], "20.0", _unset, number_format="na")
