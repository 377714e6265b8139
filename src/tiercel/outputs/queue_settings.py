"""The bounds of the queue of alerts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The bounds of the queue.

    ``max_bytes`` and ``max_age`` (seconds) hold for a queue on the disk, ``memory_bytes`` and ``capacity`` (alerts, 0
    for no limit) for one in memory. ``path`` is the folder, empty for none. What was put in is on the disk after
    ``sync_after`` seconds, or sooner when ``sync_records`` wait.
    """

    path: str = ""
    max_bytes: int = 1 << 30
    max_age: float = 7 * 86400.0
    capacity: int = 0
    memory_bytes: int = 64 << 20
    sync_after: float = 0.1
    sync_records: int = 1000
