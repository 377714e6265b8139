"""The clock, by which every event is stamped."""

from __future__ import annotations

from tiercel.custody.clock import state
from tiercel.doctor.model import Finding, Subject, check, ok, warn


@check("synchronized")
def synchronized(subject: Subject) -> Finding:
    """Evidence of several hosts is put in one order by their clocks."""
    clock = state()
    if clock["synchronized"] is None:
        return warn("the kernel does not tell", "see that a time service keeps the clock")
    if not clock["synchronized"]:
        return warn(
            "nothing keeps it in step with the time of day", "run chrony or systemd-timesyncd: times are evidence"
        )
    return ok(f"by {clock['source']}, {(clock['offset_ns'] or 0) / 1e6:+.3f} ms")  # type: ignore[operator]
