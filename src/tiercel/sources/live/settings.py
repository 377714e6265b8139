"""How the kernel is traced, as far as users choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tiercel.sources.live.probe import RING_BYTES, SNAPLEN


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """``ring_bytes`` is the size of each CPU's ring, ``snaplen`` how many bytes of read and written data are kept.

    ``drop_failed`` leaves out calls that failed, ``groups`` control groups (as in ``/proc/PID/cgroup``); ``caps`` says
    by the name of a call how many a process may make in about a second, more being counted as lost. ``audit`` asks for
    the audit subsystem in place of eBPF.
    """

    ring_bytes: int = RING_BYTES
    snaplen: int = SNAPLEN
    drop_failed: bool = False
    groups: tuple[str, ...] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    audit: bool = False
