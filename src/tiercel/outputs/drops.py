"""What Falco does about dropped system calls: ``syscall_event_drops`` of its configuration.

Once a second of event time the driver's counters are compared with those of a second before. A capture carries no such
counters, so in a replay nothing is ever found dropped unless ``simulate_drops`` invents one drop at every comparison.

References: userspace/falco/event_drops.cpp and userspace/libsinsp/token_bucket.cpp of Falco 0.44.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tiercel.model.batch import Batch
from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.outputs.shown import CLOCK
from tiercel.rules.model import Priority

SECOND = 1_000_000_000
_WRAP = 1 << 64  # times are unsigned and of 64 bits
RULE = "Falco internal: syscall event drop"

log = logging.getLogger("tiercel.drops")


class DropAction(StrEnum):
    IGNORE = "ignore"
    LOG = "log"
    ALERT = "alert"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class DropSettings:
    """The keys of ``syscall_event_drops``, with Falco's defaults.

    ``threshold`` is the share of dropped events above which actions are taken; they are limited by a bucket of
    ``max_burst`` tokens that gains ``rate`` tokens a second.
    """

    actions: tuple[DropAction, ...] = (DropAction.IGNORE,)
    threshold: float = 0.1
    rate: float = 0.03333
    max_burst: float = 1.0
    simulate: bool = False


class TokenBucket:
    """Allows ``rate`` claims a second and bursts of ``size``; full at first. Times are ns since the epoch."""

    def __init__(self, rate: float, size: float) -> None:
        self.rate, self.size, self.tokens = rate, size, size
        self.seen: int | None = None

    def claim(self, now: int) -> bool:
        # a time before the last one wraps around in libs, which fills the bucket
        passed = 0 if self.seen is None else (now - self.seen) % _WRAP
        self.seen = now
        self.tokens = min(self.size, self.tokens + self.rate * passed / SECOND)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class DropMonitor:
    """Follows the events of one capture.

    ``detected`` counts the comparisons that found drops, ``acted`` those that led to actions.
    """

    def __init__(self, settings: DropSettings) -> None:
        self.settings = settings
        self.bucket = TokenBucket(settings.rate, settings.max_burst)
        self.next_check = 0
        self.detected = self.acted = 0

    def watch(self, batch: Batch, hostname: str) -> tuple[list[tuple[int, Alert]], int | None]:
        """Look at the events of a batch.

        Returns:
            alerts, each with the index of the event before which it is due, and the index of the event before which
            reading is to stop (None: go on).
        """
        alerts: list[tuple[int, Alert]] = []
        if not self.settings.simulate:
            return alerts, None
        indices = np.flatnonzero(batch.visible)
        for index in indices[list(self._checks(batch.ts[indices]))].tolist():
            log.info("Simulating syscall event drop")
            self.detected += 1
            time = int(batch.ts[index])
            if not self.bucket.claim(time):
                log.debug("Syscall event drop but token bucket depleted, skipping actions")
                continue
            self.acted += 1
            alert = _alert(time, hostname, int(batch.num[index]))
            if DropAction.ALERT in self.settings.actions:
                alerts.append((index, alert))
            if DropAction.LOG in self.settings.actions:
                log.debug(alert.output)
            if DropAction.EXIT in self.settings.actions:
                log.critical(alert.output)
                log.critical("Exiting.")
                return alerts, index
        return alerts, None

    def _checks(self, times: NDArray[np.uint64]) -> Iterator[int]:
        """Yield the positions of the events at which the counters are compared: the first after each second."""
        at = 0
        if len(times) and not self.next_check:
            self.next_check = (int(times[0]) + SECOND) % _WRAP
        while (at := _first_after(times, at, self.next_check)) < len(times):
            self.next_check = (int(times[at]) + SECOND) % _WRAP
            yield at
            at += 1

    def summary(self) -> str:
        """Return what Falco prints at its end."""
        return (
            "Syscall event drop monitoring:\n"
            f"   - event drop detected: {self.detected} occurrences\n"
            f"   - num times actions taken: {self.acted}"
        )


def _first_after(times: NDArray[np.uint64], at: int, limit: int) -> int:
    """Return the first position from ``at`` with a time after ``limit``, the length when there is none."""
    size = 64  # look ahead in growing steps: the event is often near, and the batch long
    while at < len(times):
        later = times[at : at + size] > limit
        found = int(later.argmax())
        if later[found]:
            return at + found
        at, size = at + size, size * 2
    return len(times)


_COUNTERS = (
    "n_drops_buffer_clone_fork_exit",
    "n_drops_buffer_close_exit",
    "n_drops_buffer_connect_exit",
    "n_drops_buffer_dir_file_exit",
    "n_drops_buffer_execve_exit",
    "n_drops_buffer_open_exit",
    "n_drops_buffer_other_interest_exit",
    "n_drops_buffer_proc_exit",
    "n_drops_buffer_total",
    "n_drops_bug",
    "n_drops_page_faults",
    "n_drops_scratch_map",
    "n_evts",
)


def _alert(time: int, hostname: str, event: int) -> Alert:
    message = f"{RULE}. 1 system calls dropped in last second."
    fields = {"ebpf_enabled": "0", "n_drops": "1", **dict.fromkeys(_COUNTERS, "0")}
    return Alert(time, RULE, Priority.DEBUG.label, INTERNAL, hostname, message, message, fields, (), event)


def internal_line(alert: Alert, json: bool) -> bytes:
    """Return an alert about Falco itself as a line: neither tags nor output options apply to it."""
    if json:
        return alert.to_json().encode() + b"\n"
    fields = " ".join(f'{key}="{value}"' for key, value in sorted(alert.output_fields.items()))
    return f"{CLOCK.of(alert.time)}: {alert.priority} {alert.output} ({fields})\n".encode()
